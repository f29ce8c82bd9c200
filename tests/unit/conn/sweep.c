/* SPDX-License-Identifier: Apache-2.0 */
#include "conn/sweep.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>

struct member {
    struct sweep_member sweep;
    struct sweep *in;
    struct loop *loop;
    unsigned visits;
    bool again;
    struct member *removes;
};

static void on_visit(struct sweep_member *s)
{
    struct member *m = CONTAINER_OF(s, struct member, sweep);
    m->visits++;
    if (m->again)
        sweep_add(m->in, m->loop, s);
    if (m->removes)
        sweep_remove(&m->removes->sweep);
}

static void visits_once_unless_asked_again(void **state)
{
    struct loop *l = loop_new();
    struct sweep s;
    sweep_init(&s);
    struct member a = { .in = &s, .loop = l }, b = a, c = a;
    sweep_member_init(&a.sweep, on_visit);
    sweep_member_init(&b.sweep, on_visit);
    sweep_member_init(&c.sweep, on_visit);
    a.again = true;
    a.removes = &b; /* which waits in the same second */
    sweep_add(&s, l, &a.sweep);
    sweep_add(&s, l, &b.sweep);
    sweep_add(&s, l, &c.sweep);
    sweep_add(&s, l, &c.sweep);
    while (a.visits < 2)
        loop_turn(l, true);
    assert_int_equal(b.visits, 0);
    assert_int_equal(c.visits, 1);
    sweep_done(&s);
    sweep_remove(&a.sweep);
    loop_free(l);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(visits_once_unless_asked_again) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
