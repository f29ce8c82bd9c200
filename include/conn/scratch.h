/* SPDX-License-Identifier: Apache-2.0 */
/* The memory that all connections of a worker share while an event is handled: what was just read,
 * and what is about to be sent. So an idle connection owns no buffer, and a burst of TLS records
 * leaves in one send (docs/how-it-works.md). */
#ifndef CONN_SCRATCH_H
#define CONN_SCRATCH_H

#include "base/slice.h"
#include "conn/ration.h"
#include "conn/sweep.h"

#define SCRATCH_READ_BYTES   (256 * 1024)
#define SCRATCH_GATHER_BYTES (320 * 1024) /* one full read, encrypted, and a head */

/* Output of one transport, gathered until it flushes. Another that wants the place makes the holder
 * spill first. */
struct gather {
    char *base;
    size_t len;
    void *holder;                /* whose bytes they are; NULL when empty */
    void (*spill)(void *holder); /* sends or copies base[0..len) and calls gather_release() */
};
/* What lives on by itself for a while after its owner let it go, such as a connection that lingers:
 * embedded in it. */
struct orphan {
    struct link link;
    void (*end)(struct orphan *o); /* frees it now, out of the list already; calls nobody */
};
struct scratch {
    char *read; /* SCRATCH_READ_BYTES; valid inside one event callback */
    struct gather gather;
    struct ration handshakes;
    struct sweep sweep;  /* connections with traffic lately, and those that do not read */
    struct link orphans; /* end with the scratch at the latest */
};

void scratch_init(struct scratch *s);
/* Before loop_free(). */
void scratch_done(struct scratch *s);
void scratch_adopt(struct scratch *s, struct orphan *o, void (*end)(struct orphan *o));

/* Room for `bytes` (at most SCRATCH_GATHER_BYTES) behind what `holder` gathered; spills first when
 * another holds it or it does not fit. Write there, then gather_commit(). */
char *gather_reserve(struct gather *g, void *holder, void (*spill)(void *holder), size_t bytes);
void gather_commit(struct gather *g, size_t bytes);
/* What `holder` gathered, empty when another holds the place or none does. */
struct slice gather_view(const struct gather *g, const void *holder);
void gather_release(struct gather *g,
                    const void *holder); /* forgets the bytes, if they are holder's */

#endif
