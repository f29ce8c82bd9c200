/* SPDX-License-Identifier: Apache-2.0 */
#include "server/crew.h"

#include "base/log.h"
#include "base/mem.h"
#include "server/child.h"

#include <stdio.h>

struct process *crew_process(struct link *at)
{
    return CONTAINER_OF(at, struct process, link);
}

struct seat *crew_seat_of(struct crew *c, const struct process *p)
{
    return c->seats[p->number];
}

/* --- falling and starting */

static bool all_fell(const struct crew *c)
{
    for (unsigned i = 0; i < c->count; i++)
        if (c->seats[i]->falls == 0)
            return false;
    return true;
}

/* Counts one more process that did not last, and returns how long to wait before the next. */
static uint64_t pause_after(struct seat *s, uint64_t lived_ms)
{
    s->falls_in_row = lived_ms < CHILD_SETTLED_MS ? s->falls_in_row + 1 : 1;
    return child_backoff_ms(s->falls_in_row);
}

static void seat_fell(struct seat *s, uint64_t lived_ms)
{
    struct crew *c = s->of;
    s->falls++;
    s->opening = false;
    uint64_t pause_ms = pause_after(s, lived_ms);
    if (!c->any_served && all_fell(c)) {
        c->ending = true;
        c->hopeless = s->why;
        return;
    }
    if (s->present != NULL && !s->present->silent) { /* its stand-in: on its way already */
        log_error("worker %u %s", s->number, s->why);
        return;
    }
    if (pause_ms == 0)
        log_error("worker %u %s; starting another", s->number, s->why);
    else
        log_error("worker %u %s; starting another in %llu ms", s->number, s->why,
                  (unsigned long long)pause_ms);
    timer_start(&s->restart, c->means.loop, pause_ms);
}

static void seat_start(struct seat *s)
{
    struct crew *c = s->of;
    struct err e = { 0 };
    struct process **place = s->present == NULL ? &s->present : &s->stand_in;
    if (process_start(&c->means, s->number, place, &e) < 0) {
        snprintf(s->why, sizeof(s->why), "could not be started: %.400s", e.text);
        seat_fell(s, 0);
        return;
    }
    list_append(&c->processes, &(*place)->link);
}

static void on_restart(struct timer *t)
{
    struct seat *s = CONTAINER_OF(t, struct seat, restart);
    if (s->present == NULL || s->present->silent)
        seat_start(s);
}

void crew_hasten(struct crew *c)
{
    for (unsigned i = 0; i < c->count; i++)
        if (c->seats[i]->present == NULL)
            timer_stop(&c->seats[i]->restart);
}

void crew_fill(struct crew *c)
{
    for (unsigned i = 0; i < c->count && !c->ending; i++)
        if (c->seats[i]->present == NULL && !timer_running(&c->seats[i]->restart))
            seat_start(c->seats[i]);
}

/* --- who sits where */

static void leave(struct process **place)
{
    if (*place != NULL)
        process_leave(*place, CHANNEL_DRAIN);
    *place = NULL;
}

void crew_replace(struct seat *s)
{
    leave(&s->stand_in);
    leave(&s->present);
    timer_stop(&s->restart);
    seat_start(s);
}

void crew_stand_in(struct seat *s)
{
    if (s->present == NULL || !s->present->silent || s->stand_in != NULL ||
        timer_running(&s->restart))
        return;
    log_warn("nobody can accept for worker %u; starting another beside it", s->number);
    struct loop *loop = s->of->means.loop;
    uint64_t lived_ms = loop_now_ms(loop) - s->present->started_ms;
    timer_start(&s->restart, loop, pause_after(s, lived_ms));
}

void crew_ready(struct crew *c, struct process *p)
{
    struct seat *s = crew_seat_of(c, p);
    c->any_served = true;
    s->opening = false;
    if (p != s->stand_in)
        return;
    log_info("worker %u is pid %d from now on; pid %d is to drain when it wakes", s->number, p->pid,
             s->present->pid);
    s->stand_in = NULL;
    leave(&s->present);
    s->present = p;
}

void crew_dismiss_stand_in(struct seat *s)
{
    leave(&s->stand_in);
}

void crew_heard(struct crew *c, struct process *p)
{
    struct seat *s = crew_seat_of(c, p);
    if (p == s->present)
        crew_dismiss_stand_in(s);
}

static void loans_end(struct crew *c, const struct process *p)
{
    for (unsigned i = 0; i < c->seat_count; i++)
        if (c->seats[i]->lent_to == p)
            c->seats[i]->lent_to = NULL;
}

static void say_how_it_left(struct crew *c, const struct process *p, int status)
{
    if (status == 0) {
        log_debug("worker %u %s", p->number, p->why);
        return;
    }
    c->disorderly |= c->ending;
    log_error("worker %u %s", p->number, p->why);
}

void crew_ended(struct crew *c, struct process *p, int status)
{
    struct seat *s = crew_seat_of(c, p);
    bool sat = p == s->present || p == s->stand_in;
    uint64_t lived_ms = loop_now_ms(c->means.loop) - p->started_ms;
    if (c->ending || !sat)
        say_how_it_left(c, p, status);
    else
        memcpy(s->why, p->why, sizeof(s->why));
    if (p == s->present)
        s->present = s->stand_in;
    if (sat)
        s->stand_in = NULL;
    loans_end(c, p);
    process_free(p);
    if (sat && !c->ending)
        seat_fell(s, lived_ms);
}

/* --- how many */

static struct seat *seat_new(struct crew *c, unsigned number)
{
    struct seat *s = mem_zalloc(sizeof(*s));
    s->of = c;
    s->number = number;
    timer_init(&s->restart, on_restart);
    return s;
}

static void seat_retire(struct seat *s)
{
    timer_stop(&s->restart);
    leave(&s->stand_in);
    leave(&s->present);
    s->retired = true;
}

void crew_resize(struct crew *c, unsigned count)
{
    if (count > c->seat_count) {
        c->seats = mem_resize(c->seats, count, sizeof(struct seat *));
        for (unsigned i = c->seat_count; i < count; i++)
            c->seats[i] = seat_new(c, i);
        c->seat_count = count;
    }
    for (unsigned i = count; i < c->count; i++)
        seat_retire(c->seats[i]);
    for (unsigned i = c->count; i < count; i++)
        c->seats[i]->retired = false;
    c->count = count;
}

void crew_end(struct crew *c, enum channel_kind how)
{
    c->ending = true;
    for (unsigned i = 0; i < c->seat_count; i++)
        timer_stop(&c->seats[i]->restart);
    LIST_EACH (&c->processes, at)
        process_leave(crew_process(at), how);
}

void crew_init(struct crew *c, const struct process_means *means, unsigned count)
{
    *c = (struct crew){ .means = *means };
    list_init(&c->processes);
    crew_resize(c, count);
    for (unsigned i = 0; i < count; i++)
        c->seats[i]->opening = true;
}

void crew_done(struct crew *c)
{
    LIST_EACH (&c->processes, at)
        process_kill(crew_process(at)); /* all first: they end side by side */
    LIST_EACH (&c->processes, at)
        process_free(crew_process(at));
    for (unsigned i = 0; i < c->seat_count; i++) {
        timer_stop(&c->seats[i]->restart);
        mem_free(c->seats[i]);
    }
    mem_free(c->seats);
}
