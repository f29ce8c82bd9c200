/* SPDX-License-Identifier: Apache-2.0 */
/* The inside of an exchange, for src/proxy/exchange*.c alone: its state, and what its files ask
 * of each other.
 *
 *   exchange.c           life and states; what the client's stream reports
 *   exchange_upstream.c  which server, which connection; what the upstream's stream reports
 *   exchange_retry.c     what follows a failed try
 *   exchange_body.c      both bodies: grants, back-pressure
 *   exchange_time.c      who is waited for, and for how long
 *   exchange_tunnel.c    what follows a 101: bytes both ways
 *   exchange_end.c       how it ends: answer, cut or abort; the record
 */
#ifndef PROXY_EXCHANGE_PARTS_H
#define PROXY_EXCHANGE_PARTS_H

#include "base/buf.h"
#include "base/rate.h"
#include "http/stream.h"
#include "proxy/client.h"
#include "proxy/flow.h"
#include "proxy/proxy.h"
#include "proxy/reply.h"
#include "proxy/request_id.h"

enum exchange_state {
    EXCHANGE_HEAD,    /* the request's head is on its way */
    EXCHANGE_QUEUE,   /* it is complete: the clock runs. No server yet */
    EXCHANGE_CONNECT, /* a connection was wished for */
    EXCHANGE_WAIT,    /* the head went upstream; no final answer yet */
    EXCHANGE_STREAM,  /* the upstream's final head went to the client */
    EXCHANGE_TUNNEL,  /* that head was 101: raw bytes, until both directions have ended */
    EXCHANGE_SENT,    /* the whole answer was handed down, ours or the upstream's */
    EXCHANGE_OVER,
    EXCHANGE_STATES
};

struct exchange {
    struct arena arena; /* holds this struct too */
    struct link link;   /* in proxy->exchanges */
    struct deferred reap;
    struct proxy *proxy;
    struct config_hold config;
    enum exchange_state state;
    struct stream *down, *up; /* NULL: not begun, or over */

    /* what is asked, and of whom */
    struct client client;
    const struct message *request; /* the downstream's */
    const struct route_conf *route;
    struct slice request_id;
    char request_id_text[REQUEST_ID_LEN];

    /* the way upstream */
    struct cluster_walk walk;
    struct lend lend;
    struct server *server;
    struct message sent; /* the request as it goes upstream */
    unsigned tries;
    bool key_fallback, reused;
    bool repeated;           /* it was sent once in vain: only a new connection will do now */
    enum lend_failure worst; /* of all dials that failed: 504 when one of them took too long */

    /* bodies; then what is tunnelled */
    struct flow upload, download;
    struct buf held; /* upload bytes that arrive while there is no upstream (retry) */
    bool has_body;   /* the request has one */
    bool expecting;  /* the client waits for 100 before it sends its body */
    bool taken;      /* a byte of it went upstream: it cannot be sent twice */
    bool uploaded;   /* all of the request is with the upstream's kernel side */
    struct timer client_silence, upstream_silence, tunnel_silence, upload_look;
    struct rate upload_rate; /* while the client owes */

    /* time, by the loop's clock */
    int64_t wall_ms;   /* when the head was complete */
    uint64_t since_ms; /* when this state began */
    uint64_t uploaded_ms;
    uint64_t spent_ms[EXCHANGE_STATES];

    /* the end */
    unsigned status;     /* what the client was told, 0: nothing yet */
    const char *refused; /* in words, static or living as long as the stream */
    const char *abort_phase, *abort_by, *abort_signal;
    uint64_t abort_ms;
};

/* --- exchange.c */
void exchange_enter(struct exchange *x, enum exchange_state next);
uint64_t exchange_now(const struct exchange *x);
/* The client's stream ended badly: says so in the record and ends the exchange. */
void exchange_client_gone(struct exchange *x, enum reset_reason why);

/* --- exchange_upstream.c */
void exchange_upstream_begin(struct exchange *x); /* routed: find a server, ask it */
/* Closes the upstream side, whatever it is: a wish, or a stream in the middle of a message. A
 * finished one is let go. */
void exchange_upstream_drop(struct exchange *x);

/* The next server of the walk that may be used, or NULL. */
struct server *exchange_upstream_next(struct exchange *x);
void exchange_upstream_try(struct exchange *x, struct server *s); /* one more try, on that one */

/* --- exchange_retry.c. Each call ends in another try or in an answer. */
void exchange_retry_dial(struct exchange *x, enum lend_failure why); /* nothing was sent */
/* The stream broke before a final answer. */
void exchange_retry_reset(struct exchange *x, const struct stream *s, enum reset_reason why);
void exchange_retry_fail(struct exchange *x, enum reset_reason why); /* no other try: 502 or 504 */
/* Whether a reused connection is looked at before this request goes on it, because the request
 * cannot be repeated should it turn out dead: a body that went upstream cannot, whatever the
 * method. */
bool exchange_retry_peeks(const struct exchange *x);

/* --- exchange_body.c */
void exchange_body_init(struct exchange *x);
void exchange_body_done(struct exchange *x);
void exchange_body_upload(struct exchange *x);   /* the head went upstream: let the body come */
void exchange_body_download(struct exchange *x); /* the final head went down: the same */
void exchange_body_continue(struct exchange *x); /* the client was told to go on */
void exchange_body_from_client(struct exchange *x, struct slice bytes, bool end);
void exchange_body_from_upstream(struct exchange *x, struct slice bytes, bool end);
void exchange_body_upstream_took(struct exchange *x); /* nothing waits upstream any more */
void exchange_body_client_took(struct exchange *x);

/* --- exchange_time.c */
void exchange_time_init(struct exchange *x);
/* That side has moved, or what it owes has changed: its time begins anew, if it owes. */
void exchange_time_client(struct exchange *x);
void exchange_time_upstream(struct exchange *x);
void exchange_time_stop(struct exchange *x); /* nobody is waited for any more: what the client
                                                still sends is the codec's to discard */

/* --- exchange_tunnel.c */
void exchange_tunnel_init(struct exchange *x);
/* The upstream switched protocols: from here on both streams' events are the tunnel's. 0, or
 * -EINVAL: the client cannot be told, nothing was sent. */
int exchange_tunnel_begin(struct exchange *x, const struct message *switched);
void exchange_tunnel_done(struct exchange *x);

/* --- exchange_end.c */
/* Answers itself: before any final head went down. The upstream side is dropped. */
void exchange_end_reply(struct exchange *x, const struct reply *r);
/* The same for an error. `error` as in Proxy-Status; `why` in words, static. */
void exchange_end_error(struct exchange *x, unsigned status, const char *error, const char *why);
/* Counts a refusal of what the client sent, and has the record say why. */
void exchange_end_note(struct exchange *x, enum refusal why);
/* The same, and answers it; the connection ends. */
void exchange_end_refused(struct exchange *x, enum refusal why);
/* The upstream's answer is complete and handed down. */
void exchange_end_answered(struct exchange *x);
/* Names an abort for the record; the phase is the state's. */
void exchange_end_blame(struct exchange *x, const char *by, const char *signal);
/* Ends an answer in the middle, visibly. Call exchange_end_blame() first. */
void exchange_end_cut(struct exchange *x);
/* The client's stream reported its last event: write the record, give everything back. */
void exchange_end(struct exchange *x);

#endif
