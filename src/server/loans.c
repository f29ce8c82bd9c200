/* SPDX-License-Identifier: Apache-2.0 */
#include "server/loans.h"

#include "base/log.h"

/* The next one in turn: so the seats that are no more spread over those that are. */
static struct process *find_neighbour(const struct crew *c, const struct seat *of)
{
    for (unsigned i = 0; i < c->count; i++) {
        const struct seat *s = c->seats[(of->number + i) % c->count];
        if (s != of && seat_serves(s))
            return s->present;
    }
    return NULL;
}

static void end_loan(struct seat *s)
{
    process_take_back(s->lent_to, s->number);
    s->lent_to = NULL;
}

static void lend(struct crew *c, struct seat *s)
{
    s->lent_to = find_neighbour(c, s);
    if (s->lent_to == NULL) {
        crew_stand_in(s);
        return;
    }
    log_info("worker %u accepts for worker %u", s->lent_to->number, s->number);
    process_lend(s->lent_to, s->number, SOCKETS_ALL);
}

void loans_settle(struct crew *c)
{
    for (unsigned i = 0; i < c->seat_count && !c->ending; i++) {
        struct seat *s = c->seats[i];
        if (s->lent_to != NULL && (seat_serves(s) || !process_serves(s->lent_to)))
            end_loan(s);
        if (s->lent_to == NULL && !s->opening && !seat_serves(s))
            lend(c, s);
    }
}

void loans_extend(struct crew *c)
{
    for (unsigned i = 0; i < c->seat_count; i++) {
        const struct seat *s = c->seats[i];
        if (process_serves(s->lent_to) && s->lent_to->consent == CONSENT_GIVEN)
            process_lend(s->lent_to, s->number, SOCKETS_ADDED);
    }
}
