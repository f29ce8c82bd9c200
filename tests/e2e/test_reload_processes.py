# SPDX-License-Identifier: Apache-2.0
"""What a reload does to processes and listening sockets, seen by those who connect all the while."""
import contextlib
import os
import signal
import threading
import time

import pytest

from harness import answering, curl, free_port, read_response, talk, tls_client, wait_for

GET = "GET / HTTP/1.1\r\nHost: shop.example.test\r\n\r\n"


@pytest.fixture
def front(signet, origin):
    return signet("""
workers 2
pool app { server 127.0.0.1:{origin} }
listen 127.0.0.1:{port} {
    host shop.example.test {
        certificate {certs}/shop.example.test.ecdsa.crt key={certs}/shop.example.test.ecdsa.key
        proxy app
    }
}
""", origin=origin(answering()).port)


def reload(front, generation, seconds=15):
    """By signal; returns how long it took until this generation was in force."""
    begin = time.monotonic()
    front.process.send_signal(signal.SIGHUP)
    wait_for(f"generation {generation}", lambda: f"generation {generation} in force" in front.errors(), seconds)
    return time.monotonic() - begin


def change(front, old, new):
    text = front.config_path.read_text()
    assert text.count(old) == 1
    front.config_path.write_text(text.replace(old, new))


@contextlib.contextmanager
def connecting(port, certs):
    """Four clients that connect, ask once and leave, again and again. Yields the list of seconds that each took; what fails is raised at
    the end."""
    over, took, failed = threading.Event(), [], []

    def ask():
        while not over.is_set():
            begin = time.monotonic()
            try:
                with tls_client(port, certs) as connection:
                    assert talk(connection, GET).status == 200
            except Exception as e:  # whatever it is, it failed
                failed.append((time.monotonic() - begin, repr(e)))
            took.append(time.monotonic() - begin)
    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    try:
        yield took
    finally:
        over.set()
        for thread in threads:
            thread.join()
    assert not failed


def test_workers_come_and_go_and_nobody_waits(front, certs):
    with connecting(front.port, certs) as took:
        for generation, (old, new) in enumerate(((2, 4), (4, 1), (1, 3), (3, 2)), 2):
            change(front, f"workers {old}", f"workers {new}")
            reload(front, generation)
            time.sleep(0.7)
    assert len(took) > 40 and max(took) < 1.5
    wait_for("two workers", lambda: len(front.workers()) == 2)


def test_an_address_and_the_wildcard_change_places(front, certs):
    """Both listen for a while, and nobody is lost between them."""
    with connecting(front.port, certs) as took:
        for generation, (old, new) in enumerate((("127.0.0.1", "0.0.0.0"), ("0.0.0.0", "127.0.0.1"), ("127.0.0.1", "0.0.0.0")), 2):
            change(front, f"listen {old}:{front.port}", f"listen {new}:{front.port}")
            reload(front, generation)
            time.sleep(0.5)
        time.sleep(2)
    assert len(took) > 40 and max(took) < 1.5


def test_an_address_comes_back_at_once(front, certs):
    """Its former sockets are not closed yet, and take nobody in."""
    other = free_port()
    change(front, f"listen 127.0.0.1:{front.port}", f"listen 127.0.0.1:{front.port} 127.0.0.1:{other}")
    reload(front, 2)
    change(front, f" 127.0.0.1:{other}", "")
    reload(front, 3)
    change(front, f"listen 127.0.0.1:{front.port}", f"listen 127.0.0.1:{front.port} 127.0.0.1:{other}")
    reload(front, 4)
    with connecting(other, certs) as took:
        time.sleep(3)
    assert len(took) > 40 and max(took) < 1


def test_a_refused_reload_has_let_nobody_in(front, certs, origin):
    """Of two new addresses one is in use. The other one was bound already, but never listened; more workers were never started."""
    other = free_port()
    taken = origin(answering())
    workers = front.workers()
    with connecting(front.port, certs) as took:
        change(front, "workers 2", "workers 4")
        change(front, f"listen 127.0.0.1:{front.port}", f"listen 127.0.0.1:{other} 127.0.0.1:{taken.port} 127.0.0.1:{front.port}")
        front.process.send_signal(signal.SIGHUP)
        wait_for("words about it", lambda: "in use by" in front.errors())
        time.sleep(0.5)
    assert max(took) < 1 and front.workers() == workers
    assert curl(other, certs=certs).returncode == 7  # refused


def test_a_stopped_worker_delays_no_reload(front, certs):
    """It is known to be replaced, so nobody waits for it; what it was serving ends when it goes on."""
    first = front.workers()[0]
    connections = [tls_client(front.port, certs) for _ in range(12)]
    os.kill(first, signal.SIGSTOP)
    try:
        wait_for("notice of it", lambda: f"worker 0 (pid {first}) is silent" in front.errors())
        assert reload(front, 2) < 5
        wait_for("its successor", lambda: len(front.workers()) == 3)
    finally:
        os.kill(first, signal.SIGCONT)
    for connection in connections:
        connection.sendall(GET.encode())
        with contextlib.suppress(EOFError):  # closed in order, by the one that drains
            assert read_response(connection).status == 200
    wait_for("end of the former", lambda: first not in front.workers())
    assert len(front.workers()) == 2 and curl(front.port, certs=certs).stdout == b"ok"
