/* SPDX-License-Identifier: Apache-2.0 */
#include "conn/tls_sni.h"

#include "conn/tls_hello.h"
#include "test_certs.h"
#include "test_pair.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <unistd.h>

#include <cmocka.h>

static struct tls_ctx *make_ctx(const char *cn)
{
    struct test_cert cert;
    struct tls_ctx *ctx = NULL;
    size_t bad;
    test_cert_make(&cert, TEST_P256, cn, NULL);
    struct tls_cert_conf certs[] = { test_cert_conf(&cert) };
    const struct tls_conf conf = { .certs = certs, .cert_count = 1 };
    assert_int_equal(tls_ctx_new(&conf, &ctx, NULL, &bad), 0);
    test_cert_done(&cert);
    return ctx;
}

static const struct {
    const char *why, *name, *want; /* want: the name as it was added, NULL: none */
} finds[] = {
    { "exact", "shop.test", "shop.test" },
    { "case does not matter", "SHOP.Test", "shop.test" },
    { "nor does one trailing dot", "shop.test.", "shop.test" },
    { "two trailing dots are malformed", "shop.test..", NULL },
    { "exact goes before wildcard", "www.api.test", "www.api.test" },
    { "wildcard", "a.api.test", "*.api.test" },
    { "several labels in front", "a.b.api.test", "*.api.test" },
    { "the longest wildcard", "a.v1.api.test", "*.v1.api.test" },
    { "the longest wildcard, deeper", "x.y.v1.api.test", "*.v1.api.test" },
    { "a wildcard covers no bare parent", "api.test", NULL },
    { "but a shorter one may", "v1.api.test", "*.api.test" },
    { "whole labels alone", "xapi.test", NULL },
    { "below an exact name", "a.shop.test", NULL },
    { "unknown", "other.test", NULL },
    { "an asterisk is no name", "*.api.test", NULL },
    { "empty", "", NULL },
    { "a dot", ".", NULL },
    { "leading dot", ".shop.test", NULL },
};

static void finds_the_host(void **state)
{
    static const char *const names[] = { "shop.test", "*.api.test", "*.V1.api.test",
                                         "www.api.test" };
    struct tls_ctx *ctxs[4];
    struct tls_sni *s = tls_sni_new();
    assert_null(tls_sni_first(s));
    for (size_t i = 0; i < 4; i++) {
        ctxs[i] = make_ctx(names[i]);
        assert_int_equal(tls_sni_add(s, slice_str(names[i]), ctxs[i]), 0);
    }
    for (size_t i = 0; i < sizeof(finds) / sizeof(finds[0]); i++) {
        const struct tls_ctx *want = NULL;
        for (size_t k = 0; k < 4 && finds[i].want != NULL; k++)
            if (slice_eq_nocase(slice_str(names[k]), slice_str(finds[i].want)))
                want = ctxs[k];
        if (tls_sni_find(s, slice_str(finds[i].name)) != want)
            fail_msg("%s: %s", finds[i].why, finds[i].name);
    }
    assert_ptr_equal(tls_sni_first(s), ctxs[0]);
    tls_sni_set_default(s, ctxs[2]);
    assert_ptr_equal(tls_sni_first(s), ctxs[2]);
    assert_ptr_equal(tls_sni_find(s, SLICE("other.test")), ctxs[2]);
    assert_ptr_equal(tls_sni_find(s, SLICE("")), ctxs[2]);
    for (size_t i = 0; i < 4; i++)
        tls_ctx_unref(ctxs[i]);
    tls_sni_free(s);
}

static void refuses_what_is_no_name(void **state)
{
    struct tls_ctx *ctx = make_ctx("a");
    struct tls_sni *s = tls_sni_new();
    assert_int_equal(tls_sni_add(s, SLICE("a.test"), ctx), 0);
    assert_int_equal(tls_sni_add(s, SLICE("A.test."), ctx), -EEXIST);
    assert_int_equal(tls_sni_add(s, SLICE("*.a.test"), ctx), 0);
    assert_int_equal(tls_sni_add(s, SLICE("*.a.test"), ctx), -EEXIST);
    assert_int_equal(tls_sni_add(s, SLICE("a.*.test"), ctx), -EINVAL);
    assert_int_equal(tls_sni_add(s, SLICE("*."), ctx), -EINVAL);
    assert_int_equal(tls_sni_add(s, SLICE("10.0.0.1"), ctx), -EINVAL);
    tls_sni_free(s);
    tls_ctx_unref(ctx);
}

#define LABEL_63 "aaaaaaaaaabbbbbbbbbbccccccccccddddddddddeeeeeeeeeeffffffffffggg"
static const struct {
    const char *why, *in, *shown;
    bool good;
} names[] = {
    { "plain", "Shop.Test", "shop.test", true },
    { "one label", "localhost", "localhost", true },
    { "underscore is in use", "_a.test", "_a.test", true },
    { "digits in a name", "1.2.3.4a", "1.2.3.4a", true },
    { "63 bytes a label", LABEL_63 ".test", LABEL_63 ".test", true },
    { "64 are too many", LABEL_63 "h.test", LABEL_63 "h.test", false },
    { "253 bytes", LABEL_63 "." LABEL_63 "." LABEL_63 ".aaaaaaaaaabbbbbbbbbbccccccccccddddddddd",
      LABEL_63 "." LABEL_63 "." LABEL_63 ".aaaaaaaaaabbbbbbbbbbccccccccccddddddddd", true },
    { "IPv4 literal", "127.0.0.1", "127.0.0.1", false },
    { "IPv6 literal", "::1", "::1", false },
    { "space", "a b.test", "a?b.test", false },
    { "line end", "a\r\nb", "a??b", false },
    { "8-bit", "caf\xc3\xa9.test", "caf??.test", false },
    { "empty label", "a..test", "a..test", false },
};

static void reads_names_strictly(void **state)
{
    char out[TLS_NAME_ROOM];
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if (tls_name_normalize(slice_str(names[i].in), out) != names[i].good)
            fail_msg("%s", names[i].why);
        assert_string_equal(out, names[i].shown);
    }
    char longest[1000];
    memset(longest, 'a', sizeof(longest));
    assert_false(tls_name_normalize(slice_of(longest, sizeof(longest)), out));
    assert_int_equal(strlen(out), TLS_NAME_ROOM - 1);
    assert_false(tls_name_normalize(slice_of("a\0b", 3), out));
    assert_string_equal(out, "a?b");
}

/* --- the whole way: what a client asks for and gets */
static const struct {
    const char *why, *asks;
    const char *with_default, *without; /* the certificate's CN, NULL: unrecognized_name */
    const char *shown;                  /* what records call it */
} visits[] = {
    { "exact", "shop.test", "shop", "shop", "shop.test" },
    { "upper case", "SHOP.TEST", "shop", "shop", "shop.test" },
    { "trailing dot", "shop.test.", "shop", "shop", "shop.test" },
    { "wildcard", "a.api.test", "api", "api", "a.api.test" },
    { "unknown", "other.test", "default", NULL, "other.test" },
    { "absent", NULL, "default", NULL, "" },
    { "an IP literal", "127.0.0.1", "default", NULL, "127.0.0.1" },
    { "over-long label", LABEL_63 "h.test", "default", NULL, LABEL_63 "h.test" },
    { "a line end", "a\r\n.test", "default", NULL, "a??.test" },
    { "a pattern", "*.api.test", "default", NULL, "*.api.test" },
};

static void check_visit(const struct tls_sni *s, size_t i, const char *want)
{
    struct test_pair p;
    char cn[64] = "";
    test_pair_open(&p, s, &(struct test_client){ .sni = visits[i].asks });
    int r = test_pair_shake(&p);
    if (r != (want != NULL ? 0 : -EPROTO))
        fail_msg("%s: %d %s", visits[i].why, r, p.t->ops->why(p.t));
    assert_string_equal(p.t->ops->tls(p.t)->sni, visits[i].shown);
    if (want != NULL) {
        X509 *x = SSL_get1_peer_certificate(p.client);
        X509_NAME_get_text_by_NID(X509_get_subject_name(x), NID_commonName, cn, sizeof(cn));
        X509_free(x);
        assert_string_equal(cn, want);
    } else {
        assert_int_equal(test_pair_client_reason(&p),
                         SSL_AD_REASON_OFFSET + SSL_AD_UNRECOGNIZED_NAME);
        assert_null(tls_transport_ctx(p.t));
    }
    test_pair_close(&p);
}

static void serves_by_name(void **state)
{
    struct tls_ctx *shop = make_ctx("shop"), *api = make_ctx("api"), *other = make_ctx("default");
    struct tls_sni *s = tls_sni_new();
    tls_sni_add(s, SLICE("shop.test"), shop);
    tls_sni_add(s, SLICE("*.api.test"), api);
    for (size_t i = 0; i < sizeof(visits) / sizeof(visits[0]); i++)
        check_visit(s, i, visits[i].without);
    tls_sni_set_default(s, other);
    for (size_t i = 0; i < sizeof(visits) / sizeof(visits[0]); i++)
        check_visit(s, i, visits[i].with_default);
    tls_ctx_unref(shop);
    tls_ctx_unref(api);
    tls_ctx_unref(other);
    tls_sni_free(s);
}

static void needs_a_host(void **state)
{
    struct tls_sni *s = tls_sni_new();
    struct scratch scratch = { 0 };
    assert_null(tls_accept_new(dup(0), &scratch, s));
    tls_sni_free(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(finds_the_host),       cmocka_unit_test(refuses_what_is_no_name),
        cmocka_unit_test(reads_names_strictly), cmocka_unit_test(serves_by_name),
        cmocka_unit_test(needs_a_host),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
