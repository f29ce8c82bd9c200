/* SPDX-License-Identifier: Apache-2.0 */
#include "server/watchdog.h"

#include "base/log.h"

#include <time.h>

/* Not the loop's, which is as old as its turn: a stamp that was written meanwhile would lie in the
 * future. */
static uint64_t clock_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

static void listen_to(struct process *p, uint64_t elapsed_ms)
{
    uint64_t stamp_ms = shm_row(p->means->shm, p->row)->stamp_ms;
    pulse_listen(&p->pulse, stamp_ms, clock_ms(), elapsed_ms);
}

/* One that starts turns no loop yet. */
static bool is_silent(const struct process *p)
{
    return p->state == PROCESS_STARTING ? p->pulse.stopped : pulse_is_silent(&p->pulse);
}

static bool is_lost(const struct process *p)
{
    if (p->state == PROCESS_STARTING && !p->pulse.stopped)
        return p->pulse.silence_ms >= PROCESS_START_MAX_MS;
    return pulse_is_lost(&p->pulse);
}

static void judge(struct crew *c, struct process *p)
{
    if (is_lost(p) && !p->doomed) {
        log_error("worker %u (pid %d) has been silent for %llu s; killing it", p->number, p->pid,
                  (unsigned long long)p->pulse.silence_ms / 1000);
        process_kill(p);
    }
    bool silent = is_silent(p);
    if (silent == p->silent)
        return;
    p->silent = silent;
    if (p->state == PROCESS_LEAVING) /* nobody waits for it */
        return;
    if (silent) {
        log_warn("worker %u (pid %d) is silent", p->number, p->pid);
    } else {
        log_info("worker %u (pid %d) is heard again", p->number, p->pid);
        crew_heard(c, p);
    }
}

void watchdog_look(struct watchdog *w)
{
    LIST_EACH (&w->crew->processes, at)
        judge(w->crew, crew_process(at));
}

static void on_tick(struct timer *t)
{
    struct watchdog *w = CONTAINER_OF(t, struct watchdog, tick);
    uint64_t now_ms = clock_ms();
    LIST_EACH (&w->crew->processes, at)
        listen_to(crew_process(at), now_ms - w->last_ms);
    w->last_ms = now_ms;
    timer_start(&w->tick, w->crew->means.loop, PULSE_TICK_MS);
    watchdog_look(w);
    w->on_tick(w->user);
}

void watchdog_start(struct watchdog *w, struct crew *crew, void (*on_due)(void *user), void *user)
{
    *w = (struct watchdog){ .crew = crew, .last_ms = clock_ms(), .on_tick = on_due, .user = user };
    timer_init(&w->tick, on_tick);
    timer_start(&w->tick, crew->means.loop, PULSE_TICK_MS);
}

void watchdog_stop(struct watchdog *w)
{
    timer_stop(&w->tick);
}
