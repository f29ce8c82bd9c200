/* SPDX-License-Identifier: Apache-2.0 */
/* server_name to TLS context: exact, then the longest wildcard, then the default (RFC 6066 3).
 * Built once per listener, then immutable.
 *
 * The policy. Names compare without case and without a trailing dot. A name that no
 * host claims, no name at all, and what is no name (an IP literal, an empty or over-long label, a
 * byte that DNS names do not have) are one case: the default host serves, or without one the
 * handshake ends with the alert unrecognized_name. A client without SNI gets no other host's
 * certificate, so scanning addresses tells no names. OpenSSL itself always refuses names over 255
 * bytes or with a NUL, default or not. */
#ifndef CONN_TLS_SNI_H
#define CONN_TLS_SNI_H

#include "base/slice.h"
#include "conn/tls_ctx.h"

struct tls_sni;
struct tls_sni *tls_sni_new(void);
void tls_sni_free(struct tls_sni *s); /* NULL is fine */
/* "shop.example.com" or "*.api.example.com", which covers one or more labels in front. Copies the
 * name, references ctx. 0, -EEXIST when the name is there, -EINVAL when it is no name. */
int tls_sni_add(struct tls_sni *s, struct slice name, struct tls_ctx *ctx);
/* For names that match nothing and for clients that send none; references ctx. NULL (as at first)
 * refuses them. */
void tls_sni_set_default(struct tls_sni *s, struct tls_ctx *ctx);
/* What a client that sends this name gets (empty: that sends none): the host's context, or the
 * default. NULL: the handshake is refused. Borrowed. */
struct tls_ctx *tls_sni_find(const struct tls_sni *s, struct slice name);
/* The context an SSL is created with before its hello is read: the default, or the first one added.
 * NULL when empty. */
struct tls_ctx *tls_sni_first(const struct tls_sni *s);

/* --- for tls.c: what one client asked for and got. Its address is the SSL's app data. */
struct tls_choice {
    const struct tls_sni *hosts; /* borrowed, until the hello was read */
    struct tls_ctx *ctx;         /* referenced; NULL until the hello was read */
    char *name;                  /* owned; NULL: none sent. Made printable when malformed */
    bool refused;                /* no host for that name */
};
void tls_choice_done(struct tls_choice *c);

#endif
