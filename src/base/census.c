/* SPDX-License-Identifier: Apache-2.0 */
#include "base/census.h"

#include "base/mem.h"
#include "base/tally.h"

#include <assert.h>
#include <stdalign.h>

/* Two that want the last place see each other and back out both. Both try again, and wait before it
 * for ever longer times by chance, so as not to stay in step. */
#define ATTEMPTS       32
#define LOOKS_MAX_BITS 8

struct row {
    alignas(64) _Atomic uint64_t inside;
};
struct census {
    struct row *rows;
    struct tally tally;
    unsigned count, own; /* rows; ours */
    uint64_t inside;     /* ours: what stands in our row */
    uint32_t dice;
};

size_t census_bytes(unsigned rows, unsigned keys)
{
    return rows * sizeof(struct row) + tally_bytes(rows, keys);
}

struct census *census_new(void *memory, unsigned rows, unsigned keys, uint64_t seed)
{
    struct census *c = mem_zalloc(sizeof(*c));
    c->rows = memory;
    c->count = rows;
    c->tally = tally_of(c->rows + rows, keys, seed);
    c->dice = 1;
    return c;
}

void census_free(struct census *c)
{
    mem_free(c);
}

void census_join(struct census *c, unsigned row)
{
    assert(row < c->count);
    c->own = row;
    c->inside = 0;
    c->dice = row + 1;
}

void census_clear(struct census *c, unsigned row)
{
    assert(row < c->count);
    c->rows[row].inside = 0;
    tally_clear(&c->tally, row);
}

uint64_t census_count(const struct census *c)
{
    uint64_t sum = 0;
    for (unsigned i = 0; i < c->count; i++)
        sum += c->rows[i].inside;
    return sum;
}

/* A row in which nobody is has nobody of this key: it is written up before its part of the tally,
 * and down after it. */
static uint64_t count_at(const struct census *c, const struct tally_spot *at)
{
    uint64_t sum = 0;
    for (unsigned i = 0; i < c->count; i++)
        if (c->rows[i].inside > 0)
            sum += tally_count(&c->tally, i, at);
    return sum;
}

uint64_t census_count_of(const struct census *c, uint64_t key)
{
    const struct tally_spot at = tally_find(&c->tally, key);
    return count_at(c, &at);
}

/* --- a cap is kept because of the last of those who wrote themselves up: it sees all the others,
 * for writing and summing are each in one order for everybody (sequentially consistent). */

static void set_inside(struct census *c, uint64_t inside)
{
    c->inside = inside;
    c->rows[c->own].inside = inside;
}

/* How often to look whether the cap is reached before this attempt: waiting is looking. */
static unsigned looks_before(struct census *c, unsigned attempt)
{
    c->dice ^= c->dice << 13; /* xorshift32: Marsaglia, "Xorshift RNGs", 2003 */
    c->dice ^= c->dice >> 17;
    c->dice ^= c->dice << 5;
    unsigned bits = attempt < LOOKS_MAX_BITS ? attempt : LOOKS_MAX_BITS;
    return 1 + (c->dice & ((1u << bits) - 1));
}

static bool enter_all(struct census *c, uint64_t cap)
{
    for (unsigned i = 0; i < ATTEMPTS; i++) {
        for (unsigned looks = looks_before(c, i); cap > 0 && looks > 0; looks--)
            if (census_count(c) >= cap)
                return false;
        set_inside(c, c->inside + 1);
        if (cap == 0 || census_count(c) <= cap)
            return true;
        set_inside(c, c->inside - 1);
    }
    return false;
}

static bool enter_each(struct census *c, uint64_t cap, const struct tally_spot *at, bool *ret_keyed)
{
    for (unsigned i = 0; i < ATTEMPTS; i++) {
        for (unsigned looks = looks_before(c, i); looks > 0; looks--)
            if (count_at(c, at) >= cap)
                return false;
        *ret_keyed = tally_add(&c->tally, c->own, at);
        if (!*ret_keyed || count_at(c, at) <= cap)
            return true;
        tally_subtract(&c->tally, c->own, at);
    }
    return false;
}

enum census_answer census_enter(struct census *c, const struct census_caps *caps,
                                const uint64_t *key, struct census_place *ret_place)
{
    struct census_place place = { .key = key != NULL ? *key : 0 };
    if (!enter_all(c, caps->all))
        return CENSUS_ALL_TAKEN;
    const struct tally_spot at = tally_find(&c->tally, place.key);
    if (key != NULL && caps->each > 0 && !enter_each(c, caps->each, &at, &place.keyed)) {
        set_inside(c, c->inside - 1);
        return CENSUS_EACH_TAKEN;
    }
    *ret_place = place;
    return CENSUS_IN;
}

void census_leave(struct census *c, const struct census_place *place)
{
    assert(c->inside > 0);
    if (place->keyed) {
        const struct tally_spot at = tally_find(&c->tally, place->key);
        tally_subtract(&c->tally, c->own, &at);
    }
    set_inside(c, c->inside - 1);
}
