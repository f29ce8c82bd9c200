/* SPDX-License-Identifier: Apache-2.0 */
#include "base/tally.h"

#include "base/hash.h"

#include <sys/mman.h>
#include <unistd.h>

/* A cell: tag << 24 | count. Count 0: free. A bucket is a cache line. Each key has two buckets and
 * takes the emptier one. So buckets fill evenly: made for 2 keys in 8 cells, a table holds twice
 * as many and more before one key finds no place. */
#define BUCKET_CELLS    8u
#define KEYS_PER_BUCKET 2u
#define BUCKETS_MIN     16u
#define COUNT_BITS      24
#define COUNT_MAX       ((UINT64_C(1) << COUNT_BITS) - 1)

static unsigned buckets_for(unsigned keys)
{
    if (keys == 0)
        return 0;
    unsigned buckets = BUCKETS_MIN;
    while (buckets * KEYS_PER_BUCKET < keys && buckets * KEYS_PER_BUCKET < TALLY_KEYS_MAX)
        buckets *= 2;
    return buckets;
}

size_t tally_bytes(unsigned rows, unsigned keys)
{
    return (size_t)rows * buckets_for(keys) * BUCKET_CELLS * sizeof(uint64_t);
}

struct tally tally_of(void *memory, unsigned keys, uint64_t seed)
{
    return (struct tally){ .cells = memory, .buckets = buckets_for(keys), .seed = seed };
}

struct tally_spot tally_find(const struct tally *t, uint64_t key)
{
    if (t->buckets == 0)
        return (struct tally_spot){ 0 };
    uint64_t hash = hash_xxh3(slice_of((const char *)&key, sizeof(key)), t->seed);
    unsigned mask = t->buckets - 1;
    struct tally_spot at = {
        .bucket = { (unsigned)hash & mask, (unsigned)(hash >> 32) & mask },
        .tag = hash >> COUNT_BITS,
    };
    if (at.bucket[1] == at.bucket[0])
        at.bucket[1] ^= 1;
    return at;
}

static _Atomic uint64_t *bucket_of(const struct tally *t, unsigned row, unsigned bucket)
{
    return t->cells + ((size_t)row * t->buckets + bucket) * BUCKET_CELLS;
}

static uint64_t cell_make(uint64_t tag, uint64_t count)
{
    return tag << COUNT_BITS | count;
}

/* The cell that counts this key, or NULL. */
static _Atomic uint64_t *find_cell(const struct tally *t, unsigned row, const struct tally_spot *at)
{
    for (unsigned b = 0; b < 2 && t->buckets > 0; b++) {
        _Atomic uint64_t *cell = bucket_of(t, row, at->bucket[b]);
        for (unsigned i = 0; i < BUCKET_CELLS; i++)
            if ((cell[i] & COUNT_MAX) > 0 && cell[i] >> COUNT_BITS == at->tag)
                return &cell[i];
    }
    return NULL;
}

/* A free cell of the emptier bucket, or NULL. */
static _Atomic uint64_t *find_free(const struct tally *t, unsigned row, const struct tally_spot *at)
{
    _Atomic uint64_t *found = NULL;
    unsigned most_free = 0;
    for (unsigned b = 0; b < 2 && t->buckets > 0; b++) {
        _Atomic uint64_t *cell = bucket_of(t, row, at->bucket[b]), *last = NULL;
        unsigned free = 0;
        for (unsigned i = 0; i < BUCKET_CELLS; i++)
            if ((cell[i] & COUNT_MAX) == 0) {
                last = &cell[i];
                free++;
            }
        if (free > most_free) {
            most_free = free;
            found = last;
        }
    }
    return found;
}

bool tally_add(struct tally *t, unsigned row, const struct tally_spot *at)
{
    _Atomic uint64_t *cell = find_cell(t, row, at);
    uint64_t count = cell != NULL ? *cell & COUNT_MAX : 0;
    if (cell == NULL)
        cell = find_free(t, row, at);
    if (cell == NULL || count == COUNT_MAX)
        return false;
    *cell = cell_make(at->tag, count + 1);
    return true;
}

void tally_subtract(struct tally *t, unsigned row, const struct tally_spot *at)
{
    _Atomic uint64_t *cell = find_cell(t, row, at);
    uint64_t count = cell != NULL ? *cell & COUNT_MAX : 0;
    if (count > 0)
        *cell = cell_make(at->tag, count - 1);
}

uint64_t tally_count(const struct tally *t, unsigned row, const struct tally_spot *at)
{
    const _Atomic uint64_t *cell = find_cell(t, row, at);
    return cell != NULL ? *cell & COUNT_MAX : 0;
}

static void zero(char *from, const char *to)
{
    for (_Atomic uint64_t *cell = (_Atomic uint64_t *)from; (const char *)cell < to; cell++)
        *cell = 0;
}

/* Whole pages are given back to the system, and read as zero from then on (madvise(2)): a table is
 * large, and mostly nobody has touched it. Memory that is not shared has no such thing. */
void tally_clear(struct tally *t, unsigned row)
{
    uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);
    char *from = (char *)bucket_of(t, row, 0), *to = (char *)bucket_of(t, row + 1, 0);
    char *first = from + (page - (uintptr_t)from % page) % page;
    char *last = to - (uintptr_t)to % page;
    if (first >= last || madvise(first, (size_t)(last - first), MADV_REMOVE) < 0) {
        zero(from, to);
        return;
    }
    zero(from, first);
    zero(last, to);
}
