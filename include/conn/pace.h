/* SPDX-License-Identifier: Apache-2.0 */
/* The deadline of output that waits: has the peer taken enough of it, over the last `send_ms`? At
 * least one byte; with a minimum rate, at least as much as that comes to.
 *
 * What counts is what the peer acknowledged, seen at four looks a window and a system call each:
 * the kernel makes room in steps that a slow reader needs long for. Embedded in its owner. */
#ifndef CONN_PACE_H
#define CONN_PACE_H

#include "base/rate.h"
#include "event/loop.h"

struct pace {
    struct timer look;
    struct loop *loop;
    void (*on_late)(
        struct pace *p); /* not running any more; a quarter of the window late at most */
    struct rate rate;
    uint64_t drained; /* bytes, where the kernel knows of no acknowledgement */
    uint64_t need;    /* bytes a window */
    uint64_t look_ms; /* 0: no limit */
    int fd;           /* -1: in memory */
};

/* `send_ms` 0 = no limit; `min_rate` in bytes a second, 0 = one byte is enough. */
void pace_init(struct pace *p, struct loop *l, unsigned send_ms, uint64_t min_rate,
               void (*on_late)(struct pace *p));
/* Other bounds; a deadline that runs begins anew. */
void pace_set(struct pace *p, unsigned send_ms, uint64_t min_rate);
/* Bytes wait from now on. Harmless when it runs already. */
void pace_start(struct pace *p, int fd);
void pace_stop(struct pace *p); /* nothing waits; harmless when it does not run */
/* The kernel took bytes that waited. */
void pace_drained(struct pace *p, uint64_t bytes);

#endif
