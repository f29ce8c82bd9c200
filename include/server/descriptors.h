/* SPDX-License-Identifier: Apache-2.0 */
/* Descriptors are what a proxy runs out of first. */
#ifndef SERVER_DESCRIPTORS_H
#define SERVER_DESCRIPTORS_H

#include "server/config.h"

/* Raises the soft limit (RLIMIT_NOFILE) to the hard one; workers inherit it. Logs its failure. */
void descriptors_raise(void);
/* How many one worker needs for its share of `limit connections`: two a connection, its own and one
 * to a server, and what it holds besides. 0: no limit, nobody knows. */
uint64_t descriptors_needed(const struct config *c);
/* How many client sockets a worker may hold under the limit of this process, so that each may have
 * a connection to a server too; at least 1. */
unsigned descriptors_client_room(const struct config *c);
void descriptors_warn(const struct config *c); /* says so when they do not fit the limit */

#endif
