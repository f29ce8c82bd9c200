/* SPDX-License-Identifier: Apache-2.0 */
/* A transport in memory: a test says what the peer sends, in pieces of its choice, and looks at
 * what was sent to it. It has no descriptor, so the test also says when it is ready:
 * conn_on_ready(). Output leaves the connection when the running callback returns or, called from
 * outside of one, in the next loop_turn(). */
#ifndef TEST_FAKE_TRANSPORT_H
#define TEST_FAKE_TRANSPORT_H

#include "base/buf.h"
#include "conn/transport.h"

struct conn;
struct loop;
struct fake_transport {
    struct transport transport;

    /* What the peer says. */
    struct buf wire;      /* on its way to us */
    size_t piece;         /* bytes that one readiness brings; 0: all */
    struct buf inside;    /* arrived, not read yet: has_pending */
    size_t record;        /* bytes that one read gives at most; 0: all */
    int end;              /* after the last byte: 0 orderly, or an -errno; FAKE_STAYS: none */
    int rounds;           /* readable() calls the handshake needs */
    int handshake_end;    /* what the handshake ends with: 0 or -errno */
    struct tls_info *tls; /* borrowed; NULL: plain */
    const char *why;

    /* What the peer was sent. */
    struct buf gathered; /* written, not flushed */
    struct buf queued;   /* refused */
    struct buf sent;     /* taken by the peer */
    size_t window;       /* bytes it still takes */
    int broken;          /* -errno that flush returns, 0 while the peer is there */

    /* What was called. */
    unsigned flushes, rests;
    bool shut, freed;
};
#define FAKE_STAYS 1

/* The fake outlives the connection, which only marks it as freed: look at it, then fake_free(). */
struct fake_transport *fake_new(void);
void fake_free(struct fake_transport *f);
void fake_says(struct fake_transport *f, struct slice bytes);
void fake_ends(struct fake_transport *f, int how);
/* Turns the loop with readiness until everything the peer said, and its end, has been read or
 * nobody reads. The connection may be gone afterwards: see `freed`. */
void fake_deliver(struct fake_transport *f, struct conn *c, struct loop *l);
struct slice fake_sent(const struct fake_transport *f);
void fake_forget_sent(struct fake_transport *f);

#endif
