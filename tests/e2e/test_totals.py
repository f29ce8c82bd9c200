# SPDX-License-Identifier: Apache-2.0
"""Every refusal is counted under its reason, on the client's side and on the server's, and the numbers outlive the worker that
counted: the master says them when it ends."""
import os
import re
import signal

from harness import tls_client, wait_for

GET = b"GET / HTTP/1.1\r\nHost: shop.example.test\r\n"


def two_lengths(peer, origin):
    """Answers every request with what is no answer, /good aside."""
    while True:
        if peer.read_head().startswith("GET /good "):
            peer.answer()
        else:
            peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 2\r\n\r\nok")


def ask(front, certs, request):
    with tls_client(front.port, certs) as connection:
        connection.sendall(request)
        data = b""
        while part := connection.recv(65536):
            data += part
    return data


def numbers(front, line):
    """{name: count} of the line that the master wrote at its end."""
    found = re.findall(rf" master: {line}:((?: [a-z0-9_]+=[0-9]+)+)\n", front.errors())
    assert len(found) == 1, front.errors()
    return {name: int(count) for name, count in (pair.split("=") for pair in found[0].split())}


def test_the_master_says_the_totals_at_its_end(fronted, origin, certs):
    front = fronted(origin(two_lengths).port)
    assert b" 200 " in ask(front, certs, GET.replace(b"/ ", b"/good ", 1) + b"Connection: close\r\n\r\n")
    for _ in range(2):
        assert b" 400 " in ask(front, certs, GET + b"Content-Length: 1\r\nContent-Length: 1\r\n\r\na")
    assert b" 400 " in ask(front, certs, GET[:-2] + b"\n\r\n")

    counted, = front.workers()
    os.kill(counted, signal.SIGKILL)
    wait_for("another worker", lambda: front.workers() not in ([], [counted]))

    assert b" 421 " in ask(front, certs, GET.replace(b"shop", b"nobody") + b"\r\n")
    refused = ask(front, certs, GET + b"Connection: close\r\n\r\n")
    assert b" 502 " in refused and b"the server's answer: Content-Length appears twice" in refused
    record = front.record(status=502)
    assert record["refused"] == "the server's answer: Content-Length appears twice"
    front.stop()

    totals = numbers(front, "totals")
    assert totals["requests"] == 6 and totals["connections_accepted"] >= 6
    assert totals["requests_refused"] == 4 and totals["answers_distrusted"] == 1
    assert numbers(front, "refused") == {"two_content_lengths": 2, "bare_lf": 1, "unknown_host": 1}
    assert numbers(front, "distrusted") == {"two_content_lengths": 1}


def test_what_was_never_counted_is_not_said(fronted, origin):
    front = fronted(origin(two_lengths).port)
    front.stop()
    assert not re.search(r" master: (refused|distrusted):", front.errors())
