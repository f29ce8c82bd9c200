# SPDX-License-Identifier: Apache-2.0
"""Request bodies that are too large, too slow, or stop: what the client is told, and that the origin never takes them for whole."""
import contextlib
import time

import pytest

from harness import curl, read_response, tls_client, wait_for

POST = "POST /up HTTP/1.1\r\nHost: shop.example.test\r\n"
CHUNKED = (POST + "Transfer-Encoding: chunked\r\n\r\n").encode()


class Swallowing:
    """A script for a raw origin that reads and answers nothing; with `answer` it says so much first."""

    def __init__(self, answer=b""):
        self.answer = answer

    def __call__(self, peer, origin):
        peer.read_head()
        peer.send(self.answer)


def assert_aborted(origin):
    """The one connection closed, and what came on it is no whole request."""
    wait_for("the end at the origin", lambda: origin.ends, 5)
    assert origin.connections == 1
    assert not bytes(origin.received[0]).endswith(b"0\r\n\r\n")


def other_requests_are_served(front, certs):
    assert curl(front.port, "/ping", certs=certs).stdout == b"pong\n"


PING = '\nroute = /ping { respond 200 "pong\\n" }'


# --- too large

def test_h50_an_announced_length_over_the_limit_is_413_at_once(fronted, origin, certs):
    dialed = origin(Swallowing())
    front = fronted(dialed.port, host="limit body=1k " + PING)
    with tls_client(front.port, certs) as connection:
        connection.sendall((POST + "Content-Length: 1025\r\n\r\n").encode())  # and no byte of the body
        assert read_response(connection).status == 413
    assert dialed.connections == 0
    assert front.record(status=413)["refused"] == "the body is larger than the limit"
    other_requests_are_served(front, certs)


def test_h50_413_needs_no_100_first(fronted, origin, certs):
    front = fronted(origin(Swallowing()).port, host="limit body=1k")
    with tls_client(front.port, certs) as connection:
        connection.sendall((POST + "Expect: 100-continue\r\nContent-Length: 1025\r\n\r\n").encode())
        answer = read_response(connection)
        assert answer.status == 413 and answer.fields["connection"] == "close"


def test_h50_a_chunked_body_over_the_limit_is_never_ended_cleanly(fronted, origin, certs):
    swallowing = origin(Swallowing())
    front = fronted(swallowing.port, host="limit body=1k " + PING)
    with tls_client(front.port, certs) as connection:
        connection.sendall(CHUNKED + b"400\r\n" + b"x" * 1024 + b"\r\n")
        wait_for("the limit's bytes at the origin", lambda: b"x" * 1024 in swallowing.received[0] if swallowing.received else False)
        assert not swallowing.ends  # the limit itself is allowed
        connection.sendall(b"1\r\ny\r\n0\r\n\r\n")
        assert read_response(connection).status == 413
    assert_aborted(swallowing)
    assert b"y" not in bytes(swallowing.received[0]).split(b"\r\n\r\n", 1)[1]
    front.record(status=413, tries=1)
    other_requests_are_served(front, certs)


def test_h50_over_the_limit_inside_an_answer_cuts_both(fronted, origin, certs):
    early = origin(Swallowing(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf"))
    front = fronted(early.port, host="limit body=1k")
    with tls_client(front.port, certs) as connection:
        connection.sendall(CHUNKED)
        assert connection.recv(1000).startswith(b"HTTP/1.1 200")
        connection.sendall(b"401\r\n" + b"x" * 1025 + b"\r\n")
        with contextlib.suppress(OSError):
            while connection.recv(1000):
                pass
    assert_aborted(early)
    record = front.record(status=200)
    assert (record["abort_phase"], record["abort_by"]) == ("stream", "client")
    assert record["refused"] == "the body is larger than the limit"


# --- stops

@pytest.mark.parametrize("method", ["POST", "PUT"])
@pytest.mark.parametrize("begun", [("Content-Length: 1000\r\n\r\n", b"half"), ("Transfer-Encoding: chunked\r\n\r\n", b"4\r\nhalf\r\n"),
                                   ("Transfer-Encoding: chunked\r\n\r\n", b"8\r\nhalf")], ids=["length", "between chunks", "inside a chunk"])
def test_h51_a_client_that_leaves_aborts_the_upstream(fronted, origin, certs, method, begun):
    swallowing = origin(Swallowing())
    front = fronted(swallowing.port, host=PING)
    head, part = begun
    with tls_client(front.port, certs) as connection:
        connection.sendall(f"{method} /up HTTP/1.1\r\nHost: shop.example.test\r\n{head}".encode() + part)
        wait_for("the part at the origin", lambda: b"half" in swallowing.received[0] if swallowing.received else False)
    record = front.record(status=499)
    assert (record["abort_phase"], record["abort_by"], record["tries"]) == ("body", "client", 1)
    assert_aborted(swallowing)  # on one connection: nothing was repeated
    other_requests_are_served(front, certs)


# --- too slow

def test_h64_silence_in_a_body_is_408(fronted, origin, certs):
    swallowing = origin(Swallowing())
    front = fronted(swallowing.port, host="timeout body=500ms " + PING)
    with tls_client(front.port, certs) as connection:
        connection.sendall(CHUNKED + b"4\r\nhalf\r\n")
        begin = time.monotonic()
        assert read_response(connection).status == 408
        assert 0.4 < time.monotonic() - begin < 3
    assert_aborted(swallowing)
    assert front.record(status=408)["refused"] == "the body did not arrive in time"
    other_requests_are_served(front, certs)


def trickle(connection, front, seconds):
    """A byte each 50 ms, as chunks, until the record is there or the connection is gone."""
    end = time.monotonic() + seconds
    with contextlib.suppress(OSError):
        while time.monotonic() < end and not front.records():
            connection.sendall(b"1\r\nx\r\n")
            time.sleep(0.05)


def test_h64_a_trickle_is_not_silence_but_too_slow(fronted, origin, certs):
    swallowing = origin(Swallowing())
    front = fronted(swallowing.port, top="limit min_rate=500\ntimeout body=1s", host=PING)
    with tls_client(front.port, certs) as connection:
        begin = time.monotonic()
        connection.sendall(CHUNKED)
        trickle(connection, front, 10)
        assert time.monotonic() - begin > 0.9
        assert read_response(connection).status == 408
    assert_aborted(swallowing)
    assert front.record(status=408)["refused"] == "the body came too slowly"
    other_requests_are_served(front, certs)


def test_h64_a_trickle_inside_an_answer_is_cut(fronted, origin, certs):
    early = origin(Swallowing(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf"))
    front = fronted(early.port, top="limit min_rate=500\ntimeout body=1s")
    with tls_client(front.port, certs) as connection:
        connection.sendall(CHUNKED)
        trickle(connection, front, 10)
    assert_aborted(early)
    record = front.record(status=200)
    assert (record["abort_phase"], record["abort_by"]) == ("body", "timeout")
    assert record["refused"] == "the body came too slowly"


def test_h64_a_body_that_is_fast_enough_may_take_long(fronted, origin, certs):
    def script(peer, origin):
        peer.read_head()
        while b"0\r\n\r\n" not in peer.log:
            peer.read_some()
        peer.answer(b"all of it")

    front = fronted(origin(script).port, top="limit min_rate=10\ntimeout body=1s")
    with tls_client(front.port, certs) as connection:
        connection.sendall(CHUNKED)
        for _ in range(12):
            connection.sendall(b"a\r\n0123456789\r\n")
            time.sleep(0.25)
        connection.sendall(b"0\r\n\r\n")
        assert read_response(connection).body == b"all of it"
    assert front.record(status=200)["abort_phase"] is None


def test_h64_no_minimum_rate_lets_a_trickle_pass(fronted, origin, certs):
    front = fronted(origin(Swallowing()).port, top="limit min_rate=0\ntimeout body=1s")
    with tls_client(front.port, certs) as connection:
        connection.sendall(CHUNKED)
        trickle(connection, front, 3)
        assert not front.records()


def test_h64_a_stalled_answer_is_noticed_while_the_body_trickles_on(fronted, origin, certs):
    early = origin(Swallowing(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf"))
    front = fronted(early.port, top="limit min_rate=0\ntimeout response=1s")
    with tls_client(front.port, certs) as connection:
        connection.sendall(CHUNKED)
        trickle(connection, front, 10)
    record = front.record(status=200)
    assert (record["abort_phase"], record["abort_by"]) == ("stream", "timeout")
