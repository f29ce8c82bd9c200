/* SPDX-License-Identifier: Apache-2.0 */
/* An access record as one line of text: Apache's combined format, or a JSON object. Whatever a peer
 * sent is escaped, so one request is always one line. */
#ifndef PROXY_ACCESS_FORMAT_H
#define PROXY_ACCESS_FORMAT_H

#include "base/slice.h"
#include "conn/transport.h"
#include "proxy/access_time.h"

#include <stdint.h>

enum access_format { ACCESS_COMBINED, ACCESS_JSON };

/* What a record says. Slices are borrowed for the call; an empty one or a negative number is "not
 * known". */
struct access_record {
    int64_t wall_ms;                             /* when the head was complete */
    struct slice remote, peer;                   /* IP text: the client; the socket's address */
    unsigned remote_port;                        /* 0: not known */
    struct slice host, method, target, protocol; /* protocol: "HTTP/1.1" */
    unsigned status;
    uint64_t bytes_in, bytes_out; /* body bytes from and to the client */
    struct slice referer, user_agent, request_id;
    const struct tls_info *tls; /* NULL on plain */
    struct slice route, pool, server;
    unsigned tries;
    bool reused;
    bool key_fallback; /* the key's header or cookie was missing: the client address was hashed */
    int64_t queue_ms, connect_ms, wait_ms, stream_ms, total_ms;
    const char *abort_phase, *abort_by, *abort_signal; /* NULL: no abort */
    int64_t abort_ms;
    const char *refused; /* the reason in words, NULL when nothing was refused */
};

/* The line with its newline into `out`, which has room for ACCESS_LINE_MAX: values that a peer may
 * make long are cut far below that. Returns the length. `time` caches the second's text. */
#define ACCESS_LINE_MAX (96 * 1024)
size_t access_format_record(enum access_format format, const struct access_record *r,
                            struct access_time *time, char *out);
/* The same without a cache, for tests and tools; 0 when room is below ACCESS_LINE_MAX. */
size_t access_format_line(enum access_format format, const struct access_record *r, char *out,
                          size_t room);

#endif
