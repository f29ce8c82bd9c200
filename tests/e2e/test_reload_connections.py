# SPDX-License-Identifier: Apache-2.0
"""What a reload does to connections: none is cut, and the next request takes the new configuration."""
import contextlib
import os
import signal
import socket
import ssl
import subprocess
import threading
import time

import pytest

from harness import DEADLINE, ROOT, answering, free_port, read_response, talk, tls_client, wait_for

GET = "GET / HTTP/1.1\r\nHost: shop.example.test\r\n\r\n"
UPGRADE = "GET / HTTP/1.1\r\nHost: shop.example.test\r\nConnection: Upgrade\r\nUpgrade: raw\r\n\r\n"
SWITCH = "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: raw\r\n\r\n"
CERTIFICATE = "certificate {certs}/shop.example.test.ecdsa.crt key={certs}/shop.example.test.ecdsa.key"


def shop(inside, listen="127.0.0.1:{port}"):
    return f"listen {listen} {{ host shop.example.test {{ {CERTIFICATE}\n {inside} }} }}\n"


def plain_shop(inside, listen="127.0.0.1:{port}"):
    return f"listen {listen} {{ host shop.example.test {{ {inside} }} }}\n"


def plain_client(port):
    connection = socket.create_connection(("127.0.0.1", port), DEADLINE)
    connection.settimeout(DEADLINE)
    return connection


def reloaded(front, text):
    generation, is_new, line = front.reload(text)
    assert is_new, line


def ends(connection):
    """It closes in order, without another byte."""
    return connection.recv(1) == b""


class Handshake:
    """A TLS client that stops in the middle of its hello."""

    def __init__(self, port, certs):
        self.raw = plain_client(port)
        self.arrived, self.leaving = ssl.MemoryBIO(), ssl.MemoryBIO()
        context = ssl.create_default_context(cafile=str(certs / "ca.crt"))
        self.tls = context.wrap_bio(self.arrived, self.leaving, server_hostname="shop.example.test")

    def begin(self):
        with contextlib.suppress(ssl.SSLWantReadError):
            self.tls.do_handshake()
        self.rest = self.leaving.read()
        self.raw.sendall(self.rest[:100])

    def go_on(self, step):
        while True:
            try:
                return step()
            except ssl.SSLWantReadError:
                self.raw.sendall(self.leaving.read())
                piece = self.raw.recv(65536)
                assert piece
                self.arrived.write(piece)

    def finish_and_ask(self):
        self.raw.sendall(self.rest[100:])
        self.go_on(self.tls.do_handshake)
        self.tls.write(GET.encode())
        self.raw.sendall(self.leaving.read())
        answer = b""
        while not answer.partition(b"\r\n\r\n")[2]:  # a body of one byte
            answer += self.go_on(lambda: self.tls.read(65536))
        return answer


def test_a_keep_alive_connection_gets_the_new_routes(signet, certs):
    front = signet("workers 2\n" + shop('respond 200 "0"'))
    workers = front.workers()
    connections = [tls_client(front.port, certs) for _ in range(8)]
    for connection in connections:
        assert talk(connection, GET).body == b"0"
    for generation in range(1, 6):
        reloaded(front, "workers 2\n" + shop(f'respond 200 "{generation}"'))
        for connection in connections:
            answer = talk(connection, GET)
            assert answer.body == str(generation).encode() and "connection" not in answer.fields
    assert front.workers() == workers


def test_a_worker_that_starts_meanwhile_takes_part(signet):
    """Its START, its sockets and the new configuration come right behind one another."""
    front = signet("workers 2\n" + plain_shop('respond 200 "0"'))
    for generation in range(1, 4):
        fallen, stays = front.workers()
        os.kill(fallen, signal.SIGKILL)
        # Until the master knows it would ask the dead one too, and take its fall for a veto.
        wait_for("the news", lambda: f"(pid {fallen}) was killed" in front.errors(), pause=0.001)
        reloaded(front, "workers 2\n" + plain_shop(f'respond 200 "{generation}"'))
        wait_for("replacement", lambda: len(front.workers()) == 2 and fallen not in front.workers())
        assert stays in front.workers()
        for _ in range(8):
            assert talk(plain_client(front.port), GET).body == str(generation).encode()


def test_a_request_keeps_what_it_began_with(signet, origin, certs):
    """The old answer to what was asked before, the new one behind it, pipelined on one connection."""
    asked, release = threading.Event(), threading.Event()

    def script(peer, origin):
        peer.read_head()
        asked.set()
        assert release.wait(DEADLINE)
        peer.answer(b"old")

    pool = "pool app { server 127.0.0.1:{origin} }\n"
    front = signet("workers 1\n" + pool + shop("proxy app"), origin=origin(script).port)
    connection = tls_client(front.port, certs)
    connection.sendall(GET.encode() + GET.encode())
    assert asked.wait(DEADLINE)
    reloaded(front, "workers 1\n" + shop('respond 200 "new"'))
    release.set()
    first = read_response(connection)
    assert first.body == b"old"
    assert read_response(connection, first.rest).body == b"new"
    assert front.record(target="/", status=200, pool="app")["tries"] == 1


def test_h80_a_download_and_a_tunnel_outlive_their_host(signet, origin, certs):
    size, half = 4 << 20, threading.Event()

    def script(peer, origin):
        head = peer.read_head()
        if "Upgrade: raw" in head:
            peer.send(SWITCH)
            while data := peer.read_some():
                peer.send(data.upper())
            return
        peer.send(f"HTTP/1.1 200 OK\r\nContent-Length: {size}\r\n\r\n")
        peer.send(b"x" * (size // 2))
        assert half.wait(DEADLINE)
        peer.send(b"y" * (size // 2))

    pool = "pool app { server 127.0.0.1:{origin} }\n"
    front = signet("workers 2\n" + pool + shop("proxy app"), origin=origin(script).port)
    tunnel, download = tls_client(front.port, certs), tls_client(front.port, certs)
    tunnel.sendall(UPGRADE.encode())
    assert read_response(tunnel).status == 101
    download.sendall(GET.encode())
    got = download.recv(1000)
    for _ in range(3):
        reloaded(front, "workers 2\n" + shop("respond 204").replace("host shop.", "host blog."))
        tunnel.sendall(b"ping")
        assert tunnel.recv(100) == b"PING"
    half.set()
    whole = read_response(download, got)
    assert whole.body == b"x" * (size // 2) + b"y" * (size // 2)
    assert talk(download, GET).status == 421
    tunnel.close()
    assert front.record(status=200)["abort_by"] is None
    assert front.record(status=101)["bytes_out"] == 12


@pytest.mark.parametrize("first, second", [(True, False), (False, True)])
def test_tls_and_plain_change_places(signet, certs, first, second):
    """Nobody who speaks the one is understood as the other; what is in flight is not cut."""
    kinds = {True: shop('respond 200 "tls"'), False: plain_shop('respond 200 "plain"')}
    clients = {True: lambda: tls_client(front.port, certs), False: lambda: plain_client(front.port)}
    front = signet("workers 1\n" + kinds[first])
    connection = clients[first]()
    assert talk(connection, GET).status == 200
    reloaded(front, "workers 1\n" + kinds[second])
    assert ends(connection)
    assert talk(clients[second](), GET).body == (b"tls" if second else b"plain")


def test_blocks_are_split_and_merged(signet, certs):
    one, other = free_port(), free_port()
    both = "127.0.0.1:{port} 127.0.0.1:{other}"
    front = signet("workers 2\n" + plain_shop('respond 200 "both"', both), port=one, other=other)
    connections = [plain_client(port) for port in (one, other) * 3]
    for connection in connections:
        assert talk(connection, GET).body == b"both"
    reloaded(front, "workers 2\n" + plain_shop('respond 200 "other"', "127.0.0.1:{other}") + plain_shop('respond 200 "one"'))
    assert [talk(c, GET).body for c in connections] == [b"one", b"other"] * 3
    reloaded(front, "workers 2\n" + plain_shop('respond 200 "again"', both))
    assert [talk(c, GET).body for c in connections] == [b"again"] * 6


def test_an_address_is_added_and_removed(signet, certs):
    front = signet("workers 2\n" + plain_shop('respond 200 "a"'), other=free_port())
    both = "127.0.0.1:{port} 127.0.0.1:{other}"
    reloaded(front, "workers 2\n" + plain_shop('respond 200 "b"', both))
    other = front.values["other"]
    connections = [plain_client(other) for _ in range(8)]
    for connection in connections:
        assert talk(connection, GET).body == b"b"
    queued = [plain_client(other) for _ in range(4)]  # the kernel holds them until they say something
    reloaded(front, "workers 2\n" + plain_shop('respond 200 "c"'))
    assert all(map(ends, connections))
    for connection in queued:
        answer = talk(connection, GET)
        assert answer.status == 200 and answer.fields["connection"] == "close" and ends(connection)

    def refused():
        with socket.socket() as late:
            late.settimeout(0.2)
            return late.connect_ex(("127.0.0.1", other)) == 111
    wait_for("refusal", refused)
    assert talk(plain_client(front.port), GET).body == b"c"


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_a_ticket_resumes_after_reloads(signet, certs, version):
    front = signet("workers 2\n" + shop('respond 200 "0"'))
    context = ssl.create_default_context(cafile=str(certs / "ca.crt"))
    context.minimum_version = context.maximum_version = version

    def visit(session):
        with context.wrap_socket(plain_client(front.port), server_hostname="shop.example.test", session=session) as connection:
            assert talk(connection, GET).status == 200
            return connection.session, connection.session_reused

    session, reused = visit(None)
    assert not reused
    for generation in range(1, 4):
        reloaded(front, "workers 2\n" + shop(f'respond 200 "{generation}"'))
        session, reused = visit(session)
        assert reused


def test_h86_certificates_swapped_under_load(signet, certs, tmp_path):
    """Handshakes go on all the time, full ones and resumed ones; each gets the old or the new certificate, the last ones the new."""
    folders = []
    for number in range(3):
        folder = tmp_path / f"certs{number}"
        subprocess.run([ROOT / "tools/issue-certs", "--out", folder, "shop.example.test"], check=True, stdout=subprocess.DEVNULL)
        folders.append(folder)
    live = tmp_path / "live"
    live.mkdir()

    def install(number):
        for name in ("shop.example.test.ecdsa.crt", "shop.example.test.ecdsa.key"):
            (live / name).write_bytes((folders[number] / name).read_bytes())

    install(0)
    text = "workers 2\n" + shop('respond 200 "ok"').replace("{certs}", str(live))
    front = signet(text)
    context = ssl.create_default_context()
    for folder in folders:
        context.load_verify_locations(folder / "ca.crt")
    seen, failures, over = [], [], threading.Event()

    def visit(session=None):
        with context.wrap_socket(plain_client(front.port), server_hostname="shop.example.test", session=session) as connection:
            assert talk(connection, GET).body == b"ok"
            return connection.getpeercert()["serialNumber"], connection.session

    def keep_visiting(resume):
        session = None
        while not over.is_set():
            try:
                serial, session = visit(session if resume else None)
                seen.append(serial)
            except Exception as error:
                failures.append(error)

    threads = [threading.Thread(target=keep_visiting, args=(n % 2 == 0,)) for n in range(3)]
    for thread in threads:
        thread.start()
    serials = [visit()[0]]
    for number in (1, 2, 0, 1):
        install(number)
        reloaded(front, text)
        serials.append(wait_for("other certificate", lambda: (serial := visit()[0]) != serials[-1] and serial))
        before = len(seen)
        wait_for("more handshakes", lambda: len(seen) > before + 5 or failures)
    over.set()
    for thread in threads:
        thread.join()
    assert failures == []
    assert len(set(serials)) == 3 and serials[0] == serials[3] and serials[1] == serials[4]
    assert set(seen) == set(serials)
    assert "handshake failed" not in front.errors()


def test_a_handshake_that_has_begun_is_finished(signet, certs):
    """It goes on with the host it began with; the first request takes what is in force by then."""
    front = signet("workers 1\n" + shop('respond 200 "a"'), other=free_port())
    clients = [Handshake(front.port, certs) for _ in range(2)]
    for client in clients:
        client.begin()
    reloaded(front, "workers 1\n" + shop('respond 200 "b"').replace("ecdsa", "rsa"))
    answer = clients[0].finish_and_ask()
    assert answer.endswith(b"\r\n\r\nb") and b"Connection: close" not in answer
    reloaded(front, "workers 1\n" + shop('respond 200 "c"', "127.0.0.1:{other}"))
    answer = clients[1].finish_and_ask()  # what it came to is gone
    assert answer.endswith(b"\r\n\r\nb") and b"Connection: close" in answer
    assert "handshake failed" not in front.errors()


def test_idle_connections_upstream_are_reused(signet, origin, certs):
    server = origin(answering())
    pool = "pool app { server 127.0.0.1:{origin} id=one\n%s }\n"
    front = signet("workers 1\n" + pool % "" + shop("proxy app"), origin=server.port)
    connection = tls_client(front.port, certs)
    for more in ("", "retry 0", "keepalive 3", "timeout response=5s"):
        assert talk(connection, GET).body == b"ok"
        reloaded(front, "workers 1\n" + pool % more + shop("proxy app"))
    assert talk(connection, GET).body == b"ok"
    assert server.connections == 1


@pytest.mark.parametrize("after", ["server 127.0.0.1:{other}", "server 127.0.0.1:{other} id=one", "server 127.0.0.1:{origin} id=one\nkeepalive 0"])
def test_an_idle_connection_that_nobody_wants_is_closed(signet, origin, certs, after):
    """Its server is gone, has moved, or keeps none any more."""
    def once(peer, origin):  # then it watches how its connection ends
        peer.read_head()
        peer.answer(b"first")

    server, other = origin(once), origin(answering(b"second"))
    front = signet("workers 1\npool app { server 127.0.0.1:{origin} id=one }\n" + shop("proxy app"), origin=server.port, other=other.port)
    connection = tls_client(front.port, certs)
    assert talk(connection, GET).body == b"first"
    reloaded(front, "workers 1\npool app { " + after + " }\n" + shop("proxy app"))
    wait_for("end of the idle connection", lambda: server.ends)
    assert server.ends[0][1] == "fin"
    assert talk(connection, GET).body == (b"first" if "{origin}" in after else b"second")


def test_limits_and_logs_follow(signet, certs):
    front = signet("workers 1\n" + plain_shop('respond 200 "a"'))
    idle = plain_client(front.port)
    assert talk(idle, GET).body == b"a"
    other = plain_client(front.port)
    assert talk(other, GET).body == b"a"
    front.write_config("workers 1\ntimeout idle=1s\nlimit connections=2 uri=100\naccess_log {folder}/access.log format=combined\n"
                       "error_log {folder}/error.log level=error\n" + plain_shop('respond 200 "b"'))
    front.process.send_signal(signal.SIGHUP)  # whose outcome is below that level
    wait_for("new configuration", lambda: talk(other, GET).body == b"b")
    with contextlib.closing(plain_client(front.port)) as third:
        assert talk(third, GET).status == 503  # two are in already
    assert talk(other, GET.replace("/", "/" + "x" * 200, 1)).status == 414
    assert ends(idle)  # before the new limit was known it would have waited for 75 s
    lines = wait_for("record of the last one", lambda: " 414 " in (text := front.access_path.read_text()) and text.splitlines())
    assert lines[0].startswith("{") and not lines[-1].startswith("{")
    assert "refused 1 connection" not in front.errors()  # that is a warning
