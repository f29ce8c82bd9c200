/* SPDX-License-Identifier: Apache-2.0 */
#include "server/complaint.h"

#include "base/log.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static void says_one_a_second(void **state)
{
    static const struct {
        const char *why;
        uint64_t now_ms;
        const char *want; /* NULL: nothing is written */
    } rows[] = {
        { "the first at once, also when the clock begins", 0, "warn test: it broke 0\n" },
        { "not in the same second", 1, NULL },
        { "nor at its end", 999, NULL },
        { "the next with how many there were", 1000,
          "warn test: it broke 3 (and 2 more before it)\n" },
        { "which are counted anew", 5000, "warn test: it broke 4\n" },
    };
    struct complaint c = { 0 };
    int ends[2];
    char line[256];
    assert_int_equal(pipe2(ends, 0), 0);
    log_open(ends[1], LOG_INFO, "test");
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        complaint_log(&c, rows[i].now_ms, "it broke %zu", i);
        if (rows[i].want == NULL)
            continue;
        print_message("%s\n", rows[i].why);
        ssize_t len = read(ends[0], line, sizeof(line) - 1);
        assert_true(len > 0);
        line[len] = '\0';
        assert_string_equal(strchr(line, ' ') + 1, rows[i].want);
    }
    log_open(STDERR_FILENO, LOG_INFO, "test");
    close(ends[0]);
    close(ends[1]);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(says_one_a_second) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
