/* SPDX-License-Identifier: Apache-2.0 */
#include "base/slice.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>

static void compares(void **state)
{
    static const struct {
        const char *why, *a, *b;
        bool same, same_nocase;
        int order;
    } rows[] = {
        { "both empty", "", "", true, true, 0 },
        { "equal", "abc", "abc", true, true, 0 },
        { "case differs", "Host", "hOST", false, true, -1 },
        { "only letters have a case: [ and { differ by that bit", "[", "{", false, false, -1 },
        { "a prefix comes first", "ab", "abc", false, false, -1 },
        { "bytes are unsigned", "\xff", "a", false, false, 1 },
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct slice a = slice_str(rows[i].a), b = slice_str(rows[i].b);
        print_message("%s\n", rows[i].why);
        assert_int_equal(slice_eq(a, b), rows[i].same);
        assert_int_equal(slice_eq_nocase(a, b), rows[i].same_nocase);
        int order = slice_cmp(a, b);
        assert_int_equal((order > 0) - (order < 0), rows[i].order);
    }
}

static void finds(void **state)
{
    struct slice s = SLICE("a.b.c"), none = slice_of(NULL, 0);

    assert_int_equal(slice_find(s, '.'), 1);
    assert_int_equal(slice_find_last(s, '.'), 3);
    assert_int_equal(slice_find(s, 'x'), 5);
    assert_int_equal(slice_find_last(s, 'x'), 5);
    assert_int_equal(slice_find(none, '.'), 0);
    assert_true(slice_starts(s, SLICE("a.")));
    assert_false(slice_starts(SLICE("a"), SLICE("a.")));
    assert_true(slice_ends(s, SLICE(".c")));
    assert_true(slice_ends(none, none));
    assert_false(slice_ends(SLICE("c"), SLICE(".c")));
}

static void trims(void **state)
{
    assert_true(slice_eq(slice_trim(SLICE(" \t a b\t ")), SLICE("a b")));
    assert_int_equal(slice_trim(SLICE(" \t ")).len, 0);
    assert_int_equal(slice_trim(slice_of(NULL, 0)).len, 0);
    assert_true(slice_eq(slice_trim(SLICE("\r\n")), SLICE("\r\n"))); /* not OWS */
}

static void splits(void **state)
{
    static const struct {
        const char *why, *in, *want; /* each part closed by '|' */
    } rows[] = {
        { "one part", "a", "a|" },
        { "three", "a,b,c", "a|b|c|" },
        { "an empty last part is given once", "a,", "a||" },
        { "empty text is one empty part", "", "|" },
        { "nothing but separators", ",,", "|||" },
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        char got[32] = "";
        struct slice rest = slice_str(rows[i].in), part;
        print_message("%s\n", rows[i].why);
        while (slice_split(&rest, ',', &part)) {
            strncat(got, part.ptr, part.len);
            strncat(got, "|", 2);
        }
        assert_string_equal(got, rows[i].want);
    }

    struct slice none = slice_of(NULL, 0), part;
    assert_false(slice_split(&none, ',', &part));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(compares),
        cmocka_unit_test(finds),
        cmocka_unit_test(trims),
        cmocka_unit_test(splits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
