# SPDX-License-Identifier: Apache-2.0
"""What is cheap to send and dear to answer: handshakes by the hundred, input that asks for more than it gives."""
import contextlib
import socket
import time

import pytest

from gauges import Canary
from harness import client_hello, talk, tls_client, wait_for

GET = b"GET / HTTP/1.1\r\nHost: shop.example.test\r\n\r\n"
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
