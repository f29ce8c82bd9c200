# SPDX-License-Identifier: Apache-2.0
"""Access records: combined as nginx and Apache write it, JSON with every field, SIGUSR1."""
import json
import os
import re
import signal

from harness import NginxOrigin, answering, curl, talk, tls_client, wait_for

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
