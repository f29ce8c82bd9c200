# SPDX-License-Identifier: Apache-2.0
"""A worker or the master that is stopped, hangs or is killed: who accepts meanwhile, who is replaced, who is left alone."""
import contextlib
import ctypes
import os
import signal
import threading
import time

import pytest

from harness import DEADLINE, answering, curl, listening, read_response, talk, tls_client, wait_for

GET = "GET / HTTP/1.1\r\nHost: shop.example.test\r\n\r\n"


def with_workers(signet, origin_port, workers, top=""):
    return signet("""
workers {workers}
{top}
pool app { server 127.0.0.1:{origin} }
listen 127.0.0.1:{port} {
    host shop.example.test {
        certificate {certs}/shop.example.test.ecdsa.crt key={certs}/shop.example.test.ecdsa.key
        proxy app
    }
}
""", origin=origin_port, workers=workers, top=top)


@contextlib.contextmanager
def held(pid):
    """Stands still without being stopped by a signal: its parent is told of nothing (ptrace(2), PTRACE_INTERRUPT)."""
    PTRACE_SEIZE, PTRACE_INTERRUPT, PTRACE_DETACH, ALL = 0x4206, 0x4207, 17, 0x40000000
    ptrace = ctypes.CDLL(None, use_errno=True).ptrace
    ptrace.argtypes = [ctypes.c_long, ctypes.c_int, ctypes.c_void_p, ctypes.c_void_p]
    if ptrace(PTRACE_SEIZE, pid, None, None) != 0:
        pytest.skip("may not trace the worker")
    assert ptrace(PTRACE_INTERRUPT, pid, None, None) == 0
    os.waitpid(pid, ALL)
    try:
        yield
    finally:  # its parent hears of its end when the tracer has
        if ptrace(PTRACE_DETACH, pid, None, None) != 0:
            os.waitpid(pid, ALL)


@pytest.fixture
def stop():
    """stop(pid) stops a process; when the test is over it goes on, if it still lives."""
    stopped = []

    def send(pid):
        os.kill(pid, signal.SIGSTOP)
        stopped.append(pid)
    yield send
    for pid in stopped:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGCONT)


def slowest_of_new_connections(port, certs, count=20):
    """Seconds from connecting to the answer, all started side by side; each is answered."""
    took, threads = [], []

    def ask():
        begin = time.monotonic()
        with tls_client(port, certs) as connection:
            assert talk(connection, GET).status == 200
        took.append(time.monotonic() - begin)
    for _ in range(count):
        threads.append(threading.Thread(target=ask))
        threads[-1].start()
    for thread in threads:
        thread.join()
    assert len(took) == count
    return max(took)


@pytest.mark.parametrize("workers", [1, 2])
def test_h76_a_stopped_worker_keeps_nobody_waiting(signet, origin, certs, stop, workers):
    front = with_workers(signet, origin(answering()).port, workers)
    first = front.workers()[0]
    kept = tls_client(front.port, certs)
    assert talk(kept, GET).status == 200
    usual = slowest_of_new_connections(front.port, certs)
    stop(first)
    assert slowest_of_new_connections(front.port, certs) < 1 + usual
    assert f"worker 0 (pid {first}) is stopped" in front.errors()


def test_h76_it_is_taken_back_when_it_goes_on(signet, origin, certs, stop):
    front = with_workers(signet, origin(answering()).port, 2)
    first, second = workers = front.workers()
    connections = [tls_client(front.port, certs) for _ in range(16)]
    for connection in connections:
        assert talk(connection, GET).status == 200
    stop(first)
    wait_for("loan", lambda: listening(second) == 2)
    time.sleep(1)
    os.kill(first, signal.SIGCONT)
    wait_for("return", lambda: f"worker 0 (pid {first}) is heard again" in front.errors())
    wait_for("end of the loan", lambda: listening(second) == 1)
    for connection in connections:  # on either worker: nobody was cut
        assert talk(connection, GET).status == 200
    assert front.workers() == workers


def test_h76_one_that_hangs_is_replaced(signet, origin, certs, stop):
    """Nothing tells the master but the silence."""
    front = with_workers(signet, origin(answering()).port, 2)
    first = front.workers()[0]
    kept = tls_client(front.port, certs)
    with held(first):
        begin = time.monotonic()
        wait_for("loan", lambda: "worker 1 accepts for worker 0" in front.errors(), 5)
        assert time.monotonic() - begin < 2.5
        assert slowest_of_new_connections(front.port, certs) < 2
        wait_for("end of it", lambda: "has been silent for 10 s; killing it" in front.errors(), 20)
        assert 8 < time.monotonic() - begin < 20
    wait_for("replacement", lambda: len(front.workers()) == 2 and first not in front.workers(), 5)
    assert slowest_of_new_connections(front.port, certs) < 2
    kept.close()


def test_h76_without_a_neighbour_the_silent_one_keeps_what_it_has(signet, origin, certs, stop):
    """One worker: another starts beside it. Back again, the first finishes what it has begun, and ends."""
    release = threading.Event()

    def script(peer, origin):
        while True:
            if "/slow" in peer.read_head():
                release.wait(DEADLINE)
            peer.answer(b"ok")
    front = with_workers(signet, origin(script).port, 1)
    first, = front.workers()
    kept = tls_client(front.port, certs)
    kept.sendall(GET.replace("/", "/slow", 1).encode())
    time.sleep(0.2)
    stop(first)
    assert slowest_of_new_connections(front.port, certs) < 2
    os.kill(first, signal.SIGCONT)
    time.sleep(0.5)
    assert len(front.workers()) == 2
    release.set()
    answer = read_response(kept)
    assert answer.body == b"ok" and answer.fields["connection"] == "close"
    wait_for("end of the first", lambda: first not in front.workers())
    assert curl(front.port, certs=certs).stdout == b"ok"


def test_h76_a_master_that_stood_still_blames_nobody(signet, origin, certs, stop):
    """So does a machine that was suspended: all are late, and none of them is silent."""
    front = with_workers(signet, origin(answering()).port, 2)
    workers = front.workers()
    for pids in ([front.process.pid], [front.process.pid, *workers]):
        for pid in pids:
            stop(pid)
        time.sleep(2)
        for pid in reversed(pids):
            os.kill(pid, signal.SIGCONT)
        time.sleep(1)
    assert front.workers() == workers
    assert "accepts for" not in front.errors()
    assert curl(front.port, certs=certs).stdout == b"ok"
