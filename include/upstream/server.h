/* SPDX-License-Identifier: Apache-2.0 */
/* One upstream server as a worker knows it: identity, addresses, what is in flight, its idle
 * connections. Keyed by pool name and server id, so it lives across reloads: a new configuration
 * finds the server that the old one used. Shared by reference; the registry holds none of its own
 * and forgets a server with its last reference. */
#ifndef UPSTREAM_SERVER_H
#define UPSTREAM_SERVER_H

#include "base/list.h"
#include "base/slice.h"
#include "event/addr.h"

#include <stdint.h>

struct server_conf { /* one `server` line */
    struct slice
        address;     /* as written: "10.0.0.11:9000", "unix:/run/app.sock", "app3.internal:9000" */
    struct slice id; /* identity on the ring; the address as written when none is given */
    uint64_t weight; /* 1.. */
    bool backup;
    const struct addr *addrs; /* where to dial, in order; 0 = unresolved = down */
    size_t addr_count;
    const char *why_unresolved; /* NULL when it has addresses */
};

struct keepalive_conf {
    uint64_t max;      /* idle connections kept per server and worker; 0: none */
    uint64_t idle_ms;  /* how long one may be idle, 0 = no limit */
    uint64_t requests; /* on one connection, 0 = no limit */
};

struct server {
    struct slice pool_name, id; /* owned copies */
    struct addr *addrs;         /* owned; replaced by server_update */
    size_t addr_count;          /* 0 = unresolved */
    unsigned next_addr;         /* where the next dial begins; only its remainder counts */
    uint64_t in_flight; /* requests of this worker on it or dialing it: from pool_lend() until the
                           stream is over; pool.c's */
    struct keepalive_conf keepalive; /* of the configuration in force; all 0: it is in none */
    struct link idle;                /* connections without a request, newest first; pool.c's */
    uint64_t idle_count;
    unsigned refs;
    struct link in_registry;
};

struct servers; /* the registry of one worker, and the list of its pools' retry budgets */
struct servers *servers_new(void);
void servers_free(struct servers *r); /* all references must be gone */
/* The server of that pool and identity, made when it is new: without an address until
 * server_update(). The reference is the caller's. */
struct server *servers_get(struct servers *r, struct slice pool_name, struct slice id);
struct link *servers_retry_budgets(struct servers *r); /* for retry_budget_get() */
/* Later dials go to conf's addresses; what is connected stays. */
void server_update(struct server *s, const struct server_conf *conf);
struct server *server_ref(struct server *s);
void server_unref(struct server *s); /* with the last one the server is gone; NULL is fine */

#endif
