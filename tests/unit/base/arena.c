/* SPDX-License-Identifier: Apache-2.0 */
#include "base/arena.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>

static void aligned_and_apart(void **state)
{
    struct arena a;
    char *last = NULL;

    arena_init(&a, NULL);
    for (size_t bytes = 1; bytes < 6000; bytes += 37) {
        char *p = arena_alloc(&a, bytes);
        assert_int_equal((uintptr_t)p % 16, 0);
        memset(p, 0x5a, bytes); /* the sanitizer finds what lies outside */
        assert_true(p != last);
        last = p;
    }
    arena_done(&a);
}

static void copies_end_in_nul(void **state)
{
    struct arena a;

    arena_init(&a, NULL);
    struct slice s = arena_copy(&a, slice_of("abcdef", 3));
    assert_string_equal(s.ptr, "abc");
    assert_string_equal(arena_copy(&a, slice_of(NULL, 0)).ptr, "");
    assert_string_equal(arena_printf(&a, "%d/%s", 4, "x").ptr, "4/x");
    assert_int_equal(arena_printf(&a, "%09999d", 0).len, 9999);
    assert_int_equal(*(char *)arena_zalloc(&a, 1), 0);
    arena_done(&a);
}

/* A large wish must not throw away the free part of the block in use. */
static void large_wish_keeps_the_block(void **state)
{
    struct arena a;

    arena_init(&a, NULL);
    char *before = arena_alloc(&a, 16);
    memset(arena_alloc(&a, 100000), 1, 100000);
    char *after = arena_alloc(&a, 16);
    assert_ptr_equal(after, before + 16);
    arena_done(&a);
}

static void steady_path_allocates_nothing(void **state)
{
    struct arena_recycler r;
    struct arena a;

    arena_recycler_init(&r, 2);
    arena_init(&a, &r);
    void *small = arena_alloc(&a, 1000), *large = arena_alloc(&a, 3000);
    assert_int_equal(r.small.count + r.large.count, 0);
    arena_done(&a);
    assert_int_equal(r.small.count, 1);
    assert_int_equal(r.large.count, 1);
    assert_ptr_equal(arena_alloc(&a, 100), small); /* the same blocks again */
    assert_ptr_equal(arena_alloc(&a, 2000), large);
    assert_int_equal(r.small.count + r.large.count, 0);
    for (int i = 0; i < 5; i++)
        arena_alloc(&a, 3000);
    arena_alloc(&a, 8000);
    arena_done(&a);
    assert_int_equal(r.small.count, 1);
    assert_int_equal(r.large.count, 2); /* no more than its bound, no block of odd size */
    arena_recycler_done(&r);
    assert_int_equal(r.small.count + r.large.count, 0);
}

/* A request whose body trickles in must not cost large blocks. */
static void small_wishes_get_small_blocks_at_first(void **state)
{
    static const struct {
        const char *why;
        size_t wishes[4];
        unsigned small, large;
    } cases[] = {
        { "one", { 1000 }, 1, 0 },
        { "two that fit together", { 1000, 400 }, 1, 0 },
        { "two that do not", { 1000, 1000 }, 2, 0 },
        { "the third block is large", { 1000, 1000, 1000 }, 2, 1 },
        { "and so are those behind it", { 1000, 1000, 3000, 3000 }, 2, 2 },
        { "one for a large block", { 2000 }, 0, 1 },
        { "a small one behind it", { 4000, 1000 }, 1, 1 },
        { "one larger than any", { 5000, 1000 }, 1, 0 },
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct arena_recycler r;
        struct arena a;
        arena_recycler_init(&r, 9);
        arena_init(&a, &r);
        for (int k = 0; k < 4 && cases[i].wishes[k] > 0; k++)
            arena_alloc(&a, cases[i].wishes[k]);
        arena_done(&a);
        if (r.small.count != cases[i].small || r.large.count != cases[i].large)
            fail_msg("%s: %u small, %u large", cases[i].why, r.small.count, r.large.count);
        arena_recycler_done(&r);
    }
}

static void arrays_grow(void **state)
{
    struct arena a;
    size_t cap = 0;
    int *items = NULL;

    arena_init(&a, NULL);
    for (int i = 0; i < 1000; i++) {
        items = arena_grow(&a, items, (size_t)i, &cap, sizeof(*items));
        items[i] = i;
    }
    for (int i = 0; i < 1000; i++)
        assert_int_equal(items[i], i);
    assert_true(cap >= 1000 && cap < 2000);
    arena_done(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(aligned_and_apart),
        cmocka_unit_test(copies_end_in_nul),
        cmocka_unit_test(large_wish_keeps_the_block),
        cmocka_unit_test(steady_path_allocates_nothing),
        cmocka_unit_test(small_wishes_get_small_blocks_at_first),
        cmocka_unit_test(arrays_grow),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
