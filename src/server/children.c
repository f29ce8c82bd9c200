/* SPDX-License-Identifier: Apache-2.0 */
#include "server/children.h"

#include "base/log.h"
#include "base/mem.h"
#include "server/handover.h"
#include "server/loans.h"
#include "server/watchdog.h"

#include <string.h>

struct children {
    struct children_setup setup;
    struct crew crew;
    struct handover handover;
    struct watchdog watchdog;
    struct logs logs; /* the descriptors that every process has; not owned */
    bool all_served;  /* ever */
    bool told_hopeless;
};

/* --- after whatever has happened */

static bool all_serve(const struct crew *c)
{
    for (unsigned i = 0; i < c->count; i++)
        if (c->seats[i]->present == NULL || c->seats[i]->present->state != PROCESS_READY)
            return false;
    return true;
}

static void settle(struct children *c)
{
    loans_settle(&c->crew);
    handover_look(&c->handover);
    if (!c->all_served && all_serve(&c->crew)) {
        c->all_served = true;
        c->setup.on_serving(c->setup.user);
    }
    if (c->crew.hopeless != NULL && !c->told_hopeless) {
        c->told_hopeless = true;
        c->setup.on_hopeless(c->setup.user, c->crew.hopeless);
    }
}

static void on_tick(void *user)
{
    settle(user);
}

static void on_started(struct process *p)
{
    struct children *c = p->means->user;
    handover_started(&c->handover, p);
}

static void on_ready(struct process *p)
{
    struct children *c = p->means->user;
    crew_ready(&c->crew, p);
    settle(c);
}

static void on_answer(struct process *p, uint32_t generation, const char *cannot)
{
    struct children *c = p->means->user;
    handover_answer(&c->handover, p, generation, cannot);
}

/* --- the life of it */

struct children *children_new(const struct children_setup *setup)
{
    static const struct process_events events = { on_started, on_ready, on_answer };
    struct children *c = mem_zalloc(sizeof(*c));
    c->setup = *setup;
    c->logs = *setup->logs;
    const struct process_means means = {
        .loop = setup->loop,
        .program = setup->program,
        .bundle = setup->bundle,
        .generation = setup->generation,
        .shm = setup->shm,
        .logs = setup->logs,
        .sockets = setup->sockets,
        .events = &events,
        .user = c,
    };
    crew_init(&c->crew, &means, setup->count);
    handover_init(&c->handover, &c->crew, setup->prepare_ms);
    watchdog_start(&c->watchdog, &c->crew, on_tick, c);
    return c;
}

void children_free(struct children *c)
{
    if (c == NULL)
        return;
    watchdog_stop(&c->watchdog);
    handover_forget(&c->handover);
    crew_done(&c->crew);
    mem_free(c);
}

void children_start(struct children *c)
{
    crew_fill(&c->crew);
    settle(c);
}

static void end_if_gone(struct children *c)
{
    if (c->crew.ending && list_empty(&c->crew.processes))
        c->setup.on_gone(c->setup.user, !c->crew.disorderly);
}

void children_reap(struct children *c)
{
    LIST_EACH (&c->crew.processes, at) {
        struct process *p = crew_process(at);
        int status;
        if (!process_reap(p, &status))
            continue;
        handover_ended(&c->handover, p);
        crew_ended(&c->crew, p, status);
    }
    watchdog_look(&c->watchdog);
    settle(c);
    end_if_gone(c);
}

static void end_all(struct children *c, enum channel_kind how)
{
    handover_forget(&c->handover);
    crew_end(&c->crew, how);
    end_if_gone(c);
}

void children_drain(struct children *c)
{
    end_all(c, CHANNEL_DRAIN);
}

void children_stop(struct children *c)
{
    end_all(c, CHANNEL_STOP);
}

void children_kill(struct children *c)
{
    LIST_EACH (&c->crew.processes, at)
        process_kill(crew_process(at));
}

void children_reopen(struct children *c)
{
    c->logs = *c->crew.means.logs;
    LIST_EACH (&c->crew.processes, at)
        process_reopen(crew_process(at));
}

/* --- a new configuration */

void children_prepare(struct children *c, uint32_t generation, int bundle,
                      void (*on_prepared)(void *user, const char *why), void *user)
{
    handover_prepare(&c->handover, generation, bundle, on_prepared, user);
}

void children_commit(struct children *c, const struct children_next *next)
{
    struct process_means *means = &c->crew.means;
    means->generation = c->handover.generation;
    means->bundle = next->bundle;
    means->logs = next->logs;
    means->sockets = next->sockets;
    listen_set_begin(next->sockets);
    crew_resize(&c->crew, next->count);
    handover_commit(&c->handover);
    if (c->logs.error_fd != next->logs->error_fd || c->logs.access_fd != next->logs->access_fd)
        children_reopen(c);
    crew_hasten(&c->crew); /* what made them fall may be mended */
    crew_fill(&c->crew);
    settle(c);
}

void children_forget(struct children *c)
{
    handover_forget(&c->handover);
}

/* --- for others to see */

static const char *state_text(const struct process *p)
{
    if (p->state == PROCESS_LEAVING)
        return "draining";
    if (p->silent)
        return "silent";
    return p->state == PROCESS_READY ? "ready" : "starting";
}

static struct child_info info_of(const struct seat *s, const struct process *p, uint64_t now_ms)
{
    struct child_info i = { .number = s->number, .state = "down", .lent_to = -1 };
    i.falls = s->falls;
    if (p == s->present && s->lent_to != NULL)
        i.lent_to = (int)s->lent_to->number;
    if (p == NULL)
        return i;
    i.pid = p->pid;
    i.state = state_text(p);
    i.row = p->row;
    i.age_ms = now_ms - p->started_ms;
    return i;
}

void children_each(const struct children *c, void (*see)(void *user, const struct child_info *i),
                   void *user)
{
    uint64_t now_ms = loop_now_ms(c->setup.loop);
    for (unsigned number = 0; number < c->crew.seat_count; number++) {
        const struct seat *s = c->crew.seats[number];
        struct child_info info = info_of(s, s->present, now_ms);
        if (!s->retired)
            see(user, &info);
        for (struct link *at = c->crew.processes.next; at != &c->crew.processes; at = at->next) {
            const struct process *p = crew_process(at);
            if (p->number != number || p == s->present)
                continue;
            info = info_of(s, p, now_ms);
            see(user, &info);
        }
    }
}
