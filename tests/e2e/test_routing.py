# SPDX-License-Identifier: Apache-2.0
"""Host and path decide; `signet explain` says the same as serving does."""
import json
import socket

import pytest

from harness import curl, run_signet, talk

CONFIG = """
workers 1
pool app { server 127.0.0.1:{origin} id=app1 }
pool beta { server 127.0.0.1:{origin} id=beta1 }
listen 127.0.0.1:{port} {
    host shop.example.test {
        certificate {certs}/shop.example.test.ecdsa.crt key={certs}/shop.example.test.ecdsa.key
        route /v1/ { proxy app; strip_prefix /v1 }
        route /v1/beta { proxy beta }
        route = /ping { respond 200 "pong\\n" }
        route = /gone { respond 410 "" }
        route /old/ { redirect https://new.example.test code=308 }
        route /moved { redirect https://new.example.test/here }
        route /edit { proxy app; set_header X-Env beta; unset_header X-Debug }
        route / { proxy app }
    }
    host *.api.example.test {
        certificate {certs}/_wildcard.api.example.test.ecdsa.crt key={certs}/_wildcard.api.example.test.ecdsa.key
        route /only { proxy app }
    }
}
listen 127.0.0.1:{plain} { redirect https port={port} }
"""


@pytest.fixture
def front(signet, node):
    from harness import free_port
    return signet(CONFIG, origin=node.port, plain=free_port())


# path, route, pool (None: signet answers), what the origin sees
PROXIED = [
    ("/", "/", "app", "/"),
    ("/x?y=1", "/", "app", "/x?y=1"),
    ("/v1/users?id=7", "/v1/", "app", "/users?id=7"),
    ("/v1/", "/v1/", "app", "/"),
    ("/v1", "/", "app", "/v1"),
    ("/v1x", "/", "app", "/v1x"),
    ("/v1/beta", "/v1/beta", "beta", "/v1/beta"),
    ("/v1/beta/2", "/v1/beta", "beta", "/v1/beta/2"),
    ("/v1/betamax", "/v1/", "app", "/betamax"),
    ("/a/../v1/users", "/v1/", "app", "/users"),
    ("/v1/%2e%2e/ping2", "/", "app", "/ping2"),
    ("/%76%31/users", "/", "app", "/%76%31/users"),
    ("/ping/", "/", "app", "/ping/"),
]


@pytest.mark.parametrize("path, route, pool, seen", PROXIED)
def test_proxied(front, certs, path, route, pool, seen):
    done = curl(front.port, path, "--path-as-is", certs=certs)
    assert json.loads(done.stdout)["url"] == seen
    record = front.record(status=200)
    assert (record["route"], record["pool"], record["server"]) == (route, pool, pool + "1")
    told = json.loads(run_signet("explain", "-c", front.config_path, "--json", f"https://shop.example.test:{front.port}{path}").stdout)
    assert (told["route"], told["pool"], told["server"]) == (route, pool, pool + "1")


@pytest.mark.parametrize("path, status, location, body", [
    ("/ping", 200, None, b"pong\n"),
    ("/gone", 410, None, b""),
    ("/old/a?b=c", 308, "https://new.example.test/old/a?b=c", None),
    ("/moved/x", None, "https://new.example.test/here", None),
])
def test_answered_here(front, certs, tmp_path, path, status, location, body):
    done = curl(front.port, path, "-D", tmp_path / "head", certs=certs)
    head = (tmp_path / "head").read_text()
    if status:
        assert f" {status} " in head.splitlines()[0] + " "
    else:
        assert head.splitlines()[0].split()[1] in ("301", "302", "308")
    if location:
        assert f"location: {location}\r\n".lower() in head.lower().replace("\n", "\r\n").replace("\r\r", "\r")
    if body is not None:
        assert done.stdout == body
    assert front.record(host="shop.example.test")["pool"] in (None, "")


def test_headers_are_set_and_unset(front, certs):
    seen = json.loads(curl(front.port, "/edit", "-H", "X-Debug: 1", "-H", "X-Env: client", certs=certs).stdout)
    pairs = dict(zip([n.lower() for n in seen["headers"][::2]], seen["headers"][1::2]))
    assert pairs["x-env"] == "beta" and "x-debug" not in pairs
    assert [n.lower() for n in seen["headers"][::2]].count("x-env") == 1


def test_404_when_no_route(front, certs):
    done = curl(front.port, "/other", "-o", "/dev/null", "-w", "%{http_code}", host="v1.api.example.test", certs=certs)
    assert done.stdout == b"404"


def test_a_redirect_needs_a_host(front):
    with socket.create_connection(("127.0.0.1", front.values["plain"]), 10) as connection:
        answer = talk(connection, "GET /nowhere HTTP/1.0\r\n\r\n")
    assert answer.status == 400 and answer.fields["connection"] == "close"
    assert front.record(target="/nowhere")["refused"] == "a redirect needs a Host"


def test_plain_listener_redirects(front):
    done = curl(front.values["plain"], "/a/b?c", "-i", scheme="http")
    assert f"https://shop.example.test:{front.port}/a/b?c".encode() in done.stdout
    assert b" 308 " in done.stdout or b" 301 " in done.stdout


def test_underscores(signet, node, certs):
    text = CONFIG.replace("{ host shop", "{ host shop")
    for how, wanted in (("drop", 200), ("reject", 400), ("pass", 200)):
        from harness import free_port
        front = signet(text.replace("listen 127.0.0.1:{port} {", "listen 127.0.0.1:{port} {\n header_underscore " + how),
                       origin=node.port, plain=free_port())
        done = curl(front.port, "/", "-H", "X_Name: 1", "-w", "%{http_code}", certs=certs)
        assert done.stdout.endswith(str(wanted).encode())
        assert (b"X_Name" in done.stdout) == (how == "pass")
