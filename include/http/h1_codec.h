/* SPDX-License-Identifier: Apache-2.0 */
/* What the server and the client side of HTTP/1 share: one connection, one stream at a time, and
 * the rule that no event comes inside a user's own op. Private to h1*.c.
 *
 * Ops only write and note; settle(), which runs right after the current callback and behind the
 * connection's flush, looks at the state and calls whom it concerns. */
#ifndef HTTP_H1_CODEC_H
#define HTTP_H1_CODEC_H

#include "http/h1_in.h"
#include "http/h1_out.h"

struct h1;
struct h1_side { /* what differs between the two */
    /* Takes what it can off the front of what arrived; 0: nothing now. */
    size_t (*step)(struct h1 *h, struct slice rest);
    /* Looks for what is due: the stream's end, the next message, the connection's end. */
    void (*settle)(struct h1 *h);
    /* A body that is not HTTP: h->in->refusal says why. */
    void (*fail)(struct h1 *h);
    void (*on_end)(struct h1 *h, enum conn_end how);
    void (*on_due)(struct h1 *h); /* the timer */
};
struct h1 {
    struct codec codec; /* first */
    struct stream stream;
    const struct h1_side *side;
    struct conn *conn; /* owned */
    struct loop *loop;
    const struct h1_conf *conf, *next_conf; /* next_conf: from the next message on, or NULL */
    struct arena arena;                     /* the stream's; empty while idle */
    struct h1_in *in;                       /* in the arena; NULL while idle */
    struct message *head;                   /* in the arena: the last one received, or NULL */
    enum refusal refusal;                   /* of what came last, see stream_ops.refusal */
    size_t granted;                         /* bytes */
    struct h1_out out;
    struct deferred settle, reap;
    struct timer timer; /* between messages, for a head, for what is thrown away: one at a time */
    bool live;          /* a stream is open: its user may be called */
    bool kept;          /* the connection keeps bytes that were not taken */
    bool paused;
    bool want_writable; /* send_body() said that bytes wait */
    bool draining;
    bool closing; /* the connection ends with this stream */
    bool tunnel;  /* 101 was passed: raw bytes both ways, each way to its own end */
    bool dead;    /* it has ended: only reap is to come */
    bool told;    /* on_gone was called, or must not be */
    /* server */
    bool heading;       /* a head is under way and its deadline runs */
    bool refused;       /* no more bytes are read */
    bool expecting;     /* the client waits for 100 */
    bool discarding;    /* the answer is out, the request's body is thrown away */
    uint64_t discarded; /* bytes, chunk lines among them */
    /* client */
    enum method method; /* of the request */
    unsigned interims;
    struct slice offered; /* protocols, in the arena: to what 101 may switch */
};

struct h1 *h1_new(struct conn *c, const struct h1_conf *conf, struct arena_recycler *r,
                  const struct h1_side *side, const struct codec_ops *ops);
static inline struct h1 *h1_of_stream(const struct stream *s)
{
    return CONTAINER_OF(s, struct h1, stream);
}

/* --- stream ops that are the same on both sides */
size_t h1_send_body(struct stream *s, struct slice bytes, bool end);
/* `f` NULL: the receiver cannot take trailers. */
int h1_end_body(struct h1 *h, const struct fields *f);
void h1_grant(struct stream *s, size_t bytes);
void h1_reset(struct stream *s, enum reset_reason why, uint32_t wire_code);
struct conn *h1_stream_conn(const struct stream *s);
enum refusal h1_stream_refusal(const struct stream *s);
/* --- codec ops */
void h1_drain(struct codec *c);
void h1_close(struct codec *c);
struct conn *h1_conn(const struct codec *c);

/* --- for the two sides */
void h1_begin_message(struct h1 *h, bool response); /* makes h->in */
void h1_forget_message(struct h1 *h);               /* frees the arena, takes the next conf */
void h1_begin_stream(struct h1 *h, const struct stream_ops *ops);
/* Body bytes: takes, delivers what was granted, notes the end. */
size_t h1_take_body(struct h1 *h, struct slice rest);
void h1_resume(struct h1 *h); /* if it was paused */
/* 101 went through: what follows its head, and the request, is a tunnel. */
void h1_begin_tunnel(struct h1 *h);
/* How the connection ended, asked first of all: true when that was but one direction of a tunnel,
 * and the user was told. */
bool h1_half_close(struct h1 *h, enum conn_end how);
/* Both directions of the stream have ended, and with us nothing waits. */
bool h1_both_ended(const struct h1 *h);
void h1_settle_later(struct h1 *h);
void h1_start_timer(struct h1 *h, uint64_t ms); /* 0 = no limit */
/* The stream is over; its user gets the last event. */
void h1_stream_done(struct h1 *h);
void h1_stream_reset(struct h1 *h, enum reset_reason why);
/* The connection is over: ends it, tells the owner, frees at the end of the turn. Harmless when it
 * is over already. */
enum h1_ending { H1_ORDERLY, H1_CUT };
void h1_end(struct h1 *h, enum h1_ending how);
enum reset_reason h1_reset_reason(enum conn_end how);

#endif
