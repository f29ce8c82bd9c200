/* SPDX-License-Identifier: Apache-2.0 */
/* A new configuration for a crew, in two phases: all prepare it, then all change over, or none. */
#ifndef SERVER_HANDOVER_H
#define SERVER_HANDOVER_H

#include "server/crew.h"

enum handover_state { HANDOVER_NONE, HANDOVER_ASKING, HANDOVER_DECIDED };
struct handover {
    struct crew *crew; /* borrowed */
    enum handover_state state;
    uint32_t generation;
    int bundle; /* borrowed */
    uint64_t patience_ms;
    struct timer patience;
    struct deferred answer;
    char veto[CHANNEL_TEXT_MAX]; /* empty: none */
    void (*on_prepared)(void *user, const char *why);
    void *user;
};
/* Who has not answered after patience_ms has no veto. */
void handover_init(struct handover *h, struct crew *crew, uint64_t patience_ms);
/* As children_prepare(), _commit() and _forget(). The last two are harmless without the first. */
void handover_prepare(struct handover *h, uint32_t generation, int bundle,
                      void (*on_prepared)(void *user, const char *why), void *user);
/* crew->means is already of the new generation, and its count as wished: who is prepared is told,
 * who sits and is not is replaced. */
void handover_commit(struct handover *h);
void handover_forget(struct handover *h);

/* What happens to processes meanwhile. */
void handover_started(struct handover *h, struct process *p);
void handover_answer(struct handover *h, struct process *p, uint32_t generation,
                     const char *cannot);
void handover_ended(struct handover *h, const struct process *p); /* before it is freed */
/* Somebody fell silent, or is heard again: is there anybody left to wait for? */
void handover_look(struct handover *h);

#endif
