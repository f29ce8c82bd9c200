/* SPDX-License-Identifier: Apache-2.0 */
#include "upstream/ketama.h"

#include "base/hash.h"
#include "base/mem.h"
#include "upstream/circle.h"

#define POINTS_PER_WEIGHT 160

/* As nginx splits it: the digits behind the last colon are the port, when nothing else stands
 * behind it. "unix:" counts in any case. */
static void split_address(struct slice address, struct slice *ret_host, struct slice *ret_port)
{
    *ret_host = address;
    *ret_port = slice_of(NULL, 0);
    if (slice_eq_nocase(slice_first(address, 5), SLICE("unix:"))) {
        *ret_host = slice_from(address, 5);
        return;
    }
    size_t at = address.len;
    while (at > 0 && address.ptr[at - 1] >= '0' && address.ptr[at - 1] <= '9')
        at--;
    if (at > 0 && address.ptr[at - 1] == ':') {
        *ret_host = slice_first(address, at - 1);
        *ret_port = slice_from(address, at);
    }
}

/* The CRC-32 that all points of one member begin with. */
static uint32_t hash_address(struct slice address)
{
    struct slice host, port;
    split_address(address, &host, &port);
    uint32_t crc = hash_crc32_update(CRC32_START, host);
    crc = hash_crc32_update(crc, slice_of("", 1));
    return hash_crc32_update(crc, port);
}

static uint32_t hash_next(uint32_t base, uint32_t previous)
{
    const unsigned char bytes[4] = { (unsigned char)previous, (unsigned char)(previous >> 8),
                                     (unsigned char)(previous >> 16),
                                     (unsigned char)(previous >> 24) };
    return hash_crc32_end(hash_crc32_update(base, slice_of((const char *)bytes, sizeof(bytes))));
}

/* Writes the points of one member; returns how many. */
static size_t hash_member(const struct balance_member *m, uint32_t owner, struct point *to)
{
    size_t count = POINTS_PER_WEIGHT * m->weight;
    uint32_t base = hash_address(m->identity), hash = 0;
    for (size_t i = 0; i < count; i++) {
        hash = hash_next(base, hash);
        to[i] = (struct point){ (uint64_t)hash << 32, owner };
    }
    return count;
}

static struct balance *ketama_build(const struct balance_member *members, size_t count,
                                    const struct balance_conf *conf)
{
    (void)conf;
    struct circle *c = circle_new(&ketama_balance, members, count);
    c->low_bits = 32;

    size_t total = 0, n = 0;
    for (size_t i = 0; i < count; i++)
        total += POINTS_PER_WEIGHT * members[i].weight;
    struct point *given = mem_array(total, sizeof(*given));
    for (size_t i = 0; i < count; i++)
        n += hash_member(&members[i], (uint32_t)i, given + n);
    points_init(&c->points, given, total, count, TIES_DROP);
    mem_free(given);
    return &c->base;
}

static void ketama_start(const struct balance *b, struct slice key, struct walk *w)
{
    uint32_t crc = hash_crc32_end(hash_crc32_update(CRC32_START, key));
    circle_start((const struct circle *)b, (uint64_t)crc << 32, w);
}

const struct balance_ops ketama_balance = {
    .name = "ketama",
    .by_address = true,
    .build = ketama_build,
    .free = circle_free,
    .start = ketama_start,
    .next = circle_next,
    .fingerprint = circle_fingerprint,
    .shares = circle_shares,
};
