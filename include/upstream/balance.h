/* SPDX-License-Identifier: Apache-2.0 */
/* The interface of a balancer: given a key, the servers of one pool in the order in which they
 * should be tried, each at most once. Balancers know weights and identities, not sockets or health:
 * who may be used is decided by the caller (cluster), which takes the next one when it must pass
 * one over. Immutable once grown; shared by reference. */
#ifndef UPSTREAM_BALANCE_H
#define UPSTREAM_BALANCE_H

#include "base/arena.h"
#include "base/hash.h"
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
    /* Begins over members[0..count), perhaps none; borrows nothing, refs is 1. Never NULL: bounds
     * and weights are checked by the configuration. Of use once grown. */
    struct balance *(*begin)(const struct balance_member *members, size_t count,
                             const struct balance_conf *conf);
    /* Works on so many points, or what else its members come to. False: it is complete. */
    bool (*grow)(struct balance *b, size_t points);
    void (*free)(struct balance *b); /* complete or not; balance_unref() calls it */
    void (*start)(const struct balance *b, struct slice key, struct walk *w);
    size_t (*next)(struct walk *w); /* member index, each at most once, then WALK_END */
    /* Adds to `digest` what decides an owner: points *at to *at + points. False: that was the last.
     */
    bool (*digest)(const struct balance *b, size_t *at, size_t points, struct hash_stream *digest);
    /* Adds up the arcs: owners[i] = share of the key space that member i owns, as a fraction of 1.
     */
    void (*shares)(const struct balance *b, double *owners);
};
struct balance { /* first member of each implementation */
    const struct balance_ops *ops;
    size_t count;
    unsigned refs;
};
#define BALANCE_POINTS_MAX 4194304u /* vnodes x sum of weights; ketama: 160 x sum of weights */

/* Begun and grown at once. */
struct balance *balance_build(const struct balance_ops *ops, const struct balance_member *members,
                              size_t count, const struct balance_conf *conf);
struct balance *balance_ref(struct balance *b);
void balance_unref(struct balance *b); /* NULL is fine */

/* The fingerprint: XXH3_64 with seed 0 over what ops->digest adds (docs/ring.md; circle.h), then
 * the key's text ("header:X-User"), 0x00, the balancer's name, 0x00. */
struct fingerprint {
    struct hash_stream *digest;
    size_t at;
};
void fingerprint_begin(struct fingerprint *f);
bool fingerprint_add(struct fingerprint *f, const struct balance *b, size_t points); /* as digest */
uint64_t fingerprint_end(struct fingerprint *f, const struct balance *b, struct slice key_text);
void fingerprint_done(struct fingerprint *f); /* gives it up; harmless after _end */
uint64_t balance_fingerprint(const struct balance *b, struct slice key_text); /* at once */

#endif
