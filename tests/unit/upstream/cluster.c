/* SPDX-License-Identifier: Apache-2.0 */
#include "upstream/cluster.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "base/mem.h"
#include "upstream/ketama.h"
#include "upstream/ring.h"

#include <stdio.h>

#define COUNT(rows) (sizeof(rows) / sizeof((rows)[0]))
#define SERVERS_MAX 8

struct line { /* one `server` line */
    const char *address, *id;
    bool backup, unresolved;
};
struct fixture {
    struct servers *registry;
    struct cluster *cluster;
    struct addr addr; /* of every server that has one */
};

struct pool { /* what a cluster is made of */
    const struct line *lines;
    size_t count;
    const struct balance_ops *balance;
    struct balance_conf conf;
    const char *key;
    uint64_t weight; /* of the first server */
};

static struct cluster *begin(struct fixture *f, const struct pool *pool,
                             const struct cluster *former)
{
    struct server_conf servers[SERVERS_MAX];
    assert_int_equal(addr_parse(SLICE("127.0.0.1:80"), &f->addr), 0);
    for (size_t i = 0; i < pool->count; i++) {
        const struct line *line = &pool->lines[i];
        servers[i] = (struct server_conf){
            .address = slice_str(line->address),
            .id = slice_str(line->id != NULL ? line->id : line->address),
            .weight = i == 0 && pool->weight > 0 ? pool->weight : 1,
            .backup = line->backup,
            .addrs = &f->addr,
            .addr_count = !line->unresolved,
            .why_unresolved = line->unresolved ? "no such name" : NULL,
        };
    }
    const struct cluster_conf conf = { .name = SLICE("app"),
                                       .balance = pool->balance,
                                       .balance_conf = pool->conf,
                                       .key = { KEY_URI, .text = slice_str(pool->key) },
                                       .servers = servers,
                                       .server_count = pool->count,
                                       .connect_ms = 2000 };
    struct cluster *c = cluster_begin(&conf, f->registry, former);
    memset(servers, 0xa5, sizeof(servers)); /* what it keeps is copied */
    return c;
}

static void grow(struct cluster *c, size_t points)
{
    while (cluster_grow(c, points))
        ;
}

static void build(struct fixture *f, const struct line *lines, size_t count,
                  const struct balance_ops *balance)
{
    const struct pool pool = { lines, count, balance, { .vnodes = 512 }, "uri", 1 };
    f->registry = servers_new();
    f->cluster = begin(f, &pool, NULL);
    grow(f->cluster, BALANCE_POINTS_MAX);
}

static void tear_down(struct fixture *f)
{
    cluster_free(f->cluster);
    servers_free(f->registry);
}

/* All places of a walk, as text: "0 2 1". */
static const char *walk_text(const struct cluster *c, const char *key, char out[static 64])
{
    struct arena a;
    struct cluster_walk w;
    size_t place, len = 0;
    arena_init(&a, NULL);
    cluster_walk_start(&w, c, slice_str(key), &a);
    uint64_t key_hash = w.walk.key_hash, point = w.walk.point;

    out[0] = '\0';
    for (struct server *s; (s = cluster_walk_next(&w, &place)) != NULL;) {
        assert_true(slice_eq(s->id, cluster_conf(c)->servers[place].id));
        len += (size_t)snprintf(out + len, 64 - len, len > 0 ? " %zu" : "%zu", place);
    }
    assert_null(cluster_walk_next(&w, NULL));
    assert_true(w.walk.key_hash == key_hash && w.walk.point == point);
    arena_done(&a);
    return out;
}

static const struct line pool[] = {
    { "10.0.0.1:80", .id = "a" },
    { "10.0.0.2:80", .id = "b", .backup = true },
    { "10.0.0.3:80", .id = "c", .unresolved = true },
    { "10.0.0.4:80", .id = "d", .backup = true },
    { "10.0.0.5:80", .id = "e" },
};
enum { POOL_COUNT = sizeof(pool) / sizeof(pool[0]) };

static bool one_of(const char *text, const char *const *among)
{
    while (*among != NULL && strcmp(text, *among) != 0)
        among++;
    return *among != NULL;
}

static void primaries_then_backups(void **state)
{
    static const char *const orders[] = {
        "0 2 4", "0 4 2", "2 0 4", "2 4 0", "4 0 2", "4 2 0", NULL
    };
    static const char *const tails[] = { " 1 3", " 3 1", NULL };
    struct fixture f;
    unsigned owners_seen = 0;
    build(&f, pool, POOL_COUNT, &ring_balance);
    for (unsigned i = 0; i < 100; i++) {
        char key[16], text[64], head[6];
        (void)snprintf(key, sizeof(key), "/k%u", i);
        walk_text(f.cluster, key, text);
        memcpy(head, text, 5);
        head[5] = '\0';
        assert_true(one_of(head, orders) && one_of(text + 5, tails));
        owners_seen |= 1u << (text[0] - '0');
    }
    assert_int_equal(owners_seen, 1u << 0 | 1u << 2 | 1u << 4);
    tear_down(&f);
}

static void only_backups(void **state)
{
    static const struct line lines[] = { { "b", .backup = true } };
    struct fixture f;
    struct cluster_walk w;
    char text[64];
    build(&f, lines, 1, &ring_balance);
    assert_string_equal(walk_text(f.cluster, "/", text), "0");
    cluster_walk_start(&w, f.cluster, SLICE("/"), NULL);
    assert_true(w.walk.key_hash != 0 && w.walk.point != 0); /* explain has something to show */
    tear_down(&f);
}

static void no_server_at_all(void **state)
{
    struct fixture f;
    char text[64];
    build(&f, NULL, 0, &ketama_balance);
    assert_string_equal(walk_text(f.cluster, "/", text), "");
    tear_down(&f);
}

static void unresolved_is_skipped_with_its_reason(void **state)
{
    struct fixture f;
    build(&f, pool, POOL_COUNT, &ring_balance);
    assert_string_equal(cluster_skip_reason(f.cluster, 2), "unresolved: no such name");
    assert_null(cluster_skip_reason(f.cluster, 0));
    assert_null(cluster_skip_reason(f.cluster, 1));
    tear_down(&f);
}

static void ketama_goes_by_address_and_ring_by_id(void **state)
{
    static const struct line renamed[] = { { "10.0.0.1:80", .id = "x" },
                                           { "10.0.0.5:80", .id = "y" } };
    static const struct line plain[] = { { "10.0.0.1:80" }, { "10.0.0.5:80" } };
    const struct balance_ops *balances[] = { &ketama_balance, &ring_balance };
    for (size_t i = 0; i < 2; i++) {
        struct fixture f, g;
        build(&f, renamed, 2, balances[i]);
        build(&g, plain, 2, balances[i]);
        bool same = cluster_fingerprint(f.cluster) == cluster_fingerprint(g.cluster);
        assert_true(same == balances[i]->by_address);
        tear_down(&f);
        tear_down(&g);
    }
}

static void fingerprint_is_of_the_primaries(void **state)
{
    static const struct line primaries[] = { { "10.0.0.1:80", .id = "a" },
                                             { "10.0.0.3:80", .id = "c" },
                                             { "10.0.0.5:80", .id = "e" } };
    struct fixture f, g;
    build(&f, pool, POOL_COUNT, &ring_balance);
    build(&g, primaries, 3, &ring_balance);
    assert_int_equal(cluster_fingerprint(f.cluster), cluster_fingerprint(g.cluster));
    tear_down(&f);
    tear_down(&g);
}

static void shares_of_primaries_sum_to_one(void **state)
{
    struct fixture f;
    double owners[POOL_COUNT];
    build(&f, pool, POOL_COUNT, &ring_balance);
    cluster_shares(f.cluster, owners);
    assert_true(owners[1] == 0 && owners[3] == 0);
    double sum = owners[0] + owners[2] + owners[4];
    assert_true(sum > 1 - 1e-12 && sum < 1 + 1e-12);
    tear_down(&f);
}

static void keeps_copies(void **state)
{
    struct fixture f;
    build(&f, pool, POOL_COUNT, &ring_balance);
    const struct cluster_conf *conf = cluster_conf(f.cluster);
    assert_true(slice_eq(cluster_name(f.cluster), SLICE("app")));
    assert_true(slice_eq(conf->servers[3].address, SLICE("10.0.0.4:80")));
    assert_true(addr_eq(&conf->servers[3].addrs[0], &f.addr));
    assert_true(conf->servers[3].addrs != &f.addr);
    assert_string_equal(conf->servers[2].why_unresolved, "no such name");
    assert_int_equal(conf->connect_ms, 2000);
    tear_down(&f);
    cluster_free(NULL);
}

/* --- in steps, and beside a former one */

static void in_pieces_it_is_the_same(void **state)
{
    const struct balance_ops *balances[] = { &ring_balance, &ketama_balance };
    for (size_t i = 0; i < 2; i++) {
        const struct pool conf = { pool, POOL_COUNT, balances[i], { .vnodes = 16 }, "uri", 3 };
        struct fixture f = { .registry = servers_new() };
        f.cluster = begin(&f, &conf, NULL);
        struct cluster *whole = begin(&f, &conf, NULL);
        grow(f.cluster, 1);
        grow(whole, BALANCE_POINTS_MAX);
        assert_int_equal(cluster_fingerprint(f.cluster), cluster_fingerprint(whole));
        cluster_free(whole);
        tear_down(&f);
    }
}

static void can_be_given_up_at_any_step(void **state)
{
    const struct pool conf = { pool, POOL_COUNT, &ring_balance, { .vnodes = 2 }, "uri", 1 };
    struct fixture f = { .registry = servers_new() };
    bool more = true;
    for (unsigned steps = 0; more; steps++) {
        struct cluster *c = begin(&f, &conf, NULL);
        for (unsigned i = 0; i < steps && more; i++)
            more = cluster_grow(c, 3);
        cluster_free(c);
    }
    tear_down(&f);
}

static void shares_balancers_with_a_former_one(void **state)
{
    static const struct line abc[] = { { "a:1" }, { "b:1" }, { "c:1", .backup = true } };
    static const struct line moved[] = { { "a:2", .id = "a:1" },
                                         { "b:1" },
                                         { "c:1", .backup = true } };
    static const struct line first[] = { { "c:1", .backup = true }, { "a:1" }, { "b:1" } };
    static const struct line turned[] = { { "b:1" }, { "a:1" }, { "c:1", .backup = true } };
    static const struct line backup[] = { { "a:1" }, { "b:1" }, { "d:1", .backup = true } };
    static const struct line down[] = { { "a:1", .unresolved = true },
                                        { "b:1" },
                                        { "c:1", .backup = true } };
    static const struct {
        const char *why;
        struct pool next;
        bool shared; /* all of it: there is nothing left to do */
    } rows[] = {
        { "nothing changed", { abc, 3, &ring_balance, { 8, 0 }, "uri", 2 }, true },
        { "an address behind an id", { moved, 3, &ring_balance, { 8, 0 }, "uri", 2 }, true },
        { "a name that resolves no more", { down, 3, &ring_balance, { 8, 0 }, "uri", 2 }, true },
        { "vnodes", { abc, 3, &ring_balance, { 9, 0 }, "uri", 2 }, false },
        { "seed", { abc, 3, &ring_balance, { 8, 1 }, "uri", 2 }, false },
        { "balancer", { abc, 3, &ketama_balance, { 8, 0 }, "uri", 2 }, false },
        { "weight", { abc, 3, &ring_balance, { 8, 0 }, "uri", 3 }, false },
        { "one less", { abc, 2, &ring_balance, { 8, 0 }, "uri", 2 }, false },
        { "the backup alone", { backup, 3, &ring_balance, { 8, 0 }, "uri", 2 }, false },
        { "order", { turned, 3, &ring_balance, { 8, 0 }, "uri", 1 }, false },
        { "key: only the fingerprint differs",
          { abc, 3, &ring_balance, { 8, 0 }, "host", 2 },
          false },
    };
    const struct pool was = { abc, 3, &ring_balance, { 8, 0 }, "uri", 2 };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct fixture f = { .registry = servers_new() };
        struct cluster *former = begin(&f, &was, NULL);
        struct cluster *anew = begin(&f, &rows[i].next, NULL);
        grow(former, BALANCE_POINTS_MAX);
        grow(anew, BALANCE_POINTS_MAX);
        f.cluster = begin(&f, &rows[i].next, former);
        if (cluster_grow(f.cluster, 1) == rows[i].shared)
            fail_msg("%s", rows[i].why);
        grow(f.cluster, 1);
        cluster_free(former); /* what is shared outlives it */
        char one[64], other[64];
        assert_string_equal(walk_text(f.cluster, "/x", one), walk_text(anew, "/x", other));
        assert_int_equal(cluster_fingerprint(f.cluster), cluster_fingerprint(anew));
        cluster_free(anew);
        tear_down(&f);
    }
    const struct pool place = { first, 3, &ring_balance, { 8, 0 }, "uri", 1 };
    const struct pool behind = { abc, 3, &ring_balance, { 8, 0 }, "uri", 1 };
    struct fixture f = { .registry = servers_new() };
    struct cluster *former = begin(&f, &behind, NULL);
    grow(former, BALANCE_POINTS_MAX);
    f.cluster = begin(&f, &place, former);
    assert_false(cluster_grow(f.cluster, 1)); /* a backup may stand anywhere between */
    cluster_free(former);
    tear_down(&f);
}

static void addresses_come_with_its_use(void **state)
{
    static const struct line one[] = { { "a:1" } };
    const struct pool pool_of_one = { one, 1, &ring_balance, { 8, 0 }, "uri", 1 };
    struct fixture f = { .registry = servers_new() };
    f.cluster = begin(&f, &pool_of_one, NULL);
    grow(f.cluster, BALANCE_POINTS_MAX);
    struct server *s = servers_get(f.registry, SLICE("app"), SLICE("a:1"));
    assert_int_equal(s->addr_count, 0);
    cluster_use(f.cluster);
    assert_int_equal(s->addr_count, 1);
    server_unref(s);
    tear_down(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(primaries_then_backups),
        cmocka_unit_test(only_backups),
        cmocka_unit_test(no_server_at_all),
        cmocka_unit_test(unresolved_is_skipped_with_its_reason),
        cmocka_unit_test(ketama_goes_by_address_and_ring_by_id),
        cmocka_unit_test(fingerprint_is_of_the_primaries),
        cmocka_unit_test(shares_of_primaries_sum_to_one),
        cmocka_unit_test(keeps_copies),
        cmocka_unit_test(in_pieces_it_is_the_same),
        cmocka_unit_test(can_be_given_up_at_any_step),
        cmocka_unit_test(shares_balancers_with_a_former_one),
        cmocka_unit_test(addresses_come_with_its_use),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
