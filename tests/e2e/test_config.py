# SPDX-License-Identifier: Apache-2.0
"""Broken configurations: every mistake named at its place, exit 3; the command line's exit codes."""
import json
import os
import re
import socket
import subprocess

import pytest

from harness import ROOT, SIGNET, Signet, environment, free_port, run, run_signet

GOOD = """
pool app { server 127.0.0.1:9000 }
listen 127.0.0.1:8443 {
    host shop.example.test {
        certificate {certs}/shop.example.test.ecdsa.crt key={certs}/shop.example.test.ecdsa.key
        proxy app
    }
}
"""


@pytest.fixture
def check(tmp_path, certs):
    def run_check(text, *args):
        path = tmp_path / "signet.conf"
        path.write_text(text.replace("{certs}", str(certs)))
        return run_signet("check", "-c", path, *args)
    return run_check


def test_good(check):
    done = check(GOOD)
    assert done.returncode == 0, done.stderr
    assert json.loads(check(GOOD, "--json").stdout) == []


def test_all_errors_at_once_with_carets(check):
    done = check(GOOD.replace("server 127", "helth GET /healthz\n    server 127").replace("proxy app", "proxy_pass http://app;\n proxy ap"))
    assert done.returncode == 3
    assert done.stdout == ""
    text = done.stderr
    assert 'error: unknown directive "helth" in pool "app"' in text
    assert 'did you mean "health"?' in text and "allowed here:" in text
    assert 'unknown directive "proxy_pass"' in text and "proxy POOL" in text
    lines = text.splitlines()
    place = next(i for i, line in enumerate(lines) if line.startswith("  --> ") and ":2:12" in line)
    assert lines[place + 1].startswith("2 | pool app { helth GET")
    assert lines[place + 2].index("^") - lines[place + 2].index("|") == lines[place + 1].index("helth") - lines[place + 1].index("|")
    assert "errors" in lines[-1]


@pytest.mark.parametrize("document", ["README.md", "docs/config.md"])
def test_documents_show_the_error_as_it_is(check, document):
    shown, = re.findall(r"^```\n(error: .*?)^```$", (ROOT / document).read_text(), re.S | re.M)
    line, = re.findall(r"^\d+ \| +(.*)$", shown, re.M)
    said = check(GOOD.replace("server 127", f"{line}\n    server 127")).stderr
    for words in (r"error: .*", r"did you mean .*", r"= allowed here: .*", r"\d+ error.*"):
        assert re.findall(words, said) == re.findall(words, shown)


# why, what in GOOD is replaced, by what, code or words of the one error, line it points at
BROKEN = [
    ("unknown pool", "proxy app", "proxy apq", "app", 6),
    ("missing certificate", ".ecdsa.crt", ".gone.crt", "No such file", 5),
    ("mismatched key", "shop.example.test.ecdsa.key", "blog.example.test.ecdsa.key", "match", 5),
    ("not a certificate", "certificate {certs}/shop.example.test.ecdsa.crt", "certificate {certs}/shop.example.test.ecdsa.key", "certificate", 5),
    ("a folder in place of a file", "certificate {certs}/shop.example.test.ecdsa.crt", "certificate {certs}", "directory", 5),
    ("duration without unit", "pool app {", "timeout idle=75\npool app {", "unit", 2),
    ("not built yet", "pool app {", "admin { listen 127.0.0.1:1 }\npool app {", "not supported by this version", 2),
    ("not built yet in a pool", "server 127.0.0.1:9000", "server 127.0.0.1:9000\n health GET /healthz", "not supported by this version", 3),
    ("h2 is not built", "host shop", "tls alpn=h2,http/1.1\n    host shop", "h2", 4),
    ("unset variable", "127.0.0.1:9000", "${SIGNET_TEST_UNSET}", "SIGNET_TEST_UNSET", 2),
    ("duplicate", "pool app {", "workers 1\nworkers 2\npool app {", "workers", 3),
    ("unclosed block", "proxy app\n    }\n}", "proxy app\n", "}", None),
    ("stray brace", "pool app {", "}\npool app {", "}", 2),
    ("bad address", "listen 127.0.0.1:8443", "listen 127.0.0.1:99999", "99999", 3),
    ("two actions", "proxy app", "route / { proxy app; respond 200 x }", "two-actions", 6),
    ("a log without its folder", "pool app {", "access_log /nonexistent/log\npool app {", "cannot open the log", 2),
    ("no listen block", "listen 127", "#listen 127", None, None),
]


@pytest.mark.parametrize("why, old, new, words, line", BROKEN, ids=[b[0] for b in BROKEN])
def test_broken(check, why, old, new, words, line):
    done = check(GOOD.replace(old, new, 1), "--json")
    assert done.returncode == 3
    errors = [e for e in json.loads(done.stdout) if e["severity"] == "error"]
    assert errors and set(errors[0]) == {"severity", "code", "message", "file", "line", "column", "end_column", "hint"}
    if words:
        assert any(words in json.dumps(e) for e in errors), errors
    if line:
        assert errors[0]["line"] == line
    text = check(GOOD.replace(old, new, 1))
    assert text.returncode == 3 and text.stderr.startswith("error: ")


def test_no_such_file():
    done = run_signet("check", "-c", "/nonexistent/signet.conf")
    assert done.returncode == 3 and "/nonexistent/signet.conf" in done.stderr


def test_empty_file(check):
    assert check("").returncode == 3


def test_run_refuses_a_broken_one(tmp_path):
    (tmp_path / "c").write_text("listen {")
    done = run_signet("run", "-c", tmp_path / "c")
    assert done.returncode == 3 and "error: " in done.stderr


def test_port_in_use_names_its_holder(tmp_path, certs, check):
    with socket.socket() as holder:
        holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)  # which would let a second one bind in silence
        holder.bind(("127.0.0.1", 0))
        holder.listen()
        port = holder.getsockname()[1]
        (tmp_path / "c").write_text(GOOD.replace("{certs}", str(certs)).replace("8443", str(port)))
        done = run_signet("run", "-c", tmp_path / "c")
    assert done.returncode == 3
    assert f"127.0.0.1:{port}" in done.stderr and "in use" in done.stderr and f"pid {os.getpid()}" in done.stderr


@pytest.mark.parametrize("args, code, words", [
    (["--version"], 0, "OpenSSL"),
    (["--help"], 0, "explain"),
    (["run", "--help"], 0, "-c FILE"),
    (["check", "--help"], 0, "--json"),
    (["explain", "--help"], 0, "URL"),
    ([], 2, "signet"),
    (["chekc"], 2, "check"),
    (["check", "--nonsense"], 2, "--nonsense"),
    (["explain"], 2, "URL"),
    (["diff", "a", "b"], 2, "not supported by this version"),
    (["upgrade"], 2, "not supported by this version"),
])
def test_command_line(args, code, words):
    done = run_signet(*args)
    assert done.returncode == code, done
    assert words in (done.stdout if code == 0 else done.stderr)


def test_output_that_is_lost_is_no_success():
    with open("/dev/full", "w") as full:
        done = subprocess.run([SIGNET, "--version"], stdout=full, stderr=subprocess.PIPE, text=True, timeout=60, env=environment())
    assert done.returncode == 1 and "cannot write" in done.stderr


def test_version_json():
    told = json.loads(run_signet("--version", "--json").stdout)
    assert "OpenSSL" in json.dumps(told) and "epoll" in json.dumps(told) and "llhttp" in json.dumps(told)


def test_sample_configurations_are_good(tmp_path, certs):
    """conf/*.conf with their certificate paths pointed at real files."""
    from harness import ROOT
    for path in sorted((ROOT / "conf").glob("*.conf")):
        copy = tmp_path / "conf" / path.name
        copy.parent.mkdir(exist_ok=True)
        copy.write_text(path.read_text())
        link = tmp_path / "certs"
        if not link.exists():
            link.symlink_to(certs)
        done = run_signet("check", "-c", copy)
        if path.name == "demo.conf":
            assert done.returncode == 0, done.stderr
        else:  # the sample names files of a real installation
            assert done.returncode == 0 or "No such file" in done.stderr, done.stderr


def test_explain_reads_as_prose(tmp_path, certs):
    (tmp_path / "c").write_text(GOOD.replace("{certs}", str(certs)))
    done = run_signet("explain", "-c", tmp_path / "c", "https://shop.example.test:8443/x?y")
    assert done.returncode == 0
    for word in ("127.0.0.1:8443", "shop.example.test", "app", "127.0.0.1:9000", "/x?y"):
        assert word in done.stdout
    assert run_signet("explain", "-c", tmp_path / "c", "not a url").returncode == 2
    unknown = run_signet("explain", "-c", tmp_path / "c", "https://nobody.example.test:8443/")
    assert unknown.returncode == 0 and "unrecognized_name" in unknown.stdout
