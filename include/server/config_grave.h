/* SPDX-License-Identifier: Apache-2.0 */
/* Where a process that serves takes apart what it no longer serves with, a little at a time: a
 * thousand TLS contexts would hold its loop up for tens of milliseconds. Also what a builder left
 * unfinished comes here.
 * Owner: who serves. Outlives every configuration that is to be buried in it. */
#ifndef SERVER_CONFIG_GRAVE_H
#define SERVER_CONFIG_GRAVE_H

#include "server/config.h"

#include <stdint.h>

struct config_grave;
/* on_work: the grave was empty and is not any more, so config_grave_step() has something to do.
 * Called inside config_unref() or config_builder_end(). It may not step, but a timer or
 * loop_defer() may. */
struct config_grave *config_grave_new(void (*on_work)(void *user), void *user);
void config_grave_free(struct config_grave *g); /* takes apart at once what is left; NULL is fine */
/* With its last reference `c` goes to the grave instead of being freed in that call, and so does
 * every configuration that is built with such a one as its `former`. */
void config_bury(struct config *c, struct config_grave *g);
/* Frees for about budget_us. False: nothing is left. */
bool config_grave_step(struct config_grave *g, uint64_t budget_us);

#endif
