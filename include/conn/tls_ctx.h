/* SPDX-License-Identifier: Apache-2.0 */
/* What makes one virtual host's TLS: certificates, versions, groups, ALPN. Wraps an SSL_CTX.
 * TLS 1.2 and 1.3 only; in 1.2 only ECDHE with AES-GCM or ChaCha20-Poly1305; server preference; no
 * renegotiation, no compression (RFC 9325). Immutable once built; shared by reference. */
#ifndef CONN_TLS_CTX_H
#define CONN_TLS_CTX_H

#include "base/err.h"
#include "conn/tls_cert.h"
#include "conn/tls_ticket.h"

#include <stdbool.h>
#include <stddef.h>

enum tls_version { TLS_1_2, TLS_1_3 };

struct tls_conf {
    enum tls_version min;
    const char *groups; /* NULL: "X25519:P-256" */
    const char *const
        *alpn; /* NULL-terminated, in our order of preference; NULL: ALPN is ignored */
    const struct tls_cert_conf *certs;
    size_t cert_count;           /* at least 1; one RSA and one ECDSA is the useful most */
    struct tls_tickets *tickets; /* the context takes a reference; NULL: no resumption */
};

struct tls_ctx;
/* Builds and checks all: key matches certificate, dates parse, curve allowed. Copies what it needs
 * of `conf`. 0, or -EINVAL with the reason in `e` and the index of the certificate at fault in
 * *ret_bad (cert_count when it is not a certificate's fault). */
int tls_ctx_new(const struct tls_conf *conf, struct tls_ctx **ret_ctx, struct err *e,
                size_t *ret_bad);
struct tls_ctx *tls_ctx_ref(struct tls_ctx *ctx);
void tls_ctx_unref(struct tls_ctx *ctx); /* NULL is fine */

/* The digest of all that makes a context: equal digests, equal contexts. */
#define TLS_DIGEST_BYTES 32
struct slice tls_ctx_digest(const struct tls_ctx *ctx); /* lives as long as the context */
/* What tls_ctx_digest() would be of a context that tls_ctx_new() makes of `conf`; nothing of keys
 * can be told from it (SHA-256). 0, or -EIO. */
int tls_conf_digest(const struct tls_conf *conf, unsigned char ret_digest[static TLS_DIGEST_BYTES]);

/* Index below the conf's cert_count. Texts live as long as the context. */
size_t tls_ctx_cert_count(const struct tls_ctx *ctx);
const struct tls_cert_info *tls_ctx_cert(const struct tls_ctx *ctx, size_t index);
/* Does a certificate of this context cover the name (RFC 9525, wildcards in the left-most label)?
 */
bool tls_ctx_covers(const struct tls_ctx *ctx, const char *name);
/* Two contexts with the same policy (least version, groups) may serve each other's hosts on one
 * connection. Their certificates may differ. */
bool tls_ctx_same_policy(const struct tls_ctx *a, const struct tls_ctx *b);
bool tls_ctx_gives_tickets(const struct tls_ctx *ctx);

/* --- for the other tls files */
struct ssl_st; /* OpenSSL's SSL, SSL_CTX */
struct ssl_ctx_st;
const char *tls_conf_groups(const struct tls_conf *conf);
struct ssl_ctx_st *tls_ctx_ssl(const struct tls_ctx *ctx);
/* Makes a handshake that has not answered its hello go on as this host: certificate, versions,
 * groups, options. SSL_set_SSL_CTX() alone would change the certificate only. False: no memory. */
bool tls_ctx_apply(const struct tls_ctx *ctx, struct ssl_st *ssl);
/* The protocol that ALPN chose, as text that lives as long as the context; "" for none. */
const char *tls_ctx_alpn(const struct tls_ctx *ctx, const struct ssl_st *ssl);

/* "OpenSSL 3.0.19 1 Dec 2025": the running library, and the headers it was built with. */
const char *tls_library_running(void);
const char *tls_library_built(void);
/* Whatever the library would open at its first use is read now: its configuration file, the
 * providers that it names, its error texts, a seed. For a process that soon can open nothing.
 * False: it cannot be used. */
bool tls_library_load(void);

#endif
