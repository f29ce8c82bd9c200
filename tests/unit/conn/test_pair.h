/* SPDX-License-Identifier: Apache-2.0 */
/* A TLS transport and a client of plain OpenSSL, joined by a socketpair and driven by hand. */
#ifndef TEST_PAIR_H
#define TEST_PAIR_H

#include "conn/scratch.h"
#include "conn/tls.h"

#include <openssl/ssl.h>

/* What a client does differently; zeroes and NULLs are OpenSSL's defaults. */
struct test_client {
    const char *sni;
    int min, max; /* TLS1_2_VERSION, ... */
    const char *ciphers, *suites, *sigalgs, *groups;
    struct slice alpn; /* as on the wire, length in front */
    SSL_SESSION *resume;
    long modes; /* SSL_set_mode() */
};
struct test_pair {
    struct scratch scratch;
    struct transport *t;
    SSL_CTX *ctx;
    SSL *client;
    int fd;              /* the client's */
    SSL_SESSION *ticket; /* the newest the client got; owned */
    unsigned tickets;
};

void test_pair_open(struct test_pair *p, const struct tls_sni *hosts,
                    const struct test_client *how);
void test_pair_close(struct test_pair *p);
/* Drives both sides. The transport's last word: 0 or -errno. */
int test_pair_shake(struct test_pair *p);
/* One readiness: readable, then handshake. */
int test_pair_step(struct test_pair *p);
/* One readiness: readable, then read. */
ssize_t test_pair_read(struct test_pair *p, char *to, size_t room);
/* The SSL reason the client failed with, 0 for none, after letting it read. */
int test_pair_client_reason(struct test_pair *p);
size_t test_pair_waiting(const struct test_pair *p); /* bytes on their way to the client */

#endif
