/* SPDX-License-Identifier: Apache-2.0 */
#include "conn/ration.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <unistd.h>

#include <cmocka.h>

#define MEMBERS 6

struct bench {
    struct loop *loop;
    struct ration ration;
    struct member {
        struct deferred step;
        struct bench *bench;
        unsigned cost_us;      /* of a step */
        struct member *leaves; /* by this one's step; NULL: nobody */
        unsigned steps, turn;  /* the last one's */
    } members[MEMBERS];
    unsigned turn;
};

static void on_step(struct deferred *d)
{
    struct member *m = CONTAINER_OF(d, struct member, step);
    m->steps++;
    m->turn = m->bench->turn;
    if (m->cost_us > 0)
        usleep(m->cost_us);
    if (m->leaves != NULL)
        deferred_cancel(&m->leaves->step);
}

static void bench_open(struct bench *b, unsigned cost_us)
{
    *b = (struct bench){ .loop = loop_new() };
    ration_init(&b->ration);
    for (int i = 0; i < MEMBERS; i++) {
        b->members[i] = (struct member){ .bench = b, .cost_us = cost_us };
        deferred_init(&b->members[i].step, on_step);
    }
}

static void bench_close(struct bench *b)
{
    ration_done(&b->ration);
    loop_free(b->loop);
}

static bool take(struct bench *b, int which)
{
    return ration_take(&b->ration, b->loop, &b->members[which].step);
}

static void turn(struct bench *b)
{
    b->turn++;
    loop_turn(b->loop, false);
}

static void what_is_cheap_never_waits(void **state)
{
    struct bench b;
    bench_open(&b, 0);
    for (int i = 0; i < 20; i++)
        assert_false(take(&b, i % MEMBERS));
    turn(&b);
    assert_false(loop_has_work(b.loop));
    bench_close(&b);
}

/* One step uses the turn up; the others go on one a turn, in order, and before a newcomer. */
static void what_is_dear_waits_in_order(void **state)
{
    struct bench b;
    bench_open(&b, 2 * RATION_US);
    assert_false(take(&b, 0));
    for (int i = 1; i < MEMBERS - 1; i++) {
        assert_true(take(&b, i));
        assert_true(take(&b, i)); /* once */
    }
    assert_true(ration_is_short(&b.ration));
    turn(&b);
    assert_true(take(&b, MEMBERS - 1));
    while (ration_is_short(&b.ration)) {
        assert_true(loop_has_work(b.loop)); /* the loop does not sleep meanwhile */
        turn(&b);
    }
    for (int i = 0; i < MEMBERS; i++) {
        assert_int_equal(b.members[i].steps, 1);
        assert_int_equal(b.members[i].turn, i);
    }
    bench_close(&b);
}

static void who_leaves_has_no_turn(void **state)
{
    struct bench b;
    bench_open(&b, 2 * RATION_US);
    assert_false(take(&b, 0));
    for (int i = 1; i < 4; i++)
        assert_true(take(&b, i));
    deferred_cancel(&b.members[1].step);
    b.members[2].leaves = &b.members[3]; /* out of the middle of it */
    turn(&b);
    turn(&b);
    assert_int_equal(b.members[1].steps + b.members[3].steps, 0);
    assert_int_equal(b.members[2].steps, 1);
    assert_false(ration_is_short(&b.ration));
    bench_close(&b);
}

static void who_still_waits_at_the_end_is_forgotten(void **state)
{
    struct bench b;
    bench_open(&b, 2 * RATION_US);
    assert_false(take(&b, 0));
    assert_true(take(&b, 1));
    bench_close(&b);
    assert_int_equal(b.members[1].steps, 0);
    assert_true(list_empty(&b.members[1].step.link));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_cheap_never_waits),
        cmocka_unit_test(what_is_dear_waits_in_order),
        cmocka_unit_test(who_leaves_has_no_turn),
        cmocka_unit_test(who_still_waits_at_the_end_is_forgotten),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
