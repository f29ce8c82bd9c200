/* SPDX-License-Identifier: Apache-2.0 */
/* An owner of connections that writes down what it is told. */
#ifndef TEST_CONN_FIXTURE_H
#define TEST_CONN_FIXTURE_H

#include "base/buf.h"
#include "conn/conn.h"
#include "event/sock.h"

struct owner {
    struct loop *loop;
    struct scratch scratch;
    struct conn *conn;
    struct conn_conf conf;

    /* One letter an event: o open, d data, f flushed, e end. */
    char trace[256];
    struct buf got; /* bytes that were used */
    size_t last_offer;
    enum conn_end how;
    int error;

    /* What it does: */
    size_t use;                       /* bytes it uses of each offer */
    struct slice answer;              /* written on data */
    void (*on_data)(struct owner *o); /* NULL: nothing more */
    void (*on_end)(struct owner *o);
    void (*on_flushed)(struct owner *o);
};

void owner_init(struct owner *o);
void owner_done(struct owner *o); /* aborts a connection that is left */
/* A plain connection over one end of a socketpair; the other one is returned. */
int owner_take_pair(struct owner *o);
void owner_take(struct owner *o, struct transport *t, const char *peer);
void owner_dial(struct owner *o, const struct addr *to);
void owner_start(struct owner *o);
void owner_close(struct owner *o);
void owner_abort(struct owner *o);
/* Turns the loop until the trace holds the letter, at most 5 s; fails the test otherwise. */
void owner_wait_for(struct owner *o, char event);
void owner_pass_ms(struct owner *o, unsigned ms);

/* The other side, blocking for at most 5 s. */
int peer_listen(struct addr *ret_at); /* 127.0.0.1, a port the kernel chose, no deferred accept */
int peer_accept(int listening);
size_t peer_read_to_end(int fd, int *ret_error);

#endif
