/* SPDX-License-Identifier: Apache-2.0 */
/* How many are inside at once, over all processes: altogether, and by key. The caps on them are
 * exact without a lock: whoever wants in writes its own row up, sums all rows, and backs out when
 * that is too many. Never over a cap; and refused only when the cap was reached.
 *
 * The numbers lie in shared memory, one row a process incarnation. Its owner alone writes it, from
 * numbers of its own; the master clears the row of a dead one, which then counts nothing at once.
 * What others wrote is summed and never trusted: at worst the sum is wrong. */
#ifndef BASE_CENSUS_H
#define BASE_CENSUS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct census_caps { /* 0 = no limit */
    uint64_t all;
    uint64_t each; /* of one key */
};
struct census_place { /* what was taken, to be given back */
    uint64_t key;
    bool keyed; /* counted by key too */
};
enum census_answer { CENSUS_IN, CENSUS_ALL_TAKEN, CENSUS_EACH_TAKEN };

/* Bytes of shared memory: a multiple of 64. `keys`: how many different ones a row must be able to
 * count; 0: caps by key are not kept. */
size_t census_bytes(unsigned rows, unsigned keys);
struct census;
/* A view of the memory, aligned to 64, zero when it is new; the same rows, keys and seed for
 * everybody. The memory is borrowed. */
struct census *census_new(void *memory, unsigned rows, unsigned keys, uint64_t seed);
void census_free(struct census *c); /* what is inside stays counted; NULL is fine */
/* The row that census_enter() writes from now on, 0 before. Nobody else writes it, and it is clear.
 */
void census_join(struct census *c, unsigned row);
void census_clear(struct census *c, unsigned row); /* its owner is dead */

/* One more, if the caps allow it. `key` NULL: not counted by key. A key for which there is no room
 * is let in without being counted by it. */
enum census_answer census_enter(struct census *c, const struct census_caps *caps,
                                const uint64_t *key, struct census_place *ret_place);
void census_leave(struct census *c, const struct census_place *place); /* exactly once */
uint64_t census_count(const struct census *c);
uint64_t census_count_of(const struct census *c, uint64_t key);

#endif
