/* SPDX-License-Identifier: Apache-2.0 */
/* Certificates made while the test runs: self-signed, in memory. */
#ifndef TEST_CERTS_H
#define TEST_CERTS_H

#include "conn/tls_ctx.h"

enum test_key {
    TEST_RSA,
    TEST_RSA_SHORT, /* 1024 bits */
    TEST_P256,
    TEST_P384,
    TEST_SECP256K1, /* a curve that TLS does not have */
    TEST_ED25519
};
struct test_cert {
    char *chain, *key; /* PEM, owned */
};

/* `names` as in openssl.cnf: "DNS:a.test,DNS:*.b.test", or NULL for none. */
void test_cert_make(struct test_cert *c, enum test_key kind, const char *cn, const char *names);
/* The same, valid from and to so many seconds from now. */
void test_cert_make_dated(struct test_cert *c, enum test_key kind, const char *cn,
                          const char *names, long from, long to);
void test_cert_done(struct test_cert *c);
struct tls_cert_conf test_cert_conf(const struct test_cert *c);

#endif
