/* SPDX-License-Identifier: Apache-2.0 */
#include "upstream/points.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "base/mem.h"

#define COUNT(rows) (sizeof(rows) / sizeof((rows)[0]))
#define TOP         UINT64_MAX

static const struct point five[] = { { 300, 0 }, { 100, 1 }, { TOP - 9, 2 }, { 100, 0 }, { 0, 2 } };

static void finds_the_first_point_at_or_after(void **state)
{
    static const struct {
        const char *why;
        uint64_t hash, want;
    } cases[] = {
        { "a point owns its own hash", 0, 0 },
        { "next above", 1, 100 },
        { "just below", 99, 100 },
        { "equal to a point", 100, 100 },
        { "behind a point", 101, 300 },
        { "far above in the same bucket", 301, TOP - 9 },
        { "an empty bucket goes on to the next", (uint64_t)1 << 62, TOP - 9 },
        { "the last point itself", TOP - 9, TOP - 9 },
        { "past the last it wraps", TOP - 8, 0 },
        { "the very end wraps", TOP, 0 },
    };
    struct points p;
    points_init(&p, five, COUNT(five), 3, TIES_KEEP);
    for (size_t i = 0; i < COUNT(cases); i++) {
        uint64_t got = p.hashes[points_find(&p, cases[i].hash)];
        if (got != cases[i].want)
            fail_msg("%s: point %llx", cases[i].why, (unsigned long long)got);
    }
    points_done(&p);
}

/* Against a plain search, over points that crowd one end of the circle: the worst for buckets. */
static void agrees_with_a_plain_search(void **state)
{
    enum { POINTS = 500, KEYS = 4000 };
    struct point given[POINTS];
    struct points p;
    uint64_t x = 1;
    for (size_t i = 0; i < POINTS; i++) {
        x = x * 6364136223846793005u + 1442695040888963407u;
        given[i] = (struct point){ i % 3 == 0 ? x : x >> 40, (uint32_t)(i % 7) };
    }
    points_init(&p, given, POINTS, 7, TIES_KEEP);
    for (size_t i = 0; i < KEYS; i++) {
        x = x * 6364136223846793005u + 1442695040888963407u;
        uint64_t hash = i % 2 == 0 ? x : x >> 40;
        size_t plain = 0;
        while (plain < p.count && p.hashes[plain] < hash)
            plain++;
        assert_int_equal(points_find(&p, hash), plain % p.count);
    }
    points_done(&p);
}

/* Many of them equal, and many in one bucket. */
static struct point *some_points(size_t count)
{
    struct point *given = mem_array(count, sizeof(*given));
    uint64_t x = 7;
    for (size_t i = 0; i < count; i++) {
        x = x * 6364136223846793005u + 1442695040888963407u;
        given[i] = (struct point){ i % 3 == 0 ? x : x >> 57, (uint32_t)(i % 7) };
    }
    return given;
}

static void in_pieces_it_is_the_same(void **state)
{
    enum { POINTS = 500 };
    static const size_t pieces[] = { 1, 3, 64, POINTS };
    for (size_t i = 0; i < 2 * COUNT(pieces); i++) {
        enum points_ties ties = i % 2 == 0 ? TIES_KEEP : TIES_DROP;
        struct point *given = some_points(POINTS);
        struct points p, q;
        points_init(&p, given, POINTS, 7, ties);
        struct points_build *b = points_build_new(&q, given, POINTS, 7, ties);
        while (points_build_step(b, pieces[i / 2]))
            ;
        points_build_free(b);
        assert_int_equal(q.count, p.count);
        assert_true(ties == TIES_KEEP ? q.count == POINTS : q.count < POINTS);
        assert_int_equal(q.owner_count, p.owner_count);
        assert_memory_equal(q.hashes, p.hashes, p.count * sizeof(*p.hashes));
        assert_memory_equal(q.owners, p.owners, p.count * sizeof(*p.owners));
        size_t buckets = (size_t)1 << (64 - p.shift);
        assert_memory_equal(q.buckets, p.buckets, (buckets + 1) * sizeof(*p.buckets));
        points_done(&p);
        points_done(&q);
    }
}

static void can_be_given_up_in_any_pass(void **state)
{
    bool more = true;
    for (unsigned steps = 0; more; steps++) {
        struct points p;
        struct points_build *b = points_build_new(&p, some_points(9), 9, 7, TIES_DROP);
        for (unsigned i = 0; i < steps && more; i++)
            more = points_build_step(b, 2);
        points_build_free(b);
        points_done(&p);
    }
}

static void ties_keep_the_order_given(void **state)
{
    struct points p;
    points_init(&p, five, COUNT(five), 3, TIES_KEEP);
    assert_int_equal(p.count, 5);
    assert_int_equal(p.owners[1], 1);
    assert_int_equal(p.owners[2], 0);
    assert_int_equal(points_find(&p, 50), 1); /* the first of the two owns the arc */
    points_done(&p);

    points_init(&p, five, COUNT(five), 3, TIES_DROP);
    assert_int_equal(p.count, 4);
    assert_int_equal(p.owners[points_find(&p, 100)], 1);
    assert_int_equal(p.hashes[points_find(&p, 101)], 300);
    assert_int_equal(points_find(&p, TOP), 0);
    points_done(&p);
}

struct walk_run {
    struct balance balance;
    struct arena arena;
    struct walk walk;
};

static void walk_begin(struct walk_run *r, const struct points *p, size_t members, uint64_t hash)
{
    *r = (struct walk_run){ .balance.count = members };
    arena_init(&r->arena, NULL);
    r->walk = (struct walk){ .balance = &r->balance, .arena = &r->arena };
    points_walk_start(p, hash, &r->walk);
}

static void walk_gives_each_owner_once(void **state)
{
    struct points p;
    struct walk_run r;
    points_init(&p, five, COUNT(five), 3, TIES_KEEP);
    walk_begin(&r, &p, 3, 200);
    assert_int_equal(points_walk_next(&p, &r.walk), 0); /* 300 */
    assert_null(r.walk.seen);                           /* the usual request allocates nothing */
    assert_int_equal(points_walk_next(&p, &r.walk), 2); /* TOP - 9; 0 is its too: passed over */
    assert_int_equal(points_walk_next(&p, &r.walk), 1); /* 100, having wrapped */
    assert_int_equal(points_walk_next(&p, &r.walk), WALK_END);
    assert_int_equal(points_walk_next(&p, &r.walk), WALK_END);
    arena_done(&r.arena);
    points_done(&p);
}

static void members_without_points_come_last(void **state)
{
    struct points p;
    struct walk_run r;
    static const struct point given[] = { { 10, 2 }, { 10, 0 }, { 10, 1 }, { 20, 3 } };
    points_init(&p, given, COUNT(given), 4, TIES_DROP);
    walk_begin(&r, &p, 4, 15);
    assert_int_equal(points_walk_next(&p, &r.walk), 3);
    assert_int_equal(points_walk_next(&p, &r.walk), 2);
    assert_int_equal(points_walk_next(&p, &r.walk), 0);
    assert_int_equal(points_walk_next(&p, &r.walk), 1);
    assert_int_equal(points_walk_next(&p, &r.walk), WALK_END);
    arena_done(&r.arena);
    points_done(&p);
}

static void no_point_at_all(void **state)
{
    struct points p;
    struct walk_run r;
    points_init(&p, NULL, 0, 0, TIES_KEEP);
    walk_begin(&r, &p, 0, 15);
    assert_int_equal(points_walk_next(&p, &r.walk), WALK_END);
    arena_done(&r.arena);
    points_done(&p);
}

static void shares_are_arcs(void **state)
{
    static const uint64_t quarter = (uint64_t)1 << 62;
    const struct point given[] = { { quarter, 0 }, { 2 * quarter, 1 }, { 2 * quarter, 2 } };
    static const struct point one[] = { { 7, 1 }, { 7, 0 } };
    struct points p;
    double shares[3];

    points_init(&p, given, COUNT(given), 3, TIES_KEEP);
    points_shares(&p, 3, shares);
    assert_true(shares[0] == 0.75 && shares[1] == 0.25 && shares[2] == 0);
    points_done(&p);

    points_init(&p, one, COUNT(one), 2, TIES_KEEP);
    points_shares(&p, 2, shares);
    assert_true(shares[0] == 0 && shares[1] == 1); /* the whole circle, not none of it */
    points_done(&p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(finds_the_first_point_at_or_after),
        cmocka_unit_test(agrees_with_a_plain_search),
        cmocka_unit_test(in_pieces_it_is_the_same),
        cmocka_unit_test(can_be_given_up_in_any_pass),
        cmocka_unit_test(ties_keep_the_order_given),
        cmocka_unit_test(walk_gives_each_owner_once),
        cmocka_unit_test(members_without_points_come_last),
        cmocka_unit_test(no_point_at_all),
        cmocka_unit_test(shares_are_arcs),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
