/* SPDX-License-Identifier: Apache-2.0 */
/* Caps over all processes. What shares memory as processes do are threads here, each with a view of
 * its own. */
#include "base/census.h"

#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define ROWS 4
#define KEYS 100

static void *memory_new(void)
{
    void *memory = aligned_alloc(64, census_bytes(ROWS, KEYS));
    memset(memory, 0, census_bytes(ROWS, KEYS));
    return memory;
}

static struct census *member(void *memory, unsigned row)
{
    struct census *c = census_new(memory, ROWS, KEYS, 42);
    census_join(c, row);
    return c;
}

static void caps_hold_over_all_rows(void **state)
{
    void *memory = memory_new();
    struct census *a = member(memory, 0), *b = member(memory, 3);
    const struct census_caps caps = { .all = 3 };
    struct census_place place[3], none = { .key = 99 };
    assert_int_equal(census_enter(a, &caps, NULL, &place[0]), CENSUS_IN);
    assert_int_equal(census_enter(b, &caps, NULL, &place[1]), CENSUS_IN);
    assert_int_equal(census_enter(b, &caps, NULL, &place[2]), CENSUS_IN);
    assert_int_equal(census_enter(a, &caps, NULL, &none), CENSUS_ALL_TAKEN);
    assert_int_equal(census_enter(b, &caps, NULL, &none), CENSUS_ALL_TAKEN);
    assert_int_equal(none.key, 99);
    assert_int_equal(census_count(a), 3);

    census_leave(b, &place[1]);
    assert_int_equal(census_enter(a, &caps, NULL, &place[1]), CENSUS_IN);
    const struct census_caps lower = { .all = 1 }, no_cap = { 0 }; /* another configuration */
    assert_int_equal(census_enter(a, &lower, NULL, &none), CENSUS_ALL_TAKEN);
    assert_int_equal(census_enter(a, &no_cap, NULL, &none), CENSUS_IN);
    assert_int_equal(census_count(b), 4);
    census_free(a);
    census_free(b);
    free(memory);
}

static void each_key_has_its_own_cap(void **state)
{
    void *memory = memory_new();
    struct census *a = member(memory, 0), *b = member(memory, 1);
    const struct census_caps caps = { .all = 10, .each = 2 };
    const uint64_t x = 1, y = 2;
    struct census_place first, place;
    assert_int_equal(census_enter(a, &caps, &x, &first), CENSUS_IN);
    assert_int_equal(census_enter(b, &caps, &x, &place), CENSUS_IN);
    assert_int_equal(census_enter(a, &caps, &x, &place), CENSUS_EACH_TAKEN);
    assert_int_equal(census_enter(b, &caps, &x, &place), CENSUS_EACH_TAKEN);
    assert_int_equal(census_enter(b, &caps, &y, &place), CENSUS_IN);
    assert_int_equal(census_enter(b, &caps, NULL, &place), CENSUS_IN);
    assert_int_equal(census_count(a), 4); /* who was refused counts nowhere */
    assert_int_equal(census_count_of(a, x), 2);
    assert_int_equal(census_count_of(a, y), 1);

    census_leave(a, &first);
    assert_int_equal(census_count_of(b, x), 1);
    assert_int_equal(census_enter(b, &caps, &x, &place), CENSUS_IN);
    census_free(a);
    census_free(b);
    free(memory);
}

/* A worker that died, beside its successor. */
static void the_dead_do_not_count(void **state)
{
    void *memory = memory_new();
    struct census *master = census_new(memory, ROWS, KEYS, 42);
    struct census *old = member(memory, 0), *new = member(memory, 1);
    const struct census_caps caps = { .all = 2, .each = 2 };
    const uint64_t key = 7;
    struct census_place place, ours;
    assert_int_equal(census_enter(old, &caps, &key, &place), CENSUS_IN);
    assert_int_equal(census_enter(new, &caps, &key, &ours), CENSUS_IN);
    assert_int_equal(census_enter(new, &caps, &key, &place), CENSUS_ALL_TAKEN);
    census_clear(master, 0);
    assert_int_equal(census_count(new), 1);
    assert_int_equal(census_count_of(new, key), 1);
    assert_int_equal(census_enter(new, &caps, &key, &place), CENSUS_IN);
    census_leave(new, &place);
    census_leave(new, &ours);
    assert_int_equal(census_count(master), 0);
    assert_int_equal(census_count_of(master, key), 0);
    census_free(old);
    census_free(new);
    census_free(master);
    free(memory);
}

/* Whatever another process wrote: no crash, no hang, and our own number is right again with the
 * next one who comes or goes. */
static void garbage_is_harmless(void **state)
{
    void *memory = memory_new();
    struct census *c = member(memory, 2), *other = member(memory, 1);
    const struct census_caps caps = { .all = 5, .each = 2 };
    const uint64_t key = 3;
    struct census_place place, refused;
    assert_int_equal(census_enter(c, &caps, &key, &place), CENSUS_IN);
    memset(memory, 0xff, census_bytes(ROWS, KEYS));
    census_enter(c, &caps, &key, &refused);
    census_leave(c, &place);
    for (unsigned i = 0; i < ROWS; i++)
        if (i != 2)
            census_clear(other, i);
    assert_int_equal(census_count(other), 0);
    census_free(c);
    census_free(other);
    free(memory);
}

/* --- at the same moment */

#define ROUNDS 20000

struct racer {
    pthread_t thread;
    struct census *census;
    struct census_caps caps;
    bool in[ROUNDS];
};
static struct racer racers[2];
static _Atomic unsigned arrived;

/* Returns in both threads within nanoseconds, when there are two processors for them. */
static void meet(unsigned times)
{
    arrived++;
    for (unsigned spins = 0; arrived < 2 * times; spins++)
        if (spins > 10000)
            sched_yield();
}

static void *race(void *arg)
{
    struct racer *r = arg;
    const uint64_t key = 77;
    for (unsigned i = 0; i < ROUNDS; i++) {
        struct census_place place;
        meet(2 * i + 1);
        r->in[i] = census_enter(r->census, &r->caps, &key, &place) == CENSUS_IN;
        meet(2 * i + 2);
        if (r->in[i])
            census_leave(r->census, &place);
    }
    return NULL;
}

/* Two want the one place there is, again and again. */
static void race_for(struct census_caps caps)
{
    void *memory = memory_new();
    arrived = 0;
    for (unsigned i = 0; i < 2; i++) {
        racers[i].census = member(memory, i);
        racers[i].caps = caps;
        assert_int_equal(pthread_create(&racers[i].thread, NULL, race, &racers[i]), 0);
    }
    for (unsigned i = 0; i < 2; i++)
        pthread_join(racers[i].thread, NULL);
    unsigned both = 0, nobody = 0;
    for (unsigned i = 0; i < ROUNDS; i++) {
        both += racers[0].in[i] && racers[1].in[i];
        nobody += !racers[0].in[i] && !racers[1].in[i];
    }
    assert_int_equal(both, 0);
    assert_int_equal(nobody, 0);
    assert_int_equal(census_count(racers[0].census), 0);
    assert_int_equal(census_count_of(racers[0].census, 77), 0);
    census_free(racers[0].census);
    census_free(racers[1].census);
    free(memory);
}

static void exactly_one_gets_the_last_place(void **state)
{
    race_for((struct census_caps){ .all = 1 });
}

static void exactly_one_gets_the_last_place_of_a_key(void **state)
{
    race_for((struct census_caps){ .all = 1000, .each = 1 });
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(caps_hold_over_all_rows),
        cmocka_unit_test(each_key_has_its_own_cap),
        cmocka_unit_test(the_dead_do_not_count),
        cmocka_unit_test(garbage_is_harmless),
        cmocka_unit_test(exactly_one_gets_the_last_place),
        cmocka_unit_test(exactly_one_gets_the_last_place_of_a_key),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
