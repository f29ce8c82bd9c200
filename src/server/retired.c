/* SPDX-License-Identifier: Apache-2.0 */
#include "server/retired.h"

#include "base/mem.h"

struct set {
    struct link link;
    struct listen_set *sockets;
    struct timer timer;
};
struct retired {
    struct loop *loop;
    struct link sets;
};

static void set_free(struct set *s)
{
    list_remove(&s->link);
    timer_stop(&s->timer);
    listen_set_close(s->sockets);
    mem_free(s);
}

static void on_due(struct timer *t)
{
    set_free(CONTAINER_OF(t, struct set, timer));
}

struct retired *retired_new(struct loop *loop)
{
    struct retired *r = mem_zalloc(sizeof(*r));
    r->loop = loop;
    list_init(&r->sets);
    return r;
}

void retired_free(struct retired *r)
{
    retired_close(r);
    mem_free(r);
}

void retired_add(struct retired *r, struct listen_set *taken)
{
    struct set *s = mem_zalloc(sizeof(*s));
    s->sockets = taken;
    list_append(&r->sets, &s->link);
    timer_init(&s->timer, on_due);
    timer_start(&s->timer, r->loop, RETIRED_MS);
}

void retired_close(struct retired *r)
{
    LIST_EACH (&r->sets, at)
        set_free(CONTAINER_OF(at, struct set, link));
}
