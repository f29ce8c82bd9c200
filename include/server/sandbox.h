/* SPDX-License-Identifier: Apache-2.0 */
/* What shuts a worker in: even one that somebody has taken over can open no file, start no program,
 * listen nowhere and look into no other process. docs/sandbox.md says what it still may. */
#ifndef SERVER_SANDBOX_H
#define SERVER_SANDBOX_H

#include "base/err.h"
#include "server/config.h"

/* For the rest of the process' life, and only when all it needs is open, built and loaded. The
 * identity is taken already. What the kernel lacks is left out. 0, or -errno with words in `e`. */
int sandbox_enter(enum sandbox_mode mode, struct err *e);
/* The master's share: its memory, which holds the keys, gets into no core and is open to no
 * debugger. Its log says once, for all workers, what the kernel lacks. */
void sandbox_master(enum sandbox_mode mode);

#endif
