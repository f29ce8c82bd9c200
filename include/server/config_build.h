/* SPDX-License-Identifier: Apache-2.0 */
/* From sources to a configuration: parsed, validated, built. The same function serves `check`,
 * `explain`, the master and the workers; only the sources differ. */
#ifndef SERVER_CONFIG_BUILD_H
#define SERVER_CONFIG_BUILD_H

#include "conf/source.h"
#include "server/config.h"

/* Reads and builds all. NULL when `d` has errors. `registry` gives the servers (kept across
 * reloads) and is not touched by a configuration that fails. `tickets` may be NULL (check,
 * explain). Names of servers, users and the number of processors are
 * known only where config_resolve() put them into the sources. Its places point into `s`, which
 * therefore outlives it, or config_forget_sources(). */
struct config *config_build(struct sources *s, const char *path, struct servers *registry,
                            const struct tls_tickets *tickets, struct diags *d);
/* The master's step in front of config_build: what only the system can tell (addresses of server
 * names, at most 2 s for all; user and group ids; processors; working directory) is found out and
 * put into the sources. Parse errors are left for config_build to report. */
void config_resolve(struct sources *s, const char *path);

#endif
