# SPDX-License-Identifier: Apache-2.0
"""What a client gets through signet is what the origin gives: curl in front, Node and nginx behind."""
import json
import os

import pytest

from harness import NginxOrigin, curl, read_response, sha256, talk, tls_client


@pytest.fixture
def front(fronted, node):
    return fronted(node.port)


def echo(done):
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def header(seen, name):
    """Values of a request header as the origin saw them."""
    names, values = seen["headers"][::2], seen["headers"][1::2]
    return [v for n, v in zip(names, values) if n.lower() == name.lower()]


def test_get_reaches_the_origin_rewritten(front, certs):
    seen = echo(curl(front.port, "/echo?a=1&b=%20", certs=certs))
    assert (seen["method"], seen["url"], seen["version"]) == ("GET", "/echo?a=1&b=%20", "1.1")
    assert header(seen, "host") == [f"shop.example.test:{front.port}"]
    assert header(seen, "x-forwarded-for") == ["127.0.0.1"]
    assert header(seen, "x-forwarded-proto") == ["https"]
    assert header(seen, "x-forwarded-host") == [f"shop.example.test:{front.port}"]
    assert header(seen, "forwarded") and "proto=https" in header(seen, "forwarded")[0]
    assert header(seen, "via") == ["1.1 signet"]
    assert len(header(seen, "x-request-id")) == 1
    record = front.record(method="GET")
    assert record["status"] == 200 and record["pool"] == "app" and record["tries"] == 1
    assert record["request_id"] == header(seen, "x-request-id")[0]


def test_spoofed_fields_are_replaced(front, certs):
    spoofed = ["X-Forwarded-For: 6.6.6.6", "X-Forwarded-Proto: gopher", "X-Forwarded-Host: evil", "Forwarded: for=6.6.6.6",
               "X-Real-IP: 6.6.6.6", "X-Request-ID: mine", "Proxy: http://evil", "TE: gzip", "Keep-Alive: timeout=5",
               "Connection: X-Secret", "X-Secret: 1", "Proxy-Connection: keep-alive"]
    seen = echo(curl(front.port, "/echo", *[x for s in spoofed for x in ("-H", s)], certs=certs))
    text = json.dumps(seen["headers"])
    assert "6.6.6.6" not in text and "evil" not in text and "gopher" not in text and "mine" not in text
    for name in ("proxy", "te", "keep-alive", "x-secret", "proxy-connection"):
        assert header(seen, name) == [], name


def test_trusted_proxies_are_believed(fronted, node, certs):
    front = fronted(node.port, listen="trusted_proxies 127.0.0.0/8 10.0.0.0/8")
    seen = echo(curl(front.port, "/echo", "-H", "X-Forwarded-For: 6.6.6.6, 192.0.2.7, 10.1.1.1", "-H", "X-Request-ID: kept-1",
                     certs=certs))
    assert header(seen, "x-request-id") == ["kept-1"]
    assert header(seen, "x-forwarded-for") == ["6.6.6.6, 192.0.2.7, 10.1.1.1, 127.0.0.1"]
    record = front.record(request_id="kept-1")
    assert record["remote"] == "192.0.2.7" and record["peer"] == "127.0.0.1"


@pytest.mark.parametrize("size", [0, 1, 65536, 3_000_000])
@pytest.mark.parametrize("how", ["length", "chunked"])
def test_upload(front, certs, tmp_path, size, how):
    body = os.urandom(size)
    (tmp_path / "body").write_bytes(body)
    extra = ["-H", "Transfer-Encoding: chunked"] if how == "chunked" else []
    seen = echo(curl(front.port, "/echo", "--data-binary", f"@{tmp_path}/body", *extra, certs=certs))
    assert (seen["length"], seen["sha256"]) == (size, sha256(body))
    assert header(seen, "transfer-encoding") == (["chunked"] if how == "chunked" else [])


@pytest.mark.parametrize("size", [0, 1, 16384, 16385, 5_000_000])
@pytest.mark.parametrize("how", ["bytes", "chunked"])
@pytest.mark.parametrize("version", ["--http1.1", "--http1.0"])
def test_download(front, certs, size, how, version):
    done = curl(front.port, f"/{how}/{size}", version, certs=certs)
    assert done.returncode == 0, done.stderr
    assert len(done.stdout) == size
    assert sha256(done.stdout) == sha256((b"signet" * 10923)[:65536] * (size // 65536) + (b"signet" * 10923)[:size % 65536])


def test_upload_of_100_mb_and_expect(front, certs, tmp_path):
    body = os.urandom(1 << 20) * 100
    (tmp_path / "body").write_bytes(body)
    front_limit = curl(front.port, "/echo", "--data-binary", f"@{tmp_path}/body", certs=certs)
    assert b"413" in front_limit.stdout or front_limit.returncode != 0  # the default limit is 10m
    record = front.record(status=413)
    assert record["refused"]


def test_upload_of_100_mb(fronted, node, certs, tmp_path):
    front = fronted(node.port, host="limit body=200m")
    body = os.urandom(1 << 20) * 100
    (tmp_path / "body").write_bytes(body)
    for extra in (["-H", "Expect: 100-continue"], ["-H", "Expect:"], ["-H", "Transfer-Encoding: chunked"]):
        seen = echo(curl(front.port, "/echo", "--data-binary", f"@{tmp_path}/body", *extra, certs=certs))
        assert (seen["length"], seen["sha256"]) == (len(body), sha256(body)), extra


def test_head_has_length_and_no_body(front, certs):
    with tls_client(front.port, certs) as connection:
        for _ in range(2):  # the connection stays in step
            answer = talk(connection, "HEAD /bytes/5000 HTTP/1.1\r\nHost: shop.example.test\r\n\r\n", "HEAD")
            assert (answer.status, answer.fields["content-length"], answer.rest) == (200, "5000", b"")
        answer = talk(connection, "GET /bytes/10 HTTP/1.1\r\nHost: shop.example.test\r\n\r\n")
        assert answer.body == b"signetsign"


@pytest.mark.parametrize("status", [204, 304])
def test_answers_without_body_keep_the_connection(front, certs, status):
    with tls_client(front.port, certs) as connection:
        for _ in range(3):
            answer = talk(connection, f"GET /status/{status} HTTP/1.1\r\nHost: shop.example.test\r\n\r\n")
            assert (answer.status, answer.body, answer.rest) == (status, b"", b"")


@pytest.mark.parametrize("status", [200, 201, 301, 404, 418, 500, 503])
def test_status_is_passed_on(front, certs, status):
    done = curl(front.port, f"/status/{status}", "-o", "/dev/null", "-w", "%{http_code}", certs=certs)
    assert done.stdout == str(status).encode()
    assert front.record(status=status)["status"] == status


def test_pipelined_requests_are_answered_in_order(front, certs):
    with tls_client(front.port, certs) as connection:
        connection.sendall(b"".join(b"GET /bytes/%d HTTP/1.1\r\nHost: shop.example.test\r\n\r\n" % n for n in range(1, 51)))
        rest = b""
        for n in range(1, 51):
            answer = read_response(connection, rest)
            assert (answer.status, len(answer.body)) == (200, n)
            rest = answer.rest


def test_100_continue_comes_from_the_origin(front, certs):
    with tls_client(front.port, certs) as connection:
        connection.sendall(b"POST /echo HTTP/1.1\r\nHost: shop.example.test\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n")
        interim = read_response(connection)
        assert interim.status == 100
        connection.sendall(b"hello")
        answer = read_response(connection, interim.rest)
        assert (answer.status, json.loads(answer.body)["length"]) == (200, 5)


def test_final_answer_in_place_of_100(front, certs):
    with tls_client(front.port, certs) as connection:
        connection.sendall(b"POST /early HTTP/1.1\r\nHost: shop.example.test\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n")
        answer = read_response(connection)
        assert (answer.status, answer.body) in ((403, b"no\n"), (100, b""))


def test_early_hints_are_passed_on_but_not_to_1_0(front, certs):
    with tls_client(front.port, certs) as connection:
        answer = talk(connection, "GET /hints HTTP/1.1\r\nHost: shop.example.test\r\n\r\n")
        assert answer.status == 103 and "style.css" in answer.fields["link"]
        assert read_response(connection, answer.rest).body == b"hinted\n"
    with tls_client(front.port, certs) as connection:
        answer = talk(connection, "GET /hints HTTP/1.0\r\nHost: shop.example.test\r\n\r\n")
        assert (answer.status, answer.body) == (200, b"hinted\n")


@pytest.mark.parametrize("te, wanted", [("TE: trailers\r\n", True), ("", False)])
def test_trailers_go_to_those_who_asked(front, certs, te, wanted):
    with tls_client(front.port, certs) as connection:
        connection.sendall(f"GET /trailers HTTP/1.1\r\nHost: shop.example.test\r\n{te}Connection: {'TE' if te else 'close'}, close\r\n\r\n".encode())
        data = b""
        while part := connection.recv(65536):
            data += part
        assert (b"abc" in data) == wanted
        assert data.endswith(b"\r\n\r\n") and b"\r\n0\r\n" in data


def test_keep_alive_and_close(front, certs):
    with tls_client(front.port, certs) as connection:
        for _ in range(5):
            assert talk(connection, "GET /bytes/3 HTTP/1.1\r\nHost: shop.example.test\r\n\r\n").body == b"sig"
        answer = talk(connection, "GET /bytes/3 HTTP/1.1\r\nHost: shop.example.test\r\nConnection: close\r\n\r\n")
        assert answer.fields["connection"] == "close"
        assert connection.recv(10) == b""
    with tls_client(front.port, certs) as connection:
        answer = talk(connection, "GET /bytes/3 HTTP/1.0\r\nHost: shop.example.test\r\nConnection: keep-alive\r\n\r\n")
        assert answer.fields["connection"].lower() == "keep-alive"
        assert talk(connection, "GET /bytes/3 HTTP/1.0\r\nHost: shop.example.test\r\n\r\n").body == b"sig"
        assert connection.recv(10) == b""


def test_ranges_of_a_file_behind_nginx(fronted, certs, cleanup, tmp_path):
    origin = cleanup(NginxOrigin(tmp_path / "nginx"))
    (origin.root / "file").write_bytes(bytes(range(256)) * 1000)
    front = fronted(origin.port)
    done = curl(front.port, "/file", "-r", "1000-1999", "-D", tmp_path / "head", certs=certs)
    assert done.stdout == (bytes(range(256)) * 1000)[1000:2000]
    assert " 206 " in (tmp_path / "head").read_text()
    direct = curl(origin.port, "/file", "-I", scheme="http")
    through = curl(front.port, "/file", "-I", certs=certs)
    fields = lambda done: {line.split(b":")[0].lower() for line in done.stdout.splitlines()[1:] if line}
    assert fields(direct) - {b"connection"} == fields(through) - {b"connection"}


def test_error_answers_are_text_or_json(front, certs):
    text = curl(front.port, "/", "-i", host="unknown.example.test", certs=None)
    assert text.returncode != 0  # the handshake is refused: unrecognized_name
    with tls_client(front.port, certs) as connection:
        answer = talk(connection, "GET /<script> HTTP/1.1\r\nHost: other.example.test\r\n\r\n")
        assert answer.status == 421 and answer.fields["content-type"].startswith("text/plain")
        assert b"script" not in answer.body and "signet" in answer.fields["proxy-status"]
        assert answer.fields["connection"] == "close"
    with tls_client(front.port, certs) as connection:  # a new one: a refusal ends its connection
        answer = talk(connection, "GET / HTTP/1.1\r\nHost: other.example.test\r\nAccept: application/json\r\n\r\n")
        assert answer.status == 421 and json.loads(answer.body)["status"] == 421
