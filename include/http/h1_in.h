/* SPDX-License-Identifier: Apache-2.0 */
/* The receiving half of HTTP/1: bytes to heads and pieces of body, for requests and responses. It
 * knows no connection and calls nobody, so the fuzzers drive it whole. One h1_in is one message; it
 * lives in that message's arena. */
#ifndef HTTP_H1_IN_H
#define HTTP_H1_IN_H

#include "http/h1.h"
#include "http/h1_chunk.h"
#include "http/h1_parse.h"

enum h1_in_state {
    H1_IN_HEAD,
    H1_IN_BODY,
    H1_IN_TRAILERS,
    H1_IN_TUNNEL, /* whatever comes, to the end of its direction */
    H1_IN_DONE
};

struct h1_in {
    enum h1_in_state state;
    enum body_kind body;
    enum underscore underscore; /* of a request; responses' names pass */
    uint64_t left;              /* BODY_LENGTH: bytes still to come */
    struct arena *arena;        /* borrowed */
    struct h1_limits limits;
    struct h1_scan scan;
    struct h1_parse parse;
    struct h1_chunk chunk;
    struct fields trailers;
    enum refusal refusal; /* after -EPROTO */
};
struct h1_piece {
    size_t used;             /* bytes taken off the view; 0: it must grow, or there is no room */
    struct slice bytes;      /* body bytes, part of the view; may be empty */
    bool end;                /* the message is complete */
    struct fields *trailers; /* with `end`: what may be kept of them; NULL for none */
};

void h1_in_init(struct h1_in *in, bool response, const struct h1_conf *conf, struct arena *a);
/* Looks for the end of the head; on SCAN_REFUSED `refusal` is set. */
enum scan_verdict h1_in_scan(struct h1_in *in, struct slice view);
/* The head is read: its message says what follows. */
void h1_in_start_body(struct h1_in *in, const struct message *m);
/* The protocol is another one from here on: raw bytes. */
void h1_in_start_tunnel(struct h1_in *in);
/* Pieces may come, as far as there is room for them. */
static inline bool h1_in_flows(const struct h1_in *in)
{
    return in->state == H1_IN_BODY || in->state == H1_IN_TUNNEL;
}
/* An interim response is read: another head follows. limits.head holds for all of them together:
 * each may have to wait for a client that does not read. */
void h1_in_next_head(struct h1_in *in);
/* The next piece of the body, at most `room` bytes of it. `view` begins behind what was used before
 * and is not empty. 0 or -EPROTO. */
int h1_in_take(struct h1_in *in, struct slice view, size_t room, struct h1_piece *ret_piece);

#endif
