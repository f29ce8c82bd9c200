# SPDX-License-Identifier: Apache-2.0
"""What is no request gets its refusal, reaches no origin, leaves one record with the reason, and costs nobody else anything."""
import contextlib

import pytest

from harness import RawOrigin, answering, curl, tls_client, wait_for

HOST = b"Host: shop.example.test\r\n"
# why, bytes, status
ROWS = [
    ("no version", b"GET /\r\n\r\n", 400),
    ("bare LF", b"GET / HTTP/1.1\nHost: shop.example.test\n\n", 400),
    ("version 1.2", b"GET / HTTP/1.2\r\n" + HOST + b"\r\n", 505),
    ("two spaces", b"GET  / HTTP/1.1\r\n" + HOST + b"\r\n", 400),
    ("method is no token", b"G(T / HTTP/1.1\r\n" + HOST + b"\r\n", 400),
    ("CONNECT", b"CONNECT shop.example.test:443 HTTP/1.1\r\n" + HOST + b"\r\n", 405),
    ("TRACE", b"TRACE / HTTP/1.1\r\n" + HOST + b"\r\n", 405),
    ("HTTP/2 preface", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", None),
    ("no leading slash", b"GET x HTTP/1.1\r\n" + HOST + b"\r\n", 400),
    ("fragment", b"GET /#a HTTP/1.1\r\n" + HOST + b"\r\n", 400),
    ("climbs above the root", b"GET /a/../../etc/passwd HTTP/1.1\r\n" + HOST + b"\r\n", 400),
    ("encoded NUL", b"GET /%00 HTTP/1.1\r\n" + HOST + b"\r\n", 400),
    ("no Host", b"GET / HTTP/1.1\r\n\r\n", 400),
    ("two Hosts", b"GET / HTTP/1.1\r\n" + HOST + HOST + b"\r\n", 400),
    ("space before the colon", b"GET / HTTP/1.1\r\n" + HOST + b"X : 1\r\n\r\n", 400),
    ("obs-fold", b"GET / HTTP/1.1\r\n" + HOST + b"X: 1\r\n 2\r\n\r\n", 400),
    ("NUL in a value", b"GET / HTTP/1.1\r\n" + HOST + b"X: a\0b\r\n\r\n", 400),
    ("length and chunked", b"POST / HTTP/1.1\r\n" + HOST + b"Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400),
    ("two lengths", b"POST / HTTP/1.1\r\n" + HOST + b"Content-Length: 3\r\nContent-Length: 3\r\n\r\nabc", 400),
    ("signed length", b"POST / HTTP/1.1\r\n" + HOST + b"Content-Length: +3\r\n\r\nabc", 400),
    ("coding is not chunked", b"POST / HTTP/1.1\r\n" + HOST + b"Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n", 400),
    ("unknown coding", b"POST / HTTP/1.1\r\n" + HOST + b"Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", 501),
    ("chunked in 1.0", b"POST / HTTP/1.0\r\n" + HOST + b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400),
    ("Connection names Host", b"GET / HTTP/1.1\r\n" + HOST + b"Connection: close, Host\r\n\r\n", 400),
    ("Expect something", b"GET / HTTP/1.1\r\n" + HOST + b"Expect: miracles\r\n\r\n", 417),
    ("long target", b"GET /" + b"a" * 9000 + b" HTTP/1.1\r\n" + HOST + b"\r\n", 414),
    ("too much", b"GET / HTTP/1.1\r\n" + HOST + b"X: " + b"a" * 40000 + b"\r\n\r\n", 431),
    ("too many", b"GET / HTTP/1.1\r\n" + HOST + b"X: 1\r\n" * 101 + b"\r\n", 431),
]


@pytest.fixture(scope="module")
def front(tmp_path_factory, certs):
    import harness
    source = RawOrigin(answering())
    instance = harness.Signet(tmp_path_factory.mktemp("refusals"), """
workers 1
pool app { server 127.0.0.1:{origin} }
listen 127.0.0.1:{port} {
    host shop.example.test {
        certificate {certs}/shop.example.test.ecdsa.crt key={certs}/shop.example.test.ecdsa.key
        proxy app
    }
}
""", certs=certs, origin=source.port, port=harness.free_port())
    instance.port = instance.values["port"]
    instance.start().source = source
    yield instance
    instance.stop()
    source.close()


CASES = [(row, split) for row in ROWS for split in ("whole", "bytes")
         if split == "whole" or len(row[1]) < 2000]  # one record a byte takes long; the codec's own tests split the long ones


def send(connection, parts):
    """Everything that comes back until the end."""
    with contextlib.suppress(OSError):  # the answer may be out before all is sent
        for part in parts:
            connection.sendall(part)
    data = b""
    while part := connection.recv(65536):
        data += part
    return data


@pytest.fixture(scope="module")
def outcomes(front, certs):
    """Each case, one after another on the one worker: (what came back, bytes that reached the origin, its record)."""
    answers = []
    for (why, request_bytes, status), split in CASES:
        seen = sum(map(len, front.source.received))
        with tls_client(front.port, certs) as connection:
            size = len(request_bytes) if split == "whole" else 1
            data = send(connection, [request_bytes[i:i + size] for i in range(0, len(request_bytes), size)])
        answers.append((data, sum(map(len, front.source.received)) - seen))
    wait_for("records", lambda: len(front.records()) >= len(CASES), 5)
    records = front.records()
    assert len(records) == len(CASES)  # one each, in order
    return {(case[0][0], case[1]): (*answer, record) for case, answer, record in zip(CASES, answers, records)}


@pytest.mark.parametrize("row, split", CASES, ids=[f"{row[0]}-{split}" for row, split in CASES])
def test_refused(outcomes, row, split):
    why, _, status = row
    data, reached, record = outcomes[why, split]
    allowed = (status,) if status else (400, 505)
    assert data.startswith(tuple(b"HTTP/1.1 %d " % s for s in allowed)), data
    assert b"\r\nconnection: close\r\n" in data.lower()
    assert data.count(b"\r\nProxy-Status: ") == 1
    assert reached == 0
    assert record["refused"] and record["status"] in allowed


def test_the_good_before_the_bad_are_answered(front, certs):
    with tls_client(front.port, certs) as connection:
        connection.sendall((b"GET / HTTP/1.1\r\n" + HOST + b"\r\n") * 5 + b"GET / HTTP/1.1\r\nHost : x\r\n\r\n" + b"GET /later HTTP/1.1\r\n" + HOST + b"\r\n")
        data = b""
        while part := connection.recv(65536):
            data += part
    assert data.count(b"HTTP/1.1 200 ") == 5 and data.count(b"HTTP/1.1 400 ") == 1
    assert not any(b"/later" in bytes(received) for received in front.source.received)


def test_others_are_served_meanwhile(front, certs):
    assert curl(front.port, certs=certs).stdout == b"ok"
