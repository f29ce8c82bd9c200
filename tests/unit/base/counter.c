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

static void a_refusal_counts_twice(void **state)
{
    static struct counters c;

    counter_add_refused(&c, REFUSAL_BARE_LF);
    counter_add_refused(&c, REFUSAL_TLS_BROKEN); /* the first and the last of their lists */
    counter_add_distrusted(&c, REFUSAL_BARE_LF);
    assert_int_equal(counter_read(&c, COUNTER_REQUESTS_REFUSED), 2);
    assert_int_equal(counter_read(&c, COUNTER_ANSWERS_DISTRUSTED), 1);
    assert_int_equal(counter_read(&c, counter_refused(REFUSAL_BARE_LF)), 1);
    assert_int_equal(counter_read(&c, counter_refused(REFUSAL_TLS_BROKEN)), 1);
    assert_int_equal(counter_read(&c, counter_distrusted(REFUSAL_BARE_LF)), 1);
    assert_int_equal(counter_read(&c, counter_distrusted(REFUSAL_TLS_BROKEN)), 0);
}

static void every_counter_has_its_own_name(void **state)
{
    for (int i = 0; i < COUNTER_NAMED; i++) {
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
        cmocka_unit_test(a_refusal_counts_twice),
        cmocka_unit_test(every_counter_has_its_own_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
