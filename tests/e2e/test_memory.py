# SPDX-License-Identifier: Apache-2.0
"""Bodies larger than memory's bounds pass with memory bounded, both ways, with one side slow."""
import hashlib
import pathlib
import threading
import time

import pytest

from harness import tls_client, wait_for

SIZE = 2 << 30
BLOCK = bytes(range(256)) * 4096  # 1 MiB


def blocks():
    """The body of SIZE bytes: each block names its place, so that a lost or swapped one shows."""
    return (n.to_bytes(8, "big") + BLOCK[8:] for n in range(SIZE // len(BLOCK)))


@pytest.fixture(scope="module")
def digest():
    whole = hashlib.sha256()
    for block in blocks():
        whole.update(block)
    return whole.hexdigest()


def resident(pid):
    """kB of memory the process has in use now."""
    status = pathlib.Path(f"/proc/{pid}/status").read_text()
    return int(next(line.split()[1] for line in status.splitlines() if line.startswith("VmRSS")))


@pytest.fixture
def watch():
    """watch(pid) collects the memory of a process every 50 ms until the test ends; gives the list."""
    stop = threading.Event()
    threads = []

    def begin(pid):
        seen = []

        def look():
            while not stop.wait(0.05):
                seen.append(resident(pid))
        threads.append(threading.Thread(target=look))
        threads[-1].start()
        return seen
    yield begin
    stop.set()
    for thread in threads:
        thread.join()


def test_2_gib_down(fronted, origin, certs, watch, digest):
    def script(peer, origin):
        peer.read_head()
        peer.send(f"HTTP/1.1 200 OK\r\nContent-Length: {SIZE}\r\n\r\n")
        for block in blocks():
            peer.send(block)

    front = fronted(origin(script).port)
    seen = watch(front.workers()[0])
    before = resident(front.workers()[0])
    with tls_client(front.port, certs) as connection:
        connection.sendall(b"GET / HTTP/1.1\r\nHost: shop.example.test\r\nConnection: close\r\n\r\n")
        data = b""
        while b"\r\n\r\n" not in data:
            data += connection.recv(65536)
        body = hashlib.sha256(data.split(b"\r\n\r\n", 1)[1])
        while data := connection.recv(1 << 20):
            body.update(data)
    assert body.hexdigest() == digest
    assert max(seen) - before < 40_000, (before, max(seen))  # ASan's quarantine included


def test_2_gib_up(fronted, origin, certs, watch, digest):
    body = hashlib.sha256()

    def script(peer, origin):
        peer.read_head()
        body.update(peer.buffer)
        count = len(peer.buffer)
        while count < SIZE:
            data = peer.connection.recv(1 << 20)
            if not data:
                return
            body.update(data)
            count += len(data)
        peer.answer(b"got it")

    front = fronted(origin(script).port, host="limit body=3g")
    seen = watch(front.workers()[0])
    before = resident(front.workers()[0])
    with tls_client(front.port, certs) as connection:
        connection.sendall(f"POST / HTTP/1.1\r\nHost: shop.example.test\r\nContent-Length: {SIZE}\r\n\r\n".encode())
        for block in blocks():
            connection.sendall(block)
        assert connection.recv(1000).startswith(b"HTTP/1.1 200")
    assert body.hexdigest() == digest
    assert max(seen) - before < 40_000, (before, max(seen))


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
    before = resident(front.workers()[0])
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
        assert resident(front.workers()[0]) - before < 20_000


def test_a_million_tiny_chunks_reach_a_slow_client(fronted, origin, certs):
    """A byte a chunk: what waits for the client is gathered and framed anew, and must still be the same body."""
    count = 1_000_000

    def script(peer, origin):
        peer.read_head()
        peer.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        for n in range(count // 1000):
            peer.send(b"1\r\n%c\r\n" % (ord("g") + n % 20) * 1000)  # letters that no chunk size has
        peer.send("0\r\n\r\n")

    front = fronted(origin(script).port)
    with tls_client(front.port, certs) as connection:
        connection.sendall(b"GET / HTTP/1.1\r\nHost: shop.example.test\r\nConnection: close\r\n\r\n")
        time.sleep(1)  # nobody reads
        data = b"".join(iter(lambda: connection.recv(1 << 16), b""))
    body = data.split(b"\r\n\r\n", 1)[1]
    assert body.endswith(b"\r\n0\r\n\r\n")
    letters = body.translate(None, b"0123456789abcdef\r\n")
    assert letters == b"".join(b"%c" % (ord("g") + n % 20) * 1000 for n in range(count // 1000))
