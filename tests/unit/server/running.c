/* SPDX-License-Identifier: Apache-2.0 */
/* What a worker's row says, sane or not, and times in words. */
#include "server/running.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>

static void believes_no_row(void **state)
{
    static const struct {
        const char *why;
        uint64_t accepted, closed, requests, finished, stamp_ms;
        struct running_worker want;
    } rows[] = {
        { "at rest", 5, 5, 7, 7, 1000, { 0, 0, 0 } },
        { "at work", 5, 3, 7, 6, 900, { 2, 1, 100 } },
        { "more closed than accepted", 3, 5, 6, 7, 1000, { 0, 0, 0 } },
        { "a stamp of the future", 0, 0, 0, 0, UINT64_MAX, { 0, 0, 0 } },
        { "nonsense", UINT64_MAX, 0, UINT64_MAX, 0, 0, { UINT64_MAX, UINT64_MAX, 1000 } },
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct holdings held = { 0 };
        unsigned row;
        print_message("%s\n", rows[i].why);
        assert_int_equal(shm_new(2, 0, &held.shm), 0);
        assert_int_equal(shm_claim(held.shm, 0, &row), 0);
        struct shm_row *memory = shm_row(held.shm, row);
        counter_add(&memory->counters, COUNTER_CONNECTIONS_ACCEPTED, rows[i].accepted);
        counter_add(&memory->counters, COUNTER_CONNECTIONS_CLOSED, rows[i].closed);
        counter_add(&memory->counters, COUNTER_REQUESTS, rows[i].requests);
        counter_add(&memory->counters, COUNTER_REQUESTS_FINISHED, rows[i].finished);
        memory->stamp_ms = rows[i].stamp_ms;
        struct running r = { .held = &held, .now_ms = 1000 };
        struct child_info child = { .pid = 1, .row = row };
        struct running_worker got = running_worker(&r, &child);
        assert_int_equal(got.connections, rows[i].want.connections);
        assert_int_equal(got.in_flight, rows[i].want.in_flight);
        assert_int_equal(got.silent_ms, rows[i].want.silent_ms);
        child.pid = 0; /* nobody: its row may be another's by now */
        assert_int_equal(running_worker(&r, &child).connections, 0);
        child.pid = 1;
        child.row = 99;
        assert_int_equal(running_worker(&r, &child).connections, 0);
        shm_free(held.shm);
    }
}

static void tells_times(void **state)
{
    static const struct {
        const char *why;
        int64_t ms;
        const char *want;
    } rows[] = {
        { "the beginning", 0, "1970-01-01T00:00:00Z" },
        { "fractions are cut", 1794000000999, "2026-11-06T21:20:00Z" },
        { "far away", 253402300799000, "9999-12-31T23:59:59Z" },
        { "beyond what a year can be", INT64_MAX, "an unknown time" },
    };
    char text[RUNNING_TIME_MAX];
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]) - 1; i++) {
        print_message("%s\n", rows[i].why);
        assert_string_equal(running_time(rows[i].ms, text), rows[i].want);
    }
    assert_non_null(running_time(rows[3].ms, text));
}

static void counts_whole_days(void **state)
{
    static const struct {
        const char *why;
        int64_t second, want;
    } rows[] = {
        { "now", 1000000, 0 },
        { "within a day", 1000000 + 86399, 0 },
        { "a day", 1000000 + 86400, 1 },
        { "just over", 1000000 - 1, -1 },
        { "a day and a bit ago", 1000000 - 86401, -2 },
    };
    const struct running r = { .wall_ms = 1000000000 };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        print_message("%s\n", rows[i].why);
        assert_int_equal(running_days_until(&r, rows[i].second), rows[i].want);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(believes_no_row),
        cmocka_unit_test(tells_times),
        cmocka_unit_test(counts_whole_days),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
