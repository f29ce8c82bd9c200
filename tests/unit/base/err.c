/* SPDX-License-Identifier: Apache-2.0 */
#include "base/err.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void says_and_returns(void **state)
{
    struct err e;

    memset(&e, 0xff, sizeof(e)); /* need not be prepared */
    assert_int_equal(err_set(&e, -EINVAL, "bad %s", "thing"), -EINVAL);
    assert_string_equal(e.text, "bad thing");
    assert_string_equal(e.file, "");
    assert_int_equal(e.line, 0);
    err_at(&e, "a.conf", 3, 7);
    assert_string_equal(e.file, "a.conf");
    assert_int_equal(e.line, 3);
    assert_int_equal(e.column, 7);
}

static void null_is_fine(void **state)
{
    assert_int_equal(err_set(NULL, -EPERM, "x"), -EPERM);
    err_at(NULL, "x", 1, 1);
}

static void wraps_its_own_text(void **state)
{
    struct err e;

    err_set(&e, -EIO, "cause");
    err_set(&e, -EIO, "outer: %s", e.text);
    assert_string_equal(e.text, "outer: cause");
}

static void long_text_is_cut(void **state)
{
    struct err e;

    err_set(&e, -EIO, "%02000d", 0);
    assert_int_equal(strlen(e.text), sizeof(e.text) - 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(says_and_returns),
        cmocka_unit_test(null_is_fine),
        cmocka_unit_test(wraps_its_own_text),
        cmocka_unit_test(long_text_is_cut),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
