# SPDX-License-Identifier: Apache-2.0
"""Clients that are slow on purpose: each ends at a deadline over all it has to say, and thousands of them disturb nobody."""
import contextlib
import os
import select
import socket
import ssl
import time

import pytest

from gauges import Canary, accepted, memory_kb
from harness import SANITIZED, client_hello, end_group, read_response, start_group, talk, tls_client, wait_for

LONG = os.environ.get("SIGNET_LONG_TESTS") == "1"
GET = b"GET / HTTP/1.1\r\nHost: shop.example.test\r\n\r\n"
LATE = 3  # seconds that a busy machine may add to a deadline


def trickle(connection, data, pause=0.1):
    """Sends a byte at a time until the other side says or ends something."""
    for at in range(len(data)):
        try:
            connection.sendall(data[at:at + 1])
        except OSError:
            return
        if select.select([connection], [], [], pause)[0]:
            return


def read_to_end(connection):
    """What still comes, be the end orderly or not."""
    connection.settimeout(20)
    data = b""
    with contextlib.suppress(ConnectionResetError):
        while part := connection.recv(1000):
            data += part
    return data


# How much of its hello a client says at once, how much byte by byte, and how much later than the deadline its end may come: the
# kernel shows a connection only when there is something to read on it, or a second and a retransmission later.
HELLOS = [
    ("silent", 0, 0, 1),
    ("a byte, then silent", 1, 0, 0),
    ("byte by byte", 0, 500, 0),
    ("all but the last byte", -1, 0, 0),
    ("half, then byte by byte", 250, 250, 0),
]


@pytest.mark.parametrize("why, at_once, slowly, later", HELLOS, ids=[row[0] for row in HELLOS])
def test_h62_the_handshake_has_one_deadline(fronted, node, why, at_once, slowly, later):
    front = fronted(node.port, top="timeout handshake=1s")
    hello = client_hello("shop.example.test")
    begin = time.monotonic()
    with socket.create_connection(("127.0.0.1", front.port)) as connection:
        connection.sendall(hello[:at_once])
        trickle(connection, hello[len(hello[:at_once]):][:slowly])
        assert read_to_end(connection) == b""
    assert 0.9 < time.monotonic() - begin < 1 + later + LATE
    wait_for("line in the error log", lambda: "tls handshake failed: not done in time" in front.errors())
    assert front.records() == []


def test_h62_a_finished_handshake_may_be_followed_by_silence(fronted, node, certs):
    """From then on `timeout idle=` counts; nothing was asked, so nothing is answered or recorded."""
    front = fronted(node.port, top="timeout handshake=1s idle=2s")
    begin = time.monotonic()
    with tls_client(front.port, certs) as connection:
        assert read_to_end(connection) == b""
    assert 1.9 < time.monotonic() - begin < 2 + LATE
    assert front.records() == []


# What came before on the connection, and what is sent at once of the head that never ends.
HEADS = [
    ("the first head", b"", b""),
    ("behind an empty line", b"", b"\r\n"),
    ("fields without end", b"", GET[:-2]),
    ("the second head of a connection", GET, b""),
    ("a head begun right behind another", GET + GET[:20], b""),
]


@pytest.mark.parametrize("tls", [True, False], ids=["tls", "plain"])
@pytest.mark.parametrize("why, before, at_once", HEADS, ids=[row[0] for row in HEADS])
def test_h63_a_head_has_one_deadline(fronted, signet, node, certs, tls, why, before, at_once):
    top = "timeout header=1s idle=10s"
    if tls:
        front = fronted(node.port, top=top)
        connection = tls_client(front.port, certs)
    else:
        front = signet(f"workers 1\n{top}\npool app {{ server 127.0.0.1:{node.port} }}\n"
                       "listen 127.0.0.1:{port} {\n host shop.example.test { proxy app }\n}\n")
        connection = socket.create_connection(("127.0.0.1", front.port))
    with connection:
        begin = time.monotonic()
        if before:
            assert talk(connection, before).status == 200
        connection.sendall(at_once)
        trickle(connection, b"X" * 200)
        answer = read_response(connection)
        assert 0.9 < time.monotonic() - begin < 1 + LATE
        assert answer.status == 408 and answer.fields["connection"] == "close"
        assert read_to_end(connection) == b""
    record = front.record(status=408)
    assert record["refused"] and record["abort_phase"] is None and record["tries"] == 0
    assert len(front.records()) == (2 if before else 1)


def test_h63_a_head_in_time_is_served_however_small_its_pieces(fronted, node, certs):
    front = fronted(node.port, top="timeout header=20s")
    with tls_client(front.port, certs) as connection:
        trickle(connection, GET, 0.01)
        assert read_response(connection).status == 200


# --- thousands of them

# One command runs the whole of it: tools/test --long
COUNT, PER_SECOND = (5000, 400) if LONG else (400, 100)
# From 3.2 on OpenSSL's records have layers of their own, two for each connection: 7 kB that cannot be had back.
KB_EACH = 24 if ssl.OPENSSL_VERSION_INFO < (3, 2) else 32
if not LONG:
    KB_EACH += 3  # fewer share what is paid once, and other tests keep the machine busy
# Seconds; also a slow machine must have opened all before the first ends.
DEADLINE = 80 if LONG else 15

# What of the client is slow, how slowhttptest is told so, what ends it. Heads and bodies trickle in by pieces, none of which puts off
# the end: a head has one deadline, a body its minimum rate.
MODES = [
    ("headers", ["-H", "-i", DEADLINE // 4], f"timeout header={DEADLINE}s"),
    ("body", ["-B", "-i", DEADLINE // 4, "-s", 8192], f"timeout body={DEADLINE}s"),
]


@pytest.fixture
def slow(cleanup, tmp_path):
    """slow(port, args) starts slowhttptest with COUNT connections; it names no host, neither in TLS nor in HTTP."""
    class Process:
        def __init__(self, port, args):
            self.log = open(tmp_path / "slowhttptest.log", "wb")
            self.process = start_group("/usr/bin/slowhttptest", *args, "-c", COUNT, "-r", PER_SECOND, "-x", 10, "-p", 60, "-l", 600,
                                       "-u", f"https://127.0.0.1:{port}/", stdout=self.log, stderr=self.log)

        def close(self):
            end_group(self.process)
            self.log.close()
    return lambda *args: cleanup(Process(*args))


@pytest.mark.long
@pytest.mark.parametrize("mode, args, timeout", MODES, ids=[row[0] for row in MODES])
def test_h66_slow_connections_disturb_nobody(fronted, node, certs, cleanup, slow, mode, args, timeout):
    front = fronted(node.port, top=timeout, listen="unknown_host default=shop.example.test")
    pids = front.workers()
    canary = cleanup(Canary(front.port, certs))
    wait_for("the canary's first song", lambda: len(canary.seconds) > 50)
    before = memory_kb(pids)
    begin = time.monotonic()
    slow(front.port, args)
    wait_for("slow connections", lambda: accepted(front.port) >= COUNT, DEADLINE, pause=0.2)
    opened = time.monotonic() - begin
    time.sleep(3)  # they are slow now
    each = (memory_kb(pids) - before) / COUNT
    assert accepted(front.port) >= COUNT

    wait_for("end of the last of them", lambda: accepted(front.port) <= 2, 2 * DEADLINE, pause=0.2)
    assert DEADLINE < time.monotonic() - begin < opened + DEADLINE + LATE
    canary.close()
    wait_for("records", lambda: sum(r["status"] == 408 for r in front.records()) == COUNT)
    print(f"{mode}: {COUNT} connections in {opened:.1f} s, {each:.1f} kB each; canary: {len(canary.seconds)} requests, "
          f"{len(canary.errors)} errors, p99 {canary.p99() * 1000:.0f} ms, worst {max(canary.seconds) * 1000:.0f} ms")
    assert canary.errors == [] and canary.p99() < 1
    assert SANITIZED or each < KB_EACH
    assert front.workers() == pids
