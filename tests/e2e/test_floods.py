# SPDX-License-Identifier: Apache-2.0
"""What is cheap to send and dear to answer: handshakes by the hundred, input that asks for more than it gives."""
import contextlib
import pathlib
import socket
import time

import pytest

from gauges import Canary, in_kernel, memory_kb
from harness import answering, client_hello, free_port, wait_for

HELLOS, ROUNDS = 400, 4


@pytest.fixture
def rsa_fronted(signet, node):
    """A signet with one worker whose every handshake costs an RSA signature."""
    return signet("""
workers 1
pool app { server 127.0.0.1:{origin} }
listen 127.0.0.1:{port} {
    host shop.example.test {
        certificate {certs}/shop.example.test.rsa.crt key={certs}/shop.example.test.rsa.key
        proxy app
    }
}
""", origin=node.port)


def flood(port, hello):
    """Hundreds of handshakes that become due at the same moment; all are answered in the end."""
    with contextlib.ExitStack() as stack:
        crowd = []
        for _ in range(HELLOS):
            connection = stack.enter_context(socket.create_connection(("127.0.0.1", port), 15))
            connection.sendall(hello[:-1])
            crowd.append(connection)
        time.sleep(0.3)  # they are accepted
        for connection in crowd:
            connection.sendall(hello[-1:])
        for connection in crowd:
            assert connection.recv(1) == b"\x16"


def test_h73_a_flood_of_handshakes(rsa_fronted, certs, cleanup):
    front, hello = rsa_fronted, client_hello("shop.example.test")
    canary = cleanup(Canary(front.port, certs, fresh_every=0))
    wait_for("the canary's first song", lambda: len(canary.seconds) > 100)
    quiet = canary.p99()
    for _ in range(ROUNDS):
        flood(front.port, hello)
    canary.close()
    print(f"p99 {quiet * 1000:.0f} ms while quiet, {canary.p99() * 1000:.0f} ms with {ROUNDS} x {HELLOS} handshakes, "
          f"worst {max(canary.seconds) * 1000:.0f} ms")
    assert canary.errors == [] and canary.p99() < quiet + 0.15


# --- what 10 KiB may ask for

def head(line=b"GET / HTTP/1.1", *fields):
    return b"\r\n".join([line, b"Host: shop.example.test", *fields, b"", b""])


def fill(text, of=10_000):
    return text * (of // len(text))


def records(handshake, size):
    """A handshake message in records of so many bytes."""
    message = handshake[5:]
    parts = [message[at:at + size] for at in range(0, len(message), size)]
    return b"".join(b"\x16\x03\x01" + len(part).to_bytes(2, "big") + part for part in parts)


CHUNKED = head(b"POST / HTTP/1.1", b"Transfer-Encoding: chunked")
HELLO = client_hello("shop.example.test")
# What is sent on one connection, 10 KiB at most, and whether on the port with TLS.
DEAR = [
    ("many fields", False, head(b"GET / HTTP/1.1", *(b"a%d: " % n + b"x" * 90 for n in range(95)))),
    ("fields of the same name", False, head(b"GET / HTTP/1.1", *(b"cookie: " + b"x" * 90 for n in range(95)))),
    ("names that are nearly the same", False, head(b"GET / HTTP/1.1", *(b"a" * 90 + b"%d: x" % n for n in range(95)))),
    ("a cookie of many", False, head(b"GET / HTTP/1.1", b"Cookie: " + fill(b"a=b; "))),
    ("a connection of many", False, head(b"GET / HTTP/1.1", b"Connection: " + fill(b"a,") + b"b")),
    ("protocols without end", False, head(b"GET / HTTP/1.1", b"Connection: upgrade", b"Upgrade: " + fill(b"a/1,") + b"b")),
    ("a way here of many", False, head(b"GET / HTTP/1.1", b"X-Forwarded-For: " + fill(b"10.0.0.1, ") + b"10.0.0.2")),
    ("the same, each its own field", False, head(b"GET / HTTP/1.1", *[b"Forwarded: " + b", ".join([b"for=10.0.0.1;by=10.0.0.2"] * 3)] * 95)),
    ("a path of dots", False, head(b"GET " + fill(b"/a/..", 7900) + b"/ HTTP/1.1")),
    ("a path of encoded dots", False, head(b"GET " + fill(b"/a/%2e%2e", 7900) + b"/ HTTP/1.1")),
    ("requests behind one another", False, fill(head())),
    ("requests of a byte of body each", False, fill(head(b"POST / HTTP/1.1", b"Content-Length: 1") + b"x")),
    ("empty lines", False, fill(b"\r\n")),
    ("chunks of a byte", False, CHUNKED + fill(b"1\r\nx\r\n")),
    ("chunks with extensions", False, CHUNKED + fill(b"1;" + b"e" * 200 + b"\r\nx\r\n")),
    ("sizes with zeroes in front", False, CHUNKED + fill(b"0000000000000001\r\nx\r\n")),
    ("trailers", False, CHUNKED + b"0\r\n" + b"".join(b"t%d: " % n + b"x" * 90 + b"\r\n" for n in range(95))),
    ("no request at all", False, bytes(range(256)) * 40),
    ("a hello of a byte a record", True, records(HELLO, 1)),
    ("records without bytes", True, fill(b"\x16\x03\x01\x00\x00")),
    ("a hello that is announced long", True, b"\x16\x03\x01\x40\x00\x01\x00\x3f\xfc\x03\x03" + bytes(9_990)),
    ("a hello, then alerts", True, HELLO + fill(b"\x15\x03\x03\x00\x02\x01\x00")),
]
PLAIN = fill(head(b"GET / HTTP/1.1", b"User-Agent: " + b"x" * 430))  # what 10 KiB are made of as a rule
TIMES = 60


class Purse:
    """What so many connections with the same input cost, each: microseconds of the processor, kB of memory while they are there."""

    def __init__(self, front, port, data):
        pid, = front.workers()
        with contextlib.ExitStack() as stack:
            kb, us = memory_kb([pid]) + in_kernel(pid)[0], self.spent_us(pid)
            for _ in range(TIMES):
                connection = stack.enter_context(socket.create_connection(("127.0.0.1", port), 15))
                with contextlib.suppress(ConnectionError):
                    connection.sendall(data)
            last = -1
            while last != (last := self.spent_us(pid)):  # until there is nothing left to do
                time.sleep(0.1)
            self.us = (last - us) / TIMES
            self.kb = (memory_kb([pid]) + in_kernel(pid)[0] - kb) / TIMES

    @staticmethod
    def spent_us(pid):
        return int(pathlib.Path(f"/proc/{pid}/schedstat").read_text().split()[0]) // 1000


def test_h72_ten_kilobytes_cost_little(signet, origin):
    """Whatever they hold: not 1 MiB of memory for each connection, not a hundred times the processor that ordinary requests of that size
    take."""
    front = signet("""
workers 1
access_log off
timeout handshake=60s header=60s body=60s
pool app { server 127.0.0.1:{origin} }
listen 127.0.0.1:{port} {
    trusted_proxies 127.0.0.0/8
    host shop.example.test { proxy app }
}
listen 127.0.0.1:{tls_port} {
    host shop.example.test {
        certificate {certs}/shop.example.test.ecdsa.crt key={certs}/shop.example.test.ecdsa.key
        proxy app
    }
}
""", origin=origin(answering()).port, tls_port=free_port())
    pids = front.workers()
    Purse(front, front.port, PLAIN)  # the first time pays for what is kept
    plain = Purse(front, front.port, PLAIN)
    print(f"ordinary: {plain.us:.0f} us, {plain.kb:.0f} kB")
    for why, tls, data in DEAR:
        dear = Purse(front, front.values["tls_port"] if tls else front.port, data)
        print(f"{why}: {dear.us:.0f} us, {dear.us / plain.us:.1f} times as much; {dear.kb:.0f} kB")
        assert dear.us < 100 * plain.us and dear.kb < 1024, why
    assert front.workers() == pids
