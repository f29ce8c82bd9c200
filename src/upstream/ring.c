/* SPDX-License-Identifier: Apache-2.0 */
#include "upstream/ring.h"

#include "base/hash.h"
#include "base/mem.h"
#include "upstream/circle.h"

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

static void hash_points(const struct circle *c, const struct circle_run *run)
{
    struct slice identity = c->identities[run->member];
    size_t prefix = identity.len + 1; /* with its NUL */
    char *text = mem_alloc(prefix + DECIMAL_MAX);
    memcpy(text, identity.ptr, prefix);
    for (uint64_t i = 0; i < run->count; i++) {
        size_t len = prefix + put_decimal(text + prefix, run->from + i);
        run->to[i] = (struct point){ hash_xxh3(slice_of(text, len), c->seed), run->member };
    }
    mem_free(text);
}

static const struct circle_kind kind = {
    .ops = &ring_balance,
    .ties = TIES_KEEP,
    .by_identity = true,
    .hash = hash_points,
};

static struct balance *ring_begin(const struct balance_member *members, size_t count,
                                  const struct balance_conf *conf)
{
    return circle_begin(&kind, members, count, conf);
}

static void ring_start(const struct balance *b, struct slice key, struct walk *w)
{
    const struct circle *c = (const struct circle *)b;
    circle_start(c, hash_xxh3(key, c->seed), w);
}

const struct balance_ops ring_balance = {
    .name = "ring",
    .begin = ring_begin,
    .grow = circle_grow,
    .free = circle_free,
    .start = ring_start,
    .next = circle_next,
    .digest = circle_digest,
    .shares = circle_shares,
};
