/* SPDX-License-Identifier: Apache-2.0 */
/* Bytes in one direction of an exchange. Their sender may deliver what it was granted; what the
 * receiver has taken is granted anew, so at most one window is on its way.
 *
 * The window begins small, because nobody knows yet whether the receiver reads. It doubles when
 * eight of it went down without waiting, up to the configured one: large bursts cost less. It is
 * halved whenever bytes had to wait: a receiver that stops reading then holds little. */
#ifndef PROXY_FLOW_H
#define PROXY_FLOW_H

#include "http/stream.h"

#define FLOW_FIRST_BYTES ((size_t)64 * 1024)

struct flow {
    size_t granted; /* bytes its sender may still deliver */
    size_t window;  /* bytes; 0: not begun */
    size_t max;     /* of it */
    size_t smooth;  /* bytes that went down without waiting since the window last changed */
    uint64_t total; /* bytes delivered */
    bool waiting;   /* the receiver has not taken all: nothing more is granted */
    bool ended;     /* the last byte was delivered */
};

/* The first grant; what is left of an earlier one counts. `max` is the largest window, above 0. */
void flow_begin(struct flow *f, struct stream *sender, size_t max);
/* The sender delivered; `end`: its last byte. */
void flow_take(struct flow *f, size_t bytes, bool end);
/* They went to the receiver, where `waiting` bytes wait now. */
void flow_give_back(struct flow *f, struct stream *sender, size_t bytes, size_t waiting);
/* Nothing waits at the receiver any more. */
void flow_settle(struct flow *f, struct stream *sender);

#endif
