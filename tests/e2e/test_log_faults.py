# SPDX-License-Identifier: Apache-2.0
"""A log whose disk is full, whose pipe nobody reads, whose reader dies: no request fails or waits for it, what is lost is counted, what
is written is whole lines."""
import contextlib
import json
import os
import pathlib
import re
import select
import signal
import socket
import subprocess
import threading
import time

import pytest

from gauges import Canary
from harness import Pipe, Signet, answering, free_port, talk, tls_client, wait_for

THREADS, REQUESTS = 4, 120  # of clients, of each
TARGET = "/" + "x" * 3000   # so that the records fill any pipe
WORST = 0.5                 # seconds: far from a worker that hangs, and room for a busy machine

CONFIG = """
workers 2
access_log {access} format=json
error_log {error} level=debug
pool app { server 127.0.0.1:{origin} }
listen 127.0.0.1:{port} {
    host shop.example.test {
        certificate {certs}/shop.example.test.ecdsa.crt key={certs}/shop.example.test.ecdsa.key
        proxy app
    }
}
"""


def can_mount():
    return subprocess.run(["unshare", "-m", "mount", "-t", "tmpfs", "none", "/mnt"], capture_output=True).returncode == 0


@pytest.fixture
def logging(tmp_path, certs, cleanup, origin):
    """logging(access, error) is a signet that logs there."""
    def echo(peer, _):
        while True:
            peer.answer(peer.read_head().split(" ")[1])

    def start(access, error=None, **kwargs):
        port = free_port()
        front = Signet(tmp_path / "signet", CONFIG, certs=certs, port=port, origin=origin(echo).port, access=access,
                       error=error or tmp_path / "signet" / "error.log")
        front.port = port
        return cleanup(front).start(**kwargs)
    return start


def ask_all(port, certs):
    """Many requests, each with a long record, beside a canary. Nobody may notice anything of the log."""
    served, canary = [], Canary(port, certs, "/canary")

    def ask():
        with tls_client(port, certs) as connection:
            for _ in range(REQUESTS):
                served.append(talk(connection, f"GET {TARGET} HTTP/1.1\r\nHost: shop.example.test\r\n\r\n").status)
    threads = [threading.Thread(target=ask) for _ in range(THREADS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    wait_for("second flush", lambda: len(canary.seconds) > 75)  # the buffers are written once a second
    canary.close()
    assert served == [200] * THREADS * REQUESTS and canary.errors == []
    assert canary.p99() < WORST, canary.p99()


def fail_handshakes(port, count):
    """A line in the error log each."""
    for _ in range(count):
        with socket.create_connection(("127.0.0.1", port), 15) as connection, contextlib.suppress(ConnectionResetError):
            connection.sendall(b"GET / HTTP/1.0\r\n\r\n")
            while connection.recv(1000):
                pass


def stop_while_read(front):
    """Ends it while its pipe is read: what still waits is written when there is room."""
    over = threading.Event()

    def read():
        while not over.is_set():
            select.select([front.pipe.reader], [], [], 0.05)
            front.said()
    thread = threading.Thread(target=read)
    thread.start()
    front.process.terminate()
    status = front.process.wait(15)
    over.set()
    thread.join()
    front.stop()
    assert status == 0


def totals(text):
    """{name: count}: what the master says at its end."""
    found = re.findall(r" master: totals:((?: [a-z0-9_]+=[0-9]+)+)\n", text)
    assert len(found) == 1, text[-2000:]
    return {name: int(count) for name, count in (pair.split("=") for pair in found[0].split())}


def whole_records(text):
    """Those of the lines that are records: each is one, whole."""
    return [json.loads(line) for line in text.split("\n") if line.startswith("{")]


def test_h82_dev_full(logging, certs):
    front = logging("/dev/full")
    ask_all(front.port, certs)
    front.stop()
    counted = totals(front.errors())
    assert counted["log_records_dropped"] == counted["log_records"] > THREADS * REQUESTS
    assert "records dropped: No space left on device" in front.errors()


@pytest.mark.skipif(not can_mount(), reason="needs a mount namespace")
def test_h82_a_disk_that_gets_full(logging, certs, tmp_path):
    """And has room again. Two workers append to one file."""
    disk = tmp_path / "disk"
    disk.mkdir()
    front = logging(disk / "access.log",
                    wrapper=["unshare", "-m", "sh", "-c", f'mount -t tmpfs -o size=512k none {disk} && fallocate -l 300k {disk}/other && exec "$@"', "sh"])
    seen = pathlib.Path(f"/proc/{front.process.pid}/root{disk}")
    ask_all(front.port, certs)
    wait_for("word about it", lambda: "records dropped: No space left on device" in front.errors())
    before = len(whole_records((seen / "access.log").read_text()))
    (seen / "other").unlink()
    ask_all(front.port, certs)
    text = wait_for("more records", lambda: len(whole_records(t := (seen / "access.log").read_text())) > before and t)
    assert text.endswith("}\n") and len(whole_records(text)) == text.count("\n")
    kept = open(seen / "access.log")  # the namespace ends with its last process
    front.stop()
    text = kept.read()
    kept.close()
    counted = totals(front.errors())
    assert len(whole_records(text)) == text.count("\n")
    assert len(whole_records(text)) + counted["log_records_dropped"] == counted["log_records"]
    assert 0 < counted["log_records_dropped"] < counted["log_records"]


def test_h82_a_pipe_that_nobody_reads(logging, certs, cleanup):
    """Standard output of a supervisor that sleeps: two workers share it, and it blocks."""
    pipe = cleanup(Pipe())
    front = logging("stdout", pipe=pipe)
    ask_all(front.port, certs)
    assert os.get_blocking(pipe.writer)  # whoever shares it finds it as it was
    stop_while_read(front)
    counted = totals(front.errors())
    records = whole_records(pipe.text())
    assert len(records) + counted["log_records_dropped"] == counted["log_records"]
    assert counted["log_records_dropped"] > 0 and len(records) > 10
    assert "records dropped: its reader is too slow" in front.errors()


def test_h82_a_pipe_whose_reader_dies(logging, certs, cleanup):
    pipe = cleanup(Pipe())
    front = logging("stdout", pipe=pipe)
    with tls_client(front.port, certs) as connection:
        assert talk(connection, "GET /first HTTP/1.1\r\nHost: shop.example.test\r\n\r\n").status == 200
    wait_for("record", lambda: "/first" in pipe.text())
    pipe.abandon()
    ask_all(front.port, certs)
    front.stop()
    counted = totals(front.errors())
    assert counted["log_records_dropped"] == counted["log_records"] - 1
    assert "records dropped: Broken pipe" in front.errors()


def test_h82_both_logs_on_one_pipe_that_nobody_reads(logging, certs, cleanup):
    """The master's lines, two workers' lines and their records, all where nothing gets through; then somebody reads again."""
    pipe = cleanup(Pipe())
    front = logging("stdout", "stderr", pipe=pipe)
    ask_all(front.port, certs)
    fail_handshakes(front.port, 200)
    time.sleep(1)  # what a worker counts it has told by its next heartbeat
    os.kill(front.workers()[0], signal.SIGKILL)  # the master has something to say too
    wait_for("another worker", lambda: len(front.workers()) == 2)
    ask_all(front.port, certs)
    front.said()  # there is room again
    fail_handshakes(front.port, 20)
    wait_for("word about it", lambda: "lines of this log were lost here" in front.said())
    stop_while_read(front)
    counted, lines = totals(front.said()), front.said().split("\n")
    assert counted["log_lines_dropped"] > 150 and counted["log_records_dropped"] > 0
    assert re.search(r" warn master: \d+ lines of this log were lost here", front.said())
    shape = re.compile(r"\{.*\}$|\d{4}-\d\d-\d\dT\S+ (error|warn|info|debug) (master|worker \d): ")
    assert lines[-1] == "" and [line for line in lines[:-1] if not shape.match(line)] == []
