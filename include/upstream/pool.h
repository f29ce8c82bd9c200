/* SPDX-License-Identifier: Apache-2.0 */
/* Connections to upstream servers: lends a stream on an idle one (the newest first) or dials. Owner
 * of every upstream connection of a worker. An idle connection keeps its read watch: any event on
 * it means it is dead. server->keepalive bounds the idle ones of a server: above it the oldest is
 * closed. None is kept to an address that the server no longer has.
 * Counts a server's in_flight from pool_lend() until the stream is over. */
#ifndef UPSTREAM_POOL_H
#define UPSTREAM_POOL_H

#include "base/counter.h"
#include "event/loop.h"
#include "http/h1.h"
#include "upstream/cluster.h"

enum lend_failure {
    LEND_REFUSED,       /* nobody listens there */
    LEND_UNREACHABLE,   /* no way to it, or no address at all */
    LEND_TIMEOUT,       /* silence for connect_ms */
    LEND_NO_DESCRIPTOR, /* our own limit; says nothing of the server */
};

struct pool;
struct pool *pool_new(struct loop *l, struct scratch *s, struct arena_recycler *r,
                      struct counters *c);
/* Connections are opened by `dial` from now on, not by TCP. It makes one that is not started yet
 * (conn_new_dialed, conn_new_connected); what goes wrong is told by its on_end. `user` outlives the
 * pool. */
void pool_set_dial(struct pool *p,
                   struct conn *(*dial)(void *user, const struct addr *to,
                                        const struct conn_conf *conf),
                   void *user);
/* So many connections at once, dials among them: beyond it the oldest idle one of any server is
 * closed for each that is dialed. 0, as at first: no bound. */
void pool_set_room(struct pool *p, unsigned room);
void pool_free(struct pool *p);       /* closes all; no stream of it may be in use, no wish open */
void pool_close_idle(struct pool *p); /* on drain; what becomes idle later is kept as ever */
/* The servers' addresses or keepalive have changed: idle connections that are no longer wanted
 * close in the next turns, some in each. Those in use are looked at when they become idle. */
void pool_review(struct pool *p);

/* One wish for a connection, embedded in the exchange; zeroed before its first use. */
struct lend {
    /* Exactly one of the two is called, perhaps inside pool_lend() already. The stream is ready for
     * events, user and send_head. */
    void (*on_stream)(struct lend *l, struct stream *s, bool reused);
    void (*on_failed)(struct lend *l, enum lend_failure why, int err);
    uint64_t connect_ms; /* how long a dial may take; 0: as the pool's conf says */
    /* pool.c's own */
    struct pool *pool;
    struct server *server;
    const struct cluster_conf *conf;
    struct conn *dialing;
    unsigned first_addr, addrs_tried;
    bool waited; /* for a descriptor, once */
    struct deferred again;
};
/* `fresh`: only a new connection will do. `peek`: the request may not be repeated, so a reused
 * connection is looked at once more (one MSG_PEEK). Dials each address of the server in turn, every
 * one for up to its connect_ms, beginning one further with each dial; on_failed tells of the last.
 * Borrows conf until one of the two calls, and what it needs later is copied. */
void pool_lend(struct pool *p, struct lend *l, struct server *s, const struct cluster_conf *conf,
               bool fresh, bool peek);
void pool_cancel(
    struct lend *l); /* the wish is withdrawn while dialing: no call follows; harmless when over */
bool pool_lend_running(const struct lend *l);

#endif
