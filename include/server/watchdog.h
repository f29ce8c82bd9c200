/* SPDX-License-Identifier: Apache-2.0 */
/* Listens to the pulse of every process, says who is silent, and kills who is lost. */
#ifndef SERVER_WATCHDOG_H
#define SERVER_WATCHDOG_H

#include "server/crew.h"

struct watchdog {
    struct crew *crew; /* borrowed */
    struct timer tick;
    uint64_t last_ms;            /* of the monotonic clock, when it last listened */
    void (*on_tick)(void *user); /* after each; somebody may be silent now, or heard again */
    void *user;
};
void watchdog_start(struct watchdog *w, struct crew *crew, void (*on_tick)(void *user), void *user);
void watchdog_stop(struct watchdog *w);
/* Between two ticks: the system has told of a stop. */
void watchdog_look(struct watchdog *w);

#endif
