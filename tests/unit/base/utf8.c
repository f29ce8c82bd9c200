/* SPDX-License-Identifier: Apache-2.0 */
#include "base/utf8.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>

static void lengths(void **state)
{
    static const struct {
        const char *why, *in;
        size_t want;
    } rows[] = {
        { "nothing", "", 0 },
        { "ASCII", "a\xff", 1 },
        { "two bytes", "\xc3\xa9x", 2 },
        { "three bytes", "\xe2\x82\xac", 3 },
        { "four bytes", "\xf0\x9f\x98\x80", 4 },
        { "the last code point", "\xf4\x8f\xbf\xbf", 4 },
        { "one beyond it", "\xf4\x90\x80\x80", 0 },
        { "a continuation alone", "\x80", 0 },
        { "overlong slash", "\xc0\xaf", 0 },
        { "overlong in three", "\xe0\x9f\xbf", 0 },
        { "overlong in four", "\xf0\x8f\xbf\xbf", 0 },
        { "a surrogate", "\xed\xa0\x80", 0 },
        { "cut off", "\xe2\x82", 0 },
        { "broken in the middle", "\xf0\x9f\x41\x80", 0 },
        { "no lead at all", "\xff\xbf\xbf\xbf", 0 },
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        print_message("%s\n", rows[i].why);
        assert_int_equal(utf8_next(slice_str(rows[i].in)), rows[i].want);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(lengths) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
