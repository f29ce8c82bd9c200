/* SPDX-License-Identifier: Apache-2.0 */
#include "upstream/points.h"

#include "base/mem.h"

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
