/* SPDX-License-Identifier: Apache-2.0 */
#include "upstream/ring.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "base/mem.h"
#include "upstream/circle.h"

#include <stdio.h>
#include <stdlib.h>

#define COUNT(rows) (sizeof(rows) / sizeof((rows)[0]))
#define MEMBERS_MAX 1000

static const struct balance_member four[] = {
    { SLICE_INIT("10.0.0.11:9000"), 3 },
    { SLICE_INIT("b"), 1 },
    { SLICE_INIT("unix:/run/app.sock"), 1 },
    { SLICE_INIT("app3.internal:9000"), 2 },
};
static const struct balance_conf usual = { .vnodes = 512, .seed = 0 };
static const struct balance_conf small = { .vnodes = 4, .seed = 0x5eed };

/* The whole walk of one key, as text: "0 3 1 2". */
static const char *walk_text(const struct balance *b, struct slice key, struct walk *ret_walk)
{
    static char text[MEMBERS_MAX * 8];
    struct arena a;
    struct walk w = { .arena = &a };
    size_t len = 0;

    arena_init(&a, NULL);
    b->ops->start(b, key, &w);
    *ret_walk = w;
    for (size_t m; (m = b->ops->next(&w)) != WALK_END;)
        len += (size_t)snprintf(text + len, sizeof(text) - len, len > 0 ? " %zu" : "%zu", m);
    arena_done(&a);
    return text;
}

/* Computed with a plain sort and search over xxHash's own XXH3_64bits_withSeed: whoever changes
 * one of these moves every user's keys. */
static void golden_owners(void **state)
{
    static const struct {
        const struct balance_conf *conf;
        const char *key;
        uint64_t hash, point;
        const char *walk;
    } cases[] = {
        { &usual, "/", 0x474292953285562e, 0x47506577fdf08556, "0 3 1 2" },
        { &usual, "/a", 0xe292ab48a6b06805, 0xe2972d58d5b8a6de, "0 3 1 2" },
        { &usual, "/index.html?x=1", 0x0d648dce23a004a0, 0x0d75a0959fa3d813, "1 0 2 3" },
        { &usual, "", 0x2d06800538d394c2, 0x2d10dbd6ee73e914, "2 0 1 3" },
        { &usual, "user-42", 0x50fe4b21cf7b09cd, 0x512bef460eb8771e, "2 0 1 3" },
        { &usual, "/img/logo.svg", 0x48e962fd04b20cf7, 0x48ea2ddb01860d3f, "0 3 2 1" },
        { &small, "/", 0xd704d2dc390d009c, 0xdbfb8e68393ef264, "2 0 3 1" },
        { &small, "user-42", 0x288cfdbb63ee95f0, 0x336f0138e7d30f45, "3 1 0 2" },
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct balance *b = balance_build(&ring_balance, four, COUNT(four), cases[i].conf);
        struct walk w;
        assert_string_equal(walk_text(b, slice_str(cases[i].key), &w), cases[i].walk);
        assert_int_equal(w.key_hash, cases[i].hash);
        assert_int_equal(w.point, cases[i].point);
        ring_balance.free(b);
    }
}

static bool has_point(const struct circle *c, uint64_t hash, uint32_t owner)
{
    size_t at = points_find(&c->points, hash);
    return c->points.hashes[at] == hash && c->points.owners[at] == owner;
}

static void golden_points(void **state)
{
    static const struct {
        const char *why;
        uint32_t owner;
        uint64_t hash;
    } cases[] = {
        { "first point of an address", 0, 0x686feffc468c9de0 },
        { "second", 0, 0xb690613dc6d76848 },
        { "i has two digits", 0, 0xa2878d56c5a0adb6 },
        { "a short id", 1, 0xae5b9f46636d17e6 },
        { "a unix path", 2, 0xf6b712b9224738cd },
        { "a name", 3, 0x5a84751f72ac0959 },
    };
    struct balance *b = balance_build(&ring_balance, four, COUNT(four), &usual);
    const struct circle *c = (const struct circle *)b;
    assert_int_equal(c->points.count, 512 * 7); /* weights are not reduced */
    for (size_t i = 0; i < COUNT(cases); i++) {
        if (!has_point(c, cases[i].hash, cases[i].owner))
            fail_msg("%s is missing", cases[i].why);
    }
    ring_balance.free(b);
}

static uint64_t fingerprint_of(const struct balance_member *members, size_t count,
                               const struct balance_conf *conf, struct slice key_text)
{
    struct balance *b = balance_build(&ring_balance, members, count, conf);
    uint64_t digest = balance_fingerprint(b, key_text);
    ring_balance.free(b);
    return digest;
}

static void fingerprint_is_of_what_decides(void **state)
{
    const struct balance_member reversed[] = { four[3], four[2], four[1], four[0] };
    const struct balance_member three[] = { four[0], four[1], four[2] };
    uint64_t want = 0x871da72aa580ca32;

    assert_int_equal(fingerprint_of(four, 4, &usual, SLICE("uri")), want);
    assert_int_equal(fingerprint_of(reversed, 4, &usual, SLICE("uri")), want);
    assert_int_equal(fingerprint_of(four, 4, &small, SLICE("uri")), 0x2407c9aa8bcbfc8b);
    assert_true(fingerprint_of(four, 4, &usual, SLICE("path")) != want);
    assert_true(fingerprint_of(three, 3, &usual, SLICE("uri")) != want);
}

static void order_in_the_file_moves_nothing(void **state)
{
    const struct balance_member reversed[] = { four[3], four[2], four[1], four[0] };
    struct balance *a = balance_build(&ring_balance, four, 4, &usual);
    struct balance *b = balance_build(&ring_balance, reversed, 4, &usual);
    const struct points *p = &((struct circle *)a)->points, *q = &((struct circle *)b)->points;

    assert_int_equal(p->count, q->count);
    assert_memory_equal(p->hashes, q->hashes, p->count * sizeof(*p->hashes));
    for (size_t i = 0; i < p->count; i++)
        assert_int_equal(p->owners[i], 3 - q->owners[i]);
    ring_balance.free(a);
    ring_balance.free(b);
}

/* members[i] = "10.0.0.1:9000" and so on, equal weights. Texts live until the next call. */
static void make_members(struct balance_member *members, size_t count)
{
    static char names[MEMBERS_MAX][32];
    for (size_t i = 0; i < count; i++) {
        int len = snprintf(names[i], sizeof(names[i]), "10.0.%zu.%zu:9000", i / 250, i % 250 + 1);
        members[i] = (struct balance_member){ slice_of(names[i], (size_t)len), 1 };
    }
}

/* Every arc of the larger ring ends at a point; a survivor's must have the same owner without the
 * one that left, and then so has every hash in it: the smaller ring has no point in between. */
static void leaving_moves_only_own_arcs(void **state)
{
    enum { SERVERS = 10, GONE = 4 };
    struct balance_member members[SERVERS], fewer[SERVERS - 1];
    make_members(members, SERVERS);
    for (size_t i = 0; i < SERVERS - 1; i++)
        fewer[i] = members[i < GONE ? i : i + 1];
    struct balance *b = balance_build(&ring_balance, members, SERVERS, &usual);
    struct balance *without = balance_build(&ring_balance, fewer, SERVERS - 1, &usual);
    const struct points *p = &((struct circle *)b)->points;
    const struct points *q = &((struct circle *)without)->points;

    size_t moved = 0;
    for (size_t i = 0; i < p->count; i++) {
        uint32_t now = q->owners[points_find(q, p->hashes[i])];
        now = now < GONE ? now : now + 1;
        if (p->owners[i] == GONE)
            moved++;
        else
            assert_int_equal(now, p->owners[i]);
    }
    assert_int_equal(moved, 512);
    ring_balance.free(b);
    ring_balance.free(without);
}

static void weight_adds_points_and_moves_none(void **state)
{
    const struct balance_member light[] = { { SLICE("a"), 1 }, { SLICE("b"), 1 } };
    const struct balance_member heavy[] = { { SLICE("a"), 2 }, { SLICE("b"), 1 } };
    struct balance *b = balance_build(&ring_balance, light, 2, &usual);
    struct balance *c = balance_build(&ring_balance, heavy, 2, &usual);
    const struct points *p = &((struct circle *)b)->points;

    assert_int_equal(((struct circle *)c)->points.count, 3 * 512);
    for (size_t i = 0; i < p->count; i++)
        assert_true(has_point((struct circle *)c, p->hashes[i], p->owners[i]));
    double shares[2];
    ring_balance.shares(c, shares);
    assert_true(shares[0] > 0.6 && shares[0] < 0.73);
    ring_balance.free(b);
    ring_balance.free(c);
}

static void a_walk_visits_all_of_many(void **state)
{
    static struct balance_member members[MEMBERS_MAX];
    static bool seen[MEMBERS_MAX];
    make_members(members, MEMBERS_MAX);
    members[0].weight = 500; /* most points are passed over */
    struct balance *b =
        balance_build(&ring_balance, members, MEMBERS_MAX, &(struct balance_conf){ .vnodes = 16 });
    struct arena a;
    struct walk w = { .arena = &a };
    size_t given = 0;

    arena_init(&a, NULL);
    ring_balance.start(b, SLICE("/"), &w);
    for (size_t m; (m = ring_balance.next(&w)) != WALK_END; given++) {
        assert_false(seen[m]);
        seen[m] = true;
    }
    assert_int_equal(given, MEMBERS_MAX);
    arena_done(&a);
    ring_balance.free(b);
}

static void small_rings(void **state)
{
    struct walk w;
    struct balance *none = balance_build(&ring_balance, NULL, 0, &usual);
    w = (struct walk){ 0 };
    ring_balance.start(none, SLICE("/"), &w);
    assert_int_equal(ring_balance.next(&w), WALK_END);
    ring_balance.free(none);

    const struct balance_conf least = { .vnodes = 1 };
    struct balance *one = balance_build(&ring_balance, four + 1, 1, &least);
    double share;
    assert_string_equal(walk_text(one, SLICE("/"), &w), "0");
    ring_balance.shares(one, &share);
    assert_true(share == 1.0);
    ring_balance.free(one);
}

static int by_size(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* The largest share, as a multiple of the mean. */
static double peak_to_mean(const struct balance_member *members, size_t count,
                           const struct balance_conf *conf)
{
    double shares[100], peak = 0, sum = 0;
    struct balance *b = balance_build(&ring_balance, members, count, conf);
    ring_balance.shares(b, shares);
    for (size_t i = 0; i < count; i++) {
        sum += shares[i];
        peak = shares[i] > peak ? shares[i] : peak;
    }
    assert_true(sum > 1 - 1e-9 && sum < 1 + 1e-9);
    ring_balance.free(b);
    return peak * (double)count;
}

static void quality(void **state)
{
    enum { SEEDS = 200 };
    static const struct {
        size_t servers;
        uint64_t vnodes;
        double median_max, all_max;
    } cases[] = {
        { 10, 512, 1.08, 1.20 },
        { 10, 2000, 1.04, 1.10 },
        { 100, 512, 1.13, 1.28 },
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct balance_member members[100];
        double peaks[SEEDS];
        make_members(members, cases[i].servers);
        for (size_t seed = 0; seed < SEEDS; seed++)
            peaks[seed] = peak_to_mean(members, cases[i].servers,
                                       &(struct balance_conf){ cases[i].vnodes, seed });
        qsort(peaks, SEEDS, sizeof(peaks[0]), by_size);
        print_message("%zu servers, %zu vnodes: median %.4f, largest %.4f\n", cases[i].servers,
                      (size_t)cases[i].vnodes, peaks[SEEDS / 2], peaks[SEEDS - 1]);
        assert_true(peaks[SEEDS / 2] <= cases[i].median_max);
        assert_true(peaks[SEEDS - 1] <= cases[i].all_max);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(golden_owners),
        cmocka_unit_test(golden_points),
        cmocka_unit_test(fingerprint_is_of_what_decides),
        cmocka_unit_test(order_in_the_file_moves_nothing),
        cmocka_unit_test(leaving_moves_only_own_arcs),
        cmocka_unit_test(weight_adds_points_and_moves_none),
        cmocka_unit_test(a_walk_visits_all_of_many),
        cmocka_unit_test(small_rings),
        cmocka_unit_test(quality),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
