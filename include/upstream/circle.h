/* SPDX-License-Identifier: Apache-2.0 */
/* What ring and ketama have in common: a balancer over points on a circle. They differ in how they
 * hash members and keys. 32-bit hashes lie in the upper half of the circle's 64 bits.
 * Owner: as of every balancer, whoever holds a reference. */
#ifndef UPSTREAM_CIRCLE_H
#define UPSTREAM_CIRCLE_H

#include "upstream/balance.h"
#include "upstream/points.h"

struct circle_growth;
struct circle {
    struct balance base;
    const struct circle_kind *kind;
    struct points points;         /* of use once it is grown */
    struct slice *identities;     /* one a member; owned copies */
    uint64_t seed;                /* of the key's hash; ketama has none */
    struct circle_growth *growth; /* NULL: it is grown */
};
struct circle_run { /* points of one member to be hashed */
    uint32_t member;
    uint64_t from, count;
    struct point *to; /* to[-1] is the one before, when `from` is not 0 */
};
struct circle_kind {
    const struct balance_ops *ops;
    uint64_t per_weight;   /* points; 0: conf->vnodes */
    unsigned low_bits;     /* bits below a hash: 0, or 32 for 32-bit hashes */
    enum points_ties ties; /* between equal points of two members */
    bool by_identity;      /* the lesser identity comes first then; else the one before */
    void (*hash)(const struct circle *c, const struct circle_run *run);
};

struct balance *circle_begin(const struct circle_kind *kind, const struct balance_member *members,
                             size_t count, const struct balance_conf *conf);
/* Begins at the owner of `hash`, a place on the circle. Sets all of `w` but the arena. */
void circle_start(const struct circle *c, uint64_t hash, struct walk *w);

/* Members of balance_ops, the same for both. */
bool circle_grow(struct balance *b, size_t points);
void circle_free(struct balance *b);
size_t circle_next(struct walk *w);
void circle_shares(const struct balance *b, double *owners);
/* These bytes: for each point in order its hash as 8 bytes little-endian (a 32-bit one
 * zero-extended), the owner's identity, 0x00. */
bool circle_digest(const struct balance *b, size_t *at, size_t points, struct hash_stream *digest);

#endif
