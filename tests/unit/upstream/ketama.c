/* SPDX-License-Identifier: Apache-2.0 */
#include "upstream/ketama.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "upstream/circle.h"

#define COUNT(rows) (sizeof(rows) / sizeof((rows)[0]))

static const struct balance_member five[] = {
    { SLICE_INIT("127.0.0.1:9001"), 1 },
    { SLICE_INIT("127.0.0.1:9002"), 2 },
    { SLICE_INIT("localhost"), 1 },             /* no port: an empty one */
    { SLICE_INIT("unix:/run/app.sock:80"), 3 }, /* all of it is the path */
    { SLICE_INIT("[::1]:8080"), 1 },
};
static const struct balance_conf none = { 0 };

static size_t owner_of(const struct balance *b, struct slice key, struct walk *w)
{
    *w = (struct walk){ 0 };
    ketama_balance.start(b, key, w);
    return ketama_balance.next(w);
}

/* Computed with Python's zlib.crc32 after nginx's rules, by a plain search. */
static void golden_owners(void **state)
{
    static const struct {
        const char *key;
        uint64_t hash, point;
        size_t owner;
    } cases[] = {
        { "/", 0x79d3d2d4, 0x79f2e74a, 2 },
        { "/a", 0x69707b5c, 0x69826548, 3 },
        { "/index.html?x=1", 0x4267f956, 0x4288b38a, 0 },
        { "user-42", 0x7d06b873, 0x7d18cb9a, 4 },
        { "/img/logo.svg", 0x93727596, 0x93b9aefd, 3 },
        { "a", 0xe8b7be43, 0xe8b8f556, 3 },
        { "/wrap", 0x08cd4009, 0x08d4724f, 0 },
        { "/k1788", 0xfff438a8, 6631760, 3 }, /* past the last point: the first */
    };
    struct balance *b = balance_build(&ketama_balance, five, COUNT(five), &none);
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct walk w;
        assert_int_equal(owner_of(b, slice_str(cases[i].key), &w), cases[i].owner);
        assert_int_equal(w.key_hash, cases[i].hash);
        assert_int_equal(w.point, cases[i].point);
    }
    ketama_balance.free(b);
}

static void golden_points(void **state)
{
    struct balance *b = balance_build(&ketama_balance, five, COUNT(five), &none);
    const struct points *p = &((struct circle *)b)->points;
    static const uint64_t chain[] = { 0x70533e04, 0x10571e62,
                                      0x1f895401 }; /* of the first member */

    assert_int_equal(p->count, 160 * 8);
    for (size_t i = 0; i < COUNT(chain); i++) {
        size_t at = points_find(p, chain[i] << 32);
        assert_int_equal(p->hashes[at], chain[i] << 32);
        assert_int_equal(p->owners[at], 0);
    }
    assert_int_equal(balance_fingerprint(b, SLICE("uri")), 0x6578cee45ce8847b);
    ketama_balance.free(b);
}

static void addresses_are_taken_apart_as_nginx_does(void **state)
{
    static const struct {
        const char *why, *one, *same;
        bool equal;
    } cases[] = {
        { "the case of unix: does not count", "unix:/a", "UNIX:/a", true },
        { "the port counts", "10.0.0.1:80", "10.0.0.1:81", false },
        { "no default port is added", "10.0.0.1", "10.0.0.1:80", false },
        { "an empty port is none", "10.0.0.1", "10.0.0.1:", true },
        { "the text counts, not the address", "10.0.0.1:80", "10.0.0.01:80", false },
        { "brackets stay", "[::1]:80", "::1:80", false },
        { "a path has no port", "unix:/a:80", "/a:80", false },
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        const struct balance_member one = { slice_str(cases[i].one), 1 };
        const struct balance_member same = { slice_str(cases[i].same), 1 };
        struct balance *a = balance_build(&ketama_balance, &one, 1, &none);
        struct balance *b = balance_build(&ketama_balance, &same, 1, &none);
        bool equal =
            ((struct circle *)a)->points.hashes[0] == ((struct circle *)b)->points.hashes[0];
        if (equal != cases[i].equal)
            fail_msg("%s", cases[i].why);
        ketama_balance.free(a);
        ketama_balance.free(b);
    }
}

/* Two servers of one address have the same points: the first in the file keeps them all, and the
 * second is still there to fall back on. */
static void equal_points_stay_with_the_first(void **state)
{
    static const struct balance_member twins[] = {
        { SLICE_INIT("10.0.0.1:80"), 1 },
        { SLICE_INIT("10.0.0.1:80"), 2 },
    };
    struct balance *b = balance_build(&ketama_balance, twins, 2, &none);
    struct arena a;
    struct walk w = { .arena = &a };
    double shares[2];

    arena_init(&a, NULL);
    assert_int_equal(((struct circle *)b)->points.count, 320);
    ketama_balance.shares(b, shares);
    assert_true(shares[0] > 0 && shares[1] > 0); /* the second has its 160 further points */
    ketama_balance.start(b, SLICE("/"), &w);
    size_t first = ketama_balance.next(&w);
    assert_int_equal(ketama_balance.next(&w), 1 - first);
    assert_int_equal(ketama_balance.next(&w), WALK_END);
    arena_done(&a);
    ketama_balance.free(b);

    const struct balance_member equal[] = { twins[0], twins[0] };
    b = balance_build(&ketama_balance, equal, 2, &none);
    ketama_balance.shares(b, shares);
    assert_true(shares[0] == 1.0 && shares[1] == 0);
    ketama_balance.free(b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(golden_owners),
        cmocka_unit_test(golden_points),
        cmocka_unit_test(addresses_are_taken_apart_as_nginx_does),
        cmocka_unit_test(equal_points_stay_with_the_first),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
