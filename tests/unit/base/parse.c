/* SPDX-License-Identifier: Apache-2.0 */
#include "base/parse.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#define UNTOUCHED 77 /* what a failed call must leave in its result */

struct row {
    const char *why, *in;
    int r;
    uint64_t want;
};

static void check(const struct row *row, int (*parse)(struct slice, uint64_t *))
{
    for (; row->why != NULL; row++) {
        uint64_t got = UNTOUCHED;
        print_message("%s\n", row->why);
        assert_int_equal(parse(slice_str(row->in), &got), row->r);
        assert_int_equal(got, row->r == 0 ? row->want : UNTOUCHED);
    }
}

static int any_uint(struct slice s, uint64_t *ret_value)
{
    return parse_uint(s, UINT64_MAX, ret_value);
}

static int port(struct slice s, uint64_t *ret_value)
{
    return parse_uint(s, 65535, ret_value);
}

static void unsigned_numbers(void **state)
{
    static const struct row any[] = {
        { "zero", "0", 0, 0 },
        { "leading zeros", "007", 0, 7 },
        { "the largest", "18446744073709551615", 0, UINT64_MAX },
        { "one more", "18446744073709551616", -ERANGE, 0 },
        { "far more", "99999999999999999999999", -ERANGE, 0 },
        { "empty", "", -EINVAL, 0 },
        { "sign", "+1", -EINVAL, 0 },
        { "minus", "-1", -EINVAL, 0 },
        { "space in front", " 1", -EINVAL, 0 },
        { "space behind", "1 ", -EINVAL, 0 },
        { "letters behind a number too large", "99999999999999999999999x", -EINVAL, 0 },
        { "hexadecimal", "0x10", -EINVAL, 0 },
        { NULL },
    };
    static const struct row ports[] = {
        { "at the bound", "65535", 0, 65535 },
        { "over the bound", "65536", -ERANGE, 0 },
        { NULL },
    };

    check(any, any_uint);
    check(ports, port);
}

static void hexadecimal(void **state)
{
    static const struct row rows[] = {
        { "both cases", "aF09", 0, 0xaf09 },
        { "sixteen digits", "ffffffffffffffff", 0, UINT64_MAX },
        { "seventeen", "0ffffffffffffffff", -ERANGE, 0 },
        { "empty", "", -EINVAL, 0 },
        { "prefix", "0x1", -EINVAL, 0 },
        { "beyond f", "g", -EINVAL, 0 },
        { NULL },
    };
    check(rows, parse_hex);
}

static void durations(void **state)
{
    static const struct row rows[] = {
        { "milliseconds", "500ms", 0, 500 },
        { "seconds", "2s", 0, 2000 },
        { "minutes", "5m", 0, 300000 },
        { "hours", "1h", 0, 3600000 },
        { "days", "1d", 0, 86400000 },
        { "a unit is needed", "5", -EINVAL, 0 },
        { "no number", "s", -EINVAL, 0 },
        { "unknown unit", "5w", -EINVAL, 0 },
        { "space", "5 s", -EINVAL, 0 },
        { "too large when multiplied", "999999999999999d", -ERANGE, 0 },
        { NULL },
    };
    check(rows, parse_duration);
}

static void sizes(void **state)
{
    static const struct row rows[] = {
        { "plain bytes", "100", 0, 100 },
        { "kilo", "64k", 0, 65536 },
        { "mega, upper case", "10M", 0, 10485760 },
        { "giga", "1g", 0, 1073741824 },
        { "no such unit", "1t", -EINVAL, 0 },
        { "two letters", "1kb", -EINVAL, 0 },
        { "too large when multiplied", "18446744073709551615k", -ERANGE, 0 },
        { NULL },
    };
    check(rows, parse_size);
}

static void rates(void **state)
{
    static const struct row rows[] = {
        { "a second", "50/s", 0, 3000 },
        { "a minute", "600/m", 0, 600 },
        { "a unit is needed", "50", -EINVAL, 0 },
        { "hours are not offered", "5/h", -EINVAL, 0 },
        { NULL },
    };
    check(rows, parse_rate);
}

static void decimals(void **state)
{
    static const struct row rows[] = {
        { "whole", "2", 0, 2000000 },
        { "two places", "1.25", 0, 1250000 },
        { "six places", "0.000001", 0, 1 },
        { "seven places", "0.0000001", -EINVAL, 0 },
        { "nothing behind the point", "1.", -EINVAL, 0 },
        { "nothing before it", ".5", -EINVAL, 0 },
        { "two points", "1.2.3", -EINVAL, 0 },
        { "comma", "1,5", -EINVAL, 0 },
        { "too large", "18446744073709551615", -ERANGE, 0 },
        { NULL },
    };
    check(rows, parse_decimal);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(unsigned_numbers),
        cmocka_unit_test(hexadecimal),
        cmocka_unit_test(durations),
        cmocka_unit_test(sizes),
        cmocka_unit_test(rates),
        cmocka_unit_test(decimals),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
