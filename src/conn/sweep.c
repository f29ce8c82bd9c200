/* SPDX-License-Identifier: Apache-2.0 */
#include "conn/sweep.h"

static void on_tick(struct timer *t)
{
    struct sweep *s = CONTAINER_OF(t, struct sweep, timer);
    struct link batch; /* a visit may remove any member, and add its own anew */
    list_init(&batch);
    list_splice(&batch, &s->members);
    while (!list_empty(&batch)) {
        struct link *first = batch.next;
        list_remove(first);
        struct sweep_member *m = CONTAINER_OF(first, struct sweep_member, link);
        m->visit(m);
    }
}

void sweep_init(struct sweep *s)
{
    list_init(&s->members);
    timer_init(&s->timer, on_tick);
}

void sweep_done(struct sweep *s)
{
    timer_stop(&s->timer);
    LIST_EACH (&s->members, at)
        list_remove(at);
}

void sweep_member_init(struct sweep_member *m, void (*visit)(struct sweep_member *m))
{
    list_init(&m->link);
    m->visit = visit;
}

void sweep_add(struct sweep *s, struct loop *l, struct sweep_member *m)
{
    if (!list_empty(&m->link))
        return;
    list_append(&s->members, &m->link);
    if (!timer_running(&s->timer))
        timer_start(&s->timer, l, SWEEP_MS);
}

void sweep_remove(struct sweep_member *m)
{
    list_remove(&m->link);
}
