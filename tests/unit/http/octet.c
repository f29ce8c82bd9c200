/* SPDX-License-Identifier: Apache-2.0 */
#include "http/octet.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static bool is_alnum(int c)
{
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/* The classes as the RFCs spell them, octet by octet. */
static unsigned classes_of(int c)
{
    unsigned classes = 0;
    if (is_alnum(c) || (c != 0 && strchr("!#$%&'*+-.^_`|~", c) != NULL))
        classes |= OCTET_TOKEN;
    if (c > ' ' && c < 0x7f)
        classes |= OCTET_TARGET;
    if (c == '\t' || (c >= ' ' && c != 0x7f))
        classes |= OCTET_VALUE;
    if (c >= '0' && c <= '9')
        classes |= OCTET_DIGIT;
    if (c != 0 && strchr("0123456789abcdefABCDEF", c) != NULL)
        classes |= OCTET_HEX;
    if (is_alnum(c) || c == '-' || c == '.' || c == '_')
        classes |= OCTET_HOST;
    return classes;
}

static void test_every_octet(void **state)
{
    (void)state;
    for (int c = 0; c < 256; c++)
        assert_int_equal(octet_class[c], classes_of(c));
}

static void test_runs(void **state)
{
    (void)state;
    assert_int_equal(octet_run(SLICE("ab c"), 0, OCTET_TOKEN), 2);
    assert_int_equal(octet_run(SLICE("ab c"), 2, OCTET_TOKEN), 2);
    assert_int_equal(octet_run(SLICE("ab c"), 3, OCTET_TOKEN), 4);
    assert_true(octet_all(SLICE("0aF"), OCTET_HEX));
    assert_false(octet_all(SLICE("0xF"), OCTET_HEX));
    assert_true(octet_all(slice_of(NULL, 0), OCTET_HEX));
    assert_int_equal(octet_hex('7'), 7);
    assert_int_equal(octet_hex('a'), 10);
    assert_int_equal(octet_hex('F'), 15);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_octet),
        cmocka_unit_test(test_runs),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
