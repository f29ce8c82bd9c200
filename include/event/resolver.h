/* SPDX-License-Identifier: Apache-2.0 */
/* Names to addresses, for start and reload: all names at once, in a child process of its own (an
 * answer from the network is parsed by nobody who holds keys), bounded in time. */
#ifndef EVENT_RESOLVER_H
#define EVENT_RESOLVER_H

#include "event/addr.h"

#define RESOLVER_ADDRS_MAX 16 /* addresses kept per name */

struct resolver_name {
    const char *host;                      /* in: borrowed, NUL-terminated */
    struct addr addrs[RESOLVER_ADDRS_MAX]; /* out: port 0, in the order of getaddrinfo(3) */
    unsigned count;                        /* out: 0 = unresolved */
    const char *why; /* out: a static text when unresolved, "no such name"; else NULL */
};

/* Blocks for at most timeout_ms; what was answered by then counts. 0, or -errno when the child
 * could not be made (every name is unresolved then). */
int resolver_run(struct resolver_name *names, size_t count, unsigned timeout_ms);

#endif
