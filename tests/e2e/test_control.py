# SPDX-License-Identifier: Apache-2.0
"""The control socket: what it answers, who may ask, what a caller that hangs, floods or babbles costs; and the commands on it."""
import contextlib
import json
import os
import platform
import re
import signal
import socket
import stat
import struct
import subprocess
import threading
import time

import pytest

import harness
import inject

PLAIN = """
workers 2
pool app { balance ring key=uri vnodes=100; server 127.0.0.1:{origin} id=a; server 127.0.0.1:{origin} id=b weight=3; {more} }
listen 127.0.0.1:{port} { host a.test { route = /ping { respond 200 "pong\\n" }; proxy app } }
{top}
"""


@pytest.fixture
def plain(signet, origin):
    """plain() is a signet without TLS, two workers, one origin behind two servers of a pool."""
    def start(script=None, top="", more="", **kwargs):
        at = origin(script or harness.answering())
        return signet(PLAIN, origin=at.port, top=top, more=more, **kwargs)
    return start


def connect(instance):
    s = socket.socket(socket.AF_UNIX)
    s.settimeout(harness.DEADLINE)
    s.connect(str(instance.control_path))
    return s


def ask_a_test(port, path="/"):
    with socket.create_connection(("127.0.0.1", port), harness.DEADLINE) as s:
        return harness.talk(s, f"GET {path} HTTP/1.1\r\nHost: a.test\r\n\r\n")


# --- what it answers

def test_status_tells_what_runs(signet, certs, node):
    s = signet("""
workers 2
pool app { server 127.0.0.1:{origin} }
pool spare { balance ketama key=client; server nowhere.invalid:80 backup; server 127.0.0.1:{origin} }
listen 127.0.0.1:{port} {
    host shop.example.test {
        certificate {certs}/shop.example.test.rsa.crt key={certs}/shop.example.test.rsa.key
        certificate {certs}/shop.example.test.ecdsa.crt key={certs}/shop.example.test.ecdsa.key
        route /spare/ { proxy spare }
        proxy app
    }
}
""", origin=node.port)
    for _ in range(3):
        assert harness.curl(s.port, "/", certs=certs).returncode == 0
    with harness.tls_client(s.port, certs) as client:
        assert harness.talk(client, "GET / HTTP/1.1\r\nHost: shop.example.test\r\n\r\n").status == 200
        assert harness.talk(client, "GET / HTTP/1.1\r\nHost: nobody.test\r\n\r\n").status == 421
        status = s.ctl("/v1/status").json
    assert status["pid"] == s.process.pid and status["generation"] == 1 and status["reload"] is None
    assert status["config"] == str(s.config_path) and status["draining"] is False
    assert status["uptime_ms"] < 60000 and re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", status["started"])
    assert status["listeners"] == [{"address": f"127.0.0.1:{s.port}", "tls": True}]
    assert status["descriptors"]["limit"] >= 200 and status["descriptors"]["needed"] > 10000
    assert [w["number"] for w in status["workers"]] == [0, 1]
    assert sorted(w["pid"] for w in status["workers"]) == sorted(s.workers())
    assert {w["state"] for w in status["workers"]} == {"ready"} and {w["falls"] for w in status["workers"]} == {0}
    assert all(w["silent_ms"] < 5000 for w in status["workers"])
    assert status["counters"]["requests"] == 5 and status["counters"]["tls_handshakes"] == 4
    assert status["refused"] == {"unknown_host": 1} and status["distrusted"] == {}
    assert [(p["name"], p["balance"], p["key"], p["servers"]) for p in status["pools"]] == [
        ("app", "ring", "uri", 1), ("spare", "ketama", "client", 2)]
    assert sorted(c["key_type"] for c in status["certificates"]) == ["ECDSA P-256", "RSA 2048"]
    assert {c["host"] for c in status["certificates"]} == {"shop.example.test"}
    assert all(c["days_left"] > 0 for c in status["certificates"])
    assert sorted(c["file"] for c in status["certificates"]) == [str(certs / f"shop.example.test.{k}.crt") for k in ("ecdsa", "rsa")]

    text = s.command("status")
    assert text.returncode == 0 and text.stderr == ""
    assert f"pid {s.process.pid}, up " in text.stdout and f"https://127.0.0.1:{s.port}" in text.stdout
    assert status["pools"][0]["fingerprint"] in text.stdout and "1 passed over" in text.stdout
    assert re.search(r"^  host shop\.example\.test +RSA 2048 +until \d{4}-\d\d-\d\d +\d+ days left +/\S+\.rsa\.crt$", text.stdout, re.M)
    assert re.search(r"^  refused: unknown_host +1$", text.stdout, re.M)
    assert not re.search(r" $", text.stdout, re.M)
    as_json = json.loads(s.command("status", "--json").stdout)
    assert as_json.keys() == status.keys()


def test_connections_and_requests_are_counted_while_they_last(plain):
    release = threading.Event()

    def script(peer, origin):
        peer.read_head()
        release.wait(harness.DEADLINE)
        peer.answer()

    s = plain(script)

    def load():
        workers = s.ctl("/v1/status").json["workers"]
        return sum(w["connections"] for w in workers), sum(w["in_flight"] for w in workers)

    assert load() == (0, 0)
    with socket.create_connection(("127.0.0.1", s.port)) as waits, socket.create_connection(("127.0.0.1", s.port)) as idle:
        waits.sendall(b"GET / HTTP/1.1\r\nHost: a.test\r\n\r\n")
        idle.sendall(b"GET /ping HTTP/1.1\r\nHost: a.test\r\n\r\n")
        assert harness.read_response(idle).status == 200
        harness.wait_for("both at work", lambda: load() == (2, 1))
        release.set()
        assert harness.read_response(waits).status == 200
        assert load() == (2, 0)
    harness.wait_for("nobody left", lambda: load() == (0, 0))


def test_pools_tell_shares_and_who_is_passed_over(plain):
    s = plain(more="server nowhere.invalid:80 backup")
    pool, = s.ctl("/v1/pools").json["pools"]
    assert (pool["name"], pool["balance"], pool["key"]) == ("app", "ring", "uri")
    assert pool["fingerprint"] == s.ctl("/v1/status").json["pools"][0]["fingerprint"]
    a, b, spare = pool["servers"]
    assert (a["id"], a["weight"], a["backup"], a["skipped"]) == ("a", 1, False, None)
    assert (b["id"], b["weight"]) == ("b", 3)
    assert (spare["id"], spare["backup"], spare["share"]) == ("nowhere.invalid:80", True, 0)
    assert spare["skipped"].startswith("unresolved")
    assert abs(a["share"] + b["share"] - 1) < 1e-8 and 0.6 < b["share"] < 0.9


def test_explain_says_what_the_file_says(plain):
    s = plain(more="server 127.0.0.1:1 id=c")
    urls = [f"http://a.test:{s.port}/{i}?x={i}+y&z=%20" for i in range(5)] + [f"http://b.test:{s.port}/", "http://a.test:1/"]
    here = harness.run_signet("explain", "-c", s.config_path, "--json", "-H", "X-A: b & c", *urls)
    live = s.command("explain", "--live", "--json", "-H", "X-A: b & c", *urls)
    assert live.stdout == here.stdout and len(here.stdout.splitlines()) == len(urls)
    assert s.command("explain", "--live", urls[0]).stdout == harness.run_signet("explain", "-c", s.config_path, urls[0]).stdout
    # what runs counts, not what the file says by now
    s.config_path.write_text(s.config_path.read_text().replace("id=c", "id=d"))
    assert s.command("explain", "--live", "--json", *urls).stdout == here.stdout
    bad = s.command("explain", "--live", "--json", "nothing://")
    assert bad.returncode == 2 and "is no URL to ask for" in bad.stderr and json.loads(bad.stdout)["server"] is None


def test_config_is_the_text_that_serves_without_its_keys(signet, certs, node, tmp_path):
    (tmp_path / "pool.conf").write_text("pool app { server 127.0.0.1:%d } # caf\u00e9\n" % node.port)
    (tmp_path / "empty.conf").write_text("")
    s = signet("""
include {more}/*.conf
listen 127.0.0.1:{port} {
    host shop.example.test { certificate {certs}/shop.example.test.rsa.crt key={certs}/shop.example.test.rsa.key; proxy app }
}
""", more=tmp_path)
    text = s.config_path.read_text()
    s.config_path.write_text("another\n")
    shown = s.ctl("/v1/config").json
    assert (shown["path"], shown["generation"]) == (str(s.config_path), 1)
    files = {f["path"]: f["text"] for f in shown["files"]}
    assert files == {str(s.config_path): text, str(tmp_path / "empty.conf"): "",
                     str(tmp_path / "pool.conf"): (tmp_path / "pool.conf").read_text()}
    assert "PRIVATE" not in json.dumps(shown)


REFUSED = [
    # why, method, path, status, words
    ("no such path", "GET", "/", 404, "no such path"),
    ("a path below one", "GET", "/v1/status/x", 404, "no such path"),
    ("reading changes nothing", "GET", "/v1/stop", 405, "the method here is POST"),
    ("writing where there is nothing to write", "POST", "/v1/status", 405, "the method here is GET, HEAD"),
    ("a method that nobody knows", "BREW", "/v1/pools", 405, "the method here is GET, HEAD"),
    ("known, and not built", "GET", "/metrics", 501, "not supported by this version"),
    ("the state of a server", "POST", "/v1/pools/app/servers/a", 501, "not supported by this version"),
    ("upgrade", "POST", "/v1/upgrade", 501, "not supported by this version"),
    ("no parameter is ignored", "GET", "/v1/status?verbose=1", 400, "it takes no parameters"),
    ("an unknown parameter", "POST", "/v1/stop?later=1", 400, "its one parameter is now=1"),
    ("a value that means nothing", "POST", "/v1/stop?now=0", 400, "its one parameter is now=1"),
    ("no url", "GET", "/v1/explain", 400, "url is missing"),
    ("two", "GET", "/v1/explain?url=a&url=b", 400, "one url at a time"),
    ("no url at all", "GET", "/v1/explain?url=a", 400, "a URL begins with https:// or http://"),
    ("broken encoding", "GET", "/v1/explain?url=%zz", 400, "a percent sign stands without two digits"),
    ("no header field", "GET", "/v1/explain?url=http://a.test/&header=x", 400, "no header field"),
    ("no address", "GET", "/v1/explain?url=http://a.test/&client=x", 400, "client is no IP address"),
]


@pytest.mark.parametrize("text", [False, True], ids=["json", "text"])
def test_what_it_cannot_do_is_said(plain, text):
    s = plain()
    for why, method, path, status, words in REFUSED:
        r = s.ctl(path, method, fields="Accept: text/plain\r\n" if text else "")
        assert r.status == status, (why, r.head)
        said = r.body.decode() if text else r.json["error"]
        assert words in said and (said.startswith("error: ") or not text), (why, said)
        assert r.fields["connection"] == "close" and r.fields["cache-control"] == "no-store"
        if status == 405:
            assert r.fields["allow"] in words
    assert s.ctl("/v1/status", "HEAD").fields["content-length"] != "0"
    assert s.process.poll() is None


def test_bodies_are_refused(plain):
    s = plain()
    assert s.ctl("/v1/stop", "POST", body=b'{"now":true}').status == 400
    with connect(s) as c:  # announced, so nothing of it is read
        c.sendall(b"POST /v1/stop HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\n\r\n")
        assert harness.read_response(c).status == 413
    with connect(s) as c:
        c.sendall(b"POST /v1/stop HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\n\r\n")
        assert harness.read_response(c).status == 400
    assert s.ctl("/v1/status").json["draining"] is False


# --- what it does

def test_stop_waits_for_what_is_in_flight(plain):
    release = threading.Event()

    def script(peer, origin):
        peer.read_head()
        release.wait(harness.DEADLINE)
        peer.answer()

    s = plain(script)
    with socket.create_connection(("127.0.0.1", s.port)) as client:
        client.sendall(b"GET / HTTP/1.1\r\nHost: a.test\r\n\r\n")
        harness.wait_for("request", lambda: any(w["in_flight"] for w in s.ctl("/v1/status").json["workers"]))
        stop = subprocess.Popen([harness.SIGNET, "stop", "--control", s.control_path], stdout=subprocess.PIPE, text=True,
                                env=harness.environment())
        harness.wait_for("drain", lambda: s.ctl("/v1/status").json["draining"])
        assert s.ctl("/v1/stop", "POST").status == 202  # once more: no more than before
        assert stop.poll() is None and s.process.poll() is None
        release.set()
        assert harness.read_response(client).status == 200
    assert stop.communicate(timeout=harness.DEADLINE)[0].endswith(f"pid {s.process.pid} has ended\n")
    assert stop.returncode == 0 and s.process.wait(harness.DEADLINE) == 0
    assert not s.control_path.exists()
    assert f"asks for /v1/stop" in s.errors() and f"pid {stop.pid}, uid {os.geteuid()} asks" in s.errors()


def test_stop_now_waits_for_nothing(plain):
    s = plain(lambda peer, origin: (peer.read_head(), time.sleep(harness.DEADLINE)))
    with socket.create_connection(("127.0.0.1", s.port)) as client:
        client.sendall(b"GET / HTTP/1.1\r\nHost: a.test\r\n\r\n")
        harness.wait_for("request", lambda: any(w["in_flight"] for w in s.ctl("/v1/status").json["workers"]))
        begin = time.monotonic()
        assert s.command("stop", "--now").returncode == 0
        assert time.monotonic() - begin < 10 and s.process.wait(harness.DEADLINE) == 0


def change(instance, old, new):
    text = instance.config_path.read_text()
    assert old in text
    instance.config_path.write_text(text.replace(old, new))


def test_reload_tells_what_changed(plain):
    s = plain()
    done = s.command("reload")
    assert (done.returncode, done.stderr) == (0, "")
    assert re.fullmatch(r"generation 2 is in force after \d+ ms:\n  nothing changed\n", done.stdout)
    change(s, "id=b weight=3", "id=b weight=4")
    done = s.command("reload")
    assert done.returncode == 0
    assert re.fullmatch(r"generation 3 is in force after \d+ ms:\n  pool app, server b: weight 3 -> 4\n", done.stdout)
    change(s, "vnodes=100", "vnodes=101")
    reload = json.loads(s.command("reload", "--json").stdout)
    assert reload.pop("ms") < 15000 and len(reload.pop("changes")) == 1
    assert reload == {"committed": True, "generation": 4, "diagnostics": [], "text": None}
    status = s.ctl("/v1/status").json
    assert status["generation"] == 4 and status["reload"]["committed"] is True and status["reload"]["why"] is None
    assert "generation 4 in force after" in s.command("status").stdout
    assert {w["falls"] for w in status["workers"]} == {0} and ask_a_test(s.port, "/ping").status == 200


def test_a_reload_with_warnings_shows_them(plain):
    s = plain()
    s.config_path.write_text(s.config_path.read_text() + "pool unused { server 127.0.0.1:1 }\n")
    done = s.command("reload")
    assert done.returncode == 0 and 'warning: no route passes anything to pool "unused"' in done.stdout
    assert "generation 2 is in force" in done.stdout


def test_a_refused_reload_shows_what_check_shows(plain):
    s = plain()
    change(s, "proxy app", "prox app")
    checked = harness.run_signet("check", "-c", s.config_path)
    done = s.command("reload")
    assert (done.returncode, done.stdout) == (3, "")
    assert done.stderr.splitlines()[:-1] == checked.stderr.splitlines()[:-1]
    assert done.stderr.endswith("1 error; the running configuration is unchanged\n")
    r = s.ctl("/v1/reload", "POST")
    assert r.status == 422 and r.json["committed"] is False and r.json["generation"] == 1 and r.json["text"] == done.stderr
    assert r.json["diagnostics"] == json.loads(harness.run_signet("check", "--json", "-c", s.config_path).stdout)
    status = s.ctl("/v1/status").json
    assert status["generation"] == 1 and status["reload"]["why"] == "the configuration has errors"
    assert "refused" in s.command("status").stdout and ask_a_test(s.port, "/ping").status == 200


def test_many_ask_for_a_reload_at_once_and_some_leave(plain):
    s = plain()
    answers = []

    def ask():
        answers.append(s.ctl("/v1/reload", "POST"))

    threads = [threading.Thread(target=ask) for _ in range(6)]
    for t in threads:
        t.start()
        with connect(s) as c:  # leaves without waiting
            c.sendall(b"POST /v1/reload HTTP/1.1\r\nHost: x\r\n\r\n")
    for t in threads:
        t.join()
    assert {r.status for r in answers} == {200}
    generation = s.ctl("/v1/status").json["generation"]
    assert 2 <= generation <= 13 and max(r.json["generation"] for r in answers) <= generation


def test_a_reload_while_it_ends_is_refused(plain):
    release = threading.Event()

    def script(peer, origin):
        peer.read_head()
        release.wait(harness.DEADLINE)
        peer.answer()

    s = plain(script)
    with socket.create_connection(("127.0.0.1", s.port)) as client:
        client.sendall(b"GET / HTTP/1.1\r\nHost: a.test\r\n\r\n")
        harness.wait_for("request", lambda: any(w["in_flight"] for w in s.ctl("/v1/status").json["workers"]))
        s.process.send_signal(signal.SIGTERM)
        harness.wait_for("drain", lambda: s.ctl("/v1/status").json["draining"])
        assert s.ctl("/v1/reload", "POST").status == 503
        failed = s.command("reload")
        assert (failed.returncode, failed.stderr) == (1, "error: signet is ending\n")
        release.set()
        assert harness.read_response(client).status == 200
    assert s.process.wait(harness.DEADLINE) == 0


def test_the_socket_moves_by_reload(plain, tmp_path):
    s = plain()
    moved = tmp_path / "moved.sock"
    change(s, f"control unix:{s.control_path}", f"control unix:{moved} mode=0660")
    assert s.command("reload").returncode == 0  # the answer still comes the old way
    assert not s.control_path.exists() and stat.S_IMODE(moved.stat().st_mode) == 0o660
    lost = s.command("status")
    assert lost.returncode == 5
    assert harness.run_signet("status", "-c", s.config_path).returncode == 0
    change(s, "mode=0660", "mode=0600")
    inode = moved.stat().st_ino
    assert harness.run_signet("reload", "-c", s.config_path).returncode == 0
    assert stat.S_IMODE(moved.stat().st_mode) == 0o600 and moved.stat().st_ino == inode
    # a place that cannot be had is an error of the new configuration
    (tmp_path / "file").write_text("precious")
    change(s, f"unix:{moved}", f"unix:{tmp_path}/file")
    refused = harness.run_signet("reload", "--control", moved)
    assert refused.returncode == 3 and "is there already, and no socket" in refused.stderr and "signet.conf:" in refused.stderr
    assert harness.control(moved, "/v1/status").json["generation"] == 3
    # one that was removed is made again, one that is not wanted goes
    moved.unlink()
    change(s, f"unix:{tmp_path}/file", f"unix:{moved}")
    s.process.send_signal(signal.SIGHUP)
    harness.wait_for("the socket", moved.exists)
    harness.wait_for("an answer", lambda: harness.control(moved, "/v1/status").json["generation"] > 3)
    change(s, f"control unix:{moved} mode=0600", "control off")
    assert harness.run_signet("reload", "--control", moved).returncode == 0
    assert not moved.exists() and ask_a_test(s.port, "/ping").status == 200


def test_reopen_follows_a_moved_log(plain):
    s = plain()
    assert ask_a_test(s.port, "/ping").status == 200
    s.record(target="/ping")
    moved = s.folder / "access.log.1"
    s.access_path.rename(moved)
    done = s.command("reopen")
    assert (done.returncode, done.stdout) == (0, "the logs are open anew\n")
    assert ask_a_test(s.port, "/ping").status == 200
    s.record(target="/ping")
    assert len(moved.read_text().splitlines()) == 1
    s.access_path.unlink()
    s.access_path.mkdir()
    failed = s.command("reopen")
    assert failed.returncode == 1 and re.match(r"error: cannot open .*access\.log: Is a directory", failed.stderr)
    s.access_path.rmdir()


def test_nobody_there(tmp_path):
    nowhere = tmp_path / "control.sock"
    for command in (["status"], ["stop"], ["reload"], ["reopen"], ["explain", "--live", "http://a.test/"]):
        done = harness.run_signet(*command, "--control", nowhere)
        assert (done.returncode, done.stderr) == (5, f"error: no running signet answers at {nowhere}\n")
    config = tmp_path / "broken.conf"
    config.write_text(f"lisen {{\ncontrol unix:{nowhere}\n}}\ncontrol unix:{nowhere}.2\n")
    done = harness.run_signet("status", "-c", config)
    assert done.returncode == 5 and done.stderr.startswith(f"error: no running signet answers at {nowhere}.2\n")
    assert f"that is what {config} says now; --control PATH names another" in done.stderr
    config.write_text("control off\n")
    done = harness.run_signet("status", "-c", config)
    assert done.returncode == 5 and f"{config} names no control socket" in done.stderr
    nowhere.write_text("")
    assert harness.run_signet("status", "--control", nowhere).returncode == 5


def test_what_answers_there_is_no_signet(tmp_path, origin):
    path = tmp_path / "other.sock"
    origin(lambda peer, origin: peer.send(b"SSH-2.0-OpenSSH\r\n"), path=path)
    done = harness.run_signet("status", "--control", path)
    assert done.returncode == 1 and "what answers there is no signet" in done.stderr


# --- the socket as a file

def test_its_mode_and_folder_are_made(signet, tmp_path):
    path = tmp_path / "run" / "c.sock"
    s = signet(PLAIN, origin=1, more="", top=f"control unix:{path} mode=0640")
    assert stat.S_IMODE(path.stat().st_mode) == 0o640 and stat.S_ISSOCK(path.stat().st_mode)
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o755
    assert harness.control(path, "/v1/status").json["pid"] == s.process.pid
    s.stop()
    assert not path.exists()


CANNOT_BE = [
    # why, what stands at {path} before, words
    ("a file in its place", lambda path: path.write_text("precious"), "is there already, and no socket"),
    ("a folder in its place", lambda path: path.mkdir(), "is there already, and no socket"),
    ("no folder to make its folder in", lambda path: path.parent.rmdir() or path.parent.symlink_to("/nonexistent/x"), "cannot"),
]


@pytest.mark.parametrize("why, prepare, words", CANNOT_BE, ids=[c[0] for c in CANNOT_BE])
def test_one_that_cannot_be_had_is_an_error_of_the_configuration(tmp_path, why, prepare, words):
    folder = tmp_path / "run"
    folder.mkdir()
    path = folder / "c.sock"
    prepare(path)
    config = tmp_path / "signet.conf"
    text = f"control unix:{path}\nlisten 127.0.0.1:{harness.free_port()} {{ redirect https }}\n"
    config.write_text(harness.for_this_build(text))
    done = harness.run_signet("run", "-c", config)
    assert done.returncode == 3 and words in done.stderr
    assert f"--> {config}:1:1" in done.stderr and "nothing was started" in done.stderr
    assert path.is_dir() or not path.exists() or path.read_text() == "precious"


def test_check_finds_what_run_would_find(tmp_path):
    config = tmp_path / "signet.conf"
    for why, path, words in [("no folder to make its folder in", tmp_path / "a/b/c.sock", "cannot make the folder"),
                             ("a file in its place", config, "is there already, and no socket")]:
        config.write_text(f"control unix:{path}\nlisten 127.0.0.1:{harness.free_port()} {{ redirect https }}\n")
        done = harness.run_signet("check", "-c", config)
        assert done.returncode == 3 and words in done.stderr and f"--> {config}:1:1" in done.stderr, why
    config.write_text(config.read_text().replace(f"unix:{config}", f"unix:{tmp_path}/made/c.sock"))
    assert harness.run_signet("check", "-c", config).returncode == 0
    assert not (tmp_path / "made").exists()


def test_a_living_one_is_left_alone_and_a_dead_one_replaced(plain, tmp_path):
    s = plain()
    config = tmp_path / "second.conf"
    text = f"control unix:{s.control_path}\nlisten 127.0.0.1:{harness.free_port()} {{ redirect https }}\n"
    config.write_text(harness.for_this_build(text))
    done = harness.run_signet("run", "-c", config)
    assert done.returncode == 3 and f"{s.control_path} is in use by pid {s.process.pid}" in done.stderr
    assert s.ctl("/v1/status").json["pid"] == s.process.pid
    s.process.kill()
    s.process.wait()
    assert s.control_path.exists()
    s.start()
    harness.wait_for("the second to be ready", lambda: s.errors().count(" ready: pid ") == 2)
    assert s.ctl("/v1/status").json["pid"] == s.process.pid


def test_one_that_is_somebody_elses_by_now_is_not_removed(plain):
    s = plain()
    s.control_path.unlink()
    with socket.socket(socket.AF_UNIX) as other:
        other.bind(str(s.control_path))
        s.stop()
        assert s.control_path.exists()


@pytest.mark.skipif(os.geteuid() != 0, reason="the default is root's")
def test_without_the_default_one_serving_goes_on(signet, tmp_path):
    """Two of them as root, each in a /run of its own making: the second warns."""
    config = tmp_path / "signet.conf"

    def start(port):
        config.write_text(harness.for_this_build(f"listen 127.0.0.1:{port} {{ redirect https }}\n"))
        inner = f"mount -t tmpfs none /run && '{harness.SIGNET}' run -c '{config}' & first=$!"
        second = (f"sleep 0.1; until [ -S /run/signet/control.sock ]; do sleep 0.05; done; "
                  f"timeout -s TERM 3 '{harness.SIGNET}' run -c '{config}.2'; '{harness.SIGNET}' status -c '{config}'; "
                  "kill $first; wait $first")
        return harness.run("unshare", "-m", "sh", "-c", inner + "\n" + second)

    (tmp_path / "signet.conf.2").write_text(
        harness.for_this_build(f"listen 127.0.0.1:{harness.free_port()} {{ redirect https }}\n"))
    done = start(harness.free_port())
    if "unshare" in done.stderr and "failed" in done.stderr:
        pytest.skip("no mount namespace here")
    assert "it has no control socket" in done.stderr and "/run/signet/control.sock is in use by pid" in done.stderr, done.stderr
    assert done.stderr.count(" ready: pid ") == 2 and f"{config}, generation 1" in done.stdout


@pytest.mark.skipif(os.geteuid() != 0, reason="somebody else can only be root's doing")
def test_others_may_not_ask(signet, tmp_path):
    """mode=0666 lets anybody connect, and still only root and Signet's own user are served."""
    path = tmp_path / "c.sock"
    for parent in [tmp_path, *tmp_path.parents]:
        if parent.stat().st_mode & 0o077 == 0:  # the test run's own
            parent.chmod(0o755)
    s = signet(PLAIN, origin=1, more="", top=f"control unix:{path} mode=0666")
    script = ("import os, socket, sys; os.setgid(65534); os.setuid(65534); s = socket.socket(socket.AF_UNIX); s.connect(sys.argv[1]); "
              "s.sendall(b'POST /v1/stop HTTP/1.1\\r\\nHost: x\\r\\n\\r\\n'); print(s.recv(65536).decode())")
    done = harness.run("/usr/bin/python3", "-c", script, path)
    assert "403 Forbidden" in done.stdout and "only root" in done.stdout, done
    assert harness.control(path, "/v1/status").json["draining"] is False
    assert s.process.poll() is None


@pytest.mark.skipif(os.geteuid() != 0 or platform.machine() != "x86_64", reason="injects system calls")
def test_a_worker_may_not_ask(plain):
    """One that was taken over, where workers are the same user as the master."""
    s = plain(top="user root\nsandbox off")
    pid = s.workers()[0]
    address = struct.pack("H", socket.AF_UNIX) + str(s.control_path).encode()
    request = b"POST /v1/stop HTTP/1.1\r\nHost: x\r\n\r\n"
    fd = inject.system_call(pid, "socket", socket.AF_UNIX, socket.SOCK_STREAM, 0)
    assert inject.system_call(pid, "connect", fd, address, len(address) + 1) == 0
    assert inject.system_call(pid, "sendto", fd, request, len(request), 0, 0, 0) == len(request)
    time.sleep(0.5)
    assert s.ctl("/v1/status").json["draining"] is False and s.process.poll() is None
    assert "asks for" not in s.errors()


# --- callers that hang, flood or babble

def cpu_seconds(pid):
    fields = open(f"/proc/{pid}/stat").read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def descriptors(pid):
    return len(os.listdir(f"/proc/{pid}/fd"))


def replaced_within(instance, seconds):
    victim = instance.workers()[0]
    os.kill(victim, signal.SIGKILL)
    begin = time.monotonic()
    harness.wait_for("another worker", lambda: victim not in instance.workers() and len(instance.workers()) == 2, seconds)
    return time.monotonic() - begin


def test_callers_that_hang_cost_nothing(plain):
    s = plain()
    before = descriptors(s.process.pid)
    with contextlib.ExitStack() as held:
        for i in range(200):
            c = held.enter_context(socket.socket(socket.AF_UNIX))
            c.connect(str(s.control_path))  # waits where the queue is full
            with contextlib.suppress(OSError):
                c.sendall([b"", b"GET /v1/st", b"GET /v1/status HTTP/1.1\r\nHost: x\r\nX: "][i % 3])
        begin, cpu = time.monotonic(), cpu_seconds(s.process.pid)
        assert s.command("status").returncode == 0
        replaced_within(s, 5)
        most = 0
        while time.monotonic() - begin < 2:
            most = max(most, descriptors(s.process.pid) - before)
            time.sleep(0.05)
        assert most <= 64
        spent = (cpu_seconds(s.process.pid) - cpu) / (time.monotonic() - begin)
        assert spent < 0.2, spent
    harness.wait_for("their descriptors", lambda: descriptors(s.process.pid) <= before)
    assert "left in the middle of a request" in s.errors() or "says nothing while others wait" in s.errors()


def test_a_flood_is_rationed(plain):
    s = plain()
    before = descriptors(s.process.pid)
    end = threading.Event()

    def flood():
        while not end.is_set():
            with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX) as c:
                c.connect(str(s.control_path))  # waits its turn
                c.sendall(b"GET /v1/status HTTP/1.1\r\nHost: x\r\n\r\n")

    threads = [threading.Thread(target=flood) for _ in range(8)]
    for t in threads:
        t.start()
    try:
        begin, cpu = time.monotonic(), cpu_seconds(s.process.pid)
        for _ in range(3):
            assert s.command("status").returncode == 0
        replaced_within(s, 5)
        assert descriptors(s.process.pid) <= before + 64
        spent = (cpu_seconds(s.process.pid) - cpu) / (time.monotonic() - begin)
    finally:
        end.set()
        for t in threads:
            t.join()
    assert spent < 0.5, spent  # sanitized; a hundredth otherwise
    assert ask_a_test(s.port, "/ping").status == 200


BABBLE = [
    ("noise", bytes(range(256)) * 8),
    ("TLS", harness.client_hello("x")),
    ("HTTP/0.9", b"GET /v1/status\r\n\r\n"),
    ("no Host", b"GET /v1/status HTTP/1.1\r\n\r\n"),
    ("two lengths", b"POST /v1/stop HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n"),
    ("a head too long", b"GET /v1/status HTTP/1.1\r\nHost: x\r\nX: " + b"a" * 9000 + b"\r\n\r\n"),
    ("a target too long", b"GET /v1/explain?url=" + b"a" * 9000 + b" HTTP/1.1\r\nHost: x\r\n\r\n"),
]


@pytest.mark.parametrize("why, sent", BABBLE, ids=[b[0] for b in BABBLE])
def test_babble_is_refused_and_logged(plain, why, sent):
    s = plain()
    with connect(s) as c:
        c.sendall(sent)
        r = harness.read_response(c)
        assert 400 <= r.status < 600 and json.loads(r.body)["error"]
    harness.wait_for("line in the log", lambda: re.search(r"warn master: control socket: pid \d+, uid \d+: ", s.errors()))
    assert s.ctl("/v1/status").status == 200


def test_complaints_are_rationed(plain):
    s = plain()
    for _ in range(60):
        with connect(s) as c:
            c.sendall(b"\0")
            harness.read_response(c)
    lines = [line for line in s.errors().splitlines() if "control socket: pid" in line]
    assert 1 <= len(lines) <= 20 and any("more before it" in line for line in lines) or len(lines) == 1


def test_half_a_request_has_its_time(plain):
    s = plain()
    with connect(s) as c:
        c.sendall(b"GET /v1/status HTTP/1.1\r\nHo")
        begin = time.monotonic()
        assert harness.read_response(c).status == 408
        assert time.monotonic() - begin < 10


# --- clients

def test_h88_no_host_reaches_the_control_socket(plain):
    s = plain(harness.answering(b"the origin"))
    hosts = ["a.test", "localhost", "signet", "x", "127.0.0.1", "control", str(s.control_path), f"unix:{s.control_path}",
             "unix", "%2Frun%2Fsignet%2Fcontrol.sock", "[::1]", "a.test:80"]
    before = s.ctl("/v1/status").json["counters"]["requests"]
    for host in hosts:
        for request in (f"GET /v1/status HTTP/1.1\r\nHost: {host}\r\n\r\n", f"POST /v1/stop HTTP/1.1\r\nHost: {host}\r\nContent-Length: 0\r\n\r\n",
                        f"GET http://{host}/v1/status HTTP/1.1\r\nHost: {host}\r\n\r\n"):
            with socket.create_connection(("127.0.0.1", s.port), harness.DEADLINE) as c:
                r = harness.talk(c, request)
                assert r.status in (400, 421) or r.body == b"the origin", (host, r.head)
                assert b"generation" not in r.body and b"stopping" not in r.body
    after = s.ctl("/v1/status").json
    assert after["draining"] is False and after["counters"]["requests"] > before
    assert "asks for" not in s.errors()


def test_h88_no_pool_may_have_it_as_a_server(tmp_path):
    config = tmp_path / "signet.conf"
    path = tmp_path / "c.sock"
    config.write_text(f"control unix:{path}\npool app {{ server unix:{path} }}\n"
                      f"listen 127.0.0.1:{harness.free_port()} {{ host a.test {{ proxy app }} }}\n")
    done = harness.run_signet("check", "-c", config)
    assert done.returncode == 3 and "this server is Signet's own control socket" in done.stderr
