/* SPDX-License-Identifier: Apache-2.0 */
/* The TLS transport, server side. OpenSSL talks to a BIO of our own (tls_bio.h): reads at most one
 * recv() per readiness, writes gather records in the worker's scratch until flush. The host is
 * chosen when the hello was read (tls_sni.h), certificate, options and versions together.
 *
 * The facts (transport_ops.tls): `sni` is there from the hello on, so also when the handshake
 * fails; the rest once it is done. `alpn` is empty when the client offered none: it speaks
 * HTTP/1.1. */
#ifndef CONN_TLS_H
#define CONN_TLS_H

#include "conn/scratch.h"
#include "conn/tls_sni.h"
#include "conn/transport.h"

/* Takes the descriptor. Borrows scratch, which outlives it, and `hosts` until the handshake is done
 * (references what it chose). NULL when OpenSSL has no memory or there is no host at all: the
 * descriptor is closed then. */
struct transport *tls_accept_new(int fd, struct scratch *s, const struct tls_sni *hosts);
/* The context of the host that was chosen; borrowed from the transport. NULL on a plain transport,
 * or before the hello was read. */
const struct tls_ctx *tls_transport_ctx(const struct transport *t);

#endif
