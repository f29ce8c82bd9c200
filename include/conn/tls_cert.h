/* SPDX-License-Identifier: Apache-2.0 */
/* One certificate with its chain and key, read from PEM in memory and checked against each other.
 * No file is opened. The key lives here only until the SSL_CTX holds it. */
#ifndef CONN_TLS_CERT_H
#define CONN_TLS_CERT_H

#include "base/err.h"
#include "base/slice.h"

#include <stdbool.h>
#include <stdint.h>

struct tls_cert_conf {
    struct slice chain_pem; /* leaf first; contents, not a path */
    struct slice key_pem;   /* may be the same bytes as chain_pem */
};
/* For people: what the leaf says. Texts live as long as the certificate. */
struct tls_cert_info {
    const char *subject, *names,
        *key_type;                 /* "CN=shop", "shop.example.test, www…", "ECDSA P-256" */
    int64_t not_before, not_after; /* seconds since 1970 */
};

struct x509_st; /* OpenSSL's X509, SSL_CTX */
struct ssl_ctx_st;
struct tls_cert {
    struct x509_st *leaf;
    struct tls_cert_info info;
    char *texts[3]; /* what info points at */
};

/* Reads, checks and installs in `into`. An expired certificate is no error here. 0, or -EINVAL with
 * the reason in `e` and nothing to give back. */
int tls_cert_load(const struct tls_cert_conf *conf, struct ssl_ctx_st *into,
                  struct tls_cert *ret_cert, struct err *e);
void tls_cert_done(struct tls_cert *c);
/* When the leaf of a chain ends to be valid, in seconds since 1970. 0, or -EINVAL. */
int tls_cert_expiry(struct slice chain_pem, int64_t *ret_not_after);
/* Does it cover the name (RFC 9525: subjectAltName alone, wildcards in the left-most label)? */
bool tls_cert_covers(const struct tls_cert *c, const char *name);

#endif
