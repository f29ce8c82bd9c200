/* SPDX-License-Identifier: Apache-2.0 */
#include "upstream/points.h"

#include "base/mem.h"

#include <assert.h>

/* One to two buckets a point: a bucket then holds one point or none more often than not. */
static unsigned bucket_bits(size_t count)
{
    unsigned bits = 1;
    while (((size_t)1 << bits) < count)
        bits++;
    return bits;
}

static size_t bucket_count(const struct points *p)
{
    return (size_t)1 << (64 - p->shift);
}

/* buckets[b] = number of points below bucket b, for every b and one past the last. */
static void count_buckets(struct points *p, const struct point *given, size_t count)
{
    for (size_t i = 0; i < count; i++)
        p->buckets[(given[i].hash >> p->shift) + 1]++;
    for (size_t b = 0; b < bucket_count(p); b++)
        p->buckets[b + 1] += p->buckets[b];
}

/* Moves the last of points[from..at] to its place among those before it, behind its equals. */
static void insert_sorted(struct points *p, size_t from, size_t at)
{
    uint64_t hash = p->hashes[at];
    uint32_t owner = p->owners[at];
    for (; at > from && p->hashes[at - 1] > hash; at--) {
        p->hashes[at] = p->hashes[at - 1];
        p->owners[at] = p->owners[at - 1];
    }
    p->hashes[at] = hash;
    p->owners[at] = owner;
}

/* A counting sort by bucket, then insertion inside each: stable, and linear because hashes are
 * spread evenly. */
static void sort_points(struct points *p, const struct point *given, size_t count)
{
    uint32_t *filled = mem_array(bucket_count(p), sizeof(*filled));
    for (size_t i = 0; i < count; i++) {
        size_t bucket = given[i].hash >> p->shift;
        size_t start = p->buckets[bucket];
        size_t at = start + filled[bucket]++;
        p->hashes[at] = given[i].hash;
        p->owners[at] = given[i].owner;
        insert_sorted(p, start, at);
    }
    mem_free(filled);
}

/* Keeps the first of equal hashes and indexes what is left anew. */
static void drop_ties(struct points *p)
{
    size_t kept = 0, bucket = 0;
    for (size_t i = 0; i < p->count; i++) {
        for (; bucket <= (p->hashes[i] >> p->shift); bucket++)
            p->buckets[bucket] = (uint32_t)kept;
        if (kept > 0 && p->hashes[kept - 1] == p->hashes[i])
            continue;
        p->hashes[kept] = p->hashes[i];
        p->owners[kept++] = p->owners[i];
    }
    for (; bucket <= bucket_count(p); bucket++)
        p->buckets[bucket] = (uint32_t)kept;
    p->count = kept;
}

static size_t count_owners(const struct points *p, size_t member_count)
{
    bool *has_point = mem_array(member_count, sizeof(*has_point));
    size_t n = 0;
    for (size_t i = 0; i < p->count; i++) {
        n += !has_point[p->owners[i]];
        has_point[p->owners[i]] = true;
    }
    mem_free(has_point);
    return n;
}

void points_init(struct points *p, const struct point *given, size_t count, size_t member_count,
                 enum points_ties ties)
{
    assert(count <= BALANCE_POINTS_MAX && (count > 0 || member_count == 0));
    *p = (struct points){ .count = count, .shift = 64 - bucket_bits(count) };
    p->hashes = mem_array(count, sizeof(*p->hashes));
    p->owners = mem_array(count, sizeof(*p->owners));
    p->buckets = mem_array(bucket_count(p) + 1, sizeof(*p->buckets));
    count_buckets(p, given, count);
    sort_points(p, given, count);
    if (ties == TIES_DROP)
        drop_ties(p);
    p->owner_count = count_owners(p, member_count);
}

void points_done(struct points *p)
{
    mem_free(p->hashes);
    mem_free(p->owners);
    mem_free(p->buckets);
    *p = (struct points){ 0 };
}

size_t points_find(const struct points *p, uint64_t hash)
{
    /* No bound but the end: what a later bucket holds is above every hash of this one. */
    size_t i = p->buckets[hash >> p->shift];
    while (i < p->count && p->hashes[i] < hash)
        i++;
    return i < p->count ? i : 0;
}

void points_walk_start(const struct points *p, uint64_t hash, struct walk *w)
{
    w->at = p->count > 0 ? points_find(p, hash) : 0;
    w->seen = NULL;
    w->given = 0;
}

static bool test_and_mark(struct walk *w, size_t member)
{
    uint64_t bit = (uint64_t)1 << (member % 64);
    bool was = w->seen[member / 64] & bit;
    w->seen[member / 64] |= bit;
    return was;
}

/* Later steps. A walk passes each point at most once: it ends when every owner was given. */
static size_t next_unseen(const struct points *p, struct walk *w)
{
    if (w->seen == NULL) {
        size_t words = (w->balance->count + 63) / 64;
        w->seen = arena_zalloc(w->arena, words * sizeof(*w->seen));
        test_and_mark(w, p->owners[w->at]);
    }
    if (w->given >= p->owner_count) {
        size_t member = 0;
        while (test_and_mark(w, member))
            member++;
        return member;
    }
    do
        w->at = w->at + 1 < p->count ? w->at + 1 : 0;
    while (test_and_mark(w, p->owners[w->at]));
    return p->owners[w->at];
}

size_t points_walk_next(const struct points *p, struct walk *w)
{
    if (w->given == w->balance->count)
        return WALK_END;
    size_t member = w->given == 0 ? p->owners[w->at] : next_unseen(p, w);
    w->given++;
    return member;
}

void points_shares(const struct points *p, size_t member_count, double *ret_shares)
{
    for (size_t m = 0; m < member_count; m++)
        ret_shares[m] = 0;
    for (size_t i = 0; i < p->count; i++) {
        uint64_t before = p->hashes[i > 0 ? i - 1 : p->count - 1];
        uint64_t arc = p->hashes[i] - before; /* modulo 2^64: wraps at point 0 */
        bool whole = i == 0 && arc == 0;      /* all points are one: it owns the circle */
        ret_shares[p->owners[i]] += whole ? 1.0 : (double)arc * 0x1p-64;
    }
}
