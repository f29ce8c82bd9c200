/* SPDX-License-Identifier: Apache-2.0 */
#include "proxy/access_time.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

static void test_known_days(void **state)
{
    static const struct {
        const char *why;
        int64_t wall_ms;
        const char *log, *rfc3339;
    } cases[] = {
        { "the beginning", 0, "01/Jan/1970:00:00:00 +0000", "1970-01-01T00:00:00" },
        { "RFC 9110's example", 784111777999, "06/Nov/1994:08:49:37 +0000", "1994-11-06T08:49:37" },
        { "a leap day", 951782400000, "29/Feb/2000:00:00:00 +0000", "2000-02-29T00:00:00" },
        { "before the beginning", -1, "31/Dec/1969:23:59:59 +0000", "1969-12-31T23:59:59" },
        { "past the year 9999", INT64_MAX, "31/Dec/9999:23:59:59 +0000", "9999-12-31T23:59:59" },
    };
    struct access_time t = { 0 };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        access_time_update(&t, cases[i].wall_ms);
        if (memcmp(t.log, cases[i].log, ACCESS_TIME_LOG_LEN) != 0 ||
            memcmp(t.rfc3339, cases[i].rfc3339, ACCESS_TIME_RFC3339_LEN) != 0)
            fail_msg("%s: %.26s %.19s", cases[i].why, t.log, t.rfc3339);
    }
}

/* Against the C library, a prime number of seconds apart, over four centuries. */
static void test_every_so_often(void **state)
{
    struct access_time t = { 0 };
    for (int64_t second = 0; second < 400ll * 366 * 86400; second += 9999991) {
        char want[32];
        struct tm tm;
        time_t at = (time_t)second;
        gmtime_r(&at, &tm);
        strftime(want, sizeof want, "%Y-%m-%dT%H:%M:%S", &tm);
        access_time_update(&t, second * 1000 + 7);
        assert_memory_equal(t.rfc3339, want, ACCESS_TIME_RFC3339_LEN);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_known_days),
        cmocka_unit_test(test_every_so_often),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
