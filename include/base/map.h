/* SPDX-License-Identifier: Apache-2.0 */
/* A hash map from bytes to a pointer. Keys are borrowed: they must outlive their entry. Seeded by
 * the caller where a peer chooses the keys. Open addressing, at most 3/4 full; iteration is in
 * order of insertion. */
#ifndef BASE_MAP_H
#define BASE_MAP_H

#include "base/slice.h"

#include <stdint.h>

struct map_entry {
    struct slice key;
    void *value;
};
struct map {
    struct map_entry *entries; /* in order of insertion */
    uint32_t *slots;           /* index + 1 into entries, 0 = empty */
    size_t count, cap, slot_count;
    uint64_t seed;
};

void map_init(struct map *m, uint64_t seed);          /* allocates nothing yet */
void map_done(struct map *m);                         /* values are the caller's */
void *map_get(const struct map *m, struct slice key); /* NULL when absent */
bool map_add(struct map *m, struct slice key,
             void *value); /* false: the key is there already, nothing changed */

#endif
