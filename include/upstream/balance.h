/* SPDX-License-Identifier: Apache-2.0 */
/* The interface of a balancer: given a key, the servers of one pool in the order in which they
 * should be tried, each at most once. Balancers know weights and identities, not sockets or health:
 * who may be used is decided by the caller (cluster), which takes the next one when it must pass
 * one over. Immutable once built. */
#ifndef UPSTREAM_BALANCE_H
#define UPSTREAM_BALANCE_H

#include "base/arena.h"
#include "base/slice.h"

#include <stdint.h>

struct balance_member {    /* one server, for the balancer */
    struct slice identity; /* ring: the id; ketama: the address as written */
    uint64_t weight;
};
struct balance_conf {
    uint64_t vnodes, seed; /* ring */
};

struct balance;
struct walk { /* one request's way through the servers */
    const struct balance *balance;
    struct arena *arena;      /* the request's; set before start */
    uint64_t key_hash, point; /* what explain shows; point: the owner's */
    size_t at;                /* position of the member given last; of the first before that */
    size_t given;             /* members given so far */
    uint64_t *seen;           /* one bit a member, allocated at the second step */
};
#define WALK_END SIZE_MAX

struct balance_ops {
    const char *name; /* as in `balance NAME` */
    bool by_address;  /* members are known by the address as written, not by their id */
    /* Builds over members[0..count), perhaps none; borrows nothing. Never NULL: bounds and weights
     * are checked by the configuration. */
    struct balance *(*build)(const struct balance_member *members, size_t count,
                             const struct balance_conf *conf);
    void (*free)(struct balance *b);
    void (*start)(const struct balance *b, struct slice key, struct walk *w);
    size_t (*next)(struct walk *w); /* member index, each at most once, then WALK_END */
    /* The digest of everything that decides an owner (docs/ring.md; bytes: circle.h).
     */
    uint64_t (*fingerprint)(const struct balance *b, struct slice key_text);
    /* Adds up the arcs: owners[i] = share of the key space that member i owns, as a fraction of 1.
     */
    void (*shares)(const struct balance *b, double *owners);
};
struct balance { /* first member of each implementation */
    const struct balance_ops *ops;
    size_t count;
};
#define BALANCE_POINTS_MAX 4194304u /* vnodes x sum of weights; ketama: 160 x sum of weights */

#endif
