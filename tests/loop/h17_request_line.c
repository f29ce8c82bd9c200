/* SPDX-License-Identifier: Apache-2.0 */
/* The request line. */
#include "rows.h"

#define REST " HTTP/1.1\r\n" HOST "X-Canary: " CANARY "\r\n\r\n"

static void test_h17_without_a_version(void **state)
{
    static const struct row rows[] = {
        { "alone", .sent = BYTES("GET /" CANARY "\r\n"), .status = 400, .refused = "version" },
        { "fields behind it", .sent = BYTES("GET /" CANARY "\r\n" HOST "\r\n"), .status = 400,
          .refused = "version" },
    };
    ROWS_RUN(state, rows);
}

static void test_h22_dot_segments(void **state)
{
    static const struct row rows[] = {
        { "plain", .sent = BYTES("GET /a/./b/../c" REST),
          .upstream = "GET /a/c HTTP/1.1\r\n" HOST "X-Canary: " CANARY "\r\n" OURS "\r\n",
          .heard = "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\n/a/c" },
    };
    ROWS_RUN(state, rows);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_h17_without_a_version),
        cmocka_unit_test(test_h22_dot_segments),
    };
    return cmocka_run_group_tests(tests, rows_set_up, rows_tear_down);
}
