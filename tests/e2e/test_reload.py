# SPDX-License-Identifier: Apache-2.0
"""Reloads that come into force: what each directive needs, and that nothing is lost meanwhile."""
import os
import re
import shutil
import signal
import socket
import ssl
import threading
import time

from harness import answering, free_port, talk, tls_client, wait_for

GET = "GET / HTTP/1.1\r\nHost: shop.example.test\r\n\r\n"


def answer_of(port, request=GET):
    """Of a new connection without TLS; None when nobody takes it."""
    try:
        with socket.create_connection(("127.0.0.1", port), 5) as connection:
            return talk(connection, request).body.decode()
    except ConnectionRefusedError:
        return None


def plain(text, top="", more=""):
    return f"{top}\nlisten 127.0.0.1:{{port}} {more} {{ host shop.example.test {{ respond 200 {text} }} }}\n"


def test_the_next_request_gets_what_is_new(signet):
    front = signet(plain("one", "workers 2"))
    with socket.create_connection(("127.0.0.1", front.port)) as connection:
        assert talk(connection, GET).body == b"one"
        workers = front.workers()
        outcome = front.reload(plain("two", "workers 2"))
        assert outcome[:2] == (2, True)
        assert re.search(r"generation 2 in force after \d+ ms: "
                         rf"listen 127.0.0.1:{front.port}, host shop.example.test: respond 200 one -> 200 two$", outcome.line)
        assert talk(connection, GET).body == b"two"
        assert answer_of(front.port) == "two"
    assert front.workers() == workers


def test_nothing_changed_is_a_generation_too(signet):
    front = signet(plain("one"))
    outcome = front.reload("# only a remark\n" + plain('"one"'))
    assert outcome.committed and outcome.line.endswith(": nothing changed")


def test_many_changes_are_a_line_each(signet):
    front = signet(plain("one", "workers 1\ndrain 5s"))
    assert front.reload(plain("one", "workers 1\ndrain 6s\ntimeout body=5s")).line.endswith(": 2 changes")
    assert "info master: changed: drain 5s -> 6s\n" in front.errors()
    assert "info master: changed: timeout added\n" in front.errors()


def test_signals_that_come_meanwhile_are_one_more_reload(signet):
    front = signet(plain("one"))
    for _ in range(100):
        front.process.send_signal(signal.SIGHUP)
        time.sleep(0.0002)  # many within one reload, which takes a few milliseconds
    wait_for("reloads to end", lambda: len(front.outcomes()) >= 2)
    time.sleep(0.5)
    assert [o.generation for o in front.outcomes()] == list(range(2, len(front.outcomes()) + 2))
    assert len(front.outcomes()) < 50 and front.reload(plain("two")).committed
    assert answer_of(front.port) == "two"


def test_a_configuration_written_before_the_signal_is_the_one_that_counts(signet):
    """The one that is asked for while another is being read is not the one that is being read."""
    front = signet(plain("0"))
    for i in range(1, 8):
        front.write_config(plain(f"{i}"))
        front.process.send_signal(signal.SIGHUP)
        time.sleep(0.003)
    wait_for("the last one", lambda: answer_of(front.port) == "7", 5)


# --- what directives need

def test_workers_come_and_go(signet):
    front = signet(plain("one", "workers 1"))
    first = front.workers()
    for count in (3, 2, 4, 1):
        assert front.reload(plain("one", f"workers {count}")).committed
        wait_for(f"{count} workers", lambda: len(front.workers()) == count)
        assert first[0] in front.workers()
        assert {answer_of(front.port) for _ in range(12)} == {"one"}


def test_addresses_come_and_go(signet):
    other = free_port()
    front = signet(plain("one"))
    assert answer_of(other) is None
    assert front.reload(plain("one", more=f"127.0.0.1:{other}")).line.endswith(f"127.0.0.1:{other} added")
    assert answer_of(other) == "one" and answer_of(front.port) == "one"
    assert front.reload(plain("one")).committed
    wait_for("end of that address", lambda: answer_of_soon(other) is None)
    assert answer_of(front.port) == "one"


def answer_of_soon(port):
    """As answer_of(), but an address that is on its way out lets nobody in without a word."""
    try:
        with socket.create_connection(("127.0.0.1", port), 0.2):
            return ""
    except ConnectionRefusedError:
        return None
    except OSError:
        return ""


def logs(front, name, level="debug", folder=""):
    access, error = front.folder / folder / f"{name}.access", front.folder / folder / f"{name}.error"
    return f"access_log {access} format=json\nerror_log {error} level={level}", access, error


def test_logs_move(signet):
    front = signet(plain("one", "workers 1"))
    top, access, error = logs(front, "new")
    front.write_config(plain("one", "workers 1\n" + top))
    front.process.send_signal(signal.SIGHUP)
    wait_for("outcome in the new log", lambda: error.exists() and "generation 2 in force" in error.read_text())
    assert "generation 2" not in front.errors()
    assert answer_of(front.port) == "one"
    wait_for("record in the new log", lambda: access.read_text().count("\n") == 1)
    assert front.records() == []
    front.process.send_signal(signal.SIGUSR1)
    wait_for("reopened logs", lambda: "reopened the logs" in error.read_text())


def test_what_waits_for_the_former_log_is_in_it(signet):
    front = signet(plain("one", "workers 1"))
    assert answer_of(front.port) == "one"
    top, access, _ = logs(front, "new")
    front.write_config(plain("one", "workers 1\n" + top))
    front.process.send_signal(signal.SIGHUP)
    wait_for("new log", access.exists)
    front.record(status=200)


def test_a_log_that_stays_is_not_opened_again(signet):
    """Or a reload would put an end to a pipe's reader, or begin a file that was moved away anew."""
    front = signet(plain("one", "workers 1"))
    front.access_path.rename(front.folder / "moved")
    assert front.reload(plain("two", "workers 1")).committed
    assert answer_of(front.port) == "two"
    wait_for("record", lambda: (front.folder / "moved").read_text().count("\n") == 1)
    assert not front.access_path.exists()


def test_the_level_of_the_error_log(signet):
    front = signet(plain("one"))
    quiet = f"error_log {front.error_path} level=error"
    front.write_config(plain("one", quiet))
    before = front.errors()
    front.process.send_signal(signal.SIGHUP)
    time.sleep(1)
    assert front.errors() == before  # even this was no error
    assert front.reload(plain("one", quiet.replace("level=error", "level=info"))).generation == 3


def test_a_certificate_that_was_renewed(signet, certs, tmp_path):
    config = "listen 127.0.0.1:{port} { host *.example.test { certificate a.crt key=a.key; respond 200 } }"
    for end in ("crt", "key"):
        (tmp_path / "signet0").mkdir(exist_ok=True)
        shutil.copy(certs / f"shop.example.test.ecdsa.{end}", tmp_path / "signet0" / f"a.{end}")
    front = signet(config)

    def serial():
        return tls_client(front.port, certs, check_hostname=False).getpeercert()["serialNumber"]
    before = serial()
    for end in ("crt", "key"):
        shutil.copy(certs / f"blog.example.test.ecdsa.{end}", front.folder / f"a.{end}")
    assert front.reload().line.endswith(": 2 changes")
    assert re.search(r"certificate a.crt has changed \(valid until 20\d\d-\d\d-\d\d\)", front.errors())
    assert re.search(r"certificate a.crt: key a.key has changed", front.errors())
    assert serial() != before


def test_the_master_keeps_no_text_of_a_key(signet, certs):
    """It knows what has changed by digests. The bundle alone has the text, for workers that start later."""
    key = (certs / "shop.example.test.ecdsa.key").read_text()
    front = signet("""
workers 1
listen 127.0.0.1:{port} {
    host shop.example.test { certificate {certs}/shop.example.test.ecdsa.crt key={certs}/shop.example.test.ecdsa.key; respond 200 }
}""")
    secret = "".join(key.split("\n")[1:3])[:60].encode()
    assert front.reload().committed
    assert not memory_holds(front.process.pid, secret)
    assert memory_holds(front.process.pid, str(front.config_path).encode())  # so one can look
    os.kill(front.workers()[0], signal.SIGKILL)
    wait_for("another worker", lambda: front.errors().count(" is ready\n") == 2)
    assert talk(tls_client(front.port, certs), GET).status == 200


def memory_holds(pid, needle):
    """In what the process may write; mapped files are not its own."""
    with open(f"/proc/{pid}/maps") as maps, open(f"/proc/{pid}/mem", "rb", 0) as memory:
        for line in maps:
            span, rights, _, _, inode, *path = line.split()
            start, end = (int(x, 16) for x in span.split("-"))
            if "w" not in rights or (path and path[0] != "[heap]" and inode != "0") or end - start > 1 << 30:
                continue
            memory.seek(start)
            try:
                if needle in memory.read(end - start):
                    return True
            except OSError:
                continue
    return False


def test_tickets_outlive_reloads_and_workers(signet, certs):
    """The bundle of each generation carries the same secret."""
    front = signet("""
workers 1
listen 127.0.0.1:{port} {
    host shop.example.test { certificate {certs}/shop.example.test.ecdsa.crt key={certs}/shop.example.test.ecdsa.key; respond 200 }
}""")
    context = ssl.create_default_context(cafile=str(certs / "ca.crt"))

    def visit(session):
        raw = socket.create_connection(("127.0.0.1", front.port))
        with context.wrap_socket(raw, server_hostname="shop.example.test", session=session) as connection:
            assert talk(connection, GET).status == 200
            return connection.session, connection.session_reused
    session, resumed = visit(None)
    assert not resumed
    assert front.reload().committed
    assert visit(session)[1]
    os.kill(front.workers()[0], signal.SIGKILL)
    wait_for("another worker", lambda: front.errors().count(" is ready\n") == 2)
    assert visit(session)[1]


def test_pools_change(signet, origin):
    one, two = origin(answering(b"one")), origin(answering(b"two"))
    config = """
workers 1
pool app {{ server 127.0.0.1:{} }}
listen 127.0.0.1:{{port}} {{ host shop.example.test {{ proxy app }} }}
"""
    front = signet(config.format(one.port))
    with socket.create_connection(("127.0.0.1", front.port)) as connection:
        assert talk(connection, GET).body == b"one"
        front.reload(config.format(two.port))
        assert f"changed: pool app: server 127.0.0.1:{one.port} removed" in front.errors()
        assert f"changed: pool app: server 127.0.0.1:{two.port} added" in front.errors()
        assert talk(connection, GET).body == b"two"


def test_a_fallen_worker_is_followed_by_one_of_the_new_generation(signet):
    front = signet(plain("one", "workers 1"))
    assert front.reload(plain("two", "workers 1")).committed
    os.kill(front.workers()[0], signal.SIGKILL)
    wait_for("another worker", lambda: front.errors().count(" is ready\n") == 2)
    assert answer_of(front.port) == "two"


def test_a_stop_right_behind(signet):
    front = signet(plain("one"))
    front.process.send_signal(signal.SIGHUP)
    front.stop()


def test_nothing_is_left_behind(signet, certs):
    """Descriptors and processes after many reloads, refused ones among them."""
    front = signet(plain("one", "workers 2"))
    held = f"/proc/{front.process.pid}/fd"
    assert front.reload(plain("0", "workers 2")).committed
    time.sleep(2.5)  # the former sockets stay for a moment
    before, workers = len(os.listdir(held)), front.workers()
    used = socket.create_server(("127.0.0.1", free_port()))
    for i in range(10):
        assert front.reload(plain(f"{i}", "workers 2", f"127.0.0.1:{free_port()}")).committed
        assert not front.reload(plain("1", "workers 2", f"127.0.0.1:{used.getsockname()[1]}")).committed
    used.close()
    assert front.reload(plain("0", "workers 2")).committed
    wait_for("the former sockets to close", lambda: len(os.listdir(held)) == before, 5)
    assert front.workers() == workers


# --- under load

class Load:
    """Clients that ask and ask: some on one connection, others on a new one each time."""

    def __init__(self, port, certs):
        self.port, self.certs = port, certs
        self.done, self.failed = 0, []
        self.stopping = threading.Event()
        kinds = [self.keep_alive] * 3 + [self.anew] * 2
        self.threads = [threading.Thread(target=self.run, args=(kind,)) for kind in kinds]
        for thread in self.threads:
            thread.start()

    def run(self, kind):
        try:
            while not self.stopping.is_set():
                kind()
        except Exception as e:  # whatever it is, no client may see it
            self.failed.append(f"{kind.__name__}: {e!r}")

    def ask(self, connection):
        response = talk(connection, GET)
        assert response.status == 200 and "close" not in response.head.lower(), response.head
        self.done += 1

    def keep_alive(self):
        with tls_client(self.port, self.certs) as connection:
            while not self.stopping.is_set():
                self.ask(connection)
                time.sleep(0.005)

    def anew(self):
        with tls_client(self.port, self.certs) as connection:
            self.ask(connection)
        time.sleep(0.01)

    def stop(self):
        self.stopping.set()
        for thread in self.threads:
            thread.join()


def test_h78_reloads_under_load_fail_no_request(signet, origin, certs):
    config = """
workers 2
pool app {{ server 127.0.0.1:{{origin}} id=s{0}; keepalive {1} }}
listen 127.0.0.1:{{port}} {{
    host shop.example.test {{
        certificate {{certs}}/shop.example.test.ecdsa.crt key={{certs}}/shop.example.test.ecdsa.key
        proxy app
    }}
}}
"""
    front = signet(config.format(0, 64), origin=origin(answering()).port)
    workers = front.workers()
    load = Load(front.port, certs)
    try:
        for i in range(20):
            outcome = front.reload(config.format(i % 3, 10 + i))
            assert outcome[:2] == (i + 2, True), outcome
            time.sleep(0.1)
    finally:
        load.stop()
    assert not load.failed
    assert load.done > 300
    assert front.workers() == workers
