# SPDX-License-Identifier: Apache-2.0
"""What befalls the processes: a worker is killed, the master is killed, there is no memory, no process can be made; and every server is
down. What hangs is test_watchdog.py's, logs are test_log_faults.py's, descriptors test_descriptors.py's."""
import concurrent.futures
import contextlib
import os
import pathlib
import re
import resource
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
import time

import pytest

from gauges import SANITIZED
from harness import (DEADLINE, SIGNET, RawOrigin, Signet, answering, free_port, read_response, run_signet, talk, tls_client, wait_for)

GET = b"GET / HTTP/1.1\r\nHost: shop.example.test\r\n\r\n"
CONFIG = """
workers {workers}
control unix:{folder}/control.sock
pool app { server 127.0.0.1:{origin} }
listen 127.0.0.1:{port} {
    host shop.example.test {
        certificate {certs}/shop.example.test.ecdsa.crt key={certs}/shop.example.test.ecdsa.key
        proxy app
    }
}
"""


def with_workers(signet, origin_port, workers, **values):
    return signet(CONFIG, origin=origin_port, workers=workers, **values)


class Load:
    """Clients that ask one request after the other: some on a connection they keep until it breaks, some on a new one each time.
    Each failure is noted with its moment."""

    def __init__(self, port, certs, kept=6, fresh=2):
        self.port, self.certs = port, certs
        self.over = threading.Event()
        self.done = 0
        self.failures = {"kept": [], "fresh": []}
        self.threads = [threading.Thread(target=self._run, args=("kept", 1 << 30)) for _ in range(kept)]
        self.threads += [threading.Thread(target=self._run, args=("fresh", 1)) for _ in range(fresh)]
        for thread in self.threads:
            thread.start()

    def _run(self, kind, requests):
        while not self.over.is_set():
            try:
                with tls_client(self.port, self.certs) as connection:
                    for _ in range(requests):
                        assert talk(connection, GET).status == 200
                        self.done += 1
                        if self.over.wait(0.005):
                            return
            except Exception as error:
                self.failures[kind].append((time.monotonic(), repr(error)))

    def close(self):
        self.over.set()
        for thread in self.threads:
            thread.join()


def test_h74_a_worker_is_killed_under_load(signet, origin, certs, cleanup):
    front = with_workers(signet, origin(answering()).port, 2)
    load = cleanup(Load(front.port, certs))
    wait_for("load", lambda: load.done > 200)
    first, second = front.workers()
    killed = time.monotonic()
    os.kill(first, signal.SIGKILL)
    wait_for("replacement", lambda: front.errors().count(" is ready") == 3 and len(front.workers()) == 2, 1 if not SANITIZED else 3)
    before = load.done
    wait_for("load as before", lambda: load.done > before + 200)
    load.close()
    # A connection it had is lost once; afterwards nobody is turned away, not even while it is being replaced.
    kept, fresh = load.failures["kept"], load.failures["fresh"]
    print(f"{load.done} requests; lost with the worker: {len(kept)} connections of 6, {len(fresh)} on their way in")
    assert 0 < len(kept) <= 6 and len(fresh) <= 2, load.failures
    assert all(moment - killed < 1 for moment, _ in kept + fresh), (killed, load.failures)
    assert second in front.workers()


def test_h77_the_master_is_killed_with_answers_on_their_way(signet, certs, cleanup, tmp_path):
    """They arrive whole, while another instance serves already, on the same ports and the same control socket."""
    begun, go_on = threading.Event(), threading.Event()

    def script(peer, _):
        while True:
            if "/slow" not in peer.read_head():
                peer.answer()
                continue
            peer.send("HTTP/1.1 200 OK\r\nContent-Length: 2000000\r\n\r\n" + "x" * 1000000)
            begun.set()
            go_on.wait(DEADLINE)
            peer.send("y" * 1000000)
    origin = cleanup(RawOrigin(script))
    front = with_workers(signet, origin.port, 2)
    workers = front.workers()
    download = tls_client(front.port, certs)
    download.sendall(GET.replace(b"/ ", b"/slow ", 1))
    assert begun.wait(DEADLINE)

    front.process.kill()
    front.process.wait()
    begin = time.monotonic()
    again = cleanup(Signet(**front.values, config=CONFIG))
    again.error_path = front.error_path
    front.error_path.rename(front.folder / "error.former")
    again.start()
    took = time.monotonic() - begin
    with tls_client(front.port, certs) as newcomer:
        assert talk(newcomer, GET).status == 200
    assert took < 2 * (2 if SANITIZED else 1), took
    assert run_signet("status", "-c", again.config_path).returncode == 0

    go_on.set()
    assert read_response(download).body == b"x" * 1000000 + b"y" * 1000000
    wait_for("end of the old workers", lambda: not any(pathlib.Path(f"/proc/{pid}").exists() for pid in workers))
    again.stop()


def test_h84_every_server_is_down_and_back(signet, certs, cleanup):
    port = free_port()
    front = with_workers(signet, port, 1)
    with tls_client(front.port, certs) as client:
        for _ in range(30):
            begin = time.monotonic()
            assert talk(client, GET).status == 503
            assert time.monotonic() - begin < 0.5
        cleanup(RawOrigin(answering(), port=port))
        assert talk(client, GET).status == 200


# --- what the system refuses to the master

@pytest.fixture
def unprivileged(certs, cleanup, origin):
    """A signet of one worker that is nobody from the start: limits of processes do not hold for root."""
    folder = pathlib.Path(tempfile.mkdtemp(prefix="signet-faults-", dir="/tmp"))
    try:
        port = free_port()
        for name in ("crt", "key"):
            shutil.copy(certs / f"shop.example.test.ecdsa.{name}", folder / f"shop.example.test.ecdsa.{name}")
        shutil.copy(SIGNET, folder / "signet")
        front = cleanup(Signet(folder, CONFIG, certs=folder, port=port, origin=origin(answering()).port, workers=1))
        front.port = port
        for path in (folder, *folder.iterdir()):
            os.chown(path, 65534, 65534)
            path.chmod(0o755)
        yield front.start(program=folder / "signet", user=65534, group=65534, extra_groups=[])
        front.stop()
    finally:
        shutil.rmtree(folder)


def set_limit(pid, what, limit):
    """Of a process that is nobody's, who may do so without a capability."""
    subprocess.run(["prlimit", "--pid", str(pid), f"--{what}={limit}"], check=True, user=65534, group=65534, extra_groups=[])


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root to become nobody")
@pytest.mark.parametrize("what, why", [("nproc", "Resource temporarily unavailable"), ("nofile", "Too many open files")])
def test_h75_no_process_can_be_made(unprivileged, certs, what, why):
    """fork() fails as a worker falls: it is tried again at growing distances, and serves when it can be had."""
    front = unprivileged
    set_limit(front.process.pid, what, "1:")
    os.kill(front.workers()[0], signal.SIGKILL)
    time.sleep(2)
    tries = re.findall(r"could not be started: (.*?); starting another( in (\d+) ms)?\n", front.errors())
    assert 3 <= len(tries) <= 8 and all(reason == why for reason, _, _ in tries), front.errors()
    pauses = [int(ms or 0) for _, _, ms in tries]
    assert pauses == sorted(pauses) and pauses[-1] >= 400
    set_limit(front.process.pid, what, "1000:")
    wait_for("worker", front.workers, 6)
    with tls_client(front.port, certs) as client:
        assert talk(client, GET).status == 200


def still_serves(connection):
    """Asked by a thread of its own: OpenSSL keeps errors by thread, and Python takes one connection's for the next one's (seen with
    OpenSSL 3.5, after a write to a connection that is dead)."""
    def ask():
        with contextlib.suppress(OSError, EOFError):
            return talk(connection, GET).status == 200
    with concurrent.futures.ThreadPoolExecutor(1) as thread:
        return thread.submit(ask).result() is True


@pytest.mark.skipif(SANITIZED, reason="the sanitizer's shadow is no memory to limit")
@pytest.mark.skipif(os.geteuid() != 0, reason="needs root to limit a worker")
def test_a_worker_without_memory_ends_and_is_replaced(signet, origin, certs, cleanup):
    front = with_workers(signet, origin(answering(b"x" * 200_000)).port, 2)
    first, second = front.workers()
    kept = []
    while len(kept) < 8:
        kept.append(cleanup(tls_client(front.port, certs)))
        assert talk(kept[-1], GET).status == 200
    size = int(pathlib.Path(f"/proc/{first}/statm").read_text().split()[0]) * resource.getpagesize()
    set_limit(first, "as", f"{size + (1 << 20)}:")
    crowd = []
    with contextlib.suppress(OSError):
        while first in front.workers() and len(crowd) < 2000:
            crowd.append(tls_client(front.port, certs))
            crowd[-1].sendall(GET)  # and reads nothing
    wait_for("replacement", lambda: first not in front.workers() and len(front.workers()) == 2)
    for connection in crowd:
        connection.close()
    assert front.errors().count("out of memory\n") == 1 and f"(pid {first}) was killed by signal 6" in front.errors()
    alive = sum(map(still_serves, kept))
    assert 0 < alive < 8 and second in front.workers()
    with tls_client(front.port, certs) as client:
        assert talk(client, GET).status == 200
