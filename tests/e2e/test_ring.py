# SPDX-License-Identifier: Apache-2.0
"""The ring and ketama, through `signet explain` and through the wire, and ketama against nginx itself."""
import json

import pytest

from harness import NginxOrigin, answering, curl, free_port, run_signet, wait_for

CONFIG = """
workers 1
pool app {
    balance {balance}
    {servers}
}
listen 127.0.0.1:8443 {
    host shop.example.test {
        certificate {certs}/shop.example.test.ecdsa.crt key={certs}/shop.example.test.ecdsa.key
        proxy app
    }
}
"""
KEYS = [f"/item/{n}?page={n % 7}" for n in range(2000)]


@pytest.fixture
def owners(tmp_path, certs):
    """owners(servers, balance) = {path: what explain says} over KEYS."""
    def ask(servers, balance="ring key=uri", extra=()):
        text = CONFIG.replace("{balance}", balance).replace("{servers}", "\n".join(servers)).replace("{certs}", str(certs))
        path = tmp_path / "ring.conf"
        path.write_text(text)
        done = run_signet("explain", "-c", path, "--json", *extra, "-", input="".join(f"https://shop.example.test:8443{k}\n" for k in KEYS))
        assert done.returncode == 0, done.stderr
        lines = [json.loads(line) for line in done.stdout.splitlines()]
        assert len(lines) == len(KEYS)
        return dict(zip(KEYS, lines))
    return ask


FOUR = [f"server 10.0.0.{n}:9000 id={name}" for n, name in enumerate("abcd", 1)]


def test_removing_a_server_moves_its_keys_alone(owners):
    before = owners(FOUR)
    after = owners(FOUR[:2] + FOUR[3:])
    moved = {k for k in KEYS if before[k]["server"] != after[k]["server"]}
    assert moved == {k for k in KEYS if before[k]["server"] == "c"}
    assert 300 < len(moved) < 700
    for k in moved:  # and they go where explain said they would
        assert before[k]["fallbacks"][0]["server"] == after[k]["server"]


def test_order_and_address_do_not_matter(owners):
    before = owners(FOUR)
    after = owners([line.replace("10.0.0.", "10.9.9.") for line in reversed(FOUR)])
    assert {k: v["server"] for k, v in before.items()} == {k: v["server"] for k, v in after.items()}
    assert before[KEYS[0]]["fingerprint"] == after[KEYS[0]]["fingerprint"]


def test_weights_share_the_keys(owners):
    shares = owners([*FOUR[:3], FOUR[3] + " weight=3"])
    count = {name: sum(v["server"] == name for v in shares.values()) for name in "abcd"}
    assert 850 < count["d"] < 1150 and all(230 < count[n] < 440 for n in "abc"), count


def test_seed_and_vnodes_change_the_fingerprint(owners):
    prints = {owners(FOUR, balance)[KEYS[0]]["fingerprint"]
              for balance in ("ring key=uri", "ring key=uri seed=1", "ring key=uri vnodes=100", "ring key=path", "ketama key=uri")}
    assert len(prints) == 5 and all(len(p) == 16 for p in prints)


@pytest.mark.parametrize("key, args, same, other", [
    ("path", [], "/item/1?page=2", "/item/2?page=1"),
    ("host", [], "/any", None),
    ("client", ["--client", "192.0.2.1"], "/any", None),
    ("header:X-User", ["-H", "X-User: u1"], "/any", None),
    ("cookie:sid", ["-H", "Cookie: a=b; sid=s1"], "/any", None),
])
def test_keys(owners, tmp_path, key, args, same, other):
    owners(FOUR, f"ring key={key}")  # leaves the file
    def hash_of(path, *extra):
        done = run_signet("explain", "-c", tmp_path / "ring.conf", "--json", *extra, f"https://shop.example.test:8443{path}")
        return json.loads(done.stdout)["key_hash"]
    first = hash_of("/item/1?page=1", *args)
    assert hash_of(same, *args) == first
    if other:
        assert hash_of(other, *args) != first
    else:
        changed = [a.replace("u1", "u2").replace("s1", "s2").replace("192.0.2.1", "192.0.2.2") for a in args]
        assert not args or hash_of("/any", *changed) != first


def test_serving_agrees_with_explain(signet, origin, certs):
    origins = {name: origin(answering(name.encode())) for name in "abc"}
    lines = "\n".join(f"server 127.0.0.1:{o.port} id={name}" for name, o in origins.items())
    front = signet(CONFIG.replace("8443", "{port}"), balance="ring key=uri", servers=lines)
    served = {}
    for k in KEYS[:60]:
        served[k] = curl(front.port, k, certs=certs).stdout.decode()
    done = run_signet("explain", "-c", front.config_path, "--json", *[f"https://shop.example.test:{front.port}{k}" for k in served])
    assert [json.loads(line)["server"] for line in done.stdout.splitlines()] == list(served.values())
    assert set(served.values()) == set("abc")


def test_ketama_is_nginx_hash_consistent(owners, cleanup, tmp_path):
    """nginx picks from four weighted upstreams; each tells its own address. The same keys, the same owners, all 2,000."""
    ports = [free_port() for _ in range(4)]
    weights = [1, 2, 1, 5]
    tellers = "".join(f"server {{ listen 127.0.0.1:{p}; location / {{ return 200 '127.0.0.1:{p}'; }} }}\n" for p in ports)
    upstream = "".join(f"server 127.0.0.1:{p} weight={w};" for p, w in zip(ports, weights))
    nginx = cleanup(NginxOrigin(tmp_path / "nginx", "location / { proxy_pass http://ring; }",
                                f"upstream ring {{ hash $request_uri consistent; {upstream} }}\n{tellers}"))
    import http.client
    connection = http.client.HTTPConnection("127.0.0.1", nginx.port)
    theirs = {}
    for k in KEYS:
        connection.request("GET", k)
        theirs[k] = connection.getresponse().read().decode()
    ours = owners([f"server 127.0.0.1:{p} weight={w}" for p, w in zip(ports, weights)], "ketama key=uri")
    assert {k: v["server"] for k, v in ours.items()} == theirs
    assert len(set(theirs.values())) == 4
