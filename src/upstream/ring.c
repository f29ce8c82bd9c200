/* SPDX-License-Identifier: Apache-2.0 */
#include "upstream/ring.h"

#include "base/hash.h"
#include "base/mem.h"
#include "upstream/circle.h"

#include <stdlib.h>

#define DECIMAL_MAX 20 /* digits of 2^64 - 1 */

static size_t put_decimal(char *at, uint64_t n)
{
    char digits[DECIMAL_MAX];
    size_t len = 0;
    do
        digits[len++] = (char)('0' + n % 10);
    while ((n /= 10) > 0);
    for (size_t i = 0; i < len; i++)
        at[i] = digits[len - 1 - i];
    return len;
}

/* Writes the points of one member; returns how many. */
static size_t hash_member(const struct balance_member *m, const struct balance_conf *conf,
                          uint32_t owner, struct point *to)
{
    size_t prefix = m->identity.len + 1;
    char *text = mem_alloc(prefix + DECIMAL_MAX);
    if (m->identity.len > 0)
        memcpy(text, m->identity.ptr, m->identity.len);
    text[prefix - 1] = '\0';

    uint64_t count = conf->vnodes * m->weight;
    for (uint64_t i = 0; i < count; i++) {
        size_t len = prefix + put_decimal(text + prefix, i);
        to[i] = (struct point){ hash_xxh3(slice_of(text, len), conf->seed), owner };
    }
    mem_free(text);
    return (size_t)count;
}

struct named { /* a member among the others, by identity */
    struct slice identity;
    uint32_t member;
};

static int by_identity(const void *a, const void *b)
{
    return slice_cmp(((const struct named *)a)->identity, ((const struct named *)b)->identity);
}

/* Members in the order that decides between equal points. Free with mem_free(). */
static struct named *sorted_members(const struct balance_member *members, size_t count)
{
    struct named *sorted = mem_array(count, sizeof(*sorted));
    for (size_t i = 0; i < count; i++)
        sorted[i] = (struct named){ members[i].identity, (uint32_t)i };
    qsort(sorted, count, sizeof(*sorted), by_identity);
    return sorted;
}

static struct balance *ring_build(const struct balance_member *members, size_t count,
                                  const struct balance_conf *conf)
{
    struct circle *c = circle_new(&ring_balance, members, count);
    c->seed = conf->seed;

    size_t total = 0, n = 0;
    for (size_t i = 0; i < count; i++)
        total += conf->vnodes * members[i].weight;
    struct point *given = mem_array(total, sizeof(*given));
    struct named *sorted = sorted_members(members, count);
    for (size_t i = 0; i < count; i++)
        n += hash_member(&members[sorted[i].member], conf, sorted[i].member, given + n);
    points_init(&c->points, given, total, count, TIES_KEEP);
    mem_free(sorted);
    mem_free(given);
    return &c->base;
}

static void ring_start(const struct balance *b, struct slice key, struct walk *w)
{
    const struct circle *c = (const struct circle *)b;
    circle_start(c, hash_xxh3(key, c->seed), w);
}

const struct balance_ops ring_balance = {
    .name = "ring",
    .build = ring_build,
    .free = circle_free,
    .start = ring_start,
    .next = circle_next,
    .fingerprint = circle_fingerprint,
    .shares = circle_shares,
};
