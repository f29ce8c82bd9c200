/* SPDX-License-Identifier: Apache-2.0 */
#include "conn/scratch.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>

struct sender {
    struct gather *gather;
    char sent[64];
    unsigned spills;
};

static void spill(void *holder)
{
    struct sender *s = holder;
    struct slice v = gather_view(s->gather, s);
    if (v.len < sizeof s->sent)
        memcpy(s->sent, v.ptr, v.len);
    s->spills++;
    gather_release(s->gather, s);
}

static void put(struct sender *s, const char *text)
{
    size_t n = strlen(text);
    memcpy(gather_reserve(s->gather, s, spill, n), text, n);
    gather_commit(s->gather, n);
}

static void one_sender_gathers(void **state)
{
    struct scratch s;
    scratch_init(&s);
    struct sender a = { .gather = &s.gather };
    put(&a, "one ");
    put(&a, "two");
    assert_true(slice_eq(gather_view(&s.gather, &a), SLICE("one two")));
    assert_int_equal(a.spills, 0);
    gather_release(&s.gather, &a);
    assert_int_equal(gather_view(&s.gather, &a).len, 0);
    scratch_done(&s);
}

static void another_makes_it_spill(void **state)
{
    struct scratch s;
    scratch_init(&s);
    struct sender a = { .gather = &s.gather }, b = { .gather = &s.gather };
    put(&a, "of a");
    put(&b, "of b");
    assert_string_equal(a.sent, "of a");
    assert_int_equal(gather_view(&s.gather, &a).len, 0);
    assert_true(slice_eq(gather_view(&s.gather, &b), SLICE("of b")));
    gather_release(&s.gather, &a); /* not its own: nothing happens */
    assert_int_equal(gather_view(&s.gather, &b).len, 4);
    gather_release(&s.gather, &b);
    scratch_done(&s);
}

static void a_full_one_spills_first(void **state)
{
    struct scratch s;
    scratch_init(&s);
    struct sender a = { .gather = &s.gather };
    put(&a, "early");
    memset(gather_reserve(&s.gather, &a, spill, SCRATCH_GATHER_BYTES - 5), 'x',
           SCRATCH_GATHER_BYTES - 5);
    gather_commit(&s.gather, SCRATCH_GATHER_BYTES - 5);
    assert_int_equal(a.spills, 0); /* fits to the byte */
    put(&a, "late");
    assert_int_equal(a.spills, 1);
    assert_true(slice_eq(gather_view(&s.gather, &a), SLICE("late")));
    gather_release(&s.gather, &a);
    scratch_done(&s);
}

struct child {
    struct orphan orphan;
    unsigned ended;
};

static void on_orphan_end(struct orphan *o)
{
    CONTAINER_OF(o, struct child, orphan)->ended++;
}

static void orphans_end_with_it(void **state)
{
    struct scratch s;
    scratch_init(&s);
    struct child a = { 0 }, b = { 0 };
    scratch_adopt(&s, &a.orphan, on_orphan_end);
    scratch_adopt(&s, &b.orphan, on_orphan_end);
    list_remove(&b.orphan.link); /* was freed in time */
    scratch_done(&s);
    assert_int_equal(a.ended, 1);
    assert_int_equal(b.ended, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_sender_gathers),
        cmocka_unit_test(another_makes_it_spill),
        cmocka_unit_test(a_full_one_spills_first),
        cmocka_unit_test(orphans_end_with_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
