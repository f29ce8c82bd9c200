/* SPDX-License-Identifier: Apache-2.0 */
/* The interface every codec implements, as server and as client: one request and its response.
 *
 * A *user* (the exchange) calls ops; the codec calls events. Neither side knows the other's type.
 * Lifetime: a stream is the codec's. It is over with its last event, on_done or on_reset, or with
 * the user's own call of reset(); the user must not touch it afterwards. No event comes inside the
 * user's own call of an op. Flow: a stream may deliver no body byte that was not granted. It starts
 * with nothing granted. */
#ifndef HTTP_STREAM_H
#define HTTP_STREAM_H

#include "base/refusal.h"
#include "base/slice.h"
#include "conn/conn.h"
#include "http/message.h"

enum head_kind {
    HEAD_INTERIM,
    HEAD_FINAL,
    /* The final one too, of a response (101 in HTTP/1) to a request that offered other protocols:
     * body bytes both ways are raw from here on, as many as were granted, and `end` is the end of
     * one direction: the other goes on until its own. */
    HEAD_TUNNEL
};

enum reset_reason {
    /* by the other side */
    RESET_FIN,
    RESET_CLOSE_NOTIFY,
    RESET_RST,
    RESET_TRUNCATED,
    RESET_CODE, /* CODE: wire_code says which (HTTP/2, HTTP/3) */
    /* what it sent is not HTTP: stream_ops.refusal says why */
    RESET_PROTOCOL,
    /* our deadline towards it: it took nothing for too long */
    RESET_SEND_TIMEOUT,
    /* we: it shall see that something went wrong (user -> codec) */
    RESET_CANCEL,
    RESET_INTERNAL,
    RESET_SHUTDOWN,
};
const char *reset_text(enum reset_reason why); /* abort_signal's word: "fin", "reset", ... */

struct stream;
struct stream_ops { /* the user calls the codec */
    /* Sends a head; `end`: no body follows. The codec adds framing and Connection itself. 0, or
     * -EINVAL: the message cannot be written (nothing was sent). */
    int (*send_head)(struct stream *s, const struct message *m, enum head_kind kind, bool end);
    /* Writes now, copies what the kernel refuses; returns the bytes that wait. Above 0: on_writable
     * follows. */
    size_t (*send_body)(struct stream *s, struct slice bytes, bool end);
    /* In place of an `end`. Dropped where the protocol or the receiver cannot take them. */
    int (*send_trailers)(struct stream *s, const struct fields *f);
    void (*grant)(struct stream *s, size_t bytes); /* the receiver can take so many more */
    /* Ends it badly, at once. Server side: what the client got is visibly cut, or nothing was sent.
     * Client side: the connection is closed. */
    void (*reset)(struct stream *s, enum reset_reason why, uint32_t wire_code);
    struct conn *(*conn)(const struct stream *s);    /* for addresses and TLS facts; borrowed */
    enum refusal (*refusal)(const struct stream *s); /* why RESET_PROTOCOL; else REFUSAL_NONE */
};
struct stream_events { /* the codec calls the user */
    /* A request's head, or a response's: interim ones may come before the final. The message lives
     * until the stream is over. */
    void (*on_head)(struct stream *s, struct message *m, enum head_kind kind, bool end);
    void (*on_body)(struct stream *s, struct slice bytes,
                    bool end); /* borrowed for the call; bytes may be empty with end */
    void (*on_trailers)(struct stream *s, struct fields *f); /* in place of an `end` */
    void (*on_writable)(struct stream *s);                   /* all that waited is gone */
    /* Server side only: no readable request, or a head that took too long; in place of on_head.
     * Also a body that turns out not to be HTTP while nothing final was sent; afterwards that is
     * on_reset with RESET_PROTOCOL. The user answers with send_head(..., end) or send_body and the
     * codec closes. `m` is what was understood, method and target may be empty. The codec has read
     * its last byte. */
    void (*on_refused)(struct stream *s, struct message *m, enum refusal why);
    /* Both directions ended and all bytes are with the kernel: the last event. Server side: once
     * the answer has ended, what is left of the request is the codec's to throw away (no on_body
     * any more). Client side: a response that ends before its request does ends both. */
    void (*on_done)(struct stream *s);
    void (*on_reset)(struct stream *s, enum reset_reason why,
                     uint32_t wire_code); /* or this one is */
};
struct stream { /* first member of each implementation */
    const struct stream_ops *ops;
    const struct stream_events *events;
    void *user;
    uint64_t head_bytes_in, bytes_in, bytes_out; /* on this stream: body bytes in, body bytes out */
};

/* --- the connection around streams */
struct codec;
struct codec_events { /* the codec calls its owner: frontend on the server side, pool on the client
                         side */
    /* Server: the first byte of a request is there; set s->events and s->user. */
    void (*on_stream)(struct codec *c, struct stream *s);
    void (*on_idle)(struct codec *c); /* client: it can carry another request */
    void (*on_gone)(struct codec *c); /* the connection is over; the codec frees itself at the end
                                         of the turn: the last event */
};
struct codec_ops {
    /* Client: a stream for a new request. NULL when it can carry none now. Set events and user
     * before send_head. */
    struct stream *(*open)(struct codec *c);
    /* Finish what is in flight (HTTP/1 server: `Connection: close` on the next response), then
     * close; an idle one closes now. */
    void (*drain)(struct codec *c);
    void (*close)(struct codec *c); /* now; streams get no event, on_gone is not called */
    struct conn *(*conn)(const struct codec *c);
};
struct codec { /* first member of each implementation */
    const struct codec_ops *ops;
    const struct codec_events *events;
    void *user;
    uint64_t requests; /* streams begun */
};

#endif
