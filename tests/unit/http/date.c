/* SPDX-License-Identifier: Apache-2.0 */
#include "http/date.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static const struct {
    const char *why;
    int64_t second;
    const char *text;
} cases[] = {
    { "the RFC's example", 784111777, "Sun, 06 Nov 1994 08:49:37 GMT" },
    { "today", 1795168800, "Fri, 20 Nov 2026 10:00:00 GMT" },
    { "the beginning", 0, "Thu, 01 Jan 1970 00:00:00 GMT" },
    { "a leap day", 1709164800, "Thu, 29 Feb 2024 00:00:00 GMT" },
    { "a clock that is off by centuries", -1, "Wed, 31 Dec 1969 23:59:59 GMT" },
    { "the last second of four digits", 253402300799, "Fri, 31 Dec 9999 23:59:59 GMT" },
    { "beyond it", INT64_MAX, "Fri, 31 Dec 9999 23:59:59 GMT" },
    { "before the first", INT64_MIN, "Sat, 01 Jan 0000 00:00:00 GMT" },
};

static void test_cases(void **state)
{
    (void)state;
    struct date_cache cache = { 0 };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct slice text = date_text(&cache, cases[i].second);
        if (!slice_eq(text, slice_str(cases[i].text)))
            fail_msg("%s: %.*s", cases[i].why, SLICE_ARG(text));
    }
}

static void test_made_once_a_second(void **state)
{
    (void)state;
    struct date_cache cache = { 0 };
    date_text(&cache, 0);
    cache.text[0] = '*'; /* a second look does not write it anew */
    assert_int_equal(date_text(&cache, 0).ptr[0], '*');
    assert_int_equal(date_text(&cache, 1).ptr[0], 'T');
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_cases),
        cmocka_unit_test(test_made_once_a_second),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
