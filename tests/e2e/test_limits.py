# SPDX-License-Identifier: Apache-2.0
"""Caps over all client connections and per address: exact over all workers, refused politely, free again at once."""
import contextlib
import os
import re
import resource
import signal
import socket
import ssl
import subprocess
import threading
import time

import pytest

from harness import (DEADLINE, SIGNET, answering, curl, end_group, free_port, read_response, start_group, talk, tls_client, wait_for)

GET = b"GET / HTTP/1.1\r\nHost: shop.example.test\r\n\r\n"


@pytest.fixture
def capped(signet, origin):
    """capped(limits, ...) is a signet with these limits and a listener with and one without TLS: .tls_port, .port."""
    def start(limits, workers=2, listen=""):
        front = signet("""
workers {workers}
limit {limits}
pool app { server 127.0.0.1:{origin} }
listen 127.0.0.1:{port} {
    {listen}
    host shop.example.test { proxy app }
}
listen 127.0.0.1:{tls_port} {
    {listen}
    host shop.example.test {
        certificate {certs}/shop.example.test.ecdsa.crt key={certs}/shop.example.test.ecdsa.key
        proxy app
    }
}
""", origin=origin(answering()).port, tls_port=free_port(), workers=workers, limits=limits, listen=listen)
        front.tls_port = front.values["tls_port"]
        return front
    return start


def connect(front, source="127.0.0.1"):
    return socket.create_connection(("127.0.0.1", front.port), DEADLINE, (source, 0))


def ask(connection):
    """The status of one more request on the connection; None when it is dead."""
    try:
        return talk(connection, GET).status
    except (OSError, EOFError):
        return None


@pytest.fixture
def crowd(cleanup):
    """crowd(count, connect) opens connections and asks once on each, all at the same time; gives (served, statuses)."""
    def gather(count, connect):
        start = threading.Barrier(8)
        results, lock = [], threading.Lock()

        def come(share):
            start.wait()
            for _ in range(share):
                connection = connect()
                status = ask(connection)
                with lock:
                    results.append((connection, status))
        threads = [threading.Thread(target=come, args=(count // 8,)) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        for connection, _ in results:
            cleanup(connection)
        return [c for c, status in results if status == 200], [status for _, status in results]
    return gather


def is_served(connect):
    with contextlib.suppress(OSError), connect() as connection:
        return ask(connection) == 200


def total(front, name):
    """A counter over all workers, dead ones too; ends the program."""
    front.stop()
    found = re.search(rf" master: totals:.* {name}=(\d+)", front.errors())
    return int(found[1]) if found else 0


def refused(front, limit):
    """How many the log says were refused because of this limit."""
    return sum(int(n) for n in re.findall(rf"refused (\d+) connections?: limit {limit},", front.errors()))


def test_h71_a_cap_over_two_workers_is_exact(capped, crowd):
    front = capped("connections=20")
    served, statuses = crowd(40, lambda: connect(front))
    assert statuses.count(200) == 20 and statuses.count(503) == 20, statuses
    assert all(ask(c) == 200 for c in served)  # those inside are not touched
    wait_for("line in the log", lambda: refused(front, "connections=20") == 20)
    assert len(re.findall("refused", front.errors())) <= 4  # once a second and worker
    assert all(r["status"] == 200 for r in front.records())  # no request was read, so none is recorded
    assert total(front, "connections_refused") == 20


def test_h71_who_leaves_makes_room_at_once(capped, crowd):
    front = capped("connections=20")
    served, _ = crowd(24, lambda: connect(front))
    assert not is_served(lambda: connect(front))
    for again in range(5):
        served[again].close()
        newcomer = []

        def comes_in():
            newcomer[:] = [connect(front)]
            return ask(newcomer[0]) == 200
        wait_for("room", comes_in, 1)  # not after some pause: the workers only have to see the FIN
        served.append(newcomer[0])
        assert not is_served(lambda: connect(front))
    for connection in served:
        connection.close()


def test_h71_a_refused_client_is_told_politely(capped, cleanup):
    """Even one that has sent much already: no RST destroys the answer."""
    front = capped("connections=1")
    inside = cleanup(connect(front))
    assert ask(inside) == 200
    outside = cleanup(connect(front))
    outside.sendall(b"POST / HTTP/1.1\r\nHost: shop.example.test\r\nContent-Length: 100000\r\n\r\n" + b"x" * 100000)
    time.sleep(0.3)
    answer = read_response(outside)
    assert answer.status == 503 and answer.body == b""
    assert answer.fields["connection"] == "close" and answer.fields["retry-after"] == "1"
    assert answer.fields["proxy-status"] == 'signet; error=proxy_internal_response; details="too many connections"'
    assert outside.recv(100) == b""
    assert ask(inside) == 200


def test_h71_a_refused_tls_client_gets_an_alert(capped, certs, cleanup):
    front = capped("connections=1")
    inside = cleanup(tls_client(front.tls_port, certs))
    assert talk(inside, GET).status == 200
    with pytest.raises(ssl.SSLError, match="(?i)internal.error"):
        tls_client(front.tls_port, certs)
    done = subprocess.run(["openssl", "s_client", "-connect", f"127.0.0.1:{front.tls_port}", "-servername", "shop.example.test"],
                          stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=DEADLINE)
    assert "alert number 80" in done.stderr, done.stderr
    assert curl(front.tls_port, certs=certs).returncode == 35
    assert talk(inside, GET).status == 200
    wait_for("line in the log", lambda: refused(front, "connections=1") == 3)
    assert "handshake failed" not in front.errors()  # there was none


def test_h71_a_handshake_holds_a_place(capped, certs):
    front = capped("connections=1", workers=1)
    with socket.create_connection(("127.0.0.1", front.tls_port)) as silent:
        silent.sendall(b"\x16\x03\x01")  # the beginning of a hello; it is accepted before who comes after it
        with pytest.raises(ssl.SSLError, match="(?i)internal.error"):
            tls_client(front.tls_port, certs)
    wait_for("room", lambda: is_served(lambda: connect(front)), 2)


def test_h71_each_address_has_its_own_cap(capped, crowd):
    front = capped("per_ip=10")
    served, statuses = crowd(24, lambda: connect(front))
    assert statuses.count(200) == 10 and statuses.count(503) == 14, statuses
    others, statuses = crowd(24, lambda: connect(front, "127.0.0.2"))
    assert statuses.count(200) == 10 and statuses.count(503) == 14, statuses
    assert all(ask(c) == 200 for c in served + others)
    wait_for("lines in the log", lambda: refused(front, "per_ip=10") == 28)
    assert re.search(r"limit per_ip=10, the last one from 127\.0\.0\.[12]\n", front.errors())
    served[0].close()
    tries = iter(range(1000))
    wait_for("room", lambda: next(tries) >= 0 and is_served(lambda: connect(front)), 1)
    in_vain = next(tries) - 1  # refused while the worker had not seen the FIN yet
    assert not is_served(lambda: connect(front, "127.0.0.2"))
    answer = talk(connect(front, "127.0.0.2"), GET)
    assert 'details="too many connections from this address"' in answer.fields["proxy-status"]
    assert total(front, "connections_refused_per_ip") == 30 + in_vain


def test_h71_trusted_proxies_carry_many_clients(capped, crowd):
    front = capped("per_ip=4 connections=24", listen="trusted_proxies 127.0.0.9")
    _, statuses = crowd(16, lambda: connect(front, "127.0.0.9"))
    assert statuses.count(200) == 16, statuses
    _, statuses = crowd(8, lambda: connect(front))
    assert statuses.count(200) == 4, statuses
    _, statuses = crowd(16, lambda: connect(front, "127.0.0.9"))  # the cap over all counts them too
    assert statuses.count(200) == 4, statuses


@pytest.mark.parametrize("limits", ["connections=20", "per_ip=20"])
def test_h71_a_killed_worker_gives_back_its_share(capped, crowd, limits):
    front = capped(limits)
    served, _ = crowd(40, lambda: connect(front))
    first, second = front.workers()
    os.kill(first, signal.SIGKILL)
    wait_for("replacement", lambda: len(front.workers()) == 2 and first not in front.workers())
    left = [c for c in served if ask(c) == 200]
    assert len(left) < 20
    _, statuses = crowd(40, lambda: connect(front))
    assert statuses.count(200) == 20 - len(left), (len(left), statuses)
    assert all(ask(c) == 200 for c in left)


def test_h71_a_flood_of_refused_ones_holds_few_descriptors(capped, cleanup):
    front = capped("connections=1", workers=1)
    assert ask(cleanup(connect(front))) == 200
    worker, = front.workers()

    def descriptors():
        return len(os.listdir(f"/proc/{worker}/fd"))
    before = descriptors()
    crowd = []
    for _ in range(400):
        crowd.append(cleanup(connect(front)))
        crowd[-1].sendall(GET)
    most = wait_for("refused", lambda: refused(front, "connections=1") == 400 and descriptors())
    assert most - before <= 256
    told = 0
    for connection in crowd:
        with contextlib.suppress(ConnectionError):
            told += b"503" in connection.recv(1000)
    assert told >= 256
    wait_for("descriptors back", lambda: descriptors() <= before)  # they stay silent: two seconds


def test_h71_no_cap(capped, crowd):
    front = capped("connections=0")
    _, statuses = crowd(40, lambda: connect(front))
    assert statuses == [200] * 40


def test_the_limit_of_descriptors_is_raised_or_told(tmp_path, origin):
    """Soft to hard at start; when even that is too little for the cap, a line says so with both numbers."""
    (tmp_path / "signet.conf").write_text(f"""
workers 2
access_log off
listen 127.0.0.1:{free_port()} {{ host a {{ respond 200 }} }}
""")
    said = tmp_path / "said"

    def soft_and_hard():
        resource.setrlimit(resource.RLIMIT_NOFILE, (200, 700))
    with open(said, "wb") as stderr:
        process = start_group(SIGNET, "run", "-c", tmp_path / "signet.conf", stderr=stderr, preexec_fn=soft_and_hard)
    try:
        wait_for("ready signet", lambda: " ready: pid " in said.read_text())
        assert resource.prlimit(process.pid, resource.RLIMIT_NOFILE) == (700, 700)
        lines = [line for line in said.read_text().splitlines() if "descriptors" in line]
        assert len(lines) == 1 and "limit connections=10000 needs about 10386 descriptors" in lines[0] and "may open 700" in lines[0], lines
    finally:
        end_group(process)
