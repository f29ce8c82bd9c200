/* SPDX-License-Identifier: Apache-2.0 */
#include "conn/tls_ctx.h"

#include "base/buf.h"
#include "base/mem.h"
#include "test_certs.h"

#include <errno.h>
#include <openssl/pem.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

enum { RSA_A, EC_A, EC_B, RSA_B, SHORT, ODD_CURVE, ED, EXPIRED, CERTS };
static struct test_cert certs[CERTS];

static int make_certs(void **state)
{
    test_cert_make(&certs[RSA_A], TEST_RSA, "rsa", "DNS:a.test,DNS:*.b.test,IP:10.0.0.1");
    test_cert_make(&certs[EC_A], TEST_P256, "ec", "DNS:a.test");
    test_cert_make(&certs[EC_B], TEST_P384, "other", NULL);
    test_cert_make(&certs[RSA_B], TEST_RSA, "rsa2", NULL);
    test_cert_make(&certs[SHORT], TEST_RSA_SHORT, "short", NULL);
    test_cert_make(&certs[ODD_CURVE], TEST_SECP256K1, "odd", NULL);
    test_cert_make(&certs[ED], TEST_ED25519, "ed", NULL);
    test_cert_make_dated(&certs[EXPIRED], TEST_P256, "old", NULL, -7200, -3600);
    return 0;
}

static int drop_certs(void **state)
{
    for (size_t i = 0; i < CERTS; i++)
        test_cert_done(&certs[i]);
    return 0;
}

static struct tls_cert_conf cert(int chain, int key)
{
    return (struct tls_cert_conf){ slice_str(certs[chain].chain), slice_str(certs[key].key) };
}

static int try_pem(struct slice chain, struct slice key, struct err *e)
{
    const struct tls_cert_conf pems[] = { { chain, key } };
    const struct tls_conf conf = { .certs = pems, .cert_count = 1 };
    struct tls_ctx *ctx = NULL;
    size_t bad = 99;
    *e = (struct err){ 0 };
    int r = tls_ctx_new(&conf, &ctx, e, &bad);
    assert_int_equal(r == 0, ctx != NULL);
    if (r != 0)
        assert_int_equal(bad, 0);
    tls_ctx_unref(ctx);
    return r;
}

static const struct {
    const char *why;
    int chain, key;
    const char *words; /* NULL: good */
} keys[] = {
    { "RSA", RSA_A, RSA_A, NULL },
    { "ECDSA", EC_A, EC_A, NULL },
    { "Ed25519", ED, ED, NULL },
    { "an expired certificate is not our business here", EXPIRED, EXPIRED, NULL },
    { "key of another kind", RSA_A, EC_A, "the private key does not match the certificate" },
    { "another key of the same kind", RSA_A, RSA_B,
      "the private key does not match the certificate" },
    { "short RSA", SHORT, SHORT, "RSA key of 1024 bits is too short, 2048 is the least" },
    { "curve that TLS lacks", ODD_CURVE, ODD_CURVE,
      "EC key of this kind is not supported: use RSA, ECDSA on P-256, P-384 or P-521, or Ed25519" },
};

static void checks_the_key(void **state)
{
    struct err e;
    for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
        struct tls_cert_conf c = cert(keys[i].chain, keys[i].key);
        int r = try_pem(c.chain_pem, c.key_pem, &e);
        if (r != (keys[i].words == NULL ? 0 : -EINVAL))
            fail_msg("%s: %d %s", keys[i].why, r, e.text);
        assert_string_equal(e.text, keys[i].words != NULL ? keys[i].words : "");
    }
}

static char *encrypt_key(const char *pem)
{
    BIO *in = BIO_new_mem_buf(pem, -1), *out = BIO_new(BIO_s_mem());
    EVP_PKEY *key = PEM_read_bio_PrivateKey(in, NULL, NULL, NULL);
    PEM_write_bio_PrivateKey(out, key, EVP_aes_128_cbc(), (const unsigned char *)"x", 1, NULL,
                             NULL);
    char *bytes;
    long len = BIO_get_mem_data(out, &bytes);
    char *text = mem_text(slice_of(bytes, (size_t)len));
    EVP_PKEY_free(key);
    BIO_free(in);
    BIO_free(out);
    return text;
}

static void checks_the_pem(void **state)
{
    struct err e;
    struct slice chain = slice_str(certs[RSA_A].chain), key = slice_str(certs[RSA_A].key);
    assert_int_equal(try_pem(SLICE(""), key, &e), -EINVAL);
    assert_string_equal(e.text, "no certificate found in PEM");
    assert_int_equal(try_pem(slice_of(NULL, 0), key, &e), -EINVAL);
    assert_int_equal(try_pem(key, key, &e), -EINVAL);
    assert_string_equal(e.text, "no certificate found in PEM");
    assert_int_equal(try_pem(chain, chain, &e), -EINVAL);
    assert_string_equal(e.text, "no private key found in PEM");
    assert_int_equal(try_pem(chain, SLICE(""), &e), -EINVAL);
    assert_string_equal(e.text, "no private key found in PEM");
    assert_int_equal(try_pem(slice_first(chain, chain.len / 2), key, &e), -EINVAL);
    assert_string_equal(e.text, "certificate 1 in PEM is malformed");
    assert_int_equal(try_pem(chain, slice_first(key, key.len / 2), &e), -EINVAL);
    assert_string_equal(e.text, "the private key in PEM is malformed");

    char *locked = encrypt_key(certs[RSA_A].key);
    assert_int_equal(try_pem(chain, slice_str(locked), &e), -EINVAL);
    assert_string_equal(e.text,
                        "encrypted private key: not supported, store it without passphrase");
    mem_free(locked);
}

static void reads_one_file_and_chains(void **state)
{
    struct err e;
    struct buf pem = { 0 };
    buf_add(&pem, "# comment in front\n");
    buf_add(&pem, certs[EC_A].chain);
    buf_add(&pem, certs[EC_B].chain);
    buf_add(&pem, certs[EC_A].key);
    assert_int_equal(try_pem(buf_view(&pem), buf_view(&pem), &e), 0);
    assert_int_equal(try_pem(buf_view(&pem), slice_str(certs[EC_B].key), &e), -EINVAL);
    assert_string_equal(e.text, "the private key belongs to certificate 2 in PEM: the leaf must "
                                "stand first");
    buf_done(&pem);
}

static void names_the_certificate_at_fault(void **state)
{
    struct tls_cert_conf pems[] = { cert(RSA_A, RSA_A), cert(EC_A, EC_A), cert(EC_B, EC_A) };
    struct tls_conf conf = { .certs = pems, .cert_count = 3 };
    struct tls_ctx *ctx = NULL;
    struct err e = { 0 };
    size_t bad = 99;
    assert_int_equal(tls_ctx_new(&conf, &ctx, &e, &bad), -EINVAL);
    assert_int_equal(bad, 2);
    pems[2] = cert(RSA_B, RSA_B);
    assert_int_equal(tls_ctx_new(&conf, &ctx, &e, &bad), -EINVAL);
    assert_int_equal(bad, 2);
    assert_string_equal(e.text, "a second certificate of the same kind (RSA 2048)");
    conf.cert_count = 0;
    assert_int_equal(tls_ctx_new(&conf, &ctx, &e, &bad), -EINVAL);
    conf.cert_count = 1;
    conf.groups = "X25519:nonsense";
    assert_int_equal(tls_ctx_new(&conf, &ctx, &e, &bad), -EINVAL);
    assert_int_equal(bad, 1); /* no certificate's fault */
    assert_string_equal(e.text, "OpenSSL does not know every group of \"X25519:nonsense\"");
    conf.groups = NULL;
    conf.alpn = (const char *const[]){ "http/1.1", "", NULL };
    assert_int_equal(tls_ctx_new(&conf, &ctx, &e, &bad), -EINVAL);
    assert_int_equal(bad, 1);
    assert_null(ctx);
}

static void tells_what_certificates_say(void **state)
{
    const struct tls_cert_conf pems[] = { cert(RSA_A, RSA_A), cert(EC_A, EC_A) };
    const struct tls_conf conf = { .certs = pems, .cert_count = 2 };
    struct tls_ctx *ctx = NULL;
    size_t bad;
    assert_int_equal(tls_ctx_new(&conf, &ctx, NULL, &bad), 0);
    assert_int_equal(tls_ctx_cert_count(ctx), 2);
    const struct tls_cert_info *info = tls_ctx_cert(ctx, 0);
    assert_string_equal(info->subject, "CN=rsa");
    assert_string_equal(info->names, "a.test, *.b.test, 10.0.0.1");
    assert_string_equal(info->key_type, "RSA 2048");
    assert_true(info->not_before < time(NULL) && time(NULL) < info->not_after);
    assert_int_equal(info->not_after - info->not_before, 90000);
    int64_t expiry;
    assert_int_equal(tls_cert_expiry(pems[0].chain_pem, &expiry), 0);
    assert_int_equal(expiry, info->not_after);
    assert_int_equal(tls_cert_expiry(SLICE("no PEM"), &expiry), -EINVAL);
    assert_string_equal(tls_ctx_cert(ctx, 1)->key_type, "ECDSA P-256");

    assert_true(tls_ctx_covers(ctx, "a.test"));
    assert_true(tls_ctx_covers(ctx, "A.Test"));
    assert_true(tls_ctx_covers(ctx, "x.b.test"));
    assert_true(tls_ctx_covers(ctx, "*.b.test"));
    assert_false(tls_ctx_covers(ctx, "b.test"));
    assert_false(tls_ctx_covers(ctx, "x.y.b.test")); /* one label alone */
    assert_false(tls_ctx_covers(ctx, "rsa"));        /* the subject does not count */
    tls_ctx_unref(ctx);
}

static struct tls_ctx *with_policy(enum tls_version min, const char *groups, int which)
{
    const struct tls_cert_conf pems[] = { cert(which, which) };
    const struct tls_conf conf = { .min = min, .groups = groups, .certs = pems, .cert_count = 1 };
    struct tls_ctx *ctx = NULL;
    size_t bad;
    assert_int_equal(tls_ctx_new(&conf, &ctx, NULL, &bad), 0);
    return ctx;
}

static void compares_policies(void **state)
{
    struct tls_ctx *a = with_policy(TLS_1_2, "X25519:P-256", RSA_A);
    struct tls_ctx *b = with_policy(TLS_1_2, NULL, EC_A);
    struct tls_ctx *newer = with_policy(TLS_1_3, NULL, RSA_A);
    struct tls_ctx *other = with_policy(TLS_1_2, "P-256", RSA_A);
    assert_true(tls_ctx_same_policy(a, b));
    assert_false(tls_ctx_same_policy(a, newer));
    assert_false(tls_ctx_same_policy(a, other));
    tls_ctx_unref(tls_ctx_ref(a));
    tls_ctx_unref(a);
    tls_ctx_unref(b);
    tls_ctx_unref(newer);
    tls_ctx_unref(other);
    tls_ctx_unref(NULL);
}

static void digests_tell_configurations_apart(void **state)
{
    static const char *const http[] = { "http/1.1", NULL };
    static const char *const both[] = { "http/1.1", "h2", NULL };
    static const struct tls_cert_conf plain[] = { { SLICE_INIT("ab"), SLICE_INIT("c") } };
    static const struct tls_cert_conf shifted[] = { { SLICE_INIT("a"), SLICE_INIT("bc") } };
    static const struct tls_cert_conf other_key[] = { { SLICE_INIT("ab"), SLICE_INIT("d") } };
    static const struct tls_cert_conf two[] = { { SLICE_INIT("ab"), SLICE_INIT("c") },
                                                { SLICE_INIT("ab"), SLICE_INIT("c") } };
    const unsigned char one[TLS_TICKET_SECRET_BYTES] = { 1 }, more[TLS_TICKET_SECRET_BYTES] = { 2 };
    struct tls_tickets *ours = tls_tickets_new(one), *same = tls_tickets_new(one);
    struct tls_tickets *others = tls_tickets_new(more);
    const struct {
        const char *why;
        struct tls_conf conf;
        bool alike; /* with the first row */
    } rows[] = {
        { "itself", { TLS_1_2, NULL, http, plain, 1, ours }, true },
        { "the default, written", { TLS_1_2, "X25519:P-256", http, plain, 1, ours }, true },
        { "the same ticket keys again", { TLS_1_2, NULL, http, plain, 1, same }, true },
        { "version", { TLS_1_3, NULL, http, plain, 1, ours }, false },
        { "groups", { TLS_1_2, "P-256", http, plain, 1, ours }, false },
        { "no ALPN", { TLS_1_2, NULL, NULL, plain, 1, ours }, false },
        { "more ALPN", { TLS_1_2, NULL, both, plain, 1, ours }, false },
        { "a byte from the chain to the key", { TLS_1_2, NULL, http, shifted, 1, ours }, false },
        { "the key alone", { TLS_1_2, NULL, http, other_key, 1, ours }, false },
        { "the same one twice", { TLS_1_2, NULL, http, two, 2, ours }, false },
        { "no tickets", { TLS_1_2, NULL, http, plain, 1, NULL }, false },
        { "other ticket keys", { TLS_1_2, NULL, http, plain, 1, others }, false },
    };
    unsigned char first[TLS_DIGEST_BYTES], digest[TLS_DIGEST_BYTES];
    assert_int_equal(tls_conf_digest(&rows[0].conf, first), 0);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        assert_int_equal(tls_conf_digest(&rows[i].conf, digest), 0);
        if ((memcmp(first, digest, sizeof(first)) == 0) != rows[i].alike)
            fail_msg("%s", rows[i].why);
    }
    tls_tickets_unref(ours);
    tls_tickets_unref(same);
    tls_tickets_unref(others);
}

static void keeps_its_digest(void **state)
{
    const struct tls_cert_conf pems[] = { cert(EC_A, EC_A) };
    const struct tls_conf conf = { .certs = pems, .cert_count = 1 };
    unsigned char digest[TLS_DIGEST_BYTES];
    struct tls_ctx *ctx = NULL;
    size_t bad;
    assert_int_equal(tls_ctx_new(&conf, &ctx, NULL, &bad), 0);
    assert_int_equal(tls_conf_digest(&conf, digest), 0);
    assert_memory_equal(tls_ctx_digest(ctx).ptr, digest, sizeof(digest));
    assert_int_equal(tls_ctx_digest(ctx).len, sizeof(digest));
    tls_ctx_unref(ctx);
}

static void names_the_library(void **state)
{
    assert_memory_equal(tls_library_running(), "OpenSSL 3.", 10);
    assert_memory_equal(tls_library_built(), "OpenSSL 3.", 10);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(checks_the_key),
        cmocka_unit_test(checks_the_pem),
        cmocka_unit_test(reads_one_file_and_chains),
        cmocka_unit_test(names_the_certificate_at_fault),
        cmocka_unit_test(tells_what_certificates_say),
        cmocka_unit_test(compares_policies),
        cmocka_unit_test(digests_tell_configurations_apart),
        cmocka_unit_test(keeps_its_digest),
        cmocka_unit_test(names_the_library),
    };
    return cmocka_run_group_tests(tests, make_certs, drop_certs);
}
