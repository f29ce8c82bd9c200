# SPDX-License-Identifier: Apache-2.0
"""Bodies larger than memory's bounds pass with memory bounded, both ways, whoever is slow; so do clients that do not read."""
import contextlib
import hashlib
import time

import pytest

from gauges import Watch, descriptors, in_kernel, memory_kb
from harness import SANITIZED, NginxOrigin, curl, tls_client, wait_for

GIB = 1 << 30
BLOCK = bytes(range(256)) * 4096  # 1 MiB
GET = b"GET / HTTP/1.1\r\nHost: shop.example.test\r\nConnection: close\r\n\r\n"

# kB that one connection with a body under way may cost at its most, in the worker and in the kernel together. Most of it is the
# sanitizers': their quarantine holds 8 MB of what was freed, and each thread's caches some more.
BOUND = 40_000

# How many times its size a process has that looks after every byte of it.
SANITIZERS = 1.5 if SANITIZED else 1


def blocks(size):
    """A body: each block names its place, so that a lost or swapped one shows."""
    return (n.to_bytes(8, "big") + BLOCK[8:] for n in range(size // len(BLOCK)))


@pytest.fixture(scope="module")
def digest():
    """digest(size) of that body."""
    known = {}

    def of(size):
        if size not in known:
            whole = hashlib.sha256()
            for block in blocks(size):
                whole.update(block)
            known[size] = whole.hexdigest()
        return known[size]
    return of


def sending(size, pause=0.0):
    """A script: answers with a body of so many bytes, and rests behind each block."""
    def script(peer, origin):
        peer.read_head()
        peer.send(f"HTTP/1.1 200 OK\r\nContent-Length: {size}\r\n\r\n")
        for block in blocks(size):
            peer.send(block)
            time.sleep(pause)
    return script


def receiving(size, body, pause=0.0):
    """A script: feeds a request body of so many bytes to `body`, resting behind each MiB, and answers."""
    def script(peer, origin):
        peer.read_head()
        body.update(peer.buffer)
        left, rest = size - len(peer.buffer), 1 << 20
        while left:
            data = peer.connection.recv(min(left, 1 << 18))
            if not data:
                return
            body.update(data)
            left, rest = left - len(data), rest - len(data)
            if rest <= 0:
                rest += 1 << 20
                time.sleep(pause)
        peer.answer(b"got it")
    return script


def read_body(connection, pause=0.0):
    """The SHA-256 of the one answer on a connection; the reader rests behind each MiB."""
    data = b""
    while b"\r\n\r\n" not in data:
        data += connection.recv(65536)
    body, rest = hashlib.sha256(data.split(b"\r\n\r\n", 1)[1]), 1 << 20
    while data := connection.recv(1 << 18):
        body.update(data)
        rest -= len(data)
        if rest <= 0:
            rest += 1 << 20
            time.sleep(pause)
    return body.hexdigest()


def test_h52_4_gib_pass_in_bounded_memory(fronted, origin, certs):
    size = 4 * GIB
    front = fronted(origin(sending(size)).port)
    with Watch(front.workers()[0]) as watch:
        done = curl(front.port, "/", "-o", "/dev/null", "-w", "%{size_download}", certs=certs, timeout=300)
    assert done.stdout == str(size).encode(), done.stderr
    assert watch.growth < BOUND


SLOW = 0.03  # seconds behind each MiB


@pytest.mark.parametrize("writer, reader", [(SLOW, 0), (0, SLOW), (SLOW, SLOW)], ids=["slow writer", "slow reader", "both"])
class TestASlowSide:
    SIZE = 64 << 20

    def test_h52_down(self, fronted, origin, certs, digest, writer, reader):
        front = fronted(origin(sending(self.SIZE, writer)).port)
        with Watch(front.workers()[0]) as watch, tls_client(front.port, certs) as connection:
            connection.sendall(GET)
            assert read_body(connection, reader) == digest(self.SIZE)
        assert watch.growth < BOUND

    def test_h52_up(self, fronted, origin, certs, digest, writer, reader):
        body = hashlib.sha256()
        front = fronted(origin(receiving(self.SIZE, body, reader)).port, host="limit body=1g")
        with Watch(front.workers()[0]) as watch, tls_client(front.port, certs) as connection:
            connection.sendall(f"POST / HTTP/1.1\r\nHost: shop.example.test\r\nContent-Length: {self.SIZE}\r\n\r\n".encode())
            for block in blocks(self.SIZE):
                connection.sendall(block)
                time.sleep(writer)
            assert connection.recv(1000).startswith(b"HTTP/1.1 200")
        assert body.hexdigest() == digest(self.SIZE)
        assert watch.growth < BOUND


def test_h53_1_gib_down(fronted, origin, certs, digest):
    front = fronted(origin(sending(GIB)).port)
    with tls_client(front.port, certs) as connection:
        connection.sendall(GET)
        assert read_body(connection) == digest(GIB)


def test_h53_1_gib_up(fronted, origin, certs, digest):
    body = hashlib.sha256()
    front = fronted(origin(receiving(GIB, body)).port, host="limit body=2g")
    with tls_client(front.port, certs) as connection:
        connection.sendall(f"POST / HTTP/1.1\r\nHost: shop.example.test\r\nContent-Length: {GIB}\r\n\r\n".encode())
        for block in blocks(GIB):
            connection.sendall(block)
        assert connection.recv(1000).startswith(b"HTTP/1.1 200")
    assert body.hexdigest() == digest(GIB)


def test_a_slow_client_stops_the_origin(fronted, origin, certs):
    """The origin can send only what the client's and the proxy's buffers hold, then it is made to wait."""
    sent = [0]

    def script(peer, origin):
        peer.read_head()
        peer.send("HTTP/1.1 200 OK\r\nContent-Length: 1000000000\r\n\r\n")
        for _ in range(900):
            peer.send(BLOCK)
            sent[0] += len(BLOCK)

    front = fronted(origin(script).port)
    before = memory_kb(front.workers())
    with tls_client(front.port, certs) as connection:
        connection.sendall(b"GET / HTTP/1.1\r\nHost: shop.example.test\r\n\r\n")
        connection.recv(1000)
        last = [-1]

        def stalled():
            last[0] = sent[0]
            time.sleep(0.5)
            return sent[0] == last[0]
        wait_for("stall", stalled)
        assert sent[0] < 40 << 20
        assert memory_kb(front.workers()) - before < 20_000


@pytest.fixture(params=["plain", "nginx"])
def ten_megabytes(request, tmp_path, origin, cleanup):
    """The port of an origin that answers "/" with 10 MB."""
    if request.param == "nginx":
        nginx = cleanup(NginxOrigin(tmp_path / "origin"))
        (nginx.root / "index.html").write_bytes(BLOCK * 10)
        return nginx.port
    return origin(sending(10 << 20)).port


@pytest.mark.long
def test_h65_300_clients_that_do_not_read(fronted, ten_megabytes, certs):
    """Each costs less than 400 kB, in the worker and in the kernel, towards it and towards its origin; and not for long."""
    count, send = 300, 10
    front = fronted(ten_megabytes, top=f"timeout send={send}s")
    worker = front.workers()[0]
    warm = [tls_client(front.port, certs) for _ in range(4)]
    before, open_before = memory_kb([worker]), descriptors([worker])
    with contextlib.ExitStack() as clients:
        for _ in range(count):
            clients.enter_context(tls_client(front.port, certs)).sendall(GET)
        begin = time.monotonic()
        wait_for("all to wait", lambda: in_kernel(worker)[1] >= 2 * count, 2 * send)
        time.sleep(3)  # handshakes' buffers are given back after a second of rest
        user, (kernel, connections) = memory_kb([worker]) - before, in_kernel(worker)
        assert connections >= 2 * count
        assert (user / SANITIZERS + kernel) / count < 400, (user / count, kernel / count)
        wait_for("their end", lambda: len(front.records()) == count, 3 * send)
        assert time.monotonic() - begin > send - 1
    for record in front.records():
        assert (record["status"], record["abort_phase"], record["abort_by"]) == (200, "send", "timeout")
    wait_for("their descriptors", lambda: descriptors([worker]) <= open_before)
    for connection in warm:
        connection.close()


def sip(connection, seconds):
    """Reads 4 kB ten times a second, 40 kB/s, for so long, or until the end. False: it ended, or was cut."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        time.sleep(0.1)
        try:
            if not connection.recv(4096):
                return False
        except OSError:
            return False
    return True


def test_h65_a_slow_reader_that_is_alive_is_not_cut(fronted, origin, certs, digest):
    size = 2 << 20
    front = fronted(origin(sending(size)).port, top="timeout send=1s")
    with tls_client(front.port, certs, receive=8192) as connection:
        connection.sendall(GET)
        assert sip(connection, 5)
        while connection.recv(1 << 16):
            pass
    record = front.record(status=200)
    assert record["abort_phase"] is None and record["bytes_out"] == size


def test_h65_a_reader_below_the_minimum_rate_is_cut(fronted, origin, certs):
    front = fronted(origin(sending(20 << 20)).port, top="timeout send=1s\nlimit min_rate=400k")
    with tls_client(front.port, certs, receive=8192) as connection:
        connection.sendall(GET)
        begin = time.monotonic()
        # what was on its way already is still there to be read after the cut
        wait_for("the record", lambda: not sip(connection, 0.3) or front.records())
        assert time.monotonic() - begin > 0.9
    record = front.record(status=200)
    assert (record["abort_phase"], record["abort_by"], record["abort_signal"]) == ("send", "timeout", "send_timeout")
