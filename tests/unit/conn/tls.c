/* SPDX-License-Identifier: Apache-2.0 */
#include "conn/tls.h"

#include "base/mem.h"
#include "test_certs.h"
#include "test_pair.h"

#include <errno.h>
#include <openssl/err.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

static struct test_cert rsa, ecdsa;
static struct tls_sni *hosts; /* both.test (RSA and ECDSA), strict.test (TLS 1.3, P-256 alone) */

static struct tls_ctx *make_ctx(enum tls_version min, const char *groups)
{
    static const char *const alpn[] = { "acme/1", "http/1.1", NULL };
    const struct tls_cert_conf certs[] = { test_cert_conf(&rsa), test_cert_conf(&ecdsa) };
    const struct tls_conf conf = {
        .min = min, .groups = groups, .alpn = alpn, .certs = certs, .cert_count = 2
    };
    struct tls_ctx *ctx = NULL;
    size_t bad;
    assert_int_equal(tls_ctx_new(&conf, &ctx, NULL, &bad), 0);
    return ctx;
}

static int make_hosts(void **state)
{
    test_cert_make(&rsa, TEST_RSA, "rsa", "DNS:both.test");
    test_cert_make(&ecdsa, TEST_P256, "ecdsa", "DNS:both.test");
    struct tls_ctx *both = make_ctx(TLS_1_2, "X25519:P-256");
    struct tls_ctx *strict = make_ctx(TLS_1_3, "P-256");
    hosts = tls_sni_new();
    tls_sni_add(hosts, SLICE("both.test"), both);
    tls_sni_add(hosts, SLICE("strict.test"), strict);
    tls_ctx_unref(both);
    tls_ctx_unref(strict);
    return 0;
}

static int drop_hosts(void **state)
{
    tls_sni_free(hosts);
    test_cert_done(&rsa);
    test_cert_done(&ecdsa);
    return 0;
}

/* --- what is agreed */
#define V12 TLS1_2_VERSION
#define V13 TLS1_3_VERSION
static const struct {
    const char *why;
    struct test_client client;
    const char *version, *cipher, *group, *key;
} agreements[] = {
    { "the best of both",
      { .sni = "both.test" },
      "TLSv1.3",
      "TLS_AES_128_GCM_SHA256",
      "X25519",
      "ecdsa" },
    { "TLS 1.3 with AES-256",
      { .sni = "both.test", .suites = "TLS_AES_256_GCM_SHA384" },
      "TLSv1.3",
      "TLS_AES_256_GCM_SHA384",
      "X25519",
      "ecdsa" },
    { "a client that puts ChaCha20 first has no AES in hardware",
      { .sni = "both.test", .suites = "TLS_CHACHA20_POLY1305_SHA256:TLS_AES_128_GCM_SHA256" },
      "TLSv1.3",
      "TLS_CHACHA20_POLY1305_SHA256",
      "X25519",
      "ecdsa" },
    { "else our order counts",
      { .sni = "both.test", .suites = "TLS_AES_256_GCM_SHA384:TLS_AES_128_GCM_SHA256" },
      "TLSv1.3",
      "TLS_AES_128_GCM_SHA256",
      "X25519",
      "ecdsa" },
    { "RSA for who knows no ECDSA",
      { .sni = "both.test", .sigalgs = "rsa_pss_rsae_sha256" },
      "TLSv1.3",
      "TLS_AES_128_GCM_SHA256",
      "X25519",
      "rsa" },
    { "P-256 by HelloRetryRequest",
      { .sni = "both.test", .groups = "P-384:P-256" },
      "TLSv1.3",
      "TLS_AES_128_GCM_SHA256",
      "P-256",
      "ecdsa" },
    { "TLS 1.2",
      { .sni = "both.test", .max = V12 },
      "TLSv1.2",
      "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256",
      "X25519",
      "ecdsa" },
    { "1.2 ECDSA AES-256",
      { .sni = "both.test", .max = V12, .ciphers = "ECDHE-ECDSA-AES256-GCM-SHA384" },
      "TLSv1.2",
      "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384",
      "X25519",
      "ecdsa" },
    { "1.2 ECDSA ChaCha20",
      { .sni = "both.test", .max = V12, .ciphers = "ECDHE-ECDSA-CHACHA20-POLY1305" },
      "TLSv1.2",
      "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256",
      "X25519",
      "ecdsa" },
    { "1.2 RSA AES-128",
      { .sni = "both.test", .max = V12, .ciphers = "ECDHE-RSA-AES128-GCM-SHA256" },
      "TLSv1.2",
      "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256",
      "X25519",
      "rsa" },
    { "1.2 RSA AES-256",
      { .sni = "both.test", .max = V12, .ciphers = "ECDHE-RSA-AES256-GCM-SHA384" },
      "TLSv1.2",
      "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384",
      "X25519",
      "rsa" },
    { "1.2 RSA ChaCha20",
      { .sni = "both.test", .max = V12, .ciphers = "ECDHE-RSA-CHACHA20-POLY1305" },
      "TLSv1.2",
      "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256",
      "X25519",
      "rsa" },
    { "P-256 in 1.2",
      { .sni = "both.test", .max = V12, .groups = "P-256" },
      "TLSv1.2",
      "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256",
      "P-256",
      "ecdsa" },
    { "the chosen host's groups, not the first one's",
      { .sni = "strict.test" },
      "TLSv1.3",
      "TLS_AES_128_GCM_SHA256",
      "P-256",
      "ecdsa" },
};

static void check_key(SSL *client, const char *cn)
{
    char got[64] = "";
    X509 *x = SSL_get1_peer_certificate(client);
    X509_NAME_get_text_by_NID(X509_get_subject_name(x), NID_commonName, got, sizeof(got));
    X509_free(x);
    assert_string_equal(got, cn);
}

static void agrees(void **state)
{
    for (size_t i = 0; i < sizeof(agreements) / sizeof(agreements[0]); i++) {
        struct test_pair p;
        test_pair_open(&p, hosts, &agreements[i].client);
        int r = test_pair_shake(&p);
        if (r != 0)
            fail_msg("%s: %d %s", agreements[i].why, r, p.t->ops->why(p.t));
        const struct tls_info *info = p.t->ops->tls(p.t);
        assert_string_equal(info->version, agreements[i].version);
        assert_string_equal(info->cipher, agreements[i].cipher);
        assert_string_equal(info->group, agreements[i].group);
        assert_string_equal(info->sni, agreements[i].client.sni);
        assert_string_equal(info->alpn, "");
        assert_false(info->resumed);
        check_key(p.client, agreements[i].key);
        assert_ptr_equal(tls_transport_ctx(p.t),
                         tls_sni_find(hosts, slice_str(agreements[i].client.sni)));
        test_pair_close(&p);
    }
}

/* --- what is refused */
static const struct {
    const char *why;
    struct test_client client;
    int alert; /* what the client is told */
    const char *words;
} refusals[] = {
    { "TLS 1.1 (RFC 8996)",
      { .sni = "both.test", .min = TLS1_VERSION, .max = TLS1_1_VERSION },
      SSL_AD_PROTOCOL_VERSION,
      "unsupported protocol version (TLS 1.1 or older)" },
    { "the chosen host wants 1.3, the first one does not",
      { .sni = "strict.test", .max = V12 },
      SSL_AD_PROTOCOL_VERSION,
      "unsupported protocol version (TLS 1.1 or older)" },
    { "static RSA",
      { .sni = "both.test", .max = V12, .ciphers = "AES128-GCM-SHA256" },
      SSL_AD_HANDSHAKE_FAILURE,
      "no shared cipher" },
    { "CBC",
      { .sni = "both.test", .max = V12, .ciphers = "ECDHE-RSA-AES128-SHA" },
      SSL_AD_HANDSHAKE_FAILURE,
      "no shared cipher" },
    { "finite-field DHE",
      { .sni = "both.test", .max = V12, .ciphers = "DHE-RSA-AES128-GCM-SHA256" },
      SSL_AD_HANDSHAKE_FAILURE,
      "no shared cipher" },
    { "NULL",
      { .sni = "both.test", .max = V12, .ciphers = "ECDHE-RSA-NULL-SHA" },
      SSL_AD_HANDSHAKE_FAILURE,
      "no shared cipher" },
    { "no group in common",
      { .sni = "both.test", .min = V13, .groups = "P-384" },
      SSL_AD_HANDSHAKE_FAILURE,
      "no shared group" },
    { "a needless fallback (RFC 7507)",
      { .sni = "both.test", .max = V12, .modes = SSL_MODE_SEND_FALLBACK_SCSV },
      SSL_AD_INAPPROPRIATE_FALLBACK,
      "version fallback refused (TLS_FALLBACK_SCSV)" },
    { "ALPN without overlap",
      { .sni = "both.test",
        .alpn = SLICE_INIT("\x02h2\x03"
                           "foo") },
      SSL_AD_NO_APPLICATION_PROTOCOL,
      "no shared application protocol (ALPN)" },
    { "unknown name",
      { .sni = "other.test" },
      SSL_AD_UNRECOGNIZED_NAME,
      "unrecognized server name \"other.test\"" },
    { "no name", { .sni = NULL }, SSL_AD_UNRECOGNIZED_NAME, "no server name, and no default host" },
};

static void refuses(void **state)
{
    for (size_t i = 0; i < sizeof(refusals) / sizeof(refusals[0]); i++) {
        struct test_pair p;
        test_pair_open(&p, hosts, &refusals[i].client);
        int r = test_pair_shake(&p);
        if (r != -EPROTO || strcmp(p.t->ops->why(p.t), refusals[i].words) != 0)
            fail_msg("%s: %d %s", refusals[i].why, r, p.t->ops->why(p.t));
        int reason = test_pair_client_reason(&p);
        if (reason != SSL_AD_REASON_OFFSET + refusals[i].alert)
            fail_msg("%s: client was told %d", refusals[i].why, reason);
        test_pair_close(&p);
    }
}

static const struct {
    const char *why, *sent;
    size_t len; /* 0: strlen */
    bool fin;
    int error;
    const char *words;
} noises[] = {
    { "a browser on the wrong port", "GET / HTTP/1.1\r\n\r\n", 0, false, -EPROTO,
      "plain HTTP request on a TLS port" },
    { "a proxy's client", "CONNECT a:443 HTTP/1.1\r\n\r\n", 0, false, -EPROTO,
      "plain CONNECT request on a TLS port" },
    { "noise", "\x01\x02\x03\x04\x05\x06\x07\x08\x09", 0, false, -EPROTO, "not TLS" },
    { "a record beyond 2^14", "\x16\x03\x01\xff\xff\x01", 6, false, -EPROTO,
      "TLS record too long" },
    { "a probe of the port", "", 0, true, -ENODATA, "client left" },
    { "half a hello", "\x16\x03\x01\x02\x00\x01", 6, true, -ENODATA, "client left" },
};

static void names_noise(void **state)
{
    for (size_t i = 0; i < sizeof(noises) / sizeof(noises[0]); i++) {
        struct test_pair p;
        size_t len = noises[i].len > 0 ? noises[i].len : strlen(noises[i].sent);
        test_pair_open(&p, hosts, &(struct test_client){ 0 });
        assert_int_equal(send(p.fd, noises[i].sent, len, 0), len);
        if (noises[i].fin)
            shutdown(p.fd, SHUT_WR);
        int r = -EAGAIN;
        for (int turn = 0; turn < 3 && r == -EAGAIN; turn++)
            r = test_pair_step(&p);
        if (r != noises[i].error || strcmp(p.t->ops->why(p.t), noises[i].words) != 0)
            fail_msg("%s: %d %s", noises[i].why, r, p.t->ops->why(p.t));
        test_pair_close(&p);
    }
}

static void names_the_clients_alert(void **state)
{
    struct test_pair p;
    test_pair_open(&p, hosts, &(struct test_client){ .sni = "both.test" });
    SSL_set_verify(p.client, SSL_VERIFY_PEER, NULL); /* self-signed: it will not do */
    assert_int_equal(test_pair_shake(&p), -EPROTO);
    assert_string_equal(p.t->ops->why(p.t), "client sent alert: unknown CA");
    assert_string_equal(p.t->ops->tls(p.t)->sni, "both.test"); /* known though it failed */
    test_pair_close(&p);
}

/* --- ALPN */
static const struct {
    const char *why;
    struct slice offered;
    const char *want;
} protocols[] = {
    { "the one we have", SLICE_INIT("\x08http/1.1"), "http/1.1" },
    { "our order, not the client's",
      SLICE_INIT("\x08http/1.1\x06"
                 "acme/1"),
      "acme/1" },
    { "the unknown is passed over", SLICE_INIT("\x02h2\x08http/1.1"), "http/1.1" },
    { "none offered: HTTP/1.1 without saying", { NULL, 0 }, "" },
};

static void chooses_the_protocol(void **state)
{
    for (size_t i = 0; i < sizeof(protocols) / sizeof(protocols[0]); i++) {
        struct test_pair p;
        test_pair_open(&p, hosts,
                       &(struct test_client){ .sni = "both.test", .alpn = protocols[i].offered });
        assert_int_equal(test_pair_shake(&p), 0);
        if (strcmp(p.t->ops->tls(p.t)->alpn, protocols[i].want) != 0)
            fail_msg("%s: %s", protocols[i].why, p.t->ops->tls(p.t)->alpn);
        const unsigned char *got;
        unsigned len;
        SSL_get0_alpn_selected(p.client, &got, &len);
        assert_true(slice_eq(slice_of((const char *)got, len), slice_str(protocols[i].want)));
        test_pair_close(&p);
    }
}

/* --- the handshake's pace */
static void a_hello_byte_by_byte(void **state)
{
    struct test_pair p;
    char hello[2048];
    test_pair_open(&p, hosts, &(struct test_client){ .sni = "both.test" });
    BIO *net = BIO_new(BIO_s_mem());
    BIO_up_ref(net);
    SSL_set0_wbio(p.client, net);
    SSL_do_handshake(p.client);
    int len = BIO_read(net, hello, sizeof(hello));
    BIO_free(net);
    for (int i = 0; i < len; i++) {
        assert_int_equal(test_pair_waiting(&p), 0);
        assert_int_equal(send(p.fd, hello + i, 1, 0), 1);
        assert_int_equal(test_pair_step(&p), -EAGAIN);
    }
    assert_true(test_pair_waiting(&p) > 0); /* ServerHello and all, without a flush of ours */
    assert_int_equal(p.t->ops->backlog(p.t), 0);
    test_pair_close(&p);
}

static void one_recv_a_readiness(void **state)
{
    struct test_pair p;
    test_pair_open(&p, hosts, &(struct test_client){ .sni = "both.test" });
    SSL_do_handshake(p.client);
    assert_int_equal(p.t->ops->handshake(p.t), -EAGAIN); /* nobody said it was readable */
    assert_int_equal(test_pair_waiting(&p), 0);
    assert_int_equal(test_pair_shake(&p), 0);
    SSL_write(p.client, "x", 1);
    char got[100];
    assert_int_equal(p.t->ops->read(p.t, got, sizeof(got)), -EAGAIN);
    assert_int_equal(test_pair_read(&p, got, sizeof(got)), 1);
    assert_int_equal(p.t->ops->read(p.t, got, sizeof(got)), -EAGAIN);
    test_pair_close(&p);
}

static void a_request_behind_finished(void **state)
{
    struct test_pair p;
    char got[100];
    test_pair_open(&p, hosts, &(struct test_client){ .sni = "both.test", .min = V13 });
    SSL_do_handshake(p.client);
    assert_int_equal(test_pair_step(&p), -EAGAIN); /* one recv() took the whole hello */
    assert_int_equal(SSL_do_handshake(p.client), 1);
    SSL_write(p.client, "hello", 5); /* all is there before we look */
    assert_int_equal(test_pair_step(&p), 0);
    assert_true(p.t->ops->has_pending(p.t));
    assert_int_equal(p.t->ops->read(p.t, got, sizeof(got)), 5);
    assert_false(p.t->ops->has_pending(p.t));
    test_pair_close(&p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(agrees),
        cmocka_unit_test(refuses),
        cmocka_unit_test(names_noise),
        cmocka_unit_test(names_the_clients_alert),
        cmocka_unit_test(chooses_the_protocol),
        cmocka_unit_test(a_hello_byte_by_byte),
        cmocka_unit_test(one_recv_a_readiness),
        cmocka_unit_test(a_request_behind_finished),
    };
    return cmocka_run_group_tests(tests, make_hosts, drop_hosts);
}
