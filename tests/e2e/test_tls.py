# SPDX-License-Identifier: Apache-2.0
"""The handshake, seen by openssl s_client and Python's ssl."""
import re
import socket
import ssl
import subprocess
import time

import pytest

from harness import answering, curl, talk, tls_client, wait_for

CONFIG = """
workers 2
pool app { server 127.0.0.1:{origin} }
listen 127.0.0.1:{port} {
    host shop.example.test {
        certificate {certs}/shop.example.test.rsa.crt key={certs}/shop.example.test.rsa.key
        certificate {certs}/shop.example.test.ecdsa.crt key={certs}/shop.example.test.ecdsa.key
        proxy app
    }
    host *.api.example.test {
        certificate {certs}/_wildcard.api.example.test.ecdsa.crt key={certs}/_wildcard.api.example.test.ecdsa.key
        proxy app
    }
}
"""


@pytest.fixture
def front(signet, origin):
    return signet(CONFIG, origin=origin(answering()).port)


def s_client(port, *args, name="shop.example.test", certs=None, text=""):
    trust = ["-CAfile", str(certs / "ca.crt"), "-verify_return_error"] if certs else []
    done = subprocess.run(["openssl", "s_client", "-connect", f"127.0.0.1:{port}", "-servername", name, *trust, *args],
                          input=text, capture_output=True, text=True, timeout=10)
    return done.stdout + done.stderr


@pytest.mark.parametrize("args, wanted", [
    (["-tls1_2"], r"Cipher is ECDHE-(RSA|ECDSA)-"),
    (["-tls1_2", "-cipher", "ECDHE-RSA-AES256-GCM-SHA384"], "Cipher is ECDHE-RSA-AES256-GCM-SHA384"),
    (["-tls1_2", "-cipher", "ECDHE-ECDSA-CHACHA20-POLY1305"], "Cipher is ECDHE-ECDSA-CHACHA20-POLY1305"),
    (["-tls1_3"], "X25519"),
    (["-tls1_3", "-groups", "P-256"], r"ECDH, (P-256|prime256v1)"),
    (["-alpn", "http/1.1"], "ALPN protocol: http/1.1"),
    (["-tls1_2"], "Secure Renegotiation IS supported"),
    ([], "Compression: NONE"),
], ids=lambda v: " ".join(v) if isinstance(v, list) else None)
def test_negotiated(front, certs, args, wanted):
    said = s_client(front.port, *args, certs=certs)
    assert re.search(wanted, said), said
    assert "Verify return code: 0" in said or "Verification: OK" in said


@pytest.mark.parametrize("args, alert", [
    (["-tls1_1", "-cipher", "ALL:@SECLEVEL=0"], "protocol version"),
    (["-tls1", "-cipher", "ALL:@SECLEVEL=0"], "protocol version"),
    (["-tls1_2", "-cipher", "AES128-SHA"], "handshake failure"),
    (["-tls1_2", "-cipher", "ECDHE-RSA-AES128-SHA"], "handshake failure"),
    (["-tls1_2", "-cipher", "AES128-GCM-SHA256"], "handshake failure"),
    (["-tls1_2", "-cipher", "DHE-RSA-AES128-GCM-SHA256"], "handshake failure"),
    (["-alpn", "spdy/3"], "no application protocol"),
], ids=lambda v: " ".join(v) if isinstance(v, list) else None)
def test_refused(front, args, alert):
    said = s_client(front.port, *args)
    assert alert in said, said
    assert "Cipher is (NONE)" in said
    wait_for("error line", lambda: "handshake failed" in front.errors())


@pytest.mark.parametrize("name, subject", [
    ("shop.example.test", "shop.example.test"),
    ("SHOP.Example.TEST", "shop.example.test"),
    ("v1.api.example.test", "*.api.example.test"),
])
def test_each_host_shows_its_certificate(front, name, subject):
    said = s_client(front.port, name=name)
    assert re.search(rf"subject=.*CN ?= ?{re.escape(subject)}", said), said


def test_unknown_name_is_refused_by_alert(front):
    assert "unrecognized name" in s_client(front.port, name="nobody.example.test")


@pytest.mark.parametrize("sigalgs, kind", [("RSA-PSS+SHA256", "rsa.pss"), ("ECDSA+SHA256", "ecdsa")])
def test_rsa_or_ecdsa_by_what_the_client_offers(front, certs, sigalgs, kind):
    said = s_client(front.port, "-tls1_3", "-sigalgs", sigalgs, certs=certs)
    assert re.search(f"Peer signature type: {kind}", said, re.I), said  # 3.5 names the scheme


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_tickets_resume_on_every_worker(front, certs, version):
    context = ssl.create_default_context(cafile=str(certs / "ca.crt"))
    context.minimum_version = context.maximum_version = version

    def visit(session):
        raw = socket.create_connection(("127.0.0.1", front.port))
        with context.wrap_socket(raw, server_hostname="shop.example.test", session=session) as connection:
            assert talk(connection, "GET / HTTP/1.1\r\nHost: shop.example.test\r\n\r\n").status == 200
            return connection.session, connection.session_reused

    session, reused = visit(None)
    assert not reused
    for _ in range(12):  # over both workers
        again, reused = visit(session)
        assert reused
        session = again if version == ssl.TLSVersion.TLSv1_3 else session
    wait_for("13 records", lambda: len(front.records()) == 13)
    assert [r["resumed"] for r in front.records()].count(True) == 12


def test_a_ticket_of_one_host_is_no_use_at_another(front, certs, tmp_path):
    s_client(front.port, "-ign_eof", "-sess_out", str(tmp_path / "session"), certs=certs,
             text="GET / HTTP/1.1\r\nHost: shop.example.test\r\nConnection: close\r\n\r\n")
    said = s_client(front.port, "-sess_in", str(tmp_path / "session"), name="v1.api.example.test")
    assert "New, TLSv1.3" in said and "api.example.test" in said
    assert "Reused, TLSv1.3" in s_client(front.port, "-sess_in", str(tmp_path / "session"))


def test_renegotiation_is_refused(front):
    said = s_client(front.port, "-tls1_2", text="R\n")
    assert "no renegotiation" in said or "alert" in said.lower(), said


def test_record_tells_of_tls(front, certs):
    assert curl(front.port, "/", "--tls-max", "1.2", certs=certs).returncode == 0
    record = front.record(tls_version="TLSv1.2")
    assert record["cipher"].startswith("TLS_ECDHE_") and record["sni"] == "shop.example.test"
    assert record["alpn"] == "http/1.1" and record["group"] == "X25519" and record["resumed"] is False


def test_truncation_is_no_orderly_end(fronted, origin, certs):
    front = fronted(origin(lambda peer, _: peer.read_head()).port)
    with tls_client(front.port, certs) as connection:
        connection.sendall(b"POST / HTTP/1.1\r\nHost: shop.example.test\r\nContent-Length: 100\r\n\r\nx")
        time.sleep(0.1)
        socket.socket.shutdown(connection, socket.SHUT_WR)  # FIN below TLS
        record = front.record(status=499)
    assert record["abort_phase"] == "body" and record["abort_signal"] == "fin"


def test_unknown_host_default_serves_strangers(signet, origin, certs):
    front = signet(CONFIG.replace("listen 127.0.0.1:{port} {", "listen 127.0.0.1:{port} {\n unknown_host default=shop.example.test"),
                   origin=origin(answering()).port)
    said = s_client(front.port, name="nobody.example.test")
    assert "CN = shop.example.test" in said or "CN=shop.example.test" in said
    done = curl(front.port, "/", "-k", host="nobody.example.test")
    assert done.stdout == b"ok"


def test_sni_of_one_host_and_request_for_another(front, certs):
    # Same policy on both: the request is served by the host it names.
    with tls_client(front.port, certs) as connection:
        assert talk(connection, "GET / HTTP/1.1\r\nHost: v1.api.example.test\r\n\r\n").status == 200
        assert talk(connection, "GET / HTTP/1.1\r\nHost: nobody.test\r\n\r\n").status == 421
