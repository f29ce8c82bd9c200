/* SPDX-License-Identifier: Apache-2.0 */
#include "upstream/server.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <stdio.h>

static struct addr parse(const char *text)
{
    struct addr a;
    assert_int_equal(addr_parse(slice_str(text), &a), 0);
    return a;
}

static struct server_conf conf_of(const char *id, const struct addr *addrs, size_t count)
{
    return (struct server_conf){
        .address = slice_str(id), .id = slice_str(id), .addrs = addrs, .addr_count = count
    };
}

static void found_again_by_pool_and_id(void **state)
{
    struct servers *r = servers_new();
    struct server *one = servers_get(r, SLICE("app"), SLICE("a"));

    assert_int_equal(one->refs, 1);
    assert_true(slice_eq(one->id, SLICE("a")) && slice_eq(one->pool_name, SLICE("app")));
    assert_ptr_equal(servers_get(r, SLICE("app"), SLICE("a")), one);
    assert_int_equal(one->refs, 2);
    struct server *other_pool = servers_get(r, SLICE("api"), SLICE("a"));
    struct server *other_id = servers_get(r, SLICE("app"), SLICE("b"));
    assert_true(other_pool != one && other_id != one && other_id != other_pool);

    server_unref(one);
    server_unref(one);
    server_unref(other_pool);
    server_unref(other_id);
    server_unref(NULL);
    servers_free(r); /* asserts that all are gone */
}

static void forgotten_with_the_last_reference(void **state)
{
    struct servers *r = servers_new();
    struct server *s = servers_get(r, SLICE("app"), SLICE("a"));
    s->next_addr = 7; /* a sign of life */
    assert_ptr_equal(server_ref(s), s);
    server_unref(s);
    server_unref(s);

    s = servers_get(r, SLICE("app"), SLICE("a"));
    assert_int_equal(s->next_addr, 0);
    assert_int_equal(s->refs, 1);
    server_unref(s);
    servers_free(r);
    servers_free(NULL);
}

static void many_in_one_chain(void **state)
{
    enum { SERVERS = 2000 };
    static struct server *all[SERVERS];
    struct servers *r = servers_new();
    char id[16];
    for (int turn = 0; turn < 2; turn++) {
        for (size_t i = 0; i < SERVERS; i++) {
            (void)snprintf(id, sizeof(id), "s%zu", i);
            struct server *s = servers_get(r, SLICE("app"), slice_str(id));
            assert_true(turn == 0 || s == all[i]);
            all[i] = s;
        }
    }
    for (size_t i = 0; i < SERVERS; i++) {
        server_unref(all[i]);
        server_unref(all[i]);
    }
    servers_free(r);
}

static void addresses_follow_the_configuration(void **state)
{
    struct servers *r = servers_new();
    const struct addr two[] = { parse("127.0.0.1:80"), parse("[::1]:80") };
    const struct addr moved[] = { parse("127.0.0.2:80"), parse("[::1]:80") };
    struct server_conf c = conf_of("a", two, 2);
    struct server *s = servers_get(r, SLICE("app"), SLICE("a"));
    assert_int_equal(s->addr_count, 0);
    server_update(s, &c);
    assert_int_equal(s->addr_count, 2);
    assert_true(addr_eq(&s->addrs[1], &two[1]) && s->addrs != two);

    s->next_addr = 1;
    server_update(s, &c);
    assert_int_equal(s->next_addr, 1); /* nothing changed: the dials go on in turn */

    c.addrs = moved;
    server_update(s, &c);
    assert_true(addr_eq(&s->addrs[0], &moved[0]));
    assert_int_equal(s->next_addr, 0);

    c.addr_count = 0; /* no longer resolves */
    server_update(s, &c);
    assert_int_equal(s->addr_count, 0);
    server_unref(s);
    servers_free(r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(found_again_by_pool_and_id),
        cmocka_unit_test(forgotten_with_the_last_reference),
        cmocka_unit_test(many_in_one_chain),
        cmocka_unit_test(addresses_follow_the_configuration),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
