# SPDX-License-Identifier: Apache-2.0
"""Reloads in a row while everything is in use: nobody may notice one, and nothing may grow. And with so many hosts that building them
takes long: nobody may wait for it."""
import concurrent.futures
import ctypes
import os
import pathlib
import re
import socket
import ssl
import statistics
import subprocess
import threading
import time

import pytest

from gauges import SANITIZED, Canary, descriptors, memory_kb
from harness import DEADLINE, NginxOrigin, end_group, free_port, read_response, start_group, talk, tls_client, wait_for

LONG = os.environ.get("SIGNET_LONG_TESTS") == "1"
GET = "GET /{} HTTP/1.1\r\nHost: shop.example.test\r\n\r\n"
CERTIFICATE = "certificate {certs}/shop.example.test.ecdsa.crt key={certs}/shop.example.test.ecdsa.key"
ECHO = 'location / { return 200 "$request_uri"; }'


# --- a network of our own: its counters are those of the test alone

@pytest.fixture
def own_network():
    """Whether this test has one: without the right to make it, nothing can be said of resets."""
    libc = ctypes.CDLL(None, use_errno=True)
    with open("/proc/self/ns/net") as before:
        if libc.unshare(0x40000000) != 0:  # CLONE_NEWNET
            yield False
            return
        try:
            subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
            yield True
        finally:
            assert libc.setns(before.fileno(), 0) == 0


def resets():
    """TCP connections that were reset, by either side, and clients that found no room in a queue."""
    counts = {}
    for name in ("snmp", "netstat"):
        lines = pathlib.Path(f"/proc/thread-self/net/{name}").read_text().splitlines()
        for names, values in zip(lines[::2], lines[1::2]):
            counts |= dict(zip(names.split(), values.split()))
    return {name: int(counts[name]) for name in ("OutRsts", "EstabResets", "ListenOverflows", "ListenDrops")}


# --- what is in use meanwhile

class User:
    """Something that goes on until it is over, in a thread of its own. What befalls it is its failure."""

    def __init__(self, port, certs):
        self.port, self.certs = port, certs
        self.over, self.begun = threading.Event(), threading.Event()
        self.done, self.failure = 0, None
        self.thread = threading.Thread(target=self._run)
        self.thread.start()

    def _run(self):
        try:
            self.use()
        except Exception as error:
            self.failure = f"{type(self).__name__} after {self.done}: {error!r}"
        self.begun.set()

    def step(self):
        self.done += 1
        self.begun.set()

    def close(self):
        self.over.set()
        self.thread.join()


class Kept(User):
    """One connection that is never closed."""

    def use(self):
        with tls_client(self.port, self.certs) as connection:
            while not self.over.wait(0.01):
                answer = talk(connection, GET.format(f"kept{self.done}"))
                assert answer.status == 200 and answer.body == f"/kept{self.done}".encode(), answer.head
                assert "close" not in answer.fields.get("connection", "")
                self.step()


class Fresh(User):
    """A new connection for each request; each ends in order."""

    def use(self):
        while not self.over.wait(0.01):
            with tls_client(self.port, self.certs) as connection:
                answer = talk(connection, GET.format("fresh").replace("\r\n\r\n", "\r\nConnection: close\r\n\r\n"))
                assert answer.status == 200 and connection.recv(1) == b""
                self.step()


class Tunnel(User):
    """What stands for a WebSocket."""

    def use(self):
        with tls_client(self.port, self.certs) as connection:
            connection.sendall(GET.format("socket").replace("\r\n\r\n", "\r\nConnection: Upgrade\r\nUpgrade: raw\r\n\r\n").encode())
            assert read_response(connection).status == 101
            while not self.over.wait(0.2):
                said = f"{self.done:08}".encode()
                connection.sendall(said)
                heard = b""
                while len(heard) < len(said) and (more := connection.recv(100)):
                    heard += more
                assert heard == said
                self.step()


class Download(User):
    """A body that the origin sends in pieces until it is told to end. Every byte of it is right, and its end is in order."""

    def use(self):
        with tls_client(self.port, self.certs) as connection:
            connection.settimeout(120)
            connection.sendall(GET.format("slow").encode())
            self.begun.set()
            body = read_response(connection).body
            self.done = len(body) // 100
            assert body == b"".join(piece(n) for n in range(self.done)) and self.done > 10


def piece(n):
    return f"{n:08}".encode() + bytes(92)


def everything(over):
    """A script for an origin: tunnels that echo, and slow bodies that end when it is over."""
    def script(peer, _):
        while True:
            if "/slow" in peer.read_head():
                peer.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
                n = 0
                while not over.wait(0.05):
                    peer.send(b"64\r\n" + piece(n) + b"\r\n")
                    n += 1
                peer.send("0\r\n\r\n")
                continue
            peer.send("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: raw\r\n\r\n")
            while data := peer.read_some():
                peer.send(data)
    return script


class Wrk:
    """wrk on so many connections, and which those are."""

    def __init__(self, port, connections, seconds, log):
        self.log = open(log, "w+b")
        self.process = start_group("wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "-H", "Host: shop.example.test",
                                   f"https://127.0.0.1:{port}/wrk", stdout=self.log, stderr=self.log)

    def ports(self):
        listing = subprocess.run(["ss", "-tnpHO"], capture_output=True, text=True, check=True).stdout
        return {line.split()[3] for line in listing.splitlines() if f"pid={self.process.pid}," in line}

    def said(self):
        assert self.process.wait(DEADLINE + 60) == 0
        self.log.seek(0)
        return self.log.read().decode()

    def close(self):
        end_group(self.process)
        self.log.close()


class Sessions:
    """Tickets of sessions, and whether each still opens one."""

    def __init__(self, port, certs):
        self.port, self.context, self.all = port, ssl.create_default_context(cafile=str(certs / "ca.crt")), []

    def _ask(self, session=None):
        with socket.create_connection(("127.0.0.1", self.port), DEADLINE) as raw:
            with self.context.wrap_socket(raw, server_hostname="shop.example.test", session=session) as connection:
                answer = talk(connection, GET.format("ticket").replace("\r\n\r\n", "\r\nConnection: close\r\n\r\n"))
                assert answer.status == 200 and connection.recv(1) == b""
                return connection.session, connection.session_reused

    def add(self):
        self.all.append(self._ask()[0])

    def resumed(self):
        return [self._ask(session)[1] for session in self.all]


# --- a hundred reloads

RELOADS, EVERY = (100, 0.6) if LONG else (12, 0.3)  # so many, one in so many seconds
BROWSERS = {Kept: 6, Fresh: 2, Tunnel: 20, Download: 5}


def configuration(number):
    """Never the same as the one before: a host, an address and times come and go, the pool's settings change, and its server stays."""
    more = f"host other{number}.example.test {{ {CERTIFICATE}\n respond 200 {number} }}" if number % 3 else ""
    address = "listen 127.0.0.1:{other} { host shop.example.test { respond 200 } }" if number % 4 == 2 else ""
    return f"""
workers 2
access_log off
timeout idle={60 + number % 7}s
pool app {{ server 127.0.0.1:{{nginx}}; keepalive {20 + number % 5} idle=1s }}
pool raw {{ server 127.0.0.1:{{raw}}; keepalive 8 idle=1s }}
listen 127.0.0.1:{{port}} {{
    unknown_host default=shop.example.test
    host shop.example.test {{
        {CERTIFICATE}
        route /slow {{ proxy raw }}
        route /socket {{ proxy raw }}
        route / {{ proxy app }}
    }}
    {more}
}}
{address}
"""


def settled_kb(pids):
    """Their memory; of several looks the one in the middle."""
    looks = []
    for _ in range(5):
        looks.append(memory_kb(pids))
        time.sleep(0.1)
    return statistics.median(looks)


@pytest.mark.long
def test_h78_a_hundred_reloads_under_load(own_network, signet, origin, certs, cleanup, tmp_path):
    over = threading.Event()
    nginx = cleanup(NginxOrigin(tmp_path / "nginx", ECHO))
    front = signet(configuration(0), nginx=nginx.port, raw=origin(everything(over)).port, other=free_port())
    pids = [front.process.pid, *front.workers()]
    held = descriptors(pids)
    sessions = Sessions(front.port, certs)
    for _ in range(10):
        sessions.add()

    users = [cleanup(kind(front.port, certs)) for kind, count in BROWSERS.items() for _ in range(count)]
    wrk = cleanup(Wrk(front.port, 8, int(RELOADS * EVERY) + 4, tmp_path / "wrk.log"))
    wait_for("everybody", lambda: all(user.begun.is_set() for user in users) and len(wrk.ports()) == 8)
    time.sleep(1)
    ports, reset, begin, took, most = wrk.ports(), resets(), time.monotonic(), [], 0
    for number in range(1, RELOADS + 1):
        outcome = front.reload(configuration(number))
        assert outcome.committed and outcome.generation == number + 1, outcome
        took.append(int(re.search(r"after (\d+) ms", outcome.line)[1]))
        most = max(most, len(front.workers()))
        if number == RELOADS // 5:
            memory = settled_kb(pids)
        sessions.add()
        time.sleep(max(0, begin + number * EVERY - time.monotonic()))
    seconds = time.monotonic() - begin
    grown = settled_kb(pids) / memory - 1
    assert wrk.ports() == ports
    assert resets() == reset or not own_network, (reset, resets())
    said = wrk.said()
    over.set()
    for user in users:
        user.close()

    done = {kind.__name__: sum(u.done for u in users if type(u) is kind) for kind in BROWSERS}
    print(f"{RELOADS} reloads in {seconds:.0f} s, {statistics.median(took)} ms each, at most {max(took)} ms; memory {100 * grown:+.1f} %; "
          f"wrk {re.search(r'[0-9]+ requests', said)[0]}; {done}")
    assert [user.failure for user in users if user.failure] == []
    assert "Non-2xx" not in said and "Socket errors" not in said, said
    assert all(user.done > 0 for user in users)
    assert [front.process.pid, *front.workers()] == pids and most <= len(pids)  # one more reads the configuration
    assert sessions.resumed() == [True] * (10 + RELOADS)
    assert SANITIZED or grown < (0.05 if LONG else 0.15)
    assert front.reload(configuration(0)).committed
    wait_for("descriptors as before", lambda: descriptors(pids) == held, 30)


# --- many hosts

HOSTS, ROUNDS, QUIET = (1000, 5, 5) if LONG else (100, 2, 2)  # QUIET: seconds
CANARIES = 4  # of 50 requests a second each
# Seconds that their p99 may rise by. Every other certificate anew is more work than two processors have room for beside it.
SLOWER = {"one": 0.01, "half": 0.1} if LONG and not SANITIZED else {"half": 0.3}


@pytest.fixture(scope="module")
def many_certificates(tmp_path_factory):
    """many_certificates(n) are a certificate and its key for host n, made anew each time."""
    folder = tmp_path_factory.mktemp("hosts")

    def make(n):
        key, crt = folder / f"{n}.key", folder / f"{n}.crt"
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "9",
                        "-subj", f"/CN=h{n}.example.test", "-keyout", key, "-out", crt], check=True, capture_output=True)
        return crt.read_bytes(), key.read_bytes()
    return make


@pytest.mark.long
@pytest.mark.parametrize("share", ["one", "half"] if LONG else ["half"])
def test_h78_many_hosts_are_rebuilt_beside_canaries(signet, certs, cleanup, tmp_path, many_certificates, share):
    """A reload of many hosts, of which one certificate, or every other, has changed: whoever is served meanwhile does not notice."""
    def put(n, pair):
        (tmp_path / f"{n}.crt").write_bytes(pair[0])
        (tmp_path / f"{n}.key").write_bytes(pair[1])

    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        for n, pair in enumerate(pool.map(many_certificates, range(HOSTS))):
            put(n, pair)
    hosts = "\n".join(f"host h{n}.example.test {{ certificate {tmp_path}/{n}.crt key={tmp_path}/{n}.key\n proxy app }}" for n in range(HOSTS))
    front = signet(f"""
workers 2
access_log off
pool app {{ server 127.0.0.1:{{nginx}} }}
listen 127.0.0.1:{{port}} {{
    host shop.example.test {{ {CERTIFICATE}
 proxy app }}
    {hosts}
}}
""", nginx=cleanup(NginxOrigin(tmp_path / "nginx", ECHO)).port)
    canaries = [cleanup(Canary(front.port, certs)) for _ in range(CANARIES)]
    wait_for("quiet song", lambda: all(len(c.seconds) > QUIET * Canary.RATE for c in canaries))
    quiet = [second for c in canaries for second in c.seconds[Canary.RATE // 2:]]
    during, took = [], []
    for _ in range(ROUNDS):
        changed = range(1) if share == "one" else range(0, HOSTS, 2)
        with concurrent.futures.ThreadPoolExecutor(1) as pool:
            for n, pair in zip(changed, pool.map(many_certificates, changed)):
                put(n, pair)
        time.sleep(0.5)
        before = [len(c.seconds) for c in canaries]
        outcome = front.reload()
        assert outcome.committed
        took.append(int(re.search(r"after (\d+) ms", outcome.line)[1]))
        time.sleep(0.3)
        during += [second for c, n in zip(canaries, before) for second in c.seconds[n:]]
    for canary in canaries:
        canary.close()
    p99 = [sorted(seconds)[len(seconds) * 99 // 100] for seconds in (quiet, during)]
    print(f"{HOSTS} hosts, {share} changed: reload {statistics.median(took)} ms; {CANARIES} canaries: p99 {p99[0] * 1000:.1f} ms while "
          f"quiet, {p99[1] * 1000:.1f} ms during {ROUNDS} reloads ({len(during)} requests), worst {max(during) * 1000:.1f} ms")
    assert [c.errors for c in canaries] == [[]] * CANARIES and p99[1] < p99[0] + SLOWER[share]
