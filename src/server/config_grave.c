/* SPDX-License-Identifier: Apache-2.0 */
#include "server/config_grave.h"

#include "base/mem.h"
#include "base/stopwatch.h"
#include "server/config_own.h"

struct config_grave {
    struct config *first, **end; /* a queue by next_buried; the first is being taken apart */
    void (*on_work)(void *user);
    void *user;
};

struct config_grave *config_grave_new(void (*on_work)(void *user), void *user)
{
    struct config_grave *g = mem_zalloc(sizeof(*g));
    g->end = &g->first;
    g->on_work = on_work;
    g->user = user;
    return g;
}

static void free_one(struct config_grave *g)
{
    struct config *next = g->first->own->next_buried;
    if (config_free_step(g->first))
        return;
    g->first = next;
    if (next == NULL)
        g->end = &g->first;
}

bool config_grave_step(struct config_grave *g, uint64_t budget_us)
{
    uint64_t end = stopwatch_us() + budget_us;
    while (g->first != NULL) {
        free_one(g);
        if (stopwatch_us() >= end)
            break;
    }
    return g->first != NULL;
}

void config_grave_free(struct config_grave *g)
{
    if (g == NULL)
        return;
    while (g->first != NULL)
        free_one(g);
    mem_free(g);
}

static void on_unused(struct config *c)
{
    struct config_grave *g = c->own->grave;
    bool was_empty = g->first == NULL;
    *g->end = c;
    g->end = &c->own->next_buried;
    if (was_empty && g->on_work != NULL)
        g->on_work(g->user);
}

void config_bury(struct config *c, struct config_grave *g)
{
    c->own->on_unused = on_unused;
    c->own->grave = g;
}
