# SPDX-License-Identifier: Apache-2.0
"""Access records: combined as nginx and Apache write it, JSON with every field, SIGUSR1."""
import contextlib
import json
import os
import re
import signal
import socket

import pytest

from harness import NginxOrigin, answering, client_hello, curl, talk, tls_client, wait_for

FIELDS = """time remote remote_port host method target protocol status bytes_in bytes_out referer user_agent request_id tls_version
cipher group sni resumed alpn route pool server tries reused queue_ms connect_ms wait_ms stream_ms total_ms abort_phase abort_by
abort_signal abort_ms""".split()


def test_json_has_every_field(fronted, node, certs):
    front = fronted(node.port)
    curl(front.port, "/echo?x=1", "-d", "hello", "-A", "agent/1", "-e", "https://from.test/", certs=certs)
    record = front.record()
    assert set(FIELDS) <= set(record)
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", record["time"])
    wanted = {"remote": "127.0.0.1", "peer": "127.0.0.1", "host": "shop.example.test", "method": "POST", "target": "/echo?x=1",
              "protocol": "HTTP/1.1", "status": 200, "bytes_in": 5, "referer": "https://from.test/", "user_agent": "agent/1",
              "route": "/", "pool": "app", "server": f"127.0.0.1:{node.port}", "tries": 1, "reused": False}
    assert {k: record[k] for k in wanted} == wanted
    assert record["abort_phase"] is None and record["bytes_out"] > 0 and record["remote_port"] > 0


def test_combined_is_what_nginx_writes(fronted, node, certs, cleanup, tmp_path):
    nginx = cleanup(NginxOrigin(tmp_path / "nginx", 'location / { return 200 "five!"; } location /none { return 204; }'))
    front = fronted(nginx.port, top=f"access_log {tmp_path}/combined.log format=combined")
    agents = ["curl/8", 'quo"te', "back\\slash", "high\u00e9", "tab\there"]
    for agent in agents:
        for path in ("/a?b=c", "/none"):
            for port, scheme in ((nginx.port, "http"), (front.port, "https")):
                curl(port, path, "-A", agent, "-e", "https://ref.test/", scheme=scheme, certs=certs)
    path = tmp_path / "combined.log"
    ours = wait_for("records", lambda: path.exists() and (l := path.read_bytes().decode("latin-1").splitlines()) and len(l) == 2 * len(agents) and l)
    theirs = [line for line in (tmp_path / "nginx/nginx.access.log").read_bytes().decode("latin-1").splitlines()]
    strip = lambda line: re.sub(r"\[[^]]*\]", "[]", line)
    direct, through = theirs[0::2], theirs[1::2]
    assert len(direct) == len(through) == len(ours)
    for mine, nginx_line in zip(ours, direct):
        assert re.match(r"127\.0\.0\.1 - - \[\d\d/[A-Z][a-z]{2}/\d{4}:\d\d:\d\d:\d\d [+-]\d{4}\] ", mine)
        # nginx escapes as \xHH and writes 0 bytes as 0, Apache escapes \" and \\ and writes "-": signet is Apache's.
        expected = strip(nginx_line).replace(" 204 0 ", " 204 - ").replace("\\x22", '\\"').replace("\\x5C", "\\\\").replace("\\x09", "\\t")
        expected = re.sub(r"\\x[0-9A-F]{2}", lambda m: m[0].lower(), expected)
        assert strip(mine) == expected


def test_one_request_is_one_line_whatever_it_holds(fronted, node, certs):
    front = fronted(node.port)
    with tls_client(front.port, certs) as connection:
        talk(connection, b"GET /x HTTP/1.1\r\nHost: shop.example.test\r\nUser-Agent: \xff\xfe\"\\\tend\r\nReferer: \xc3\xa9\r\n\r\n")
    record = front.record()
    assert "end" in record["user_agent"] and '"' in record["user_agent"]
    assert record["referer"] == "\u00e9"


# What a client may put into a line of a log, and where.
EVIL = b"\r\n2026-01-01 forged\x1b[2J\x07\x00\x7f\xff\xfe\xc3\x28\xed\xa0\x80\xf0\x9f\xc2\x9b\xe2\x80\xa8\"\\\\u000a"
PLACES = [
    ("the target", b"GET /%s HTTP/1.1\r\nHost: shop.example.test\r\n\r\n"),
    ("the method", b"GET%s / HTTP/1.1\r\nHost: shop.example.test\r\n\r\n"),
    ("the version", b"GET / HTTP/1.1%s\r\nHost: shop.example.test\r\n\r\n"),
    ("Host", b"GET / HTTP/1.1\r\nHost: shop.example.test%s\r\n\r\n"),
    ("another host", b"GET / HTTP/1.1\r\nHost: %s\r\n\r\n"),
    ("User-Agent", b"GET / HTTP/1.1\r\nHost: shop.example.test\r\nUser-Agent: %s\r\n\r\n"),
    ("Referer", b"GET / HTTP/1.1\r\nHost: shop.example.test\r\nReferer: %s\r\n\r\n"),
    ("a claim of the way here", b"GET / HTTP/1.1\r\nHost: shop.example.test\r\nX-Forwarded-For: %s\r\nX-Request-ID: %s\r\n\r\n"),
    ("a field's name", b"GET / HTTP/1.1\r\nHost: shop.example.test\r\n%s: x\r\n\r\n"),
    ("a length", b"GET / HTTP/1.1\r\nHost: shop.example.test\r\nContent-Length: %s\r\n\r\n"),
]


@pytest.mark.parametrize("form", ["json", "combined"])
def test_h83_nothing_that_is_logged_leaves_its_line(fronted, node, certs, tmp_path, form):
    """Each byte of it in each place, whether it is refused or not; and in the name that a client asks for in its handshake."""
    log = tmp_path / "access"
    front = fronted(node.port, top=f"access_log {log} format={form}", listen="trusted_proxies 127.0.0.1")
    pieces = [EVIL] + [bytes([b]) for b in (0, 10, 13, 27, 34, 255)] + [b"\xc2\x9b", b"\xe2\x80\xa8"]
    for _, request in PLACES:
        for piece in pieces:
            with tls_client(front.port, certs) as connection:
                connection.sendall(request.replace(b"%s", piece))
                connection.settimeout(0.02)
                with contextlib.suppress(OSError):
                    connection.recv(1 << 16)
    hello = client_hello("shop.example.test")
    for piece in pieces:
        name = (b"a" + piece)[:17].ljust(17, b"b")
        with socket.create_connection(("127.0.0.1", front.port)) as connection, contextlib.suppress(ConnectionResetError):
            connection.sendall(hello.replace(b"shop.example.test", name))
            connection.recv(1 << 16)
    assert talk(tls_client(front.port, certs), "GET /last HTTP/1.1\r\nHost: shop.example.test\r\n\r\n").status == 200
    wait_for("records", lambda: b"/last" in log.read_bytes())
    start = rb'\{"time":' if form == "json" else rb'127\.0\.0\.1 - - \[|[^ ]+ - - \['
    for text, shape in ((log.read_bytes(), start), (front.error_path.read_bytes(), rb"\d{4}-\d\d-\d\dT[\d:.]+Z (error|warn|info|debug) ")):
        assert text.endswith(b"\n") and len(text.splitlines()) > len(pieces)
        text.decode()  # UTF-8 throughout
        assert not re.search(rb"[\x00-\x09\x0b-\x1f\x7f]|\xc2[\x80-\x9f]|\xe2\x80[\xa8\xa9]", text)
        assert [line for line in text.split(b"\n")[:-1] if not re.match(shape, line)] == []
    if form == "json":
        assert all(json.loads(line) for line in log.read_text().split("\n")[:-1])


def test_usr1_reopens(fronted, origin, certs):
    front = fronted(origin(answering()).port)
    curl(front.port, "/one", certs=certs)
    front.record(target="/one")
    os.rename(front.access_path, front.folder / "access.old")
    os.rename(front.error_path, front.folder / "error.old")
    front.process.send_signal(signal.SIGUSR1)
    wait_for("new file", front.access_path.exists)
    wait_for("workers on the new file", lambda: curl(front.port, "/two", certs=certs).returncode == 0 and front.records(), 5)
    assert "/one" in (front.folder / "access.old").read_text()
    assert all(r["target"] == "/two" for r in front.records())


def test_stdout(fronted, origin, certs):
    front = fronted(origin(answering()).port, top="access_log stdout format=json")
    assert curl(front.port, "/out", certs=certs).stdout == b"ok"
    wait_for("record", lambda: '"target":"/out"' in front.said())
    assert json.loads([l for l in front.said().splitlines() if l.startswith("{")][0])["status"] == 200
