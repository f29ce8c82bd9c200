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

#define SERVERS_MAX 8

struct line { /* one `server` line */
    const char *address, *id;
    bool backup, unresolved;
};
struct fixture {
    struct servers *registry;
    struct cluster *cluster;
    struct addr addr;
};

static void build(struct fixture *f, const struct line *lines, size_t count,
                  const struct balance_ops *balance)
{
    struct server_conf servers[SERVERS_MAX];
    assert_int_equal(addr_parse(SLICE("127.0.0.1:80"), &f->addr), 0);
    for (size_t i = 0; i < count; i++)
        servers[i] = (struct server_conf){
            .address = slice_str(lines[i].address),
            .id = slice_str(lines[i].id != NULL ? lines[i].id : lines[i].address),
            .weight = 1,
            .backup = lines[i].backup,
            .addrs = &f->addr,
            .addr_count = !lines[i].unresolved,
            .why_unresolved = lines[i].unresolved ? "no such name" : NULL,
        };
    const struct cluster_conf conf = { .name = SLICE("app"),
                                       .balance = balance,
                                       .balance_conf = { .vnodes = 512 },
                                       .key = { KEY_URI, .text = SLICE("uri") },
                                       .servers = servers,
                                       .server_count = count,
                                       .connect_ms = 2000 };
    f->registry = servers_new();
    f->cluster = cluster_new(&conf, f->registry);
    memset(servers, 0xa5, sizeof(servers)); /* what it keeps is copied */
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
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
