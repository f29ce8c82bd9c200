/* SPDX-License-Identifier: Apache-2.0 */
#include "event/resolver.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <sys/wait.h>
#include <time.h>

#include <cmocka.h>

static void local_names_without_a_network(void **state)
{
    struct resolver_name names[] = {
        { .host = "localhost" },
        { .host = "no-such-host.invalid" },
        { .host = "127.0.0.9" },
    };
    assert_int_equal(resolver_run(names, 3, 3000), 0);

    assert_true(names[0].count >= 1 && names[0].count <= RESOLVER_ADDRS_MAX);
    assert_null(names[0].why);
    for (unsigned i = 0; i < names[0].count; i++) {
        char text[ADDR_TEXT_MAX];
        const char *ip = addr_ip_text(&names[0].addrs[i], text);
        assert_true(strcmp(ip, "127.0.0.1") == 0 || strcmp(ip, "::1") == 0);
        assert_int_equal(addr_port(&names[0].addrs[i]), 0);
    }
    assert_int_equal(names[1].count, 0); /* RFC 6761 6.4, or no answer in time */
    assert_non_null(names[1].why);
    assert_int_equal(names[2].count, 1);
}

static long elapsed_ms(const struct timespec *since)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (t.tv_sec - since->tv_sec) * 1000 + (t.tv_nsec - since->tv_nsec) / 1000000;
}

static void the_time_is_bounded(void **state)
{
    struct resolver_name name = { .host = "no-such-host.invalid", .count = 3 };
    struct timespec start;
    clock_gettime(CLOCK_MONOTONIC, &start);
    assert_int_equal(resolver_run(&name, 1, 0), 0);
    assert_true(elapsed_ms(&start) < 2000);
    assert_int_equal(name.count, 0);
    assert_non_null(name.why);
}

static void leaves_no_child(void **state)
{
    struct resolver_name name = { .host = "localhost" };
    assert_int_equal(resolver_run(&name, 1, 3000), 0);
    assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
    assert_int_equal(errno, ECHILD);
    assert_int_equal(resolver_run(NULL, 0, 3000), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(local_names_without_a_network),
        cmocka_unit_test(the_time_is_bounded),
        cmocka_unit_test(leaves_no_child),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
