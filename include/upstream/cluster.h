/* SPDX-License-Identifier: Apache-2.0 */
/* The servers of one configured `pool` and the order they are tried in: balancer over the
 * primaries, then over the backups. Part of a configuration: immutable once grown, freed with it.
 * Holds a reference on each server and on the pool's retry budget. */
#ifndef UPSTREAM_CLUSTER_H
#define UPSTREAM_CLUSTER_H

#include "base/arena.h"
#include "upstream/balance.h"
#include "upstream/retry_budget.h"
#include "upstream/server.h"

enum key_kind { KEY_URI, KEY_PATH, KEY_HOST, KEY_CLIENT, KEY_HEADER, KEY_COOKIE };
struct key_conf {
    enum key_kind kind;
    struct slice name; /* of the header or cookie */
    struct slice text; /* as written: "uri", "header:X-User" */
};
/* Which failed tries are followed by another; bits. */
enum retry_on {
    RETRY_REFUSED = 1, /* nobody listens there */
    RETRY_CONNECT = 2, /* the dial found no way, or took too long */
    RETRY_RESET = 4,   /* the connection broke behind the request, before a byte of the answer */
};
struct retry_conf {
    uint64_t max;            /* further tries after the first */
    unsigned on;             /* enum retry_on */
    uint64_t budget_percent; /* retry_budget.h; a refused dial costs nothing and is not counted */
};
struct cluster_conf { /* one `pool` block */
    struct slice name;
    const struct balance_ops *balance;
    struct balance_conf balance_conf;
    struct key_conf key;
    const struct server_conf
        *servers; /* in file order, backups among them; identities are unique */
    size_t server_count;
    struct keepalive_conf keepalive;
    struct retry_conf retry;
    uint64_t connect_ms, response_ms, send_ms; /* the pool's own timeouts */
};

struct cluster;
/* Copies what it keeps, `balance` aside. Servers come from (and go back to) the registry. */
struct cluster *cluster_new(const struct cluster_conf *conf, struct servers *registry);
/* The same in steps, for a process that serves meanwhile: begun, then grown until that is false.
 * A balancer (and fingerprint) that would come out like one of `former`, a complete one or NULL, is
 * shared instead of built. */
struct cluster *cluster_begin(const struct cluster_conf *conf, struct servers *registry,
                              const struct cluster *former);
bool cluster_grow(struct cluster *c, size_t points); /* of its balancers, about so many */
/* It comes into force: its servers get its addresses, which they lack or have from a former one,
 * and its keepalive. */
void cluster_use(const struct cluster *c);
/* It is in force no longer, and its servers' connections are kept for nobody, until cluster_use()
 * of another that has them too. What is in flight goes on. */
void cluster_leave(const struct cluster *c);
void cluster_free(struct cluster *c); /* complete or not; NULL is fine */
struct slice cluster_name(const struct cluster *c);
const struct cluster_conf *cluster_conf(const struct cluster *c);   /* the kept copy */
uint64_t cluster_fingerprint(const struct cluster *c);              /* over the primaries */
struct retry_budget *cluster_retry_budget(const struct cluster *c); /* the pool's */
/* Share of the key space each server owns while all are up; owners has server_count places, backups
 * get 0. */
void cluster_shares(const struct cluster *c, double *owners);

/* One request's way through the cluster. Borrows the key and the arena until its last step. */
struct cluster_walk {
    const struct cluster *cluster;
    struct slice key;
    struct walk walk;        /* through the primaries; its key_hash and point stay as started, and
                                are the backups' when there is no primary */
    struct walk backup_walk; /* what follows it */
    bool in_backups;         /* backup_walk has begun */
};
void cluster_walk_start(struct cluster_walk *w, const struct cluster *c, struct slice key,
                        struct arena *a);
/* The next server in order, eligible or not, NULL after the last. `ret_index` (may be NULL): its
 * place in conf->servers. */
struct server *cluster_walk_next(struct cluster_walk *w, size_t *ret_index);
/* Why this server would be passed over now; NULL: it is eligible. ("unresolved: no such name") The
 * text lives as long as the cluster. */
const char *cluster_skip_reason(const struct cluster *c, size_t index);

#endif
