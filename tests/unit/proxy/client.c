/* SPDX-License-Identifier: Apache-2.0 */
#include "proxy/client.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static void test_remote(void **state)
{
    static const struct {
        const char *why, *peer, *forwarded_for, *forwarded, *want;
        unsigned port;
    } cases[] = {
        { "no proxy", "192.0.2.1:5000", NULL, NULL, "192.0.2.1", 5000 },
        { "a stranger is not believed", "192.0.2.1:5000", "1.2.3.4", NULL, "192.0.2.1", 5000 },
        { "a trusted proxy is", "10.0.0.1:5000", "1.2.3.4", NULL, "1.2.3.4", 0 },
        { "the rightmost that is no proxy", "10.0.0.1:1", "6.6.6.6, 1.2.3.4, 10.0.0.9", NULL,
          "1.2.3.4", 0 },
        { "all are proxies: the first", "10.0.0.1:1", "10.0.0.7, 10.0.0.9", NULL, "10.0.0.7", 0 },
        { "nonsense ends the walk", "10.0.0.1:1", "1.2.3.4, unknown, 10.0.0.9", NULL, "10.0.0.9",
          0 },
        { "only nonsense", "10.0.0.1:1", "what?", NULL, "10.0.0.1", 1 },
        { "nothing", "10.0.0.1:1", "", NULL, "10.0.0.1", 1 },
        { "canonical", "10.0.0.1:1", "2001:DB8:0:0::1", NULL, "2001:db8::1", 0 },
        { "with a port", "10.0.0.1:1", "[2001:db8::1]:443", NULL, "2001:db8::1", 0 },
        { "no unix paths from outside", "10.0.0.1:1", "unix:/tmp/x", NULL, "10.0.0.1", 1 },
        { "Forwarded", "10.0.0.1:1", NULL, "for=1.2.3.4;proto=https, For=10.0.0.9", "1.2.3.4", 0 },
        { "Forwarded, IPv6", "10.0.0.1:1", NULL, "proto=http; for=\"[2001:db8::7]:99\"",
          "2001:db8::7", 0 },
        { "Forwarded, hidden", "10.0.0.1:1", NULL, "for=1.1.1.1, for=_hidden", "10.0.0.1", 1 },
        { "X-Forwarded-For counts first", "10.0.0.1:1", "1.2.3.4", "for=5.6.7.8", "1.2.3.4", 0 },
        { "a proxy over IPv6", "[::ffff:10.0.0.3]:77", "1.2.3.4", NULL, "1.2.3.4", 0 },
    };
    struct addr_block trusted;
    assert_int_equal(addr_block_parse(SLICE("10.0.0.0/8"), &trusted), 0);
    const struct listener_conf l = { .trusted = &trusted, .trusted_count = 1 };

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct arena a;
        struct fields f;
        struct client c;
        struct addr peer;
        arena_init(&a, NULL);
        fields_init(&f, &a);
        if (cases[i].forwarded_for != NULL)
            fields_add_known(&f, FIELD_X_FORWARDED_FOR, slice_str(cases[i].forwarded_for));
        if (cases[i].forwarded != NULL)
            fields_add_known(&f, FIELD_FORWARDED, slice_str(cases[i].forwarded));
        assert_int_equal(addr_parse(slice_str(cases[i].peer), &peer), 0);
        client_init(&c, &l, &peer, NULL);
        client_believe(&c, &l, &f, &a);
        if (!slice_eq(c.remote, slice_str(cases[i].want)) || c.remote_port != cases[i].port)
            fail_msg("%s: %.*s %u", cases[i].why, SLICE_ARG(c.remote), c.remote_port);
        arena_done(&a);
    }
}

/* Several lines are one list. */
static void test_lines(void **state)
{
    struct arena a;
    struct fields f;
    struct client c;
    struct addr peer;
    struct addr_block trusted;
    addr_block_parse(SLICE("10.0.0.0/8"), &trusted);
    const struct listener_conf l = { .trusted = &trusted, .trusted_count = 1 };
    arena_init(&a, NULL);
    fields_init(&f, &a);
    fields_add_known(&f, FIELD_X_FORWARDED_FOR, SLICE("6.6.6.6, 1.2.3.4"));
    fields_add_known(&f, FIELD_X_FORWARDED_FOR, SLICE("10.1.1.1"));
    addr_parse(SLICE("10.0.0.1:1"), &peer);
    client_init(&c, &l, &peer, NULL);
    client_believe(&c, &l, &f, &a);
    assert_true(slice_eq(c.remote, SLICE("1.2.3.4")));
    assert_true(slice_eq(c.peer, SLICE("10.0.0.1")));
    arena_done(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_remote),
        cmocka_unit_test(test_lines),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
