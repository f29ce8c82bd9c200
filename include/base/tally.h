/* SPDX-License-Identifier: Apache-2.0 */
/* Small numbers by key, in memory that processes share: each row has a part of its own, which its
 * owner alone writes and everybody reads, without locks. A part is a table of fixed size whose
 * cells never move while they count, so that a reader never misses one. What others wrote is never
 * trusted: whatever stands in the memory, every function here ends soon and touches nothing else.
 *
 * Hashing is seeded: who chooses the keys does not choose the cells. Of a key 40 bits of hash and
 * its place are kept, so two keys that meet are one in a million million. */
#ifndef BASE_TALLY_H
#define BASE_TALLY_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TALLY_KEYS_MAX (256u * 1024)

struct tally { /* a view; a value */
    _Atomic uint64_t *cells;
    unsigned buckets; /* of one row, a power of two; 0: there is no room for any key */
    uint64_t seed;
};
/* Where the count of one key is, if there is one. */
struct tally_spot {
    unsigned bucket[2];
    uint64_t tag;
};

/* Of shared memory, for rows that each hold `keys` different keys (more than TALLY_KEYS_MAX count
 * as that) with room to spare. A multiple of 64; 0 for no keys. */
size_t tally_bytes(unsigned rows, unsigned keys);
/* A view of tally_bytes(), aligned to 64 and zero at first. The same keys and seed for everybody.
 */
struct tally tally_of(void *memory, unsigned keys, uint64_t seed);
struct tally_spot tally_find(const struct tally *t, uint64_t key);
/* One more in the row, by its owner. False: there is no place for another key, or the count is at
 * its end (2^24 - 1); nothing was counted. */
bool tally_add(struct tally *t, unsigned row, const struct tally_spot *at);
void tally_subtract(struct tally *t, unsigned row, const struct tally_spot *at); /* not below 0 */
uint64_t tally_count(const struct tally *t, unsigned row, const struct tally_spot *at);
void tally_clear(struct tally *t, unsigned row); /* its owner is dead */

#endif
