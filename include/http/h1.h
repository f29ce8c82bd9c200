/* SPDX-License-Identifier: Apache-2.0 */
/* HTTP/1.0 and 1.1 on a connection (RFC 9112), both sides, behind stream.h.
 *
 * Three walls: h1_scan checks every byte of a head and of chunk lines before anything parses them;
 * h1_framing decides from the fields how long a message is, and the parser (llhttp, h1_parse) must
 * agree; h1_write makes every head from a message alone. One stream at a time; pipelined requests
 * wait in the connection until the response before them is gone. */
#ifndef HTTP_H1_H
#define HTTP_H1_H

#include "base/arena.h"
#include "http/stream.h"

enum underscore { UNDERSCORE_DROP, UNDERSCORE_REJECT, UNDERSCORE_PASS };
struct h1_conf {         /* borrowed by codecs until replaced; see h1_set_conf */
    uint64_t head_max;   /* bytes of a head: 431 */
    uint64_t fields_max; /* number of fields: 431 */
    uint64_t target_max; /* bytes of a target: 414 */
    uint64_t
        header_ms;    /* first byte of a head to its last: 408. Bodies' deadlines are the user's */
    uint64_t idle_ms; /* between requests */
    uint64_t requests_max; /* requests on one connection, 0 = no limit */
    uint64_t discard_max;  /* unread request body read and thrown away to keep a connection (HOSTILE
                              46) */
    enum underscore underscore;
};
/* A codec over an open connection, whose events it takes. It owns the connection. */
struct codec *h1_server_new(struct conn *c, const struct h1_conf *conf, struct arena_recycler *r,
                            const struct codec_events *ev, void *user);
struct codec *h1_client_new(struct conn *c, const struct h1_conf *conf, struct arena_recycler *r,
                            const struct codec_events *ev, void *user);
/* From the next request on. The old conf may go after the stream now running is over. */
void h1_set_conf(struct codec *c, const struct h1_conf *conf);
/* The arena of the message that this stream received: lives until the stream is over. For what
 * shares its fate. */
struct arena *h1_stream_arena(struct stream *s);

#endif
