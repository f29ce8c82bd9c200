/* SPDX-License-Identifier: Apache-2.0 */
#include "base/tally.h"

#include "base/hash.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

static struct tally tally_new(unsigned rows, unsigned keys, uint64_t seed)
{
    void *memory = aligned_alloc(64, tally_bytes(rows, keys) + 64);
    struct tally t = tally_of(memory, keys, seed);
    for (unsigned i = 0; i < rows; i++)
        tally_clear(&t, i);
    return t;
}

static void counts_by_row_and_key(void **state)
{
    struct tally t = tally_new(2, 10, 1);
    struct tally_spot a = tally_find(&t, 0), b = tally_find(&t, 1);
    assert_true(tally_add(&t, 0, &a));
    assert_true(tally_add(&t, 0, &a));
    assert_true(tally_add(&t, 0, &b));
    assert_true(tally_add(&t, 1, &a));
    assert_int_equal(tally_count(&t, 0, &a), 2);
    assert_int_equal(tally_count(&t, 0, &b), 1);
    assert_int_equal(tally_count(&t, 1, &a), 1);
    assert_int_equal(tally_count(&t, 1, &b), 0);

    tally_subtract(&t, 0, &a);
    tally_subtract(&t, 1, &a);
    tally_subtract(&t, 1, &a); /* there is none */
    assert_int_equal(tally_count(&t, 0, &a), 1);
    assert_int_equal(tally_count(&t, 1, &a), 0);

    tally_clear(&t, 0);
    assert_int_equal(tally_count(&t, 0, &a) + tally_count(&t, 0, &b), 0);
    free(t.cells);
}

static void there_is_room_for_what_was_asked_and_more(void **state)
{
    enum { KEYS = 10000 };
    for (uint64_t seed = 0; seed < 20; seed++) {
        struct tally t = tally_new(1, KEYS, seed);
        for (uint64_t key = 0; key < 2ull * KEYS; key++) { /* like the addresses of one network */
            struct tally_spot at = tally_find(&t, 0x0a000000 + key);
            if (!tally_add(&t, 0, &at))
                fail_msg("seed %u: no place for key %u", (unsigned)seed, (unsigned)key);
        }
        for (uint64_t key = 0; key < 2ull * KEYS; key++) {
            struct tally_spot at = tally_find(&t, 0x0a000000 + key);
            assert_int_equal(tally_count(&t, 0, &at), 1);
        }
        free(t.cells);
    }
}

/* Bounded memory: what finds no place is not counted, and what is counted stays right. */
static void a_full_table_says_so(void **state)
{
    struct tally t = tally_new(1, 1, 7);
    bool placed[1000];
    unsigned places = 0;
    for (uint64_t key = 0; key < 1000; key++) {
        struct tally_spot at = tally_find(&t, key);
        placed[key] = tally_add(&t, 0, &at);
        places += placed[key];
    }
    assert_in_range(places, 64, 128);
    for (uint64_t key = 0; key < 1000; key++) {
        struct tally_spot at = tally_find(&t, key);
        assert_int_equal(tally_count(&t, 0, &at), placed[key]);
    }
    free(t.cells);
}

static void no_keys_no_room(void **state)
{
    assert_int_equal(tally_bytes(1000, 0), 0);
    struct tally t = tally_of(NULL, 0, 1);
    struct tally_spot at = tally_find(&t, 5);
    assert_false(tally_add(&t, 3, &at));
    assert_int_equal(tally_count(&t, 3, &at), 0);
    tally_subtract(&t, 3, &at);
}

static void memory_is_bounded(void **state)
{
    assert_int_equal(tally_bytes(3, UINT32_MAX), 3 * tally_bytes(1, TALLY_KEYS_MAX));
    assert_int_equal(tally_bytes(1, TALLY_KEYS_MAX), 8 * 1024 * 1024);
    assert_int_equal(tally_bytes(1, 10000), 512 * 1024);
}

/* Another process may have written anything. */
static void garbage_is_harmless(void **state)
{
    struct tally t = tally_new(2, 100, 3);
    size_t cells = tally_bytes(2, 100) / sizeof(uint64_t);
    for (uint64_t round = 0; round < 200; round++) {
        for (size_t i = 0; i < cells; i++)
            t.cells[i] = hash_xxh3(slice_of((const char *)&i, sizeof i), round);
        for (uint64_t key = 0; key < 100; key++) {
            struct tally_spot at = tally_find(&t, key);
            tally_subtract(&t, 0, &at);
            tally_add(&t, 0, &at);
            tally_count(&t, 1, &at);
        }
    }
    /* A count at its end stays there. */
    struct tally_spot at = tally_find(&t, 5);
    for (size_t i = 0; i < cells; i++)
        t.cells[i] = at.tag << 24 | 0xffffff;
    assert_false(tally_add(&t, 0, &at));
    assert_int_equal(tally_count(&t, 0, &at), 0xffffff);
    free(t.cells);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(counts_by_row_and_key),
        cmocka_unit_test(there_is_room_for_what_was_asked_and_more),
        cmocka_unit_test(a_full_table_says_so),
        cmocka_unit_test(no_keys_no_room),
        cmocka_unit_test(memory_is_bounded),
        cmocka_unit_test(garbage_is_harmless),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
