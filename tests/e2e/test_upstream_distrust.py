# SPDX-License-Identifier: Apache-2.0
"""Servers that do not keep to HTTP. Whatever one says, its client gets a 502 or an answer that is visibly cut, the connection it said
it on is closed and never used again, the record tells of it, and others are served as ever. Every row runs twice: with the answer in
one piece, and byte by byte."""
import contextlib
import socket
import ssl
import struct
import time

import pytest

import harness
from harness import read_response, wait_for

HOST = "shop.example.test"
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


def with_fields(fields, body=b"ok", line=b"HTTP/1.1 200 OK"):
    return line + b"\r\n" + fields + b"\r\n\r\n" + body


class Answer:
    """What the origin does with one request."""

    def __init__(self, said, beyond=b"", later=b"", end=None, good=False):
        self.pieces = [bytes([byte]) for byte in said + beyond]
        if beyond:  # Alone, its first byte may come behind the next request, and is then the answer to it: nobody can tell.
            self.pieces[len(said) - 1:len(said) + 1] = [said[-1:] + beyond[:1]]
        self.later = later  # more bytes, when the answer was long taken
        self.end = end      # then: None stays open, "fin", "reset"
        self.good = good    # nothing is wrong with it: the connection may be used again


class Hostile:
    """A script: /own/X is answered with X, and /row/N as its row says. Remembers which connection a request came on."""

    def __init__(self):
        self.rows = {}
        self.came_on = {}

    def __call__(self, peer, origin):
        index = next(i for i, log in enumerate(origin.received) if log is peer.log)
        peer.connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        while True:
            target = peer.read_head().split(" ")[1]
            if target.startswith("/own/"):
                peer.answer(target[5:])
                continue
            self.came_on[target] = index
            with contextlib.suppress(OSError):  # it may be closed in the middle of the bytes
                self.act(peer, self.rows[target], by_byte=target.endswith("/bytes"))
            if not self.rows[target].good:
                return

    @staticmethod
    def act(peer, answer, by_byte):
        for piece in answer.pieces if by_byte else [b"".join(answer.pieces)]:
            peer.send(piece)
            if by_byte and len(answer.pieces) < 1000:
                time.sleep(0.0002)  # else the kernel joins them again
        if answer.later:
            time.sleep(0.1)
            peer.send(answer.later)
        if answer.end == "fin":
            peer.connection.shutdown(socket.SHUT_WR)
        elif answer.end == "reset":
            time.sleep(0.05)  # what was said arrives first: a reset overtakes it
            peer.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            peer.connection.close()


class Bench:
    def __init__(self, front, origin, script, certs):
        self.front, self.origin, self.script, self.certs = front, origin, script, certs
        self.pids = front.workers()
        self.count = 0
        self.seen = []  # (why, target) of the rows of this test

    def client(self):
        """A TLS connection that tells an end without close_notify from one with it."""
        context = ssl.create_default_context(cafile=str(self.certs / "ca.crt"))
        context.options &= ~ssl.OP_IGNORE_UNEXPECTED_EOF
        raw = socket.create_connection(("127.0.0.1", self.front.port), harness.DEADLINE)
        return context.wrap_socket(raw, server_hostname=HOST, suppress_ragged_eofs=False)

    def target(self, answer, how):
        self.count += 1
        target = f"/row/{self.count}/{how}"
        self.script.rows[target] = answer
        return target

    @staticmethod
    def send(connection, target, method="GET", version="1.1", more=""):
        connection.sendall(f"{method} {target} HTTP/{version}\r\nHost: {HOST}\r\n{more}\r\n".encode())

    def check_others(self, why, connection=None):
        """Another client, or this one's next request, gets its own answer."""
        self.count += 1
        with contextlib.ExitStack() as closing:
            connection = connection or closing.enter_context(self.client())
            self.send(connection, f"/own/{self.count}")
            answer = read_response(connection)
            assert (answer.status, answer.body) == (200, str(self.count).encode()), why

    def check_destroyed(self, why, target):
        if self.script.rows[target].end == "reset":
            return  # by the server itself
        index = self.script.came_on[target]
        wait_for(f"end of the server's connection: {why}", lambda: any(end[0] == index for end in self.origin.ends), 5)
        asked = self.origin.received[index]
        assert asked[asked.index(target.encode()):].count(b" HTTP/1.1\r\n") == 1, f"{why}: it was used again"

    def each(self, rows, method="GET", version="1.1"):
        """For each row, whole and by bytes: asks for it, yields (why, connection, target), then looks whether all is well."""
        for why, answer in rows:
            for how in ("whole", "bytes"):
                target = self.target(answer if isinstance(answer, Answer) else Answer(answer), how)
                with self.client() as connection:
                    self.send(connection, target, method, version)
                    yield f"{why} ({how})", connection, target
                self.check_others(why)
                self.check_destroyed(why, target)

    def check_refused(self, rows, method="GET", version="1.1"):
        """All rows are 502 and say why; the client may go on."""
        targets = []
        for why, connection, target in self.each(rows, method, version):
            answer = read_response(connection, method=method)
            assert answer.status == 502, f"{why}: {answer.head}"
            assert b"evil" not in answer.body and "evil" not in answer.head, why
            if version == "1.1":
                self.check_others(why, connection)
            targets.append(target)
        for record in self.records(targets):
            assert record["status"] == 502 and record["refused"] and record["tries"] == 1, record
            assert record["server"] == f"127.0.0.1:{self.origin.port}", record

    def check_cut(self, rows):
        """All rows are answers that began and are cut where a client sees it. The records name the upstream."""
        targets = []
        for why, connection, target in self.each(rows):
            got = b""
            with pytest.raises(ssl.SSLError, match="(?i)eof"):  # no close_notify
                while data := connection.recv(65536):
                    got += data
            assert b"\r\n0\r\n" not in got, f"{why}: {got}"
            assert got.startswith(b"HTTP/1.1 200 OK\r\n") and b"evil" not in got, f"{why}: {got}"
            targets.append(target)
        for record in self.records(targets):
            assert (record["status"], record["abort_phase"], record["abort_by"]) == (200, "stream", "upstream"), record
            assert record["tries"] == 1, record

    def records(self, targets):
        """One for each of these targets; the worker is the one that began."""
        def found():
            records = [r for r in self.front.records() if r["target"] in targets]
            return len(records) >= len(targets) and records
        records = wait_for(f"records of {targets}", found, 5)
        assert sorted(r["target"] for r in records) == sorted(targets)
        assert self.front.workers() == self.pids, "the worker fell"
        return records


@pytest.fixture(scope="module")
def bench(tmp_path_factory, certs):
    script = Hostile()
    with contextlib.ExitStack() as closing:
        origin = harness.RawOrigin(script)
        closing.callback(origin.close)
        port = harness.free_port()
        front = harness.Signet(tmp_path_factory.mktemp("signet"), """
workers 1
pool app { server 127.0.0.1:{origin} }
listen 127.0.0.1:{port} {
    host shop.example.test {
        certificate {certs}/shop.example.test.ecdsa.crt key={certs}/shop.example.test.ecdsa.key
        proxy app
    }
}
""", certs=certs, port=port, origin=origin.port)
        front.port = port
        closing.callback(front.kill)
        front.start()
        yield Bench(front, origin, script, certs)
        front.stop()


def test_h54_a_length_that_can_be_read_in_two_ways(bench):
    bench.check_refused([
        ("length with coding", with_fields(b"Content-Length: 2\r\nTransfer-Encoding: chunked", b"0\r\n\r\nevil")),
        ("coding with length", with_fields(b"Transfer-Encoding: chunked\r\nContent-Length: 2", b"0\r\n\r\nevil")),
        ("two lengths", with_fields(b"Content-Length: 2\r\nContent-Length: 6", b"okevil")),
        ("two equal lengths", with_fields(b"Content-Length: 2\r\ncontent-length: 2")),
        ("a list of lengths", with_fields(b"Content-Length: 2, 2")),
        ("a length with a sign", with_fields(b"Content-Length: +2")),
        ("a negative length", with_fields(b"Content-Length: -2")),
        ("a hexadecimal length", with_fields(b"Content-Length: 0x2")),
        ("an empty length", with_fields(b"Content-Length:")),
        ("a length of 2^63", with_fields(b"Content-Length: 9223372036854775808")),
        ("a length that wraps", with_fields(b"Content-Length: 18446744073709551618")),
        ("chunked with a tab behind it", with_fields(b"Transfer-Encoding: chunked\t", b"0\r\n\r\n")),
        ("two codings", with_fields(b"Transfer-Encoding: gzip, chunked", b"0\r\n\r\n")),
        ("chunked twice", with_fields(b"Transfer-Encoding: chunked, chunked", b"0\r\n\r\n")),
        ("two lines of it", with_fields(b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked", b"0\r\n\r\n")),
        ("identity", with_fields(b"Transfer-Encoding: identity")),
        ("a parameter", with_fields(b"Transfer-Encoding: chunked;q=1", b"0\r\n\r\n")),
        ("almost chunked", with_fields(b"Transfer-Encoding: xchunked", b"0\r\n\r\n")),
        ("nothing", with_fields(b"Transfer-Encoding:", b"0\r\n\r\n")),
        ("chunked in HTTP/1.0", with_fields(b"Transfer-Encoding: chunked", b"0\r\n\r\n", b"HTTP/1.0 200 OK")),
        ("Connection that names the length", with_fields(b"Connection: Content-Length\r\nContent-Length: 2")),
        ("Connection that names the coding", with_fields(b"Connection: close, Transfer-Encoding\r\nContent-Length: 2")),
    ])


def test_h54_the_same_for_head(bench):
    bench.check_refused([
        ("two lengths", with_fields(b"Content-Length: 2\r\nContent-Length: 6", b"")),
        ("length with coding", with_fields(b"Content-Length: 2\r\nTransfer-Encoding: chunked", b"")),
    ], method="HEAD")


EVIL = b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil"


def check_whole(bench, rows, method="GET", body=b"ok"):
    """The answer itself is good: the client gets it, and nothing of what follows. So does its next request."""
    targets = []
    for why, connection, target in bench.each(rows, method):
        answer = read_response(connection, method=method)
        assert answer.body == body and answer.rest == b"" and answer.status in (200, 204, 304), f"{why}: {answer.head}"
        row = bench.script.rows[target]
        if row.end == "reset":
            time.sleep(0.2)
        elif row.later or row.end:
            bench.check_destroyed(why, target)
        bench.check_others(why, connection)
        targets.append(target)
    for record in bench.records(targets):
        assert record["abort_phase"] is None and record["refused"] is None, record


def test_h55_bytes_beyond_the_answer(bench):
    chunked = with_fields(b"Transfer-Encoding: chunked", b"2\r\nok\r\n0\r\n")
    check_whole(bench, [
        ("another answer behind a length", Answer(OK, EVIL)),
        ("a byte", Answer(OK, b"\n")),
        ("an empty line", Answer(OK, b"\r\n")),
        ("another answer behind a last chunk", Answer(chunked + b"\r\n", EVIL)),
        ("behind trailers", Answer(chunked + b"X-A: b\r\n\r\n", EVIL)),
    ])


def test_h56_bytes_and_ends_on_an_idle_connection(bench):
    check_whole(bench, [
        ("another answer", Answer(OK, later=EVIL)),
        ("a byte", Answer(OK, later=b"H")),
        ("the answer of a server that is tired of waiting", Answer(OK, later=b"HTTP/1.1 408 Request Timeout\r\n\r\n")),
        ("FIN", Answer(OK, end="fin")),
        ("RST", Answer(OK, end="reset")),
        ("an answer and FIN", Answer(OK, later=EVIL, end="fin")),
    ])


@pytest.mark.parametrize("later, end", [(EVIL, None), (b"", "fin"), (b"", "reset")])
def test_h56_a_request_that_may_not_be_repeated_finds_out_in_time(bench, later, end):
    target = bench.target(Answer(OK, later=later, end=end), "whole")
    with bench.client() as connection:
        bench.send(connection, target)
        assert read_response(connection).body == b"ok"
        time.sleep(0.2)
        bench.send(connection, "/own/mine", "POST", more="Content-Length: 0\r\n")
        answer = read_response(connection)
        assert (answer.status, answer.body) == (200, b"mine")
    bench.check_destroyed("idle", target)


@pytest.mark.parametrize("method, head", [
    ("HEAD", with_fields(b"Content-Length: 42", b"")),
    ("HEAD", with_fields(b"Transfer-Encoding: chunked", b"")),
    ("HEAD", with_fields(b"X-No: length", b"")),
    ("GET", with_fields(b"Content-Length: 42", b"", b"HTTP/1.1 204 No Content")),
    ("GET", with_fields(b"Content-Length: 42", b"", b"HTTP/1.1 304 Not Modified")),
    ("GET", with_fields(b"Transfer-Encoding: chunked", b"", b"HTTP/1.1 304 Not Modified")),
])
def test_h57_a_body_where_none_may_be(bench, method, head):
    check_whole(bench, [
        ("bytes", Answer(head, b"evil")),
        ("an answer", Answer(head, EVIL)),
        ("chunks", Answer(head, b"4\r\nevil\r\n0\r\n\r\n")),
        ("later", Answer(head, later=b"evil")),
    ], method, b"")


def test_h58_a_line_that_is_no_status_line(bench):
    def line(text):
        return with_fields(b"Content-Length: 2", line=text)

    bench.check_refused([
        ("two digits", line(b"HTTP/1.1 99 X")),
        ("four digits", line(b"HTTP/1.1 1000 X")),
        ("letters", line(b"HTTP/1.1 abc X")),
        ("below 100", line(b"HTTP/1.1 099 X")),
        ("a sign", line(b"HTTP/1.1 +20 X")),
        ("no status", line(b"HTTP/1.1 OK")),
        ("no version", line(b"200 OK")),
        ("no status line", b"evil\r\n\r\n"),
        ("an older protocol", b"<html>evil</html>"),
        ("another protocol", line(b"ICY 200 OK")),
        ("lower case", line(b"http/1.1 200 OK")),
        ("HTTP/2", line(b"HTTP/2.0 200 OK")),
        ("HTTP/1.2", line(b"HTTP/1.2 200 OK")),
        ("two spaces", line(b"HTTP/1.1  200 OK")),
        ("a tab", line(b"HTTP/1.1 200\tOK")),
        ("a control byte in the reason", line(b"HTTP/1.1 200 O\x01K")),
        ("bare LF", b"HTTP/1.1 200 OK\nContent-Length: 2\n\nok"),
        ("bare LF at the end of the head alone", b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\nok"),
        ("bare CR", b"HTTP/1.1 200 OK\rContent-Length: 2\r\n\r\nok"),
        ("an empty line first", b"\r\n" + OK),
        ("a space first", b" " + OK),
        ("TLS", b"\x15\x03\x01\x00\x02\x02\x46" + OK),
    ])


def interim(status, fields=b"X-A: b", reason=b"X"):
    return b"HTTP/1.1 " + str(status).encode() + b" " + reason + b"\r\n" + fields + b"\r\n\r\n"


def check_refused_after_interims(bench, rows):
    """The interim answers pass; the final one is 502."""
    targets = []
    for why, connection, target in bench.each(rows):
        answer = read_response(connection)
        while answer.status < 200:
            answer = read_response(connection, answer.rest)
        assert answer.status == 502, f"{why}: {answer.head}"
        bench.check_others(why, connection)
        targets.append(target)
    for record in bench.records(targets):
        assert record["status"] == 502 and record["refused"] and record["tries"] == 1, record


def test_h59_interim_answers_that_are_none(bench):
    check_refused_after_interims(bench, [
        ("101 that nobody asked for", interim(101, b"Upgrade: websocket\r\nConnection: Upgrade") + b"evil"),
        ("101 without a protocol", interim(101)),
        ("101 behind 103", interim(103) + interim(101, b"Upgrade: x\r\nConnection: Upgrade")),
        ("the seventeenth", interim(103) * 17 + OK),
        ("endless 100", interim(100) * 40),
        ("a body behind one", interim(103, b"Content-Length: 4") + b"evil" + OK),
        ("heads that are too large together", interim(103, b"Link: " + b"x" * 16000) * 5 + OK),
    ])


@pytest.mark.parametrize("how", ["whole", "bytes"])
def test_h59_sixteen_interim_answers_pass(bench, how):
    target = bench.target(Answer(interim(103) * 16 + OK, good=True), how)
    with bench.client() as connection:
        bench.send(connection, target)
        answer, statuses = read_response(connection), []
        while answer.status < 200:
            statuses.append(answer.status)
            answer = read_response(connection, answer.rest)
        assert statuses == [103] * 16 and answer.body == b"ok"


@pytest.mark.parametrize("how", ["whole", "bytes"])
def test_h59_clients_of_http_1_0_get_no_interim_answer(bench, how):
    target = bench.target(Answer(interim(100) + interim(103) + interim(199) + OK, good=True), how)
    with bench.client() as connection:
        bench.send(connection, target, version="1.0")
        answer = read_response(connection)
        assert (answer.status, answer.body) == (200, b"ok")


def test_h60_heads_that_are_not_http(bench):
    def fields(text):
        return with_fields(text + b"\r\nContent-Length: 2")

    bench.check_refused([
        ("300 fields", fields(b"\r\n".join(b"X-%d: y" % n for n in range(300)))),
        ("one field of 70 kB", fields(b"X-A: " + b"y" * 70000)),
        ("70 kB in 100 fields", fields(b"\r\n".join(b"X-%d: %s" % (n, b"y" * 700) for n in range(100)))),
        ("a reason of 70 kB", with_fields(b"Content-Length: 2", line=b"HTTP/1.1 200 " + b"y" * 70000)),
        ("NUL in a value", fields(b"X-A: a\0b")),
        ("NUL in a name", fields(b"X\0A: b")),
        ("NUL instead of a field", fields(b"\0")),
        ("CR in a value", fields(b"X-A: a\rb")),
        ("CR at a value's end", fields(b"X-A: a\r")),
        ("LF alone behind a value", b"HTTP/1.1 200 OK\r\nX-A: b\nContent-Length: 2\r\n\r\nok"),
        ("a folded value", fields(b"X-A: a\r\n b")),
        ("a folded first line", b"HTTP/1.1 200 OK\r\n X-A: b\r\nContent-Length: 2\r\n\r\nok"),
        ("a value folded with a tab", fields(b"X-A: a\r\n\tb")),
        ("a control byte in a value", fields(b"X-A: a\x01b")),
        ("DEL in a value", fields(b"X-A: a\x7fb")),
        ("a space before the colon", fields(b"X-A : b")),
        ("a tab before the colon", fields(b"X-A\t: b")),
        ("a space in a name", fields(b"X A: b")),
        ("a name that is no token", fields(b"X(A): b")),
        ("a name beyond ASCII", fields(b"X-\xe4: b")),
        ("no name", fields(b": b")),
        ("no colon", fields(b"X-A")),
    ])


def test_h60_what_concerns_two_neighbours_ends_here(bench):
    said = with_fields(b"Connection: X-Secret, keep-alive\r\nX-Secret: evil\r\nKeep-Alive: timeout=5\r\nProxy-Connection: close\r\n"
                       b"Upgrade: h2c\r\nTE: trailers\r\nProxy-Authenticate: Basic\r\nX-Kept: 1\r\nContent-Length: 2")
    for how in ("whole", "bytes"):
        with bench.client() as connection:
            bench.send(connection, bench.target(Answer(said, good=True), how))
            fields = read_response(connection).fields
            assert set(fields) == {"x-kept", "content-length", "date"}, fields


CHUNKED = with_fields(b"Transfer-Encoding: chunked", b"")
SHORT = with_fields(b"Content-Length: 100", b"half")


def test_h61_an_answer_without_its_end_is_seen_to_be_cut(bench):
    bench.check_cut([
        ("a short body", Answer(SHORT, end="fin")),
        ("a short body, reset", Answer(SHORT, end="reset")),
        ("no byte of a body", Answer(with_fields(b"Content-Length: 100", b""), end="fin")),
        ("no last chunk", Answer(CHUNKED + b"4\r\nhalf\r\n", end="fin")),
        ("no last chunk, reset", Answer(CHUNKED + b"4\r\nhalf\r\n", end="reset")),
        ("half a chunk", Answer(CHUNKED + b"8\r\nhalf", end="fin")),
        ("no chunk at all", Answer(CHUNKED, end="fin")),
        ("half a last chunk", Answer(CHUNKED + b"4\r\nhalf\r\n0\r\n", end="fin")),
        ("half a trailer", Answer(CHUNKED + b"4\r\nhalf\r\n0\r\nX-A: b\r\n", end="fin")),
        ("a body that ends with its connection, reset", Answer(with_fields(b"X-No: length", b"half"), end="reset")),
    ])


def test_h61_a_body_that_is_not_http_is_seen_to_be_cut(bench):
    bench.check_cut([
        ("a size that is none", CHUNKED + b"4\r\nhalf\r\nzz\r\nevil\r\n0\r\n\r\n"),
        ("a size with a sign", CHUNKED + b"4\r\nhalf\r\n+4\r\nevil\r\n0\r\n\r\n"),
        ("a size with 0x", CHUNKED + b"4\r\nhalf\r\n0x4\r\nevil\r\n0\r\n\r\n"),
        ("a size of 17 digits", CHUNKED + b"4\r\nhalf\r\n00000000000000004\r\nevil\r\n0\r\n\r\n"),
        ("no size", CHUNKED + b"4\r\nhalf\r\n\r\nevil\r\n0\r\n\r\n"),
        ("bare LF behind a size", CHUNKED + b"4\r\nhalf\r\n4\nevil\r\n0\r\n\r\n"),
        ("data beyond the chunk", CHUNKED + b"4\r\nhalfevil\r\n0\r\n\r\n"),
        ("no line end behind the chunk", CHUNKED + b"4\r\nhalf4\r\nevil\r\n0\r\n\r\n"),
        ("an extension with bare LF", CHUNKED + b"4\r\nhalf\r\n4;x\ny\r\nevil\r\n0\r\n\r\n"),
        ("a last chunk ended by bare LF", CHUNKED + b"4\r\nhalf\r\n0\n\n"),
        ("a folded trailer", CHUNKED + b"4\r\nhalf\r\n0\r\nX-A: b\r\n c\r\n\r\n"),
    ])
