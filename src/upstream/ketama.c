/* SPDX-License-Identifier: Apache-2.0 */
#include "upstream/ketama.h"

#include "base/hash.h"
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

/* Each point is made from the one before. */
static void hash_points(const struct circle *c, const struct circle_run *run)
{
    uint32_t base = hash_address(c->identities[run->member]);
    uint32_t hash = run->from > 0 ? (uint32_t)(run->to[-1].hash >> 32) : 0;
    for (uint64_t i = 0; i < run->count; i++) {
        hash = hash_next(base, hash);
        run->to[i] = (struct point){ (uint64_t)hash << 32, run->member };
    }
}

static const struct circle_kind kind = {
    .ops = &ketama_balance,
    .per_weight = POINTS_PER_WEIGHT,
    .low_bits = 32,
    .ties = TIES_DROP,
    .hash = hash_points,
};

static struct balance *ketama_begin(const struct balance_member *members, size_t count,
                                    const struct balance_conf *conf)
{
    return circle_begin(&kind, members, count, conf);
}

static void ketama_start(const struct balance *b, struct slice key, struct walk *w)
{
    uint32_t crc = hash_crc32_end(hash_crc32_update(CRC32_START, key));
    circle_start((const struct circle *)b, (uint64_t)crc << 32, w);
}

const struct balance_ops ketama_balance = {
    .name = "ketama",
    .by_address = true,
    .begin = ketama_begin,
    .grow = circle_grow,
    .free = circle_free,
    .start = ketama_start,
    .next = circle_next,
    .digest = circle_digest,
    .shares = circle_shares,
};
