/* SPDX-License-Identifier: Apache-2.0 */
/* Bytes in one direction of an exchange. Their sender may deliver what it was granted; each byte is
 * granted anew once the receiver has taken it, so at most one window waits. */
#ifndef PROXY_FLOW_H
#define PROXY_FLOW_H

#include "http/stream.h"

struct flow {
    size_t granted; /* bytes its sender may still deliver */
    size_t owed;    /* bytes delivered that the receiver has not taken, to be granted anew then */
    uint64_t total; /* bytes delivered */
    bool ended;     /* the last byte was delivered */
};

void flow_grant(struct flow *f, struct stream *sender, size_t bytes);
/* The sender delivered; `end`: its last byte. */
void flow_take(struct flow *f, size_t bytes, bool end);
/* What was taken went to the receiver, where `waiting` bytes wait now. Grants `bytes` anew, or
 * notes them as owed: then nothing more is asked for until the receiver has taken all. */
void flow_give_back(struct flow *f, struct stream *sender, size_t bytes, size_t waiting);
/* Nothing waits at the receiver any more. */
void flow_settle(struct flow *f, struct stream *sender);

#endif
