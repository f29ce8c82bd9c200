/* SPDX-License-Identifier: Apache-2.0 */
/* The moving parts of a connection: its states and deadlines, reading and writing. conn.c is the
 * only user; everybody else sees conn.h.
 *
 * What must happen after a callback (flush, deadline, interest) is derived from the state in one
 * place, once, by work that conn_flow_touch() asks for. */
#ifndef CONN_CONN_FLOW_H
#define CONN_CONN_FLOW_H

#include "base/buf.h"
#include "conn/conn_events.h"
#include "conn/pace.h"
#include "conn/scratch.h"
#include "conn/transport.h"
#include "event/addr.h"
#include "event/loop.h"

#include <assert.h>

enum conn_state {
    CONN_NEW,        /* conn_start() is still to come */
    CONN_CONNECTING, /* TCP */
    CONN_HANDSHAKE,  /* of the transport */
    CONN_OPEN,
    CONN_DEAD,   /* on_end told of a failure; the owner gives it back */
    CONN_CLOSED, /* given back; freed when the turn ends */
};

struct conn {
    struct loop *loop;
    struct scratch *scratch;
    struct transport *transport; /* NULL: a dial that could not begin, or lingering by itself now */
    const struct conn_events *events;
    void *user;
    struct watch watch;
    struct deferred settle; /* right after a callback: flush, deadline, interest */
    struct deferred step;   /* end of the turn: go on with what no descriptor will tell of; of a
                               handshake: when its turn has come */
    struct deferred reap;
    struct timer deadline; /* of the dial, then of the handshake */
    struct pace pace;      /* of the backlog, once it is open */
    struct sweep_member sweep;
    struct orphan orphan;
    struct buf kept; /* arrived, but not used by on_data yet */
    struct addr peer;
    struct conn_conf conf;
    size_t read_max; /* bytes of one read */
    int error;       /* -errno behind on_end; until a dial begins, what connect() said */
    int write_error; /* -errno: nothing can be written, but reading goes on */
    enum conn_state state : 8;
    bool dialed : 1;
    bool bounded : 1; /* in what the kernel receives of it unread */
    bool paused : 1;
    bool offer_kept : 1; /* conn_resume() promised it */
    bool ended : 1;      /* on_end was called */
    bool alerted : 1;    /* it ended with an alert, which a RST must not destroy */
    bool dirty : 1;      /* the transport may hold output to flush */
    bool wrote : 1;      /* on_flushed is due */
    bool busy : 1;       /* traffic since the last sweep */
    bool resting : 1;    /* transport->rest was called */
    bool half_close : 1; /* conn_allow_half_close() */
    bool output_ended : 1;
};
static_assert(sizeof(struct conn) <= 640, "ten thousand of them are 6 MB");

static inline const struct transport_ops *conn_ops(const struct conn *c)
{
    return c->transport->ops;
}

void conn_flow_init(struct conn *c); /* with loop and scratch set */
/* Takes the transport; NULL for a dial that could not begin. */
void conn_flow_set_transport(struct conn *c, struct transport *t);
void conn_flow_start(struct conn *c);
void conn_flow_ready(struct conn *c, unsigned events);
void conn_flow_enter(struct conn *c, enum conn_state next);
void conn_flow_touch(struct conn *c);
void conn_flow_busy(struct conn *c);            /* there was traffic */
void conn_flow_rest(struct conn *c);            /* the peer is waited for */
bool conn_flow_hears(const struct conn *c);     /* on_data may be called */
size_t conn_flow_backlog(const struct conn *c); /* bytes the kernel refused */
void conn_flow_offer_kept(struct conn *c);      /* from the loop */
void conn_flow_done(struct conn *c);            /* before it is freed */

#endif
