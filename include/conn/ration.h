/* SPDX-License-Identifier: Apache-2.0 */
/* Handshakes cost a hundred times what a request costs, and whoever wants may ask for thousands at
 * once. So a turn of the loop spends a bounded time on them, and whoever finds it used up waits in
 * order: a flood of new clients makes new clients wait, not those who are served already. */
#ifndef CONN_RATION_H
#define CONN_RATION_H

#include "event/loop.h"

#define RATION_US 1000 /* of a turn; the step that exceeds it is its last */

struct ration {
    struct loop *loop;   /* NULL before the first use */
    struct link waiting; /* deferred work of others, in order */
    uint64_t spent_us;
    struct deferred renew; /* runs at the end of each turn that spent something */
};

void ration_init(struct ration *r);
void ration_done(struct ration *r); /* forgets who waits */
/* Runs `step` at once when this turn has time left and nobody waits, else when its turn has come;
 * deferred_cancel() takes it out of the queue. Once, however often it is asked for. True when it
 * has to wait. */
bool ration_take(struct ration *r, struct loop *l, struct deferred *step);
static inline bool ration_is_short(const struct ration *r) /* somebody waits */
{
    return !list_empty(&r->waiting);
}

#endif
