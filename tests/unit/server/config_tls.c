/* SPDX-License-Identifier: Apache-2.0 */
/* Certificates: what is built of them, and what is said about bad ones. */
#include "../conn/test_certs.h"
#include "config_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#define DAY 86400

static struct certs {
    struct test_cert rsa, ec, other, old, early;
} certs;

static int make_certs(void **state)
{
    test_cert_make(&certs.rsa, TEST_RSA, "a.test", "DNS:a.test,DNS:*.b.test");
    test_cert_make(&certs.ec, TEST_P256, "a.test", "DNS:a.test,DNS:*.b.test");
    test_cert_make(&certs.other, TEST_P256, "c.test", "DNS:c.test");
    test_cert_make_dated(&certs.old, TEST_P256, "a.test", "DNS:a.test", -10 * DAY, -DAY);
    test_cert_make_dated(&certs.early, TEST_P256, "a.test", "DNS:a.test", DAY, 10 * DAY);
    return 0;
}

static int drop_certs(void **state)
{
    struct test_cert *all[] = { &certs.rsa, &certs.ec, &certs.other, &certs.old, &certs.early };
    for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
        test_cert_done(all[i]);
    return 0;
}

static void put_cert(struct fixture *f, const char *name, const struct test_cert *c)
{
    char path[64];
    snprintf(path, sizeof(path), "/etc/%s.crt", name);
    fixture_file(f, path, c->chain);
    snprintf(path, sizeof(path), "/etc/%s.key", name);
    fixture_file(f, path, c->key);
}

static void open_with_certs(struct fixture *f)
{
    fixture_open(f);
    put_cert(f, "rsa", &certs.rsa);
    put_cert(f, "ec", &certs.ec);
    put_cert(f, "other", &certs.other);
    put_cert(f, "old", &certs.old);
    put_cert(f, "early", &certs.early);
    fixture_file(f, "/etc/noise.crt", "hello");
}

#define TLS(inside) "listen 1.2.3.4:443 { tls\n" inside " }"

static void says_what_is_wrong(void **state)
{
    static const struct {
        const char *why, *text, *want;
    } rows[] = {
        { "no such file", TLS("host a.test { certificate no.crt; respond 200 }"),
          "2:27: cannot read /etc/no.crt: it is not part of the bundle" },
        { "no such key", TLS("host a.test { certificate rsa.crt key=no.key; respond 200 }"),
          "2:39: cannot read /etc/no.key: it is not part of the bundle" },
        { "another's key", TLS("host a.test { certificate rsa.crt key=ec.key; respond 200 }"),
          "2:27: the private key does not match the certificate" },
        { "the second one's key is another's",
          TLS("host a.test { certificate rsa.crt key=rsa.key\n"
              "certificate ec.crt key=other.key; respond 200 }"),
          "3:13: the private key does not match the certificate" },
        { "no certificate in it",
          TLS("host a.test { certificate noise.crt key=ec.key; respond 200 }"),
          "2:27: no certificate found in PEM" },
        { "a group nobody knows",
          "listen 1.2.3.4:443 { tls groups=X25519:P-25\n"
          "host a.test { certificate ec.crt key=ec.key; respond 200 } }",
          "1:33: OpenSSL does not know every group of \"X25519:P-25\"" },
        { "one host has a certificate, so all need one",
          "listen 1.2.3.4:443 { host a.test { certificate ec.crt key=ec.key; respond 200 }\n"
          "host b.test { respond 200 } }",
          "2:1: this host needs a certificate: its listener speaks TLS" },
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct fixture f;
        open_with_certs(&f);
        fixture_build(&f, rows[i].text);
        assert_string_equal(fixture_first(&f, DIAG_ERROR), rows[i].want);
        assert_null(f.config);
        fixture_close(&f);
    }
}

static void warns(void **state)
{
    static const struct {
        const char *why, *text, *want;
    } rows[] = {
        { "all is well", "host a.test *.b.test { certificate ec.crt key=ec.key; respond 200 }",
          "" },
        { "a name that is not covered",
          "host a.test c.test { certificate ec.crt key=ec.key; respond 200 }",
          "2:13: no certificate of this host covers \"c.test\"" },
        { "a wildcard that is not covered",
          "host *.a.test { certificate ec.crt key=ec.key; respond 200 }",
          "2:6: no certificate of this host covers \"*.a.test\"" },
        { "not valid yet", "host a.test { certificate early.crt key=early.key; respond 200 }",
          "2:27: this certificate is not valid before " },
        { "expired", "host a.test { certificate old.crt key=old.key; respond 200 }",
          "2:27: this certificate expired on " },
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        char text[512];
        snprintf(text, sizeof(text), "listen 1.2.3.4:443 { tls\n%s }", rows[i].text);
        struct fixture f;
        open_with_certs(&f);
        fixture_build(&f, text);
        assert_string_equal(fixture_first(&f, DIAG_ERROR), "");
        const char *said = fixture_first(&f, DIAG_WARNING);
        assert_int_equal(strncmp(said, rows[i].want, strlen(rows[i].want)), 0);
        assert_int_equal(said[0] == '\0', rows[i].want[0] == '\0');
        fixture_close(&f);
    }
}

static void needs_no_tls_beside_a_certificate(void **state)
{
    struct fixture f;
    open_with_certs(&f);
    fixture_build(&f,
                  "listen 1.2.3.4:443 { host a.test { certificate ec.crt key=ec.key; proxy p } }\n"
                  "listen 1.2.3.4:80 { host a.test { proxy p } }\n"
                  "pool p { server 1.1.1.1:1 }");
    assert_non_null(f.config);
    assert_non_null(f.config->listeners[0].sni);
    assert_null(f.config->listeners[1].sni);
    fixture_close(&f);
}

static void builds_contexts(void **state)
{
    struct fixture f;
    open_with_certs(&f);
    fixture_build(&f, TLS("host a.test { certificate rsa.crt key=rsa.key\n"
                          "certificate ec.crt key=ec.key; respond 200 }\n"
                          "host c.test { certificate other.crt key=other.key; respond 200 }\n"
                          "unknown_host default=c.test"));
    assert_non_null(f.config);
    const struct listener_conf *l = &f.config->listeners[0];
    assert_int_equal(tls_ctx_cert_count(l->hosts[0].tls), 2);
    assert_ptr_equal(tls_sni_find(l->sni, SLICE("a.test")), l->hosts[0].tls);
    assert_ptr_equal(tls_sni_find(l->sni, SLICE("c.test")), l->hosts[1].tls);
    assert_ptr_equal(tls_sni_first(l->sni), l->hosts[1].tls);
    fixture_close(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(says_what_is_wrong),
        cmocka_unit_test(warns),
        cmocka_unit_test(builds_contexts),
        cmocka_unit_test(needs_no_tls_beside_a_certificate),
    };
    return cmocka_run_group_tests(tests, make_certs, drop_certs);
}
