# SPDX-License-Identifier: Apache-2.0
"""Servers that cannot be reached, say nothing, or break off: what is tried again, where, how often, and what is answered else."""
import contextlib
import socket
import struct
import threading
import time

import pytest

from harness import answering, free_port, read_response, talk, tls_client, wait_for

CONFIG = """
workers 1
{top}
pool app {
    {pool}
}
listen 127.0.0.1:{port} {
    host shop.example.test {
        certificate {certs}/shop.example.test.ecdsa.crt key={certs}/shop.example.test.ecdsa.key
        proxy app
    }
}
"""


@pytest.fixture
def serve(signet):
    """serve(pool=...) is a signet whose pool holds that text, with more of it at the top on wish."""
    return lambda pool, top="": signet(CONFIG, pool=pool, top=top)


def servers(*ports):
    return "\n".join(f"server 127.0.0.1:{port} id=s{n}" for n, port in enumerate(ports))


def request(method="GET", target="/", more="", body=""):
    return f"{method} {target} HTTP/1.1\r\nHost: shop.example.test\r\n{more}\r\n{body}"


def ask(front, certs, *args, **kwargs):
    with tls_client(front.port, certs) as connection:
        return talk(connection, request(*args, **kwargs), method=args[0] if args else "GET")


def close(connection, how):
    if how == "reset":
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()


class Breaking:
    """A script: answers, but reads `breaks` requests for /break... and closes their connections instead. Remembers the request lines."""

    def __init__(self, breaks=1, how="reset", said=b"", name=b"ok"):
        self.breaks, self.how, self.said, self.name = breaks, how, said, name
        self.lines = []

    def __call__(self, peer, origin):
        while True:
            line = peer.read_head().split(" HTTP/")[0]
            self.lines.append(line)
            if " /break" in line and self.breaks > 0:
                self.breaks -= 1
                peer.send(self.said)
                if self.said:
                    time.sleep(0.1)  # a reset overtakes what was said
                close(peer.connection, self.how)
                return
            peer.answer(b"" if line.startswith("HEAD ") else self.name)


@pytest.fixture
def black_hole(cleanup):
    """black_hole() is a port whose SYNs nobody answers: the queue of its listener is full."""
    def make():
        listener = cleanup(socket.socket())
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        for _ in range(4):
            filler = cleanup(socket.socket())
            filler.setblocking(False)
            filler.connect_ex(listener.getsockname())
        time.sleep(0.2)
        return listener.getsockname()[1]
    return make


# --- servers that say nothing

def test_h67_a_dial_into_a_black_hole_is_504(serve, certs, black_hole):
    front = serve(top="timeout connect=300ms", pool=servers(black_hole()))
    assert ask(front, certs, "POST", more="Content-Length: 4\r\n", body="body").status == 504
    record = front.record(status=504)
    assert (record["tries"], record["server"], record["abort_phase"]) == (1, "s0", None) and record["refused"]
    assert 250 <= record["connect_ms"] <= 3000 and record["wait_ms"] == 0


def test_h67_from_a_black_hole_it_goes_on_to_the_next(serve, origin, certs, black_hole):
    source = origin(answering(b"next"))
    front = serve(top="timeout connect=300ms", pool=servers(black_hole()) + f"\nserver 127.0.0.1:{source.port} backup")
    assert ask(front, certs).body == b"next"
    assert ask(front, certs, "POST", more="Content-Length: 0\r\n").body == b"next"  # nothing was sent: any method may
    wait_for("2 records", lambda: len(front.records()) == 2)
    assert [r["tries"] for r in front.records()] == [2, 2]


def test_h67_several_black_holes_are_504_too(serve, certs, black_hole):
    front = serve(top="timeout connect=200ms", pool=servers(black_hole(), free_port(), black_hole()))
    assert ask(front, certs).status == 504
    record = front.record(status=504)
    assert record["tries"] == 3 and 350 <= record["connect_ms"] <= 3000


@pytest.mark.parametrize("why, said", [
    ("nothing", []),
    ("part of a head", [b"HTTP/1.1 200 OK\r\nX-A: b"]),
    ("a head that drips", [bytes([byte]) for byte in b"HTTP/1.1 200 OK\r\nX-A: bcdefghijklmnop"]),
    ("an interim answer", [b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n"]),
])
def test_h67_no_head_in_time_is_504(serve, origin, certs, why, said):
    def script(peer, origin):
        peer.read_head()
        with contextlib.suppress(OSError):
            for piece in said:
                peer.send(piece)
                time.sleep(0.1)

    source = origin(script)
    front = serve(pool=servers(source.port) + "\ntimeout response=500ms")
    with tls_client(front.port, certs) as connection:
        answer = talk(connection, request())
        while answer.status < 200:
            answer = read_response(connection, answer.rest)
        assert answer.status == 504, why
    record = front.record(status=504)
    assert record["tries"] == 1 and 400 <= record["wait_ms"] <= 3000
    wait_for("end of the server's connection", lambda: source.ends, 5)


@pytest.mark.parametrize("head, sent", [
    ("Content-Length: 1000", "half"),
    ("Transfer-Encoding: chunked", "4\r\nhalf\r\n"),
    ("Transfer-Encoding: chunked", "4\r\nhalf\r\n0\r\n"),
    ("X-No: length", "half"),
])
def test_h67_silence_inside_the_body_is_a_visible_cut(serve, origin, certs, head, sent):
    def script(peer, origin):
        peer.read_head()
        peer.send(f"HTTP/1.1 200 OK\r\n{head}\r\n\r\n{sent}")

    source = origin(script)
    front = serve(pool=servers(source.port) + "\ntimeout response=300ms")
    with tls_client(front.port, certs) as connection:
        connection.sendall(request().encode())
        got = b""
        with contextlib.suppress(OSError):
            while data := connection.recv(65536):
                got += data
        assert b"half" in got and b"\r\n0\r\n" not in got
    record = front.record(status=200)
    assert (record["abort_phase"], record["abort_by"]) == ("stream", "timeout")
    wait_for("end of the server's connection", lambda: source.ends, 5)


# --- a connection that was kept and breaks as it is used again

@pytest.mark.parametrize("how", ["fin", "reset"])
def test_h68_only_what_is_idempotent_is_repeated(serve, origin, certs, how):
    script = Breaking(how=how)
    source = origin(script)
    front = serve(pool=servers(source.port) + "\nretry 2 budget=100%")
    rows = [("GET", 2), ("HEAD", 2), ("OPTIONS", 2), ("DELETE", 2), ("PUT", 2), ("POST", 1), ("PATCH", 1), ("BREW", 1)]
    for method, sent in rows:
        with tls_client(front.port, certs) as connection:
            assert talk(connection, request(target="/first")).body == b"ok"
            script.breaks, before = 1, source.connections
            answer = talk(connection, request(method, "/break", "Content-Length: 0\r\n"), method=method)
            assert answer.status == (200 if sent == 2 else 502), method
            assert script.lines.count(f"{method} /break") == sent and source.connections == before + sent - 1
            assert talk(connection, request(target="/mine")).body == b"ok"
    for method, sent in rows:
        record = front.record(method=method, target="/break")
        assert (record["tries"], record["reused"]) == (sent, sent == 1), method


@pytest.mark.parametrize("how", ["fin", "reset"])
def test_h68_a_body_that_went_up_is_not_sent_twice(serve, origin, certs, how):
    script = Breaking(how=how)
    front = serve(pool=servers(origin(script).port))
    with tls_client(front.port, certs) as connection:
        assert talk(connection, request(target="/first")).body == b"ok"
        assert talk(connection, request("PUT", "/break", "Content-Length: 4\r\n", "body")).status == 502
    assert script.lines.count("PUT /break") == 1
    assert front.record(target="/break")["tries"] == 1


def test_h68_a_body_that_is_still_held_is(serve, origin, certs):
    lines, bodies = [], []

    def script(peer, origin):
        while True:
            head = peer.read_head()
            lines.append(head.split(" HTTP/")[0])
            if len(lines) == 2:
                peer.connection.close()  # before the client was told to send its body
                return
            if "Expect" in head or "expect" in head:
                peer.send("HTTP/1.1 100 Continue\r\n\r\n")
                bodies.append(peer.read_exactly(4))
            peer.answer()

    front = serve(pool=servers(origin(script).port))
    with tls_client(front.port, certs) as connection:
        assert talk(connection, request(target="/first")).body == b"ok"
        told = talk(connection, request("PUT", "/second", "Content-Length: 4\r\nExpect: 100-continue\r\n"))
        assert told.status == 100
        connection.sendall(b"body")
        assert read_response(connection, told.rest).body == b"ok"
    assert lines == ["GET /first", "PUT /second", "PUT /second"] and bodies == [b"body"]
    assert front.record(target="/second")["tries"] == 2


def test_h68_the_keys_owner_stays_its_owner(serve, origin, certs):
    scripts = [Breaking(breaks=0, name=name) for name in (b"a", b"b")]
    front = serve(pool=servers(*[origin(script).port for script in scripts]))
    with tls_client(front.port, certs) as connection:
        owner = talk(connection, request(target="/break")).body
        scripts[0].breaks = scripts[1].breaks = 1
        assert talk(connection, request(target="/break")).body == owner
    wait_for("2 records", lambda: len(front.records()) == 2)
    assert len({r["server"] for r in front.records()}) == 1
    assert [r["tries"] for r in front.records()] == [1, 2]


def test_h68_a_server_that_is_gone_altogether_is_502_for_what_was_sent(serve, origin, certs):
    script = Breaking()
    source = origin(script)
    front = serve(pool=servers(source.port))
    with tls_client(front.port, certs) as connection:
        assert talk(connection, request(target="/first")).body == b"ok"
        source.listener.shutdown(socket.SHUT_RDWR)  # wakes accept(), which lets go of it
        source.close()
        assert talk(connection, request(target="/break")).status == 502
        assert talk(connection, request(target="/third")).status == 503
    assert front.record(target="/break")["tries"] == 2
    assert front.record(target="/third")["tries"] == 1


# --- a new connection that is reset

@pytest.mark.parametrize("how", ["fin", "reset"])
def test_h85_a_reset_is_502_for_post_and_one_repeat_for_get(serve, origin, certs, how):
    script = Breaking(how=how)
    source = origin(script)
    front = serve(pool=servers(source.port) + "\nkeepalive 0\nretry 2 budget=100%")
    rows = [("GET", 1, 200, 2), ("GET", 2, 502, 2), ("PUT", 1, 200, 2), ("POST", 1, 502, 1), ("PATCH", 1, 502, 1)]
    for number, (method, script.breaks, status, sent) in enumerate(rows):
        before = source.connections
        assert ask(front, certs, method, f"/break/{number}", "Content-Length: 0\r\n").status == status, rows[number]
        assert script.lines[before:] == [f"{method} /break/{number}"] * sent and source.connections == before + sent
        record = front.record(target=f"/break/{number}")
        assert (record["status"], record["tries"], record["reused"]) == (status, sent, False)


def test_h85_the_repeat_goes_to_the_next_server(serve, origin, certs):
    broken, whole = Breaking(breaks=100), Breaking(breaks=0)
    front = serve(pool=f"server 127.0.0.1:{origin(broken).port} id=broken\n"
                                f"server 127.0.0.1:{origin(whole).port} id=whole backup")
    assert ask(front, certs, "GET", "/break").body == b"ok"
    assert ask(front, certs, "POST", "/break", "Content-Length: 0\r\n").status == 502
    assert (broken.lines, whole.lines) == (["GET /break", "POST /break"], ["GET /break"])
    record = front.record(method="GET")
    assert (record["server"], record["tries"]) == ("whole", 2)
    assert front.record(method="POST")["server"] == "broken"


@pytest.mark.parametrize("said", [b"H", b"HTTP/1.1 200 OK\r\nContent-Le", b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n"])
def test_h85_an_answer_that_has_begun_is_not_asked_for_again(serve, origin, certs, said):
    script = Breaking(said=said)
    front = serve(pool=servers(origin(script).port))
    with tls_client(front.port, certs) as connection:
        answer = talk(connection, request(target="/break"))
        while answer.status < 200:
            answer = read_response(connection, answer.rest)
        assert answer.status == 502
    assert script.lines == ["GET /break"]
    assert front.record(status=502)["tries"] == 1


# --- as configured

@pytest.mark.parametrize("retry, lines", [
    ("", 2), ("retry 1", 2), ("retry 2 on=reset", 2), ("retry 10", 2),
    ("retry 0", 1), ("retry off", 1), ("retry 2 on=connect,refused", 1),
])
def test_a_reset_is_repeated_as_configured(serve, origin, certs, retry, lines):
    script = Breaking(breaks=100)
    front = serve(pool=servers(origin(script).port) + "\n" + retry)
    assert ask(front, certs, "GET", "/break").status == 502
    assert len(script.lines) == lines


@pytest.mark.parametrize("retry, tries", [("", 3), ("retry 4", 5), ("retry 10 on=refused", 6), ("retry off", 1), ("retry 5 on=reset", 1)])
def test_refused_dials_go_on_as_configured(serve, certs, retry, tries):
    front = serve(pool=servers(*[free_port() for _ in range(6)]) + "\n" + retry)
    assert ask(front, certs).status == 503
    assert front.record()["tries"] == tries


def test_without_repeats_a_kept_connection_is_looked_at_first(serve, origin, certs):
    def once(peer, origin):
        peer.read_head()
        peer.answer()
        time.sleep(0.1)
        peer.connection.shutdown(socket.SHUT_RDWR)

    front = serve(pool=servers(origin(once).port) + "\nretry off")
    with tls_client(front.port, certs) as connection:
        for _ in range(3):
            assert talk(connection, request()).status == 200
            time.sleep(0.3)


def test_repeats_stay_within_their_budget(serve, origin, certs):
    """A server that resets everything gets a fifth more than it would without repeats, and three a second."""
    script = Breaking(breaks=100000)
    front = serve(pool=servers(origin(script).port) + "\nretry 2 budget=20%")
    requests, clients = 200, 4
    begin = time.monotonic()

    def client():
        with tls_client(front.port, certs) as connection:
            for _ in range(requests // clients):
                assert talk(connection, request(target="/break")).status == 502

    threads = [threading.Thread(target=client) for _ in range(clients)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    seconds = int(time.monotonic() - begin) + 2
    wait_for("records", lambda: len(front.records()) == requests)
    repeats = len(script.lines) - requests
    assert repeats == sum(r["tries"] - 1 for r in front.records())
    assert 3 <= repeats <= requests // 5 + 3 * seconds, (repeats, seconds)
    assert repeats >= requests // 10  # and it does repeat
