/* SPDX-License-Identifier: Apache-2.0 */
/* Keys of stateless session tickets (RFC 5077, RFC 8446 4.6.1), the same in every worker, so that a
 * ticket opens wherever the connection lands. Made by the master from random bytes, handed to
 * workers in the bundle, never written to disk. Shared by reference: every context that uses them
 * holds one. */
#ifndef CONN_TLS_TICKET_H
#define CONN_TLS_TICKET_H

#include "base/slice.h"

#define TLS_TICKET_SECRET_BYTES 80 /* name 16, AES-256 key 32, HMAC-SHA-256 key 32 */

struct tls_tickets;
struct tls_tickets *tls_tickets_new(
    const unsigned char secret[static TLS_TICKET_SECRET_BYTES]); /* copies */
struct tls_tickets *tls_tickets_ref(struct tls_tickets *t);
void tls_tickets_unref(struct tls_tickets *t); /* with the last one wiped; NULL is fine */
int tls_tickets_make_secret(
    unsigned char ret_secret[static TLS_TICKET_SECRET_BYTES]); /* random; 0 or -EIO */
/* What tls_tickets_new() was made from: for a later bundle. The caller wipes it. */
void tls_tickets_secret(const struct tls_tickets *t,
                        unsigned char ret_secret[static TLS_TICKET_SECRET_BYTES]);

/* --- for the other tls files */
struct ssl_ctx_st; /* OpenSSL's SSL_CTX; its app data is ours from here on */
void tls_tickets_install(const struct tls_tickets *t, struct ssl_ctx_st *into);
struct slice tls_tickets_name(const struct tls_tickets *t); /* tells keys apart, sent in clear */

#endif
