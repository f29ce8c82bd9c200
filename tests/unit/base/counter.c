/* SPDX-License-Identifier: Apache-2.0 */
#include "base/counter.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static void counts(void **state)
{
    static struct counters c;

    counter_add(&c, COUNTER_REQUESTS, 2);
    counter_add(&c, COUNTER_REQUESTS, 3);
    assert_int_equal(counter_read(&c, COUNTER_REQUESTS), 5);
    assert_int_equal(counter_read(&c, COUNTER_HANDSHAKES), 0);
}

static void every_counter_has_its_own_name(void **state)
{
    for (int i = 0; i < COUNTER_COUNT; i++) {
        assert_non_null(counter_name((enum counter)i));
        for (int k = 0; k < i; k++)
            assert_string_not_equal(counter_name((enum counter)i), counter_name((enum counter)k));
    }
    assert_string_equal(counter_name(COUNTER_CLIENT_ABORTS), "client_aborts");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(counts),
        cmocka_unit_test(every_counter_has_its_own_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
