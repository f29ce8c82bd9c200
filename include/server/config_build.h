/* SPDX-License-Identifier: Apache-2.0 */
/* From sources to a configuration: parsed, validated, built. The same code serves `check`,
 * `explain`, the master and the workers; only the sources differ. */
#ifndef SERVER_CONFIG_BUILD_H
#define SERVER_CONFIG_BUILD_H

#include "base/arena.h"
#include "conf/source.h"
#include "server/config.h"

#include <stdbool.h>
#include <stdint.h>

/* Reads and builds all. NULL when `d` has errors. `registry` gives the servers (kept across
 * reloads) and is not touched by a configuration that fails. `tickets` may be NULL (check,
 * explain). Names of servers, users and the number of processors are
 * known only where config_resolve() put them into the sources. Its places point into `s`, which
 * therefore outlives it, or config_forget_sources(). */
struct config *config_build(struct sources *s, const char *path, struct servers *registry,
                            struct tls_tickets *tickets, struct diags *d);
/* The same in slices, for a process that serves meanwhile. Everything is borrowed until _end. What
 * `former` (may be NULL) has alike is shared by reference instead of built: TLS contexts by the
 * digest of what made them, balancers by what they were built from. */
struct config_builder;
struct config_builder *config_builder_new(struct sources *s, const char *path,
                                          struct servers *registry, struct tls_tickets *tickets,
                                          const struct config *former, struct diags *d);
/* Works for about budget_us (one unit of work may exceed it, by a few milliseconds at most). False:
 * there is no more to do. */
bool config_builder_step(struct config_builder *b, uint64_t budget_us);
/* The configuration, or NULL when `d` has errors or there was more to do. Frees the builder. */
struct config *config_builder_end(struct config_builder *b);
/* It comes into force: its servers get their addresses. Until then nothing that serves is touched.
 */
void config_use(struct config *c);
/* The master's step in front of config_build: what only the system can tell (addresses of server
 * names, at most 2 s for all; user and group ids; processors; working directory) is found out and
 * put into the sources. Parse errors are left for config_build to report. */
void config_resolve(struct sources *s, const char *path);
void config_resolve_system(struct sources *s); /* what of it depends on no configuration */
/* Where the control socket is after that file, however broken the rest of it is, or missing: for
 * commands. In `a` and the sources; its place is not kept. */
void config_find_control(struct sources *s, const char *path, struct arena *a,
                         struct control_conf *ret_control);

#endif
