/* SPDX-License-Identifier: Apache-2.0 */
#include "conn/scratch.h"

#include "base/mem.h"

#include <assert.h>

void scratch_init(struct scratch *s)
{
    *s = (struct scratch){
        .read = mem_alloc(SCRATCH_READ_BYTES),
        .gather = { .base = mem_alloc(SCRATCH_GATHER_BYTES) },
    };
    ration_init(&s->handshakes);
    sweep_init(&s->sweep);
    list_init(&s->orphans);
}

void scratch_done(struct scratch *s)
{
    while (!list_empty(&s->orphans)) {
        struct orphan *o = CONTAINER_OF(s->orphans.next, struct orphan, link);
        list_remove(&o->link);
        o->end(o);
    }
    ration_done(&s->handshakes);
    sweep_done(&s->sweep);
    mem_free(s->read);
    mem_free(s->gather.base);
}

void scratch_adopt(struct scratch *s, struct orphan *o, void (*end)(struct orphan *o))
{
    list_init(&o->link);
    o->end = end;
    list_append(&s->orphans, &o->link);
}

char *gather_reserve(struct gather *g, void *holder, void (*spill)(void *holder), size_t bytes)
{
    assert(bytes <= SCRATCH_GATHER_BYTES);
    if (g->holder != NULL && (g->holder != holder || g->len + bytes > SCRATCH_GATHER_BYTES))
        g->spill(g->holder);
    assert(g->holder == NULL || g->holder == holder);
    g->holder = holder;
    g->spill = spill;
    return g->base + g->len;
}

void gather_commit(struct gather *g, size_t bytes)
{
    assert(bytes <= SCRATCH_GATHER_BYTES - g->len);
    g->len += bytes;
}

struct slice gather_view(const struct gather *g, const void *holder)
{
    return g->holder == holder ? slice_of(g->base, g->len) : slice_of(NULL, 0);
}

void gather_release(struct gather *g, const void *holder)
{
    if (g->holder != holder)
        return;
    g->holder = NULL;
    g->len = 0;
}
