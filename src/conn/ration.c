/* SPDX-License-Identifier: Apache-2.0 */
#include "conn/ration.h"

#include <time.h>

static uint64_t now_us(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000;
}

static void run(struct ration *r, struct deferred *step)
{
    uint64_t begin_us = now_us();
    step->run(step); /* may be the end of whom it belongs to */
    r->spent_us += now_us() - begin_us + 1;
    loop_defer(r->loop, &r->renew);
}

/* Those who wait come before whoever the next turn brings. */
static void on_renew(struct deferred *d)
{
    struct ration *r = CONTAINER_OF(d, struct ration, renew);
    r->spent_us = 0;
    while (ration_is_short(r) && r->spent_us < RATION_US) {
        struct link *first = r->waiting.next;
        list_remove(first);
        run(r, CONTAINER_OF(first, struct deferred, link));
    }
}

void ration_init(struct ration *r)
{
    *r = (struct ration){ 0 };
    list_init(&r->waiting);
    deferred_init(&r->renew, on_renew);
}

void ration_done(struct ration *r)
{
    deferred_cancel(&r->renew);
    LIST_EACH (&r->waiting, at)
        list_remove(at);
}

bool ration_take(struct ration *r, struct loop *l, struct deferred *step)
{
    r->loop = l;
    if (!list_empty(&step->link))
        return true;
    if (r->spent_us < RATION_US && !ration_is_short(r)) {
        run(r, step);
        return false;
    }
    list_append(&r->waiting, &step->link);
    loop_defer(l, &r->renew);
    return true;
}
