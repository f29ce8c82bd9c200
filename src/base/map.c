/* SPDX-License-Identifier: Apache-2.0 */
#include "base/map.h"

#include "base/hash.h"
#include "base/mem.h"

#include <assert.h>

#define SMALLEST 16 /* slots of the first table; always a power of two */

void map_init(struct map *m, uint64_t seed)
{
    *m = (struct map){ .seed = seed };
}

void map_done(struct map *m)
{
    mem_free(m->entries);
    mem_free(m->slots);
    map_init(m, m->seed);
}

/* The slot that holds the key, or the empty one where it belongs. */
static uint32_t *find_slot(const struct map *m, struct slice key)
{
    size_t mask = m->slot_count - 1;
    size_t at = (size_t)hash_xxh3(key, m->seed) & mask;

    while (m->slots[at] != 0 && !slice_eq(m->entries[m->slots[at] - 1].key, key))
        at = (at + 1) & mask;
    return &m->slots[at];
}

void *map_get(const struct map *m, struct slice key)
{
    if (m->count == 0)
        return NULL;

    uint32_t index = *find_slot(m, key);
    return index != 0 ? m->entries[index - 1].value : NULL;
}

static void grow(struct map *m)
{
    size_t slots = m->slot_count > 0 ? m->slot_count * 2 : SMALLEST;

    assert(slots <= UINT32_MAX);
    mem_free(m->slots);
    m->slots = mem_array(slots, sizeof(*m->slots));
    m->slot_count = slots;
    m->cap = slots / 4 * 3;
    m->entries = mem_resize(m->entries, m->cap, sizeof(*m->entries));
    for (size_t i = 0; i < m->count; i++)
        *find_slot(m, m->entries[i].key) = (uint32_t)i + 1;
}

bool map_add(struct map *m, struct slice key, void *value)
{
    if (m->count == m->cap)
        grow(m);

    uint32_t *slot = find_slot(m, key);
    if (*slot != 0)
        return false;
    m->entries[m->count++] = (struct map_entry){ key, value };
    *slot = (uint32_t)m->count;
    return true;
}
