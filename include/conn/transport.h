/* SPDX-License-Identifier: Apache-2.0 */
/* The interface between a connection and its bytes on the wire: plain TCP, TLS, or a test's memory.
 *
 * A transport owns its descriptor. It never waits: output is always taken, encrypted at once and
 * gathered (scratch.h); what the kernel refuses is queued by the transport. So there is no "want
 * write" while reading and no "want read" while writing. Implementations: src/conn/plain.c,
 * src/conn/tls.c, and the fake in tests/unit/conn. */
#ifndef CONN_TRANSPORT_H
#define CONN_TRANSPORT_H

#include "base/slice.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/* What the handshake agreed on; texts live as long as the transport, empty when unknown. */
struct tls_info {
    const char *version; /* "TLSv1.3" */
    const char *cipher;  /* IANA name, "TLS_AES_128_GCM_SHA256" */
    const char *group;   /* "X25519" */
    const char *sni;     /* server_name as received, lower case, without trailing dot */
    const char *alpn;    /* "http/1.1" */
    bool resumed;
};

struct transport;
struct transport_ops {
    /* Goes on with the handshake, and gives the kernel what it has to say (so no flush is needed).
     * 0 when done, -EAGAIN when the peer must say more, else -errno, as in read: it failed. */
    int (*handshake)(struct transport *t);
    /* Up to `room` bytes of what the peer said. Above 0: bytes; 0: orderly end (FIN, or
     * close_notify on TLS); -EAGAIN: nothing more until the descriptor is readable again; -ENODATA:
     * TLS was cut by a FIN without close_notify; -EPROTO: TLS violated; -ECONNRESET, other -errno:
     * broken. At most one recv() per `readable` call. */
    ssize_t (*read)(struct transport *t, char *to, size_t room);
    /* The descriptor was found readable: the next read may ask the kernel once. */
    void (*readable)(struct transport *t);
    /* Takes all of it: encrypts and gathers. Large plain data may go to the kernel inside the call.
     */
    void (*write)(struct transport *t, struct slice bytes);
    /* Gives the kernel what is gathered and queued. 0 or -errno (-EPIPE, -ECONNRESET: the peer is
     * gone). */
    int (*flush)(struct transport *t);
    /* Bytes that the kernel refused and that wait here. What is merely gathered does not count. */
    size_t (*backlog)(const struct transport *t);
    /* Says the orderly end: close_notify on TLS (gathered), then SHUT_WR once all is flushed.
     * Reading goes on. Harmless the second time. */
    void (*shutdown)(struct transport *t);
    /* Nothing has happened for a second: give back memory that is only needed while busy. */
    void (*rest)(struct transport *t);
    /* Bytes wait inside the transport, though the descriptor may be silent. */
    bool (*has_pending)(const struct transport *t);
    const struct tls_info *(*tls)(const struct transport *t); /* NULL on plain */
    /* After a failure: the reason in words, "no shared cipher"; static or owned by the transport;
     * never NULL. */
    const char *(*why)(const struct transport *t);
    int (*fd)(const struct transport *t); /* -1 in memory */
    void (*free)(struct transport *t);    /* closes the descriptor */
};
struct transport { /* first member of each implementation */
    const struct transport_ops *ops;
    /* For whoever counts descriptors: this one is closed, whichever way the connection took there.
     * Called once, after the transport is gone; calls nobody in turn. NULL: nobody asks. */
    void (*on_closed)(void *user);
    void *closed_user;
};

/* The only way to free one. */
static inline void transport_free(struct transport *t)
{
    void (*on_closed)(void *user) = t->on_closed;
    void *user = t->closed_user;
    t->ops->free(t);
    if (on_closed != NULL)
        on_closed(user);
}

#endif
