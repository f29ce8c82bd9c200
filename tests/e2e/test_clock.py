# SPDX-License-Identifier: Apache-2.0
"""The wall clock jumps by days, forward and back, in the middle of everything: deadlines, the watchdog and reloads do not notice, what
people read follows."""
import datetime
import email.utils
import re
import select
import socket
import ssl
import struct
import subprocess
import threading
import time

import pytest

from harness import ROOT, client_hello, read_response, talk, tls_client, wait_for

GET = "GET {} HTTP/1.1\r\nHost: shop.example.test\r\n\r\n"
DAY = 86400
LATE = 3  # seconds that a busy machine may add to a deadline


@pytest.fixture(scope="module")
def shim(tmp_path_factory):
    library = tmp_path_factory.mktemp("clock") / "clock_shift.so"
    subprocess.run(["gcc", "-shared", "-fPIC", "-O2", "-Wall", "-Werror", "-o", library, ROOT / "tests/e2e/clock_shift.c"], check=True)
    return library


class Clock:
    """The wall clock of a signet that was started with `env`."""

    def __init__(self, shim, path):
        self.path = path
        self.jump(0)
        sanitizers = "detect_leaks=1:abort_on_error=1:quarantine_size_mb=8:verify_asan_link_order=0"
        self.env = {"LD_PRELOAD": str(shim), "CLOCK_SHIFT_FILE": str(path), "ASAN_OPTIONS": sanitizers}

    def jump(self, seconds):
        """To so many seconds from the true time."""
        self.shift = seconds
        with open(self.path, "r+b" if self.path.exists() else "wb") as file:  # the same file: it is mapped
            file.write(struct.pack("q", seconds))

    def shows(self, moment):
        """Is this what it shows now, give or take a machine's slowness?"""
        return abs(moment.timestamp() - time.time() - self.shift) < 5


@pytest.fixture
def clock(shim, tmp_path):
    return Clock(shim, tmp_path / "shift")


def time_of(record):
    return datetime.datetime.fromisoformat(record["time"].replace("Z", "+00:00"))


def last_error_time(front, words):
    line = wait_for("line in the error log", lambda: [l for l in front.errors().splitlines() if words in l])[-1]
    return datetime.datetime.fromisoformat(re.match(r"(\S+)Z ", line)[1] + "+00:00")


class Silent:
    """Connections that wait for a deadline, each with the seconds from its begin to what is said at its end."""

    def __init__(self):
        self.begun, self.ends = {}, {}

    def add(self, name, connection):
        self.begun[name] = (connection, time.monotonic())

    def wait(self, seconds):
        """Collects the ends that come within so many seconds."""
        until = time.monotonic() + seconds
        while (left := until - time.monotonic()) > 0 and len(self.ends) < len(self.begun):
            waiting = {c: name for name, (c, _) in self.begun.items() if name not in self.ends}
            for connection in select.select(list(waiting), [], [], left)[0]:
                name = waiting[connection]
                self.ends[name] = (time.monotonic() - self.begun[name][1], connection.recv(4096))
                connection.close()


# Seconds after which each connection must end, and how what is said there begins.
DEADLINES = {"handshake": (3, b""), "header": (3, b"HTTP/1.1 408 "), "body": (3, b"HTTP/1.1 408 "),
             "response": (3, b"HTTP/1.1 504 "), "idle": (3, b"")}


def begin_silences(front, certs):
    silent = Silent()
    half_hello = socket.create_connection(("127.0.0.1", front.port))
    half_hello.sendall(client_hello("shop.example.test")[:100])
    silent.add("handshake", half_hello)
    said = {"header": GET.format("/")[:-2], "body": GET.format("/never").replace("GET", "POST")[:-2] + "Content-Length: 10\r\n\r\nhalf",
            "response": GET.format("/never"), "idle": ""}
    for name, text in said.items():
        connection = tls_client(front.port, certs)
        if name == "idle":
            assert talk(connection, GET.format("/")).status == 200
        connection.sendall(text.encode())
        silent.add(name, connection)
    return silent


@pytest.mark.parametrize("days", [[3, -3], [-3, 3]], ids=["forward, then back", "back, then forward"])
def test_h69_the_wall_clock_jumps(fronted, origin, certs, clock, days):
    go_on = threading.Event()

    def script(peer, _):
        while True:
            path = peer.read_head().split(" ")[1]
            if path == "/slow":
                go_on.wait(30)
            if path == "/never":
                time.sleep(30)
            peer.answer(extra="Date: Thu, 01 Jan 1970 00:00:00 GMT\r\n" if path == "/dated" else "")

    front = fronted(origin(script).port, env=clock.env, pool="timeout response=3s",
                    top="timeout handshake=3s header=3s body=3s idle=3s send=3s")
    pids = front.workers()
    context, session = ssl.create_default_context(cafile=str(certs / "ca.crt")), None
    for count, jump in enumerate(days):
        go_on.clear()
        in_flight = tls_client(front.port, certs)
        in_flight.sendall(GET.format("/slow").encode())
        kept = tls_client(front.port, certs)
        assert talk(kept, GET.format("/")).status == 200
        silent = begin_silences(front, certs)
        before = datetime.datetime.fromtimestamp(time.time() + clock.shift, datetime.timezone.utc)
        silent.wait(0.5)
        assert silent.ends == {}
        clock.jump(jump * DAY)

        # Nobody was ended by the jump: the idle one is used again, what was in flight arrives.
        silent.wait(0.5)
        assert silent.ends == {}
        answer = talk(kept, GET.format("/"))
        assert answer.status == 200 and clock.shows(email.utils.parsedate_to_datetime(answer.fields["date"]))
        assert talk(kept, GET.format("/dated")).fields["date"] == "Thu, 01 Jan 1970 00:00:00 GMT"  # the origin's own stays
        go_on.set()
        assert read_response(in_flight).status == 200
        slow = wait_for("record", lambda: [r for r in front.records() if r["target"] == "/slow"][count:])[0]
        assert abs((time_of(slow) - before).total_seconds()) < 5 and 900 <= slow["total_ms"] < 10_000

        # Every deadline is where it was.
        silent.wait(3 + LATE)
        for name, (seconds, said) in DEADLINES.items():
            assert name in silent.ends, (name, silent.ends)
            assert seconds - 0.2 < silent.ends[name][0] < seconds + LATE, (name, silent.ends)
            assert silent.ends[name][1].startswith(said), (name, silent.ends)
        assert clock.shows(last_error_time(front, "tls handshake failed"))

        # Nobody was taken for one that hangs, and a reload comes into force in no time.
        outcome = front.reload()
        assert outcome.committed and int(re.search(r"after (\d+) ms", outcome.line)[1]) < 10_000
        assert "has been silent" not in front.errors() and front.workers() == pids

        # What begins now is as ever, with a ticket from before the jump or without.
        for ticket in (None, session):
            raw = socket.create_connection(("127.0.0.1", front.port))
            with context.wrap_socket(raw, server_hostname="shop.example.test", session=ticket) as connection:
                answer = talk(connection, GET.format(f"/new{count}"))
                assert answer.status == 200 and clock.shows(email.utils.parsedate_to_datetime(answer.fields["date"]))
                session = connection.session
        new = wait_for("records", lambda: len(found := [r for r in front.records() if r["target"] == f"/new{count}"]) == 2 and found)
        assert all(clock.shows(time_of(r)) and 0 <= r["total_ms"] < 10_000 for r in new)
        in_flight.close(), kept.close()
    assert front.workers() == pids
