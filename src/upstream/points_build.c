/* SPDX-License-Identifier: Apache-2.0 */
/* From points in any order to sorted and indexed ones: a counting sort by bucket, then insertion
 * inside each; stable, and linear because hashes are spread evenly. Every pass may stop anywhere
 * and go on later. */
#include "base/mem.h"
#include "upstream/points.h"

#include <assert.h>

struct points_build {
    struct points *p;    /* borrowed */
    struct point *given; /* owned; NULL once all have their place */
    size_t given_count, member_count;
    enum points_ties ties;
    const struct pass *pass; /* the one that runs; its run is NULL behind the last */
    size_t at;               /* how far it has come */
    size_t kept, bucket;     /* drop: points and buckets done */
    bool *has_point;         /* own: by member */
};
/* One pass over length() items, in order. */
struct pass {
    void (*begin)(struct points_build *b); /* NULL: nothing to prepare */
    size_t (*length)(const struct points_build *b);
    void (*run)(struct points_build *b, size_t to); /* items from b->at */
    void (*end)(struct points_build *b);            /* NULL: nothing to put away */
};

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

static size_t all_given(const struct points_build *b)
{
    return b->given_count;
}

static size_t all_buckets(const struct points_build *b)
{
    return bucket_count(b->p);
}

static size_t all_points(const struct points_build *b)
{
    return b->p->count;
}

/* --- count: buckets[i + 2] = number of points in bucket i */

static void count_in_buckets(struct points_build *b, size_t to)
{
    struct points *p = b->p;
    for (; b->at < to; b->at++)
        p->buckets[(b->given[b->at].hash >> p->shift) + 2]++;
}

/* --- sum: buckets[i + 1] = number of points below bucket i */

static void sum(struct points_build *b, size_t to)
{
    uint32_t *buckets = b->p->buckets;
    for (; b->at < to; b->at++)
        buckets[b->at + 1] += buckets[b->at];
}

/* --- place: each point into its bucket, sorted there. buckets[i + 1], where bucket i begins, moves
 * on as it fills, and ends where bucket i + 1 begins: as buckets[i + 1] finally has to be. */

/* Moves the last of points[..at] to its place among those before it, behind its equals. What a
 * bucket below still lacks is 0 and above nothing. */
static void insert_sorted(struct points *p, size_t at)
{
    uint64_t hash = p->hashes[at];
    uint32_t owner = p->owners[at];
    for (; at > 0 && p->hashes[at - 1] > hash; at--) {
        p->hashes[at] = p->hashes[at - 1];
        p->owners[at] = p->owners[at - 1];
    }
    p->hashes[at] = hash;
    p->owners[at] = owner;
}

static void place(struct points_build *b, size_t to)
{
    struct points *p = b->p;
    for (; b->at < to; b->at++) {
        const struct point *given = &b->given[b->at];
        size_t at = p->buckets[(given->hash >> p->shift) + 1]++;
        p->hashes[at] = given->hash;
        p->owners[at] = given->owner;
        insert_sorted(p, at);
    }
}

static void end_place(struct points_build *b)
{
    mem_free(b->given);
    b->given = NULL;
}

/* --- drop: keeps the first of equal hashes and indexes what is left anew */

static size_t all_points_with_ties(const struct points_build *b)
{
    return b->ties == TIES_DROP ? b->p->count : 0;
}

static void drop(struct points_build *b, size_t to)
{
    struct points *p = b->p;
    for (; b->at < to; b->at++) {
        for (; b->bucket <= (p->hashes[b->at] >> p->shift); b->bucket++)
            p->buckets[b->bucket] = (uint32_t)b->kept;
        if (b->kept > 0 && p->hashes[b->kept - 1] == p->hashes[b->at])
            continue;
        p->hashes[b->kept] = p->hashes[b->at];
        p->owners[b->kept++] = p->owners[b->at];
    }
}

static void end_drop(struct points_build *b)
{
    if (b->ties != TIES_DROP)
        return;
    for (; b->bucket <= bucket_count(b->p); b->bucket++)
        b->p->buckets[b->bucket] = (uint32_t)b->kept;
    b->p->count = b->kept;
}

/* --- own: how many members have a point */

static void begin_own(struct points_build *b)
{
    b->has_point = mem_array(b->member_count, sizeof(*b->has_point));
}

static void count_owners(struct points_build *b, size_t to)
{
    struct points *p = b->p;
    for (; b->at < to; b->at++) {
        p->owner_count += !b->has_point[p->owners[b->at]];
        b->has_point[p->owners[b->at]] = true;
    }
}

static void end_own(struct points_build *b)
{
    mem_free(b->has_point);
    b->has_point = NULL;
}

/* --- all of them */

static const struct pass passes[] = {
    { NULL, all_given, count_in_buckets, NULL },
    { NULL, all_buckets, sum, NULL },
    { NULL, all_given, place, end_place },
    { NULL, all_points_with_ties, drop, end_drop },
    { begin_own, all_points, count_owners, end_own },
    { NULL, NULL, NULL, NULL },
};

struct points_build *points_build_new(struct points *p, struct point *given, size_t count,
                                      size_t member_count, enum points_ties ties)
{
    assert(count <= BALANCE_POINTS_MAX && (count > 0 || member_count == 0));
    *p = (struct points){ .count = count, .shift = 64 - bucket_bits(count) };
    p->hashes = mem_array(count, sizeof(*p->hashes));
    p->owners = mem_array(count, sizeof(*p->owners));
    p->buckets = mem_array(bucket_count(p) + 2, sizeof(*p->buckets)); /* one more while it grows */
    struct points_build *b = mem_zalloc(sizeof(*b));
    *b = (struct points_build){ .p = p,
                                .given = given,
                                .given_count = count,
                                .member_count = member_count,
                                .ties = ties,
                                .pass = passes };
    return b;
}

void points_build_free(struct points_build *b)
{
    if (b == NULL)
        return;
    end_place(b);
    end_own(b);
    mem_free(b);
}

static void next_pass(struct points_build *b)
{
    if (b->pass->end != NULL)
        b->pass->end(b);
    b->pass++;
    b->at = 0;
    if (b->pass->begin != NULL)
        b->pass->begin(b);
}

bool points_build_step(struct points_build *b, size_t points)
{
    if (b->pass->run == NULL)
        return false;
    size_t left = b->pass->length(b) - b->at;
    b->pass->run(b, b->at + (points < left ? points : left));
    if (b->at == b->pass->length(b))
        next_pass(b);
    return b->pass->run != NULL;
}

void points_init(struct points *p, const struct point *given, size_t count, size_t member_count,
                 enum points_ties ties)
{
    struct point *copy = mem_array(count, sizeof(*copy));
    for (size_t i = 0; i < count; i++)
        copy[i] = given[i];
    struct points_build *b = points_build_new(p, copy, count, member_count, ties);
    while (points_build_step(b, SIZE_MAX))
        ;
    points_build_free(b);
}
