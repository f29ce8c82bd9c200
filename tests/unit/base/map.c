/* SPDX-License-Identifier: Apache-2.0 */
#include "base/map.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

static void adds_once(void **state)
{
    struct map m;
    int a, b;

    map_init(&m, 1);
    assert_null(map_get(&m, SLICE("a")));
    assert_true(map_add(&m, SLICE("a"), &a));
    assert_false(map_add(&m, SLICE("a"), &b));
    assert_ptr_equal(map_get(&m, SLICE("a")), &a);
    assert_true(map_add(&m, slice_of(NULL, 0), &b)); /* the empty key is a key */
    assert_ptr_equal(map_get(&m, SLICE("")), &b);
    assert_null(map_get(&m, SLICE("b")));
    map_done(&m);
    assert_null(map_get(&m, SLICE("a")));
}

static void holds_many_in_order(void **state)
{
    static char keys[5000][16];
    struct map m;

    map_init(&m, 42);
    for (int i = 0; i < 5000; i++) {
        snprintf(keys[i], sizeof(keys[i]), "k%d", i);
        assert_true(map_add(&m, slice_str(keys[i]), keys[i]));
    }
    assert_int_equal(m.count, 5000);
    assert_true(m.count * 4 <= m.slot_count * 3);
    for (int i = 0; i < 5000; i++) {
        assert_ptr_equal(map_get(&m, slice_str(keys[i])), keys[i]);
        assert_ptr_equal(m.entries[i].value, keys[i]);
    }
    map_done(&m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(adds_once),
        cmocka_unit_test(holds_many_in_order),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
