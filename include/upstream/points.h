/* SPDX-License-Identifier: Apache-2.0 */
/* Points on the circle of 64-bit hashes, sorted, each with the member that owns it. A point owns
 * the arc that ends at it: a hash belongs to the first point at or after it, wrapping round. A
 * bucket index finds that point in O(1) on average. Embedded by value; immutable once built, by
 * points_build.c. */
#ifndef UPSTREAM_POINTS_H
#define UPSTREAM_POINTS_H

#include "upstream/balance.h"

struct point {
    uint64_t hash;
    uint32_t owner; /* member index */
};
enum points_ties {
    TIES_KEEP, /* equal hashes stay, in the order given; the first one owns the arc */
    TIES_DROP, /* only the first of equal hashes stays */
};
struct points {
    uint64_t *hashes;  /* ascending; count of them */
    uint32_t *owners;  /* of the hash at the same place: apart, so that a look-up reads little */
    uint32_t *buckets; /* bucket b begins at point buckets[b]; one more at the end */
    size_t count;
    size_t owner_count; /* members that have a point */
    unsigned shift;     /* a hash lies in bucket hash >> shift */
};

/* Sorts and indexes given[0..count), at most BALANCE_POINTS_MAX; none only when there is no member.
 * Borrows nothing. The order given decides between equal hashes. Owners are below member_count. */
void points_init(struct points *p, const struct point *given, size_t count, size_t member_count,
                 enum points_ties ties);
void points_done(struct points *p);
/* The same in pieces, for a process that serves meanwhile. Until the last step has been done, `p`
 * may be given to points_done() alone, behind the build. */
struct points_build;
/* Takes `given`, of mem_array(); borrows `p`. */
struct points_build *points_build_new(struct points *p, struct point *given, size_t count,
                                      size_t member_count, enum points_ties ties);
bool points_build_step(struct points_build *b, size_t points); /* so many; false: all is done */
void points_build_free(struct points_build *b);                /* NULL is fine */
/* Index of the point that owns `hash`; needs at least one point. */
size_t points_find(const struct points *p, uint64_t hash);
/* A walk over the distinct owners, from the owner of `hash` on; members without any point come
 * last, in their own order. Goes through w->balance->count members; leaves key_hash and point to
 * the caller. */
void points_walk_start(const struct points *p, uint64_t hash, struct walk *w);
size_t points_walk_next(const struct points *p, struct walk *w);
/* Writes each member's share of the circle, as a fraction of 1. */
void points_shares(const struct points *p, size_t member_count, double *ret_shares);

#endif
