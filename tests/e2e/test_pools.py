# SPDX-License-Identifier: Apache-2.0
"""Servers, connections to them, and what happens when one is not there."""
import socket
import threading
import time

from harness import answering, curl, free_port, talk, tls_client, wait_for

CONFIG = """
workers 1
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


def named(name):
    return answering(name.encode())


def test_connections_are_reused(signet, origin, certs):
    source = origin(answering())
    front = signet(CONFIG, pool=f"server 127.0.0.1:{source.port}")
    for n in range(5):
        assert curl(front.port, f"/{n}", certs=certs).stdout == b"ok"
    assert source.connections == 1
    wait_for("5 records", lambda: len(front.records()) == 5)
    assert [r["reused"] for r in front.records()] == [False, True, True, True, True]


def test_requests_bound_a_connection(signet, origin, certs):
    source = origin(answering())
    front = signet(CONFIG, pool=f"server 127.0.0.1:{source.port}\n keepalive 4 requests=2")
    for _ in range(6):
        assert curl(front.port, certs=certs).stdout == b"ok"
    assert source.connections == 3


def test_a_connection_closed_while_idle_is_not_used(signet, origin, certs):
    def once(peer, origin):
        peer.read_head()
        peer.answer()
        time.sleep(0.1)
        peer.connection.shutdown(socket.SHUT_RDWR)

    source = origin(once)
    front = signet(CONFIG, pool=f"server 127.0.0.1:{source.port}")
    for _ in range(3):
        assert curl(front.port, "/", "-X", "POST", certs=certs).stdout == b"ok"
        time.sleep(0.3)


def test_connection_close_is_respected(signet, origin, certs):
    source = origin(answering(extra="Connection: close\r\n"))
    front = signet(CONFIG, pool=f"server 127.0.0.1:{source.port}")
    with tls_client(front.port, certs) as connection:
        for _ in range(3):
            answer = talk(connection, "GET / HTTP/1.1\r\nHost: shop.example.test\r\n\r\n")
            assert answer.body == b"ok" and "connection" not in answer.fields
    assert source.connections == 3


def test_a_refused_dial_goes_to_the_next_server(signet, origin, certs):
    source = origin(answering())
    dead = free_port()
    front = signet(CONFIG, pool=f"server 127.0.0.1:{source.port} id=alive\n server 127.0.0.1:{dead} id=dead")
    for n in range(20):
        assert curl(front.port, f"/{n}", "-X", "POST", "-d", "body", certs=certs).stdout == b"ok"
    wait_for("20 records", lambda: len(front.records()) == 20)
    assert {r["server"] for r in front.records()} == {"alive"}
    assert {r["tries"] for r in front.records()} == {1, 2}


def test_backups_serve_when_all_others_are_gone(signet, origin, certs):
    primary, backup = origin(named("primary")), origin(named("backup"))
    front = signet(CONFIG, pool=f"server 127.0.0.1:{primary.port}\n server 127.0.0.1:{backup.port} backup\n keepalive 0")
    assert curl(front.port, certs=certs).stdout == b"primary"
    primary.listener.close()

    def refused():
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", primary.port)) != 0

    # a thread blocked in accept() keeps the socket alive until it wakes
    wait_for("refusal", refused)
    assert curl(front.port, certs=certs).stdout == b"backup"


def test_unix_server(signet, origin, certs, tmp_path):
    origin(named("unix"), path=tmp_path / "app.sock")
    import os
    os.chmod(tmp_path / "app.sock", 0o777)
    for folder in [tmp_path, *tmp_path.parents][:4]:
        if str(folder).startswith("/tmp/"):
            os.chmod(folder, 0o755)
    front = signet(CONFIG, pool=f"server unix:{tmp_path}/app.sock")
    assert curl(front.port, certs=certs).stdout == b"unix"
    assert front.record()["server"] == f"unix:{tmp_path}/app.sock"


def test_a_name_and_a_name_that_does_not_resolve(signet, origin, certs):
    source = origin(answering())
    front = signet(CONFIG, pool=f"server localhost:{source.port} id=good\n server nowhere.invalid:80 id=lost")
    for n in range(8):
        assert curl(front.port, f"/{n}", certs=certs).stdout == b"ok"
    wait_for("8 records", lambda: len(front.records()) == 8)
    assert {r["server"] for r in front.records()} == {"good"}
    assert "nowhere.invalid" in front.errors()


def test_503_when_every_server_is_unresolved(signet, certs):
    front = signet(CONFIG, pool="server nowhere.invalid:80")
    assert curl(front.port, "/", "-o", "/dev/null", "-w", "%{http_code}", certs=certs).stdout == b"503"


def test_the_upstream_answers_before_the_body_ended(signet, origin, certs):
    def script(peer, origin):
        peer.read_head()
        peer.answer(b"no", status="403 Forbidden")

    front = signet(CONFIG, pool=f"server 127.0.0.1:{origin(script).port}")
    with tls_client(front.port, certs) as connection:
        connection.sendall(b"POST / HTTP/1.1\r\nHost: shop.example.test\r\nContent-Length: 100000\r\n\r\n" + b"x" * 1000)
        from harness import read_response
        answer = read_response(connection)
        assert (answer.status, answer.body) == (403, b"no")


def test_many_at_once(signet, node, certs):
    front = signet(CONFIG, pool=f"server 127.0.0.1:{node.port}")
    failures = []

    def client(number):
        try:
            with tls_client(front.port, certs) as connection:
                for n in range(20):
                    size = (number * 7919 + n * 104729) % 100_000
                    answer = talk(connection, f"GET /bytes/{size} HTTP/1.1\r\nHost: shop.example.test\r\n\r\n")
                    assert len(answer.body) == size
        except Exception as error:  # noqa: BLE001 - shown below
            failures.append(repr(error))

    threads = [threading.Thread(target=client, args=(n,)) for n in range(32)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
