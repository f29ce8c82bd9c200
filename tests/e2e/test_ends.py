# SPDX-License-Identifier: Apache-2.0
"""How a request may end: each row of the table in docs/how-it-works.md, against raw origins and clients that leave."""
import contextlib
import socket
import struct
import subprocess
import time

import pytest

from harness import answering, client_hello, curl, free_port, talk, tls_client, wait_for

GET = "GET / HTTP/1.1\r\nHost: shop.example.test\r\n\r\n"


def silent(peer, origin):
    """Reads a head and says nothing."""
    peer.read_head()


def close_tls(connection):
    connection.unwrap()
    connection.close()


def close_reset(connection):
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()


def test_client_leaves_while_waiting(fronted, origin, certs):
    slow = origin(silent)
    front = fronted(slow.port)
    begin = time.monotonic()
    assert curl(front.port, "/", "--max-time", "0.3", certs=certs).returncode == 28
    wait_for("the origin's connection to close", lambda: slow.ends, 2)
    assert time.monotonic() - begin < 2
    record = front.record(status=499)
    assert (record["abort_phase"], record["abort_by"]) == ("wait", "client")
    assert record["abort_signal"] in ("close_notify", "reset", "fin")
    assert 100 <= record["abort_ms"] <= 1500 and record["bytes_out"] == 0


@pytest.mark.parametrize("leave, signal", [(close_reset, "reset"), (close_tls, "close_notify")])
def test_the_signal_is_named(fronted, origin, certs, leave, signal):
    front = fronted(origin(silent).port)
    connection = tls_client(front.port, certs)
    connection.sendall(GET.encode())
    time.sleep(0.2)
    with contextlib.suppress(OSError):
        leave(connection)
    assert front.record(status=499)["abort_signal"] == signal


def test_client_leaves_inside_the_body(fronted, origin, certs):
    slow = origin(silent)
    front = fronted(slow.port)
    connection = tls_client(front.port, certs)
    connection.sendall(b"POST / HTTP/1.1\r\nHost: shop.example.test\r\nContent-Length: 1000\r\n\r\nhalf")
    wait_for("head at the origin", lambda: slow.received and b"half" in slow.received[0])
    close_reset(connection)
    wait_for("the origin's connection to close", lambda: slow.ends, 2)
    record = front.record(status=499)
    assert (record["abort_phase"], record["method"], record["bytes_in"]) == ("body", "POST", 4)
    assert record["tries"] == 1


def test_client_leaves_while_dialing(fronted, certs):
    # A listener whose queue is full answers no SYN: the dial hangs.
    with socket.socket() as full:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        port = full.getsockname()[1]
        fillers = []
        for _ in range(4):
            filler = socket.socket()
            filler.setblocking(False)
            filler.connect_ex(("127.0.0.1", port))
            fillers.append(filler)
        time.sleep(0.2)
        front = fronted(port)
        assert curl(front.port, "/", "--max-time", "0.5", certs=certs).returncode == 28
        record = front.record(status=499)
        assert record["abort_phase"] == "connect" and record["server"] == f"127.0.0.1:{port}"
        for filler in fillers:
            filler.close()


def test_client_leaves_inside_the_response(fronted, origin, certs):
    def endless(peer, origin):
        peer.read_head()
        peer.send("HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n" + "x" * 1000)

    source = origin(endless)
    front = fronted(source.port)
    connection = tls_client(front.port, certs)
    connection.sendall(GET.encode())
    assert connection.recv(100).startswith(b"HTTP/1.1 200")
    close_reset(connection)
    wait_for("the origin's connection to close", lambda: source.ends, 2)
    record = front.record(abort_phase="stream")
    assert (record["status"], record["abort_by"]) == (200, "client")


def test_client_leaves_inside_the_head(fronted, origin, certs):
    front = fronted(origin(silent).port)
    connection = tls_client(front.port, certs)
    connection.sendall(b"GET / HTTP/1.1\r\nHost: shop.ex")
    time.sleep(0.1)
    close_reset(connection)
    record = front.record(status=400)
    assert (record["abort_phase"], record["abort_by"]) == ("head", "client")


def test_no_record_without_a_first_byte(fronted, origin, certs):
    front = fronted(origin(answering()).port)
    tls_client(front.port, certs).close()
    assert curl(front.port, certs=certs).returncode == 0
    front.record(status=200)
    assert len(front.records()) == 1


def test_failed_handshake_is_one_error_line_and_no_record(fronted, origin, certs):
    front = fronted(origin(answering()).port)
    with socket.create_connection(("127.0.0.1", front.port)) as plain:
        plain.sendall(b"GET / HTTP/1.1\r\nHost: shop.example.test\r\n\r\n")
        while plain.recv(1000):
            pass
    done = subprocess.run(["openssl", "s_client", "-connect", f"127.0.0.1:{front.port}", "-servername", "nobody.example.test"],
                          stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=10)
    assert "unrecognized name" in done.stderr
    lines = wait_for("two lines", lambda: (l := [l for l in front.errors().splitlines() if "handshake failed" in l]) and len(l) == 2 and l)
    assert "HTTP" in lines[0] and "127.0.0.1:" in lines[0] and "ms=" in lines[0]
    assert "nobody.example.test" in lines[1]
    assert front.records() == []


def test_408_when_the_head_takes_too_long(fronted, origin, certs):
    front = fronted(origin(answering()).port, top="timeout header=300ms")
    with tls_client(front.port, certs) as connection:
        connection.sendall(b"GET / HTTP/1.1\r\nHost: ")
        assert connection.recv(1000).startswith(b"HTTP/1.1 408 ")
    assert front.record(status=408).get("abort_phase") is None


def test_408_when_the_body_is_silent(fronted, origin, certs):
    source = origin(silent)
    front = fronted(source.port, top="timeout body=300ms")
    with tls_client(front.port, certs) as connection:
        connection.sendall(b"POST / HTTP/1.1\r\nHost: shop.example.test\r\nContent-Length: 10\r\n\r\nhalf")
        assert connection.recv(1000).startswith(b"HTTP/1.1 408 ")
    front.record(status=408)
    wait_for("the origin's connection to close", lambda: source.ends, 2)


def test_idle_connections_end_quietly(fronted, origin, certs):
    front = fronted(origin(answering()).port, top="timeout idle=300ms")
    with tls_client(front.port, certs) as connection:
        assert talk(connection, GET).status == 200
        assert connection.recv(1000) == b""
    front.record(status=200)
    assert len(front.records()) == 1


def test_503_when_refused(fronted, certs):
    front = fronted(free_port())
    assert curl(front.port, "/", "-o", "/dev/null", "-w", "%{http_code}", certs=certs).stdout == b"503"
    assert front.record(status=503)["tries"] == 1


def test_504_when_the_dial_hangs(fronted, certs):
    with socket.socket() as full:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        fillers = [socket.socket() for _ in range(4)]
        for filler in fillers:
            filler.setblocking(False)
            filler.connect_ex(full.getsockname())
        time.sleep(0.2)
        front = fronted(full.getsockname()[1], top="timeout connect=300ms")
        assert curl(front.port, "/", "-o", "/dev/null", "-w", "%{http_code}", certs=certs).stdout == b"504"
        record = front.record(status=504)
        assert 200 <= record["connect_ms"] <= 1500
        for filler in fillers:
            filler.close()


def test_504_when_no_head_comes(fronted, origin, certs):
    front = fronted(origin(silent).port, pool="timeout response=300ms")
    assert curl(front.port, "/", "-o", "/dev/null", "-w", "%{http_code}", certs=certs).stdout == b"504"
    assert front.record(status=504)["wait_ms"] >= 200


@pytest.mark.parametrize("answer", [b"nonsense\r\n\r\n", b"HTTP/1.1 99 X\r\n\r\n", b"", b"HTTP/1.1 200 OK\r\nContent-Le"])
def test_502_when_the_answer_is_no_http(fronted, origin, certs, answer):
    def script(peer, origin):
        peer.read_head()
        peer.send(answer)
        peer.connection.shutdown(socket.SHUT_RDWR)

    front = fronted(origin(script).port)
    assert curl(front.port, "/", "-o", "/dev/null", "-w", "%{http_code}", certs=certs).stdout == b"502"
    assert front.record(status=502)["server"]


@pytest.mark.parametrize("head, sent", [
    ("Content-Length: 1000", b"x" * 10),
    ("Transfer-Encoding: chunked", b"5\r\nhello\r\n"),
])
def test_a_cut_answer_is_visibly_cut(fronted, origin, certs, head, sent):
    def script(peer, origin):
        peer.read_head()
        peer.send(f"HTTP/1.1 200 OK\r\n{head}\r\n\r\n".encode() + sent)
        time.sleep(0.1)
        peer.connection.shutdown(socket.SHUT_RDWR)

    front = fronted(origin(script).port)
    assert curl(front.port, certs=certs).returncode in (18, 56)
    record = front.record(status=200)
    assert (record["abort_phase"], record["abort_by"]) == ("stream", "upstream")


def test_a_cut_is_visible_without_length_and_tls(signet, origin):
    def script(peer, origin):
        peer.read_head()
        peer.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n")
        time.sleep(0.1)
        peer.connection.shutdown(socket.SHUT_RDWR)

    front = signet("workers 1\npool app { server 127.0.0.1:{origin} }\n"
                   "listen 127.0.0.1:{port} {\n host shop.example.test { proxy app }\n}\n", origin=origin(script).port)
    with socket.create_connection(("127.0.0.1", front.port)) as connection:
        connection.sendall(b"GET / HTTP/1.0\r\nHost: shop.example.test\r\n\r\n")
        with pytest.raises(ConnectionResetError):  # a FIN would say that "hello" is all
            while connection.recv(1000):
                pass
    assert front.record(status=200)["abort_by"] == "upstream"


def test_silence_inside_an_answer_that_came_instead_of_100(fronted, origin, certs):
    def script(peer, origin):
        peer.read_head()
        peer.send("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf")
        time.sleep(5)

    front = fronted(origin(script).port, pool="timeout response=300ms", top="timeout body=300ms")
    with tls_client(front.port, certs) as connection:
        connection.sendall(b"POST / HTTP/1.1\r\nHost: shop.example.test\r\nContent-Length: 10\r\nExpect: 100-continue\r\n\r\n")
        record = front.record(abort_by="timeout")
    assert (record["status"], record["abort_phase"]) == (200, "stream")


def test_no_reset_destroys_the_alert(fronted, origin, certs):
    front = fronted(origin(answering()).port)
    with socket.create_connection(("127.0.0.1", front.port)) as connection:
        connection.sendall(client_hello("nobody.example.test") + bytes(100_000))  # more than a hello is not read
        said = b""
        while data := connection.recv(1000):
            said += data
    assert said == b"\x15\x03\x03\x00\x02\x02\x70"  # fatal, unrecognized_name


def test_a_client_that_does_not_read(fronted, node, certs):
    front = fronted(node.port, top="timeout send=500ms")
    with tls_client(front.port, certs) as connection:
        connection.sendall(b"GET /bytes/100000000 HTTP/1.1\r\nHost: shop.example.test\r\n\r\n")
        record = front.record(abort_phase="send")
    assert (record["status"], record["abort_by"]) == (200, "timeout")


def test_stopping_names_shutdown(fronted, origin, certs):
    front = fronted(origin(silent).port, top="drain 300ms")
    connection = tls_client(front.port, certs)
    connection.sendall(GET.encode())
    time.sleep(0.2)
    front.stop()
    record = front.record()
    assert record["abort_by"] == "shutdown"
    connection.close()


def test_times_add_up(fronted, node, certs):
    front = fronted(node.port)
    curl(front.port, "/slow/200", certs=certs)
    record = front.record()
    parts = [record[k] for k in ("queue_ms", "connect_ms", "wait_ms", "stream_ms")]
    assert sum(parts) == record["total_ms"] and 190 <= record["wait_ms"] <= 2000
