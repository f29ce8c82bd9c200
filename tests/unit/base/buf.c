/* SPDX-License-Identifier: Apache-2.0 */
#include "base/buf.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>

static void owns_only_while_it_holds(void **state)
{
    struct buf b;

    buf_init(&b);
    assert_null(buf_view(&b).ptr);
    buf_append(&b, slice_of(NULL, 0));
    assert_null(b.base);
    buf_add(&b, "hello");
    assert_true(slice_eq(buf_view(&b), SLICE("hello")));
    buf_consume(&b, 2);
    assert_true(slice_eq(buf_view(&b), SLICE("llo")));
    buf_consume(&b, 3);
    assert_null(b.base);
    assert_int_equal(buf_len(&b), 0);
}

static void reserve_then_commit(void **state)
{
    struct buf b;

    buf_init(&b);
    assert_non_null(buf_reserve(&b, 0));
    memset(buf_reserve(&b, 1000), 'x', 1000);
    buf_commit(&b, 10);
    assert_int_equal(buf_len(&b), 10);
    buf_clear(&b);
    assert_int_equal(buf_len(&b), 0);
    assert_non_null(b.base); /* kept for reuse */
    buf_consume(&b, 0);
    assert_null(b.base); /* empty after a consume: given back */
}

static void formats(void **state)
{
    struct buf b;

    buf_init(&b);
    buf_printf(&b, "%s-%d;", "a", 7);
    buf_printf(&b, "%0500d", 1);
    assert_int_equal(buf_len(&b), 504);
    assert_true(slice_starts(buf_view(&b), SLICE("a-7;000")));
    buf_done(&b);
}

/* A queue that is filled and drained for long neither loses a byte nor grows without need. */
static void queue_stays_small(void **state)
{
    struct buf b;
    unsigned char next_in = 0, next_out = 0;

    buf_init(&b);
    for (int round = 0; round < 10000; round++) {
        for (int i = 0; i < round % 7 + 1; i++) {
            char c = (char)next_in++;
            buf_append(&b, slice_of(&c, 1));
        }
        while (buf_len(&b) > 100) {
            assert_int_equal((unsigned char)buf_view(&b).ptr[0], next_out++);
            buf_consume(&b, 1);
        }
    }
    assert_true(b.cap <= 512);
    buf_done(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(owns_only_while_it_holds),
        cmocka_unit_test(reserve_then_commit),
        cmocka_unit_test(formats),
        cmocka_unit_test(queue_stays_small),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
