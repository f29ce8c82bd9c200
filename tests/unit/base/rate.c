/* SPDX-License-Identifier: Apache-2.0 */
#include "base/rate.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define NEED 100

/* What a total grew by before each look, and the look that finds it too slow; 0: none does. */
static const struct {
    const char *why;
    uint64_t grows[12];
    size_t looks;
    size_t low_at;
} cases[] = {
    { "silence from the beginning is found when a window is over", { 0 }, 8, RATE_LOOKS },
    { "just enough", { 25, 25, 25, 25, 25, 25, 25, 25 }, 8, 0 },
    { "one byte too few", { 25, 25, 25, 24 }, 8, 4 },
    { "nothing is judged before a window is over", { 0, 0, 0, 100 }, 4, 0 },
    { "a burst counts for one window", { 100, 0, 0, 0, 0 }, 12, 5 },
    { "a burst a window is enough", { 0, 100, 0, 0, 0, 100, 0, 0, 0, 100, 0, 0 }, 12, 0 },
    { "a pause between bursts is not, when no window holds one",
      { 0, 100, 0, 0, 0, 0, 100 },
      7,
      6 },
    { "fast, then slow", { 900, 900, 900, 900, 30, 30, 30, 9 }, 12, 8 },
};

static void rows(void **state)
{
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct rate r;
        uint64_t total = 4711; /* where it begins does not matter */
        size_t low_at = 0;
        rate_begin(&r, total);
        for (size_t k = 0; k < cases[i].looks && low_at == 0; k++) {
            total += cases[i].grows[k];
            if (!rate_look(&r, total, NEED))
                low_at = k + 1;
        }
        if (low_at != cases[i].low_at)
            fail_msg("%s: too slow at look %zu, not %zu", cases[i].why, low_at, cases[i].low_at);
    }
}

static void needs(void **state)
{
    assert_int_equal(rate_need(500, 30000), 15000);
    assert_int_equal(rate_need(500, 300), 150);
    assert_int_equal(rate_need(500, 1500), 750);
    assert_int_equal(rate_need(0, 30000), 1);
    assert_int_equal(rate_need(1, 10), 1);
    /* the largest that a configuration may say: a week at 4 GB/s */
    assert_int_equal(rate_need(UINT32_MAX, 7 * 86400 * 1000ull), (uint64_t)UINT32_MAX * 7 * 86400);
}

static void looks_are_a_part_of_the_window(void **state)
{
    assert_int_equal(rate_look_ms(30000), 7500);
    assert_int_equal(rate_look_ms(1), 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rows),
        cmocka_unit_test(needs),
        cmocka_unit_test(looks_are_a_part_of_the_window),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
