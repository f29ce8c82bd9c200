/* SPDX-License-Identifier: Apache-2.0 */
/* What ring and ketama have in common: a balancer over points on a circle. They differ in how they
 * hash members and keys. 32-bit hashes lie in the upper half of the circle's 64 bits.
 * Owner: as of every balancer, who built it; freed with ops->free. */
#ifndef UPSTREAM_CIRCLE_H
#define UPSTREAM_CIRCLE_H

#include "upstream/balance.h"
#include "upstream/points.h"

struct circle {
    struct balance base;
    struct points points;
    struct slice *identities; /* one a member; owned copies */
    uint64_t seed;            /* of the key's hash; ketama has none */
    unsigned low_bits;        /* bits below a hash: 0, or 32 for 32-bit hashes */
};

/* Copies the identities; the caller fills in the points and what follows them. */
struct circle *circle_new(const struct balance_ops *ops, const struct balance_member *members,
                          size_t count);
/* Begins at the owner of `hash`, a place on the circle. Sets all of `w` but the arena. */
void circle_start(const struct circle *c, uint64_t hash, struct walk *w);

/* Members of balance_ops, the same for both. */
void circle_free(struct balance *b);
size_t circle_next(struct walk *w);
void circle_shares(const struct balance *b, double *owners);
/* XXH3_64 with seed 0 over these bytes: for each point in order its hash as 8 bytes little-endian
 * (a 32-bit one zero-extended), the owner's identity, 0x00; then the key's text ("header:X-User"),
 * 0x00, the balancer's name, 0x00. */
uint64_t circle_fingerprint(const struct balance *b, struct slice key_text);

#endif
