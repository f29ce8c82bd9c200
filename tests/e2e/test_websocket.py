# SPDX-License-Identifier: Apache-2.0
"""Upgrade: WebSocket by Debian's node-ws on both ends, and tunnels between raw clients and raw origins."""
import contextlib
import os
import pathlib
import socket
import ssl
import struct
import threading
import time

import pytest

from harness import ROOT, ProcessOrigin, answering, environment, free_port, read_response, run, sha256, tls_client, wait_for

SCRIPT = ROOT / "tests/e2e/origins/websocket.js"
NODE = "/usr/bin/node"
NODE_ENV = environment(NODE_PATH="/usr/share/nodejs")
UPGRADE = "GET /socket HTTP/1.1\r\nHost: shop.example.test\r\nConnection: Upgrade\r\nUpgrade: raw\r\n\r\n"
SWITCH = "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: raw\r\n\r\n"
SILENCE = 60 if os.environ.get("SIGNET_LONG_TESTS") == "1" else 6  # seconds; the limits below are 2


@pytest.fixture(scope="module")
def echo_server(tmp_path_factory):
    port = free_port()
    started = ProcessOrigin([NODE, SCRIPT, "serve", port], port, tmp_path_factory.mktemp("ws"), "ws", env=NODE_ENV)
    yield started
    started.close()


def websocket(mode, port, certs, amount):
    done = run(NODE, SCRIPT, mode, port, certs / "ca.crt", amount, env=NODE_ENV, timeout=180)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def switching(script=None):
    """A script for a raw origin: answers 101, then does what the script says."""
    def serve(peer, origin):
        peer.read_head()
        peer.send(SWITCH)
        if script is not None:
            script(peer, origin)
    return serve


def echoing(peer, origin):
    peer.send(peer.buffer)
    while data := peer.read_some():
        peer.send(data)
    peer.connection.shutdown(socket.SHUT_WR)


def open_tunnel(connection, behind=b""):
    connection.sendall(UPGRADE.encode() + behind)
    switched = read_response(connection)
    assert switched.status == 101, switched.head
    return switched


def read_to_end(connection):
    data = b""
    while piece := connection.recv(1 << 16):
        data += piece
    return data


class HalfClosingClient:
    """TLS over a socket by hand: says close_notify and goes on reading, which Python's own sockets cannot."""

    def __init__(self, port, certs):
        self.raw = socket.create_connection(("127.0.0.1", port), 15)
        self.arrived, self.leaving = ssl.MemoryBIO(), ssl.MemoryBIO()
        context = ssl.create_default_context(cafile=str(certs / "ca.crt"))
        self.tls = context.wrap_bio(self.arrived, self.leaving, server_hostname="shop.example.test")
        self.data = b""
        self.go_on(self.tls.do_handshake)

    def flush(self):
        if self.leaving.pending:
            self.raw.sendall(self.leaving.read())

    def go_on(self, step):
        while True:
            try:
                result = step()
                self.flush()
                return result
            except ssl.SSLWantReadError:
                self.flush()
                piece = self.raw.recv(65536)
                self.arrived.write(piece) if piece else self.arrived.write_eof()

    def send(self, data):
        self.tls.write(data)
        self.flush()

    def close_notify(self):
        with contextlib.suppress(ssl.SSLWantReadError):
            self.tls.unwrap()
        self.flush()

    def read_some(self):
        with contextlib.suppress(ssl.SSLZeroReturnError):
            return self.go_on(lambda: self.tls.read(65536))
        return b""

    def read_until(self, mark):
        while mark not in self.data:
            piece = self.read_some()
            assert piece, self.data
            self.data += piece
        head, self.data = self.data.split(mark, 1)
        return head + mark

    def read_to_end(self):
        while piece := self.read_some():
            self.data += piece
        return self.data


def heads(origin):
    return bytes(origin.received[0]).lower().decode("latin-1")


PLAIN = """
workers 1
{top}
pool app {
    server 127.0.0.1:{origin}
    {pool}
}
listen 127.0.0.1:{port} {
    host shop.example.test {
        proxy app
    }
}
"""


@pytest.fixture
def plain(signet):
    """plain(port) is like fronted(port) without TLS."""
    return lambda port, top="", pool="": signet(PLAIN, origin=port, top=top, pool=pool)


def plain_client(front):
    return socket.create_connection(("127.0.0.1", front.port), 15)


# --- WebSocket

def test_10000_messages_come_back_right_and_in_order(fronted, echo_server, certs):
    front = fronted(echo_server.port)
    assert websocket("echo", front.port, certs, 10_000) == "10000 right"
    record = front.record(status=101)
    assert (record["method"], record["target"], record["pool"], record["tries"]) == ("GET", "/socket", "app", 1)
    assert record["abort_phase"] is None and record["server"] == f"127.0.0.1:{echo_server.port}"
    assert record["bytes_in"] > record["bytes_out"] > 100_000_000  # frames of a client have a mask of 4 bytes each
    assert record["stream_ms"] <= record["total_ms"]


@pytest.mark.long
def test_it_is_held_open_through_silence(fronted, echo_server, certs):
    front = fronted(echo_server.port, top="timeout body=2s response=2s idle=2s header=2s send=2s handshake=2s")
    assert websocket("hold", front.port, certs, SILENCE) == "held"
    record = front.record(status=101)
    assert record["abort_phase"] is None and record["stream_ms"] >= SILENCE * 1000 - 100


# --- the switch

def test_what_the_origin_sees_of_an_upgrade(fronted, origin, certs):
    source = origin(switching(echoing))
    front = fronted(source.port)
    request = ("GET /s HTTP/1.1\r\nHost: shop.example.test\r\nConnection: keep-alive, Upgrade\r\nUpgrade: websocket, foo/2\r\nUpgrade: raw\r\n"
               "Sec-WebSocket-Key: k\r\nSec-WebSocket-Version: 13\r\n\r\n")
    with tls_client(front.port, certs) as connection:
        connection.sendall(request.encode())
        switched = read_response(connection)
        assert (switched.status, switched.fields["connection"], switched.fields["upgrade"]) == (101, "upgrade", "raw")
    head = heads(source)
    assert "\r\nupgrade: websocket, foo/2, raw\r\n" in head and "\r\nconnection: upgrade\r\n" in head
    assert "\r\nsec-websocket-key: k\r\nsec-websocket-version: 13\r\n" in head


def rows(*table):
    """Rows whose first element says why: it becomes the name of the case."""
    return [pytest.param(*row[1:], id=row[0].replace(" ", "-")) for row in table]


@pytest.mark.parametrize("fields, version, kept", rows(
    ("h2c alone", "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\n", "1.1", None),
    ("in other case, with a version", "Connection: upgrade\r\nUpgrade: H2C/14\r\n", "1.1", None),
    ("in a list", "Connection: upgrade\r\nUpgrade: h2c, websocket\r\n", "1.1", "websocket"),
    ("on lines of its own", "Connection: upgrade\r\nUpgrade: websocket\r\nUpgrade:\th2C\r\n", "1.1", "websocket"),
    ("HTTP and TLS, which carry requests as well", "Connection: upgrade\r\nUpgrade: TLS/1.2, HTTP/2.0\r\n", "1.1", None),
    ("not named by Connection", "Upgrade: websocket\r\n", "1.1", None),
    ("HTTP/1.0", "Connection: upgrade\r\nUpgrade: websocket\r\n", "1.0", None),
))
def test_h48_h2c_is_removed(fronted, origin, certs, fields, version, kept):
    source = origin(answering(b"plain"))
    front = fronted(source.port)
    with tls_client(front.port, certs) as connection:
        connection.sendall(f"GET / HTTP/{version}\r\nHost: shop.example.test\r\n{fields}\r\n".encode())
        assert read_response(connection).body == b"plain"
    head = heads(source)
    assert "h2c" not in head and "http2-settings" not in head
    assert [line for line in head.split("\r\n") if line.startswith(("upgrade:", "connection:"))] == (
        [f"upgrade: {kept}", "connection: upgrade"] if kept else [])


def test_h48_nothing_tunnels_before_the_101(fronted, origin, certs):
    may_switch = threading.Event()

    def script(peer, origin):
        peer.read_head()
        assert may_switch.wait(15)
        peer.send(SWITCH)
        echoing(peer, origin)

    source = origin(script)
    front = fronted(source.port)
    smuggled = b"GET /smuggled HTTP/1.1\r\nHost: shop.example.test\r\n\r\n"
    with tls_client(front.port, certs) as connection:
        connection.sendall(UPGRADE.encode() + smuggled)
        wait_for("the head at the origin", lambda: source.received and b"\r\n\r\n" in source.received[0])
        time.sleep(0.3)
        assert bytes(source.received[0]).endswith(b"\r\n\r\n") and b"smuggled" not in source.received[0]
        may_switch.set()
        answer = read_response(connection)
        assert answer.status == 101
        got = answer.rest
        while len(got) < len(smuggled):
            got += connection.recv(1000)
        assert got == smuggled
    assert source.connections == 1 and bytes(source.received[0]).endswith(b"\r\n\r\n" + smuggled)


def test_h48_what_waits_before_the_101_is_bounded(fronted, origin, certs):
    source = origin(lambda peer, origin: (peer.read_head(), time.sleep(3), peer.answer()))
    front = fronted(source.port)
    with tls_client(front.port, certs) as connection:
        connection.settimeout(1)
        sent = len(UPGRADE)
        connection.sendall(UPGRADE.encode())
        with pytest.raises(TimeoutError):
            while sent < 64 << 20:
                sent += connection.send(bytes(1 << 16))
    assert sent < 16 << 20  # the kernel's buffers; see the memory test for ours
    assert b"\0" not in source.received[0]


def test_h48_a_final_answer_makes_what_is_behind_the_next_request(fronted, origin, certs):
    source = origin(answering(b"no"))
    front = fronted(source.port)
    with tls_client(front.port, certs) as connection:
        connection.sendall(UPGRADE.encode() + b"GET /next HTTP/1.1\r\nHost: shop.example.test\r\n\r\n")
        first = read_response(connection)
        second = read_response(connection, first.rest)
    assert (first.status, second.status) == (200, 200) and "upgrade" not in first.fields
    assert front.record(target="/next")["status"] == front.record(target="/socket")["status"] == 200


@pytest.mark.parametrize("request_fields, answer", rows(
    ("nobody asked", "", SWITCH),
    ("another protocol", "Connection: upgrade\r\nUpgrade: websocket\r\n", SWITCH),
    ("no Connection", "Connection: upgrade\r\nUpgrade: raw\r\n", "HTTP/1.1 101 Switching Protocols\r\nUpgrade: raw\r\n\r\n"),
    ("no Upgrade", "Connection: upgrade\r\nUpgrade: raw\r\n", "HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\n\r\n"),
    ("one more than offered", "Connection: upgrade\r\nUpgrade: raw\r\n",
     "HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: raw, h2c\r\n\r\n"),
    ("to h2c, which was taken away", "Connection: upgrade\r\nUpgrade: raw, h2c\r\n",
     "HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: h2c\r\n\r\n"),
))
def test_h48_a_101_that_was_not_asked_for_is_502(fronted, origin, certs, request_fields, answer):
    def script(peer, origin):
        peer.read_head()
        if origin.connections == 1:
            peer.send(answer + "behind")
            peer.read_some()
        peer.answer(b"next")

    source = origin(script)
    front = fronted(source.port)
    with tls_client(front.port, certs) as connection:
        connection.sendall(f"GET /1 HTTP/1.1\r\nHost: shop.example.test\r\n{request_fields}\r\n".encode())
        refused = read_response(connection)
        assert refused.status == 502 and b"behind" not in refused.body + refused.rest
        connection.sendall(b"GET /2 HTTP/1.1\r\nHost: shop.example.test\r\n\r\n")
        assert read_response(connection).body == b"next"
    assert source.connections == 2  # the first was destroyed
    assert front.record(status=502)["server"]


def test_an_upgrade_with_a_body(fronted, origin, certs):
    """The body is framed and goes first; the origin may switch once it has all of it."""
    def script(peer, origin):
        peer.read_head()
        origin.body = peer.read_exactly(5)
        time.sleep(0.2)
        peer.send(SWITCH)
        echoing(peer, origin)

    source = origin(script)
    front = fronted(source.port)
    with tls_client(front.port, certs) as connection:
        connection.sendall(b"POST /s HTTP/1.1\r\nHost: shop.example.test\r\nConnection: upgrade\r\nUpgrade: raw\r\n"
                           b"Content-Length: 5\r\n\r\nhel")
        time.sleep(0.1)
        connection.sendall(b"lotunnelled")
        switched = read_response(connection)
        assert switched.status == 101
        got = switched.rest
        while len(got) < 9:
            got += connection.recv(100)
        assert got == b"tunnelled"
    assert source.body == b"hello"
    assert front.record(status=101)["bytes_in"] == 5 + 9


def test_a_426_keeps_its_upgrade(fronted, origin, certs):
    front = fronted(origin(answering(b"", status="426 Upgrade Required", extra="Connection: upgrade\r\nUpgrade: websocket\r\n")).port)
    with tls_client(front.port, certs) as connection:
        connection.sendall(b"GET / HTTP/1.1\r\nHost: shop.example.test\r\n\r\n")
        asked = read_response(connection)
        assert (asked.status, asked.fields["upgrade"], asked.fields["connection"]) == (426, "websocket", "upgrade")
        connection.sendall(b"GET / HTTP/1.1\r\nHost: shop.example.test\r\n\r\n")  # the connection goes on
        assert read_response(connection).status == 426


# --- ends

def test_the_client_half_closes_over_tls(fronted, origin, certs):
    """close_notify ends one direction: the origin sees FIN and answers for a while yet."""
    def script(peer, origin):
        origin.asked = read_to_end(peer.connection)
        for _ in range(5):
            time.sleep(0.1)
            peer.send("late ")
        peer.connection.shutdown(socket.SHUT_WR)

    source = origin(switching(script))
    front = fronted(source.port)
    connection = HalfClosingClient(front.port, certs)
    with connection.raw:
        connection.send(UPGRADE.encode())
        assert connection.read_until(b"\r\n\r\n").startswith(b"HTTP/1.1 101 ")
        connection.send(b"all I have to say")
        connection.close_notify()
        assert connection.read_to_end() == b"late " * 5
    assert source.asked == b"all I have to say"
    record = front.record(status=101)
    assert (record["bytes_in"], record["bytes_out"], record["abort_phase"]) == (17, 25, None)
    assert record["stream_ms"] >= 450


def test_the_client_half_closes_over_plain_tcp(plain, origin):
    source = origin(switching(lambda peer, origin: (peer.send(sha256(read_to_end(peer.connection))),
                                                    peer.connection.shutdown(socket.SHUT_WR))))
    front = plain(source.port)
    body = os.urandom(3_000_000)
    with plain_client(front) as connection:
        open_tunnel(connection)
        connection.sendall(body)
        connection.shutdown(socket.SHUT_WR)
        assert read_to_end(connection) == sha256(body).encode()
    record = front.record(status=101)
    assert (record["bytes_in"], record["bytes_out"], record["abort_by"]) == (3_000_000, 64, None)
    wait_for("the origin's connection to end", lambda: source.ends)
    assert source.ends[0][1] == "fin"


@pytest.mark.parametrize("kind", ["plain", "tls"])
def test_the_origin_half_closes(fronted, plain, origin, certs, kind):
    def script(peer, origin):
        peer.send("farewell")
        peer.connection.shutdown(socket.SHUT_WR)
        origin.heard = read_to_end(peer.connection)

    source = origin(switching(script))
    front = fronted(source.port) if kind == "tls" else plain(source.port)
    with tls_client(front.port, certs) if kind == "tls" else plain_client(front) as connection:
        got = open_tunnel(connection).rest + read_to_end(connection)
        assert got == b"farewell"
        for piece in (b"still ", b"here"):
            connection.sendall(piece)
            time.sleep(0.1)
        if kind == "tls":
            connection.unwrap()
        else:
            connection.shutdown(socket.SHUT_WR)
    wait_for("the rest at the origin", lambda: getattr(source, "heard", None) == b"still here")
    assert front.record(status=101)["abort_by"] is None


def test_a_bare_fin_of_a_tls_client_is_an_abort(fronted, origin, certs):
    source = origin(switching())
    front = fronted(source.port)
    connection = tls_client(front.port, certs)
    open_tunnel(connection)
    connection.close()  # Python says no close_notify
    wait_for("the origin's connection to end", lambda: source.ends)
    assert source.ends[0][1] == "reset"  # no orderly end of what was cut
    record = front.record(status=101)
    assert (record["abort_by"], record["abort_phase"], record["abort_signal"]) == ("client", "stream", "fin")


def test_a_bare_fin_behind_the_servers_end_is_none(fronted, origin, certs):
    source = origin(switching(lambda peer, origin: peer.connection.shutdown(socket.SHUT_WR)))
    front = fronted(source.port)
    connection = tls_client(front.port, certs)
    assert open_tunnel(connection).rest + read_to_end(connection) == b""
    connection.close()
    assert front.record(status=101)["abort_by"] is None


def reset(connection):
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()


def test_a_client_that_resets(plain, origin):
    source = origin(switching())
    front = plain(source.port)
    connection = plain_client(front)
    open_tunnel(connection)
    reset(connection)
    wait_for("the origin's connection to end", lambda: source.ends)
    assert source.ends[0][1] == "reset"
    record = front.record(status=101)
    assert (record["abort_by"], record["abort_signal"]) == ("client", "reset")


def test_a_client_that_resets_behind_its_own_end(plain, origin):
    """Nobody reads that side any more: a sweep once a second finds it."""
    done = threading.Event()

    def script(peer, origin):
        origin.heard = read_to_end(peer.connection)
        done.wait(15)

    source = origin(switching(script))
    front = plain(source.port)
    connection = plain_client(front)
    open_tunnel(connection)
    connection.shutdown(socket.SHUT_WR)
    wait_for("FIN at the origin", lambda: hasattr(source, "heard"))
    reset(connection)
    record = front.record(status=101)
    done.set()
    assert (record["abort_by"], record["abort_signal"]) == ("client", "reset")


def test_an_origin_that_resets(plain, origin):
    source = origin(switching(lambda peer, origin: (peer.read_some(), reset(peer.connection))))
    front = plain(source.port)
    with plain_client(front) as connection:
        open_tunnel(connection)
        connection.sendall(b"x")
        with pytest.raises(ConnectionResetError):
            read_to_end(connection)
    record = front.record(status=101)
    assert (record["abort_by"], record["abort_signal"]) == ("upstream", "reset")


def test_timeout_tunnel_ends_an_idle_one(fronted, origin, certs):
    source = origin(switching())
    front = fronted(source.port, host="timeout tunnel=700ms")
    with tls_client(front.port, certs) as connection:
        open_tunnel(connection)
        for _ in range(4):  # longer than the limit, but never silent for so long
            time.sleep(0.3)
            connection.sendall(b"ping")
        begin = time.monotonic()
        with contextlib.suppress(OSError):
            assert connection.recv(10) == b""
        assert 0.5 < time.monotonic() - begin < 5
    wait_for("the origin's connection to end", lambda: source.ends)
    assert source.ends[0][1] == "reset" and source.received[0].endswith(b"pingpingpingping")
    record = front.record(status=101)
    assert (record["abort_by"], record["abort_phase"], record["bytes_in"]) == ("timeout", "stream", 16)
    assert record["stream_ms"] >= 1800


def test_drain_lets_a_tunnel_live_until_its_limit(fronted, origin, certs):
    source = origin(switching(echoing))
    front = fronted(source.port, top="drain 2s")
    with tls_client(front.port, certs) as connection:
        open_tunnel(connection)
        stopping = threading.Thread(target=front.stop)
        begin = time.monotonic()
        stopping.start()
        time.sleep(1)
        connection.sendall(b"still there?")
        assert connection.recv(100) == b"still there?"
        stopping.join()
        assert time.monotonic() - begin >= 1.9
    record = front.record(status=101)
    assert (record["abort_by"], record["abort_phase"]) == ("shutdown", "stream")


def test_drain_ends_with_the_last_tunnel(fronted, origin, certs):
    source = origin(switching(echoing))
    front = fronted(source.port, top="drain 30s")
    with tls_client(front.port, certs) as connection:
        open_tunnel(connection)
        stopping = threading.Thread(target=front.stop)
        begin = time.monotonic()
        stopping.start()
        time.sleep(0.3)
        connection.unwrap()
    stopping.join()
    assert time.monotonic() - begin < 15
    assert front.record(status=101)["abort_by"] is None


def test_the_connections_of_a_tunnel_are_not_used_again(fronted, origin, certs):
    source = origin(switching(echoing))
    front = fronted(source.port)
    for _ in range(2):
        with tls_client(front.port, certs) as connection:
            open_tunnel(connection)
            connection.sendall(b"x")
            assert connection.recv(1) == b"x"
            connection.unwrap()
    wait_for("both ends", lambda: len(source.ends) == 2)
    assert [end for _, end, _ in source.ends] == ["fin", "fin"]
    assert all(r["reused"] is False for r in wait_for("records", lambda: len(front.records()) == 2 and front.records()))


# --- back-pressure

def resident(pid):
    """kB"""
    status = pathlib.Path(f"/proc/{pid}/status").read_text()
    return int(next(line.split()[1] for line in status.splitlines() if line.startswith("VmRSS")))


TOTAL = 64 << 20


def test_a_slow_client_holds_the_origin_back(fronted, origin, certs):
    sent = []

    def script(peer, origin):
        for _ in range(TOTAL >> 20):
            peer.send(bytes(1 << 20))
            sent.append(1 << 20)
        peer.connection.shutdown(socket.SHUT_WR)

    front = fronted(origin(switching(script)).port)
    worker = front.workers()[0]
    with tls_client(front.port, certs) as connection:
        before = resident(worker)
        got = len(open_tunnel(connection).rest)
        time.sleep(1)
        assert sum(sent) < TOTAL / 2, "the kernel took all of it: nothing holds back"
        assert resident(worker) - before < 16_000
        while piece := connection.recv(1 << 20):
            got += len(piece)
        assert got == TOTAL and resident(worker) - before < 24_000  # with what AddressSanitizer keeps of the freed
        connection.unwrap()
    assert front.record(status=101)["bytes_out"] == TOTAL


def test_a_slow_origin_holds_the_client_back(fronted, origin, certs):
    may_read = threading.Event()

    def script(peer, origin):
        assert may_read.wait(30)
        count = 0
        while piece := peer.connection.recv(1 << 20):
            count += len(piece)
        origin.count = count
        peer.connection.shutdown(socket.SHUT_WR)

    source = origin(switching(script))
    front = fronted(source.port)
    worker = front.workers()[0]
    with tls_client(front.port, certs) as connection:
        open_tunnel(connection)
        before = resident(worker)
        connection.settimeout(1)
        sent = 0
        with pytest.raises(TimeoutError):
            while sent < TOTAL:
                sent += connection.send(bytes(1 << 16))
        assert resident(worker) - before < 16_000
        may_read.set()
        connection.settimeout(30)
        while sent < TOTAL:
            sent += connection.send(bytes(min(1 << 16, TOTAL - sent)))
        connection.unwrap()
    wait_for("all of it at the origin", lambda: getattr(source, "count", 0) == sent)
    assert front.record(status=101)["bytes_in"] == sent


def test_a_tunnel_to_a_client_that_does_not_read_ends_at_timeout_send(fronted, origin, certs):
    def script(peer, origin):
        while True:
            peer.send(bytes(1 << 20))

    front = fronted(origin(switching(script)).port, top="timeout send=700ms")
    with tls_client(front.port, certs) as connection:
        open_tunnel(connection)
        record = front.record(status=101)
    assert (record["abort_by"], record["abort_phase"]) == ("timeout", "send")
