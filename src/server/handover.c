/* SPDX-License-Identifier: Apache-2.0 */
#include "server/handover.h"

#include "base/log.h"
#include "server/loans.h"

#include <assert.h>
#include <stdio.h>

/* --- asking */

static void ask(struct handover *h, struct process *p)
{
    const struct channel_message m = {
        .kind = CHANNEL_PREPARE,
        .generation = h->generation,
        .fds = { h->bundle },
        .fd_count = 1,
    };
    p->consent = CONSENT_ASKED;
    p->owed++;
    process_send(p, &m);
}

/* One that is silent is not asked, as it is replaced at the commit: nobody waits for it. If it is
 * heard before that it is asked after all. */
static void ask_unasked(struct handover *h)
{
    LIST_EACH (&h->crew->processes, at) {
        struct process *p = crew_process(at);
        if (p->state != PROCESS_LEAVING && !p->silent && p->consent == CONSENT_UNASKED)
            ask(h, p);
    }
}

static bool is_waited_for(const struct process *p)
{
    return p->state != PROCESS_LEAVING && !p->silent && p->consent == CONSENT_ASKED;
}

static void decide(struct handover *h)
{
    h->state = HANDOVER_DECIDED;
    timer_stop(&h->patience);
    loop_defer(h->crew->means.loop, &h->answer);
}

void handover_look(struct handover *h)
{
    if (h->state == HANDOVER_NONE)
        return;
    ask_unasked(h);
    if (h->state != HANDOVER_ASKING)
        return;
    LIST_EACH (&h->crew->processes, at)
        if (is_waited_for(crew_process(at)))
            return;
    decide(h);
}

static void on_answer(struct deferred *d)
{
    struct handover *h = CONTAINER_OF(d, struct handover, answer);
    h->on_prepared(h->user, h->veto[0] != '\0' ? h->veto : NULL);
}

static void on_patience_over(struct timer *t)
{
    struct handover *h = CONTAINER_OF(t, struct handover, patience);
    log_warn("not every worker has prepared generation %u within %llu ms; going on without them",
             h->generation, (unsigned long long)h->patience_ms);
    decide(h);
}

void handover_init(struct handover *h, struct crew *crew, uint64_t patience_ms)
{
    *h = (struct handover){ .crew = crew, .bundle = -1, .patience_ms = patience_ms };
    timer_init(&h->patience, on_patience_over);
    deferred_init(&h->answer, on_answer);
}

void handover_prepare(struct handover *h, uint32_t generation, int bundle,
                      void (*on_prepared)(void *user, const char *why), void *user)
{
    assert(h->state == HANDOVER_NONE);
    h->state = HANDOVER_ASKING;
    h->generation = generation;
    h->bundle = bundle;
    h->veto[0] = '\0';
    h->on_prepared = on_prepared;
    h->user = user;
    timer_start(&h->patience, h->crew->means.loop, h->patience_ms);
    handover_look(h);
}

/* --- what happens meanwhile */

static void veto(struct handover *h, const char *format, const struct process *p, const char *why)
    __attribute__((format(printf, 2, 0)));
static void veto(struct handover *h, const char *format, const struct process *p, const char *why)
{
    if (h->state != HANDOVER_ASKING)
        return;
    snprintf(h->veto, sizeof(h->veto), format, p->number, why);
    decide(h);
}

void handover_started(struct handover *h, struct process *p)
{
    if (h->state != HANDOVER_NONE)
        ask(h, p);
}

void handover_answer(struct handover *h, struct process *p, uint32_t generation, const char *cannot)
{
    if (h->state == HANDOVER_NONE || p->consent != CONSENT_ASKED || generation != h->generation)
        return;
    if (cannot != NULL) {
        p->consent = CONSENT_REFUSED;
        veto(h, "worker %u cannot use it: %.400s", p, cannot);
        return;
    }
    p->consent = CONSENT_GIVEN;
    handover_look(h);
}

/* One that had not served yet fell over what is in force: that is no reason against what may mend
 * it. */
void handover_ended(struct handover *h, const struct process *p)
{
    if (p->consent == CONSENT_ASKED && p->state == PROCESS_READY && !p->silent)
        veto(h, "worker %u fell while preparing it: %.400s", p, p->why);
}

/* --- the end of it */

static void reset(struct handover *h)
{
    h->state = HANDOVER_NONE;
    h->bundle = -1;
    timer_stop(&h->patience);
    deferred_cancel(&h->answer);
    LIST_EACH (&h->crew->processes, at)
        crew_process(at)->consent = CONSENT_UNASKED;
}

static void tell(const struct handover *h, struct process *p, enum channel_kind kind)
{
    process_send(p, &(struct channel_message){ .kind = kind, .generation = h->generation });
}

static void change_over(const struct handover *h, const struct seat *s, struct process *p)
{
    tell(h, p, CHANNEL_COMMIT);
    process_lend(p, s->number, SOCKETS_ADDED);
}

static void commit_seat(struct handover *h, struct seat *s)
{
    if (s->present == NULL)
        return;
    if (s->stand_in != NULL && s->stand_in->consent == CONSENT_GIVEN)
        change_over(h, s, s->stand_in);
    else
        crew_dismiss_stand_in(s); /* it is of the former generation */
    if (s->present->consent == CONSENT_GIVEN) {
        change_over(h, s, s->present);
        return;
    }
    log_warn("worker %u (pid %d) has not prepared generation %u: another takes its place",
             s->number, s->present->pid, h->generation);
    crew_replace(s);
}

void handover_commit(struct handover *h)
{
    h->state = HANDOVER_NONE; /* who starts from here on is not asked */
    for (unsigned i = 0; i < h->crew->count; i++)
        commit_seat(h, h->crew->seats[i]);
    loans_extend(h->crew);
    reset(h);
}

void handover_forget(struct handover *h)
{
    if (h->state == HANDOVER_NONE)
        return;
    LIST_EACH (&h->crew->processes, at)
        if (crew_process(at)->consent != CONSENT_UNASKED)
            tell(h, crew_process(at), CHANNEL_FORGET);
    reset(h);
}
