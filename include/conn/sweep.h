/* SPDX-License-Identifier: Apache-2.0 */
/* A list that is looked through once a second, with one timer for all its members. */
#ifndef CONN_SWEEP_H
#define CONN_SWEEP_H

#include "event/loop.h"

#define SWEEP_MS 1000

struct sweep {
    struct link members;
    struct timer timer; /* runs while there are members */
};
struct sweep_member { /* embedded in what is looked at */
    struct link link;
    /* Called once, out of the list already: sweep_add() again to be looked at another time. */
    void (*visit)(struct sweep_member *m);
};

void sweep_init(struct sweep *s);
void sweep_done(struct sweep *s); /* forgets the members */
void sweep_member_init(struct sweep_member *m, void (*visit)(struct sweep_member *m));
/* Visited when the next second is over. Harmless when it is in the list already. */
void sweep_add(struct sweep *s, struct loop *l, struct sweep_member *m);
void sweep_remove(struct sweep_member *m); /* harmless when it is in no list */

#endif
