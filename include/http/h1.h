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
/* Borrowed by codecs until replaced, see h1_set_conf. 0 = no limit, but for discard_max. The
 * connection must keep at least head_max bytes (conn_conf.keep_max), or a longer part of a head
 * than that waits for its deadline. */
struct h1_conf {
    uint64_t head_max;   /* bytes of a head, and of a trailer section: 431 */
    uint64_t fields_max; /* number of fields: 431 */
    uint64_t target_max; /* bytes of a target: 414 */
    uint64_t header_ms;  /* a head's first byte to its last: 408. Bodies' deadlines are the user's,
                            but the time for what discard_max allows is this one too */
    uint64_t idle_ms;    /* between messages, and before the first request */
    uint64_t requests_max; /* on one connection; the last one says Connection: close */
    uint64_t discard_max;  /* bytes of an unread request body that are read and thrown away to keep
                              the connection */
    enum underscore underscore; /* of requests; names in responses pass */
};
/* A codec over an open connection, whose events it takes. It owns the connection. */
struct codec *h1_server_new(struct conn *c, const struct h1_conf *conf, struct arena_recycler *r,
                            const struct codec_events *ev, void *user);
struct codec *h1_client_new(struct conn *c, const struct h1_conf *conf, struct arena_recycler *r,
                            const struct codec_events *ev, void *user);
/* From the next message on. The old conf may go after the stream now running is over. */
void h1_set_conf(struct codec *c, const struct h1_conf *conf);
/* The arena of the message that this stream received: lives until the stream is over. For what
 * shares its fate. */
struct arena *h1_stream_arena(struct stream *s);

#endif
