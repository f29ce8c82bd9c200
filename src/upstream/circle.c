/* SPDX-License-Identifier: Apache-2.0 */
#include "upstream/circle.h"

#include "base/hash.h"
#include "base/mem.h"

#include <stdlib.h>

/* --- growing: all points are hashed, then sorted */

struct source { /* a member among the others, in the order that decides between equal points */
    struct slice identity;
    uint32_t member;
    uint64_t count; /* of its points */
};
struct circle_growth {
    struct source *sources;
    size_t source; /* whose points are hashed now */
    uint64_t from; /* the first one that is not */
    struct point *given;
    size_t hashed, total;
    struct points_build *build; /* NULL until all are hashed; then it owns `given` */
};

static int by_identity(const void *a, const void *b)
{
    return slice_cmp(((const struct source *)a)->identity, ((const struct source *)b)->identity);
}

static struct circle_growth *growth_new(const struct circle *c,
                                        const struct balance_member *members, uint64_t per_weight)
{
    struct circle_growth *g = mem_zalloc(sizeof(*g));
    g->sources = mem_array(c->base.count, sizeof(*g->sources));
    for (size_t i = 0; i < c->base.count; i++) {
        uint64_t count = per_weight * members[i].weight;
        g->sources[i] = (struct source){ c->identities[i], (uint32_t)i, count };
        g->total += count;
    }
    if (c->kind->by_identity)
        qsort(g->sources, c->base.count, sizeof(*g->sources), by_identity);
    g->given = mem_array(g->total, sizeof(*g->given));
    return g;
}

static void growth_free(struct circle_growth *g)
{
    if (g == NULL)
        return;
    mem_free(g->sources);
    mem_free(g->given);
    points_build_free(g->build);
    mem_free(g);
}

struct balance *circle_begin(const struct circle_kind *kind, const struct balance_member *members,
                             size_t count, const struct balance_conf *conf)
{
    struct circle *c = mem_zalloc(sizeof(*c));
    c->base = (struct balance){ .ops = kind->ops, .count = count, .refs = 1 };
    c->kind = kind;
    c->seed = conf->seed;
    c->identities = mem_array(count, sizeof(*c->identities));
    for (size_t i = 0; i < count; i++)
        c->identities[i] = slice_of(mem_text(members[i].identity), members[i].identity.len);
    c->growth = growth_new(c, members, kind->per_weight > 0 ? kind->per_weight : conf->vnodes);
    return &c->base;
}

/* Up to `most` points of the member whose turn it is. */
static size_t hash_run(const struct circle *c, struct circle_growth *g, size_t most)
{
    const struct source *s = &g->sources[g->source];
    uint64_t left = s->count - g->from;
    size_t count = left < most ? (size_t)left : most;
    c->kind->hash(c, &(struct circle_run){ s->member, g->from, count, g->given + g->hashed });
    g->hashed += count;
    g->from += count;
    if (g->from == s->count) {
        g->source++;
        g->from = 0;
    }
    return count;
}

static void hash_some(struct circle *c, struct circle_growth *g, size_t points)
{
    while (points > 0 && g->hashed < g->total)
        points -= hash_run(c, g, points);
    if (g->hashed < g->total)
        return;
    g->build = points_build_new(&c->points, g->given, g->total, c->base.count, c->kind->ties);
    g->given = NULL;
}

bool circle_grow(struct balance *b, size_t points)
{
    struct circle *c = (struct circle *)b;
    struct circle_growth *g = c->growth;
    if (g == NULL)
        return false;
    if (g->build == NULL)
        hash_some(c, g, points);
    else if (!points_build_step(g->build, points)) {
        growth_free(g);
        c->growth = NULL;
    }
    return c->growth != NULL;
}

void circle_free(struct balance *b)
{
    struct circle *c = (struct circle *)b;
    for (size_t i = 0; i < b->count; i++)
        mem_free((char *)c->identities[i].ptr);
    mem_free(c->identities);
    growth_free(c->growth);
    points_done(&c->points);
    mem_free(c);
}

/* --- asking */

void circle_start(const struct circle *c, uint64_t hash, struct walk *w)
{
    w->balance = &c->base;
    points_walk_start(&c->points, hash, w);
    w->key_hash = hash >> c->kind->low_bits;
    w->point = c->points.count > 0 ? c->points.hashes[w->at] >> c->kind->low_bits : 0;
}

size_t circle_next(struct walk *w)
{
    return points_walk_next(&((const struct circle *)w->balance)->points, w);
}

void circle_shares(const struct balance *b, double *owners)
{
    points_shares(&((const struct circle *)b)->points, b->count, owners);
}

static void add_le64(struct hash_stream *digest, uint64_t value)
{
    char bytes[8];
    for (unsigned i = 0; i < sizeof(bytes); i++)
        bytes[i] = (char)(unsigned char)(value >> (8 * i));
    hash_stream_add(digest, slice_of(bytes, sizeof(bytes)));
}

bool circle_digest(const struct balance *b, size_t *at, size_t points, struct hash_stream *digest)
{
    const struct circle *c = (const struct circle *)b;
    for (; points > 0 && *at < c->points.count; points--, ++*at) {
        struct slice identity = c->identities[c->points.owners[*at]];
        add_le64(digest, c->points.hashes[*at] >> c->kind->low_bits);
        hash_stream_add(digest, slice_of(identity.ptr, identity.len + 1)); /* with its NUL */
    }
    return *at < c->points.count;
}
