# SPDX-License-Identifier: Apache-2.0
"""More clients than descriptors: those inside are served, and each can have its connection to a server; the others wait in the kernel,
at no cost; who leaves makes room."""
import contextlib
import os
import resource
import selectors
import signal
import socket
import time

import pytest

from gauges import cpu_seconds, descriptors
from harness import free_port, read_response, talk, tls_client, wait_for

GET = b"GET / HTTP/1.1\r\nHost: shop.example.test\r\n\r\n"
SLOW = GET.replace(b"/ ", b"/slow ", 1)
LIMIT, CLIENTS, WORKERS = 200, 600, 2
ROOM = (LIMIT - LIMIT // 8) // 2  # for clients in each worker, less its listening sockets


@pytest.fixture
def starved(signet, origin):
    """A signet that may open few descriptors in each process: .port without TLS, .tls_port with."""
    resource.setrlimit(resource.RLIMIT_NOFILE, (resource.getrlimit(resource.RLIMIT_NOFILE)[1],) * 2)

    def script(peer, _):
        while True:
            if "/slow" in peer.read_head():
                time.sleep(1.5)  # until all have asked
            peer.answer()
    front = signet("""
workers {workers}
pool app { server 127.0.0.1:{origin} }
listen 127.0.0.1:{port} { host shop.example.test { proxy app } }
listen 127.0.0.1:{tls_port} {
    host shop.example.test {
        certificate {certs}/shop.example.test.ecdsa.crt key={certs}/shop.example.test.ecdsa.key
        proxy app
    }
}
""", wrapper=["prlimit", f"--nofile={LIMIT}:{LIMIT}"], origin=origin(script).port, tls_port=free_port(), workers=WORKERS)
    front.tls_port = front.values["tls_port"]
    return front


class Crowd:
    """Clients that come all at once, ask, and stay."""

    def __init__(self, port, count):
        self.selector = selectors.DefaultSelector()
        self.all = []
        for _ in range(count):
            connection = socket.create_connection(("127.0.0.1", port), 15)
            self.all.append(connection)
            connection.sendall(GET)
            self.selector.register(connection, selectors.EVENT_READ)

    def served(self, seconds=0.0):
        """Those that got an answer within so many seconds; each is asked no more."""
        until, found = time.monotonic() + seconds, []
        while self.selector.get_map():
            for key, _ in self.selector.select(max(0, until - time.monotonic())):
                self.selector.unregister(key.fileobj)
                assert read_response(key.fileobj).status == 200
                found.append(key.fileobj)
            if time.monotonic() >= until:
                break
        return found

    def ask(self, connections, request):
        """One more request on each, all at the same time: the statuses."""
        for connection in connections:
            connection.sendall(request)
        return [read_response(connection).status for connection in connections]

    def close(self):
        self.selector.close()
        for connection in self.all:
            connection.close()


def test_h70_more_clients_than_descriptors(starved, cleanup, certs):
    front, inside = starved, tls_client(starved.tls_port, certs)
    pids = front.workers()
    assert talk(inside, GET).status == 200
    crowd = cleanup(Crowd(front.port, CLIENTS))
    served = crowd.served(2)
    assert WORKERS * (ROOM - 4) <= len(served) < WORKERS * ROOM

    begin, spent = time.monotonic(), cpu_seconds([front.process.pid, *pids])
    time.sleep(3)
    share = (cpu_seconds([front.process.pid, *pids]) - spent) / (time.monotonic() - begin)
    print(f"{len(served)} of {CLIENTS} inside, {descriptors(pids)} descriptors, {100 * share:.1f} % CPU while starved")
    assert share < 0.05

    # Whoever is inside reaches a server, and all of them at the same time.
    assert crowd.ask(served, SLOW) == [200] * len(served)
    assert talk(inside, GET).status == 200
    assert crowd.served() == []  # nobody left, so nobody came in

    served[0].close()
    assert len(crowd.served(1)) == 1

    begin = time.monotonic()
    crowd.close()
    with tls_client(front.tls_port, certs) as newcomer:
        assert talk(newcomer, GET).status == 200
    assert time.monotonic() - begin < 1
    assert talk(inside, GET).status == 200 and front.workers() == pids
    assert front.errors().count("cannot accept: more clients would leave no descriptors") in (1, 2)  # not again and again
    front.stop()
    assert "out of file descriptors" not in front.access_path.read_text()


def test_h70_a_worker_is_replaced_meanwhile(starved, cleanup):
    """The master needs descriptors for that, and clients have taken none of its own."""
    front, (first, second) = starved, starved.workers()
    crowd = cleanup(Crowd(front.port, CLIENTS))
    served = crowd.served(2)
    os.kill(first, signal.SIGKILL)
    wait_for("replacement", lambda: len(front.workers()) == WORKERS and first not in front.workers())
    more = []
    for connection in list(crowd.selector.get_map().values()):  # their queue lives on, and is served anew
        connection.fileobj.settimeout(15)
    more = crowd.served(3)
    alive = 0
    for connection in served:
        with contextlib.suppress(OSError, EOFError):
            alive += talk(connection, GET).status == 200
    assert ROOM - 4 <= alive < ROOM and ROOM - 4 <= len(more) < ROOM
    assert second in front.workers()
