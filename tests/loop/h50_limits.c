/* SPDX-License-Identifier: Apache-2.0 */
/* Bodies over the limit, and clients that leave inside one. */
#include "rows.h"

#define POST(fields) "POST / HTTP/1.1\r\n" HOST fields
#define SIXTEEN      "0123456789abcdef"
#define SIXTY_FOUR   SIXTEEN SIXTEEN SIXTEEN SIXTEEN

/* `limit body=64` */
static void test_h50_bodies_over_the_limit(void **state)
{
    static const struct row rows[] = {
        { "a length, at once", ENTER_SMALL, .sent = BYTES(POST(MARK "Content-Length: 65\r\n\r\n")),
          .status = 413, .refused = "limit" },
        { "a length, with its body", ENTER_SMALL,
          .sent = BYTES(POST(MARK "Content-Length: 65\r\n\r\n" SIXTY_FOUR "x")), .status = 413,
          .refused = "limit" },
        { "the longest length", ENTER_SMALL,
          .sent = BYTES(POST(MARK "Content-Length: 9223372036854775807\r\n\r\n")), .status = 413,
          .refused = "limit" },
        { "a client that waits for 100", ENTER_SMALL,
          .sent = BYTES(POST(MARK "Content-Length: 65\r\nExpect: 100-continue\r\n\r\n")),
          .status = 413, .refused = "limit" },
        { "chunks, one too large", ENTER_SMALL,
          .sent = BYTES(
              POST(MARK "Transfer-Encoding: chunked\r\n\r\n41\r\n" SIXTY_FOUR "x\r\n0\r\n\r\n")),
          .status = 413, .refused = "limit",
          .upstream = POST(MARK OURS "Transfer-Encoding: chunked\r\n\r\n") SIXTY_FOUR,
          .aborts = true },
        { "chunks, together too large", ENTER_SMALL,
          .sent = BYTES(POST(MARK "Transfer-Encoding: chunked\r\n\r\n40\r\n" SIXTY_FOUR
                                  "\r\n1\r\nx\r\n0\r\n\r\n")),
          .status = 413, .refused = "limit",
          .upstream = POST(MARK OURS "Transfer-Encoding: chunked\r\n\r\n") SIXTY_FOUR,
          .aborts = true },
        { "a length at the limit", ENTER_SMALL,
          .sent = BYTES(POST("Content-Length: 64\r\n\r\n" SIXTY_FOUR)),
          .upstream = POST(OURS "Content-Length: 64\r\n\r\n") SIXTY_FOUR },
        { "chunks at the limit", ENTER_SMALL,
          .sent = BYTES(POST("Transfer-Encoding: chunked\r\n\r\n3f\r\n" SIXTEEN SIXTEEN SIXTEEN
                             "0123456789abcde\r\n1\r\nf\r\n0\r\n\r\n")),
          .upstream = POST(OURS "Transfer-Encoding: chunked\r\n\r\n") SIXTY_FOUR },
    };
    ROWS_RUN(state, rows);
}

#define LEFT "\"abort_phase\":\"body\" \"abort_by\":\"client\" \"tries\":1"

static void test_h51_clients_that_leave_inside_a_body(void **state)
{
    static const struct row rows[] = {
        { "FIN inside a length", .sent = BYTES(POST("Content-Length: 9\r\n\r\nabc")),
          .client = ENDS, .status = 499, .heard = "",
          .upstream = POST(OURS "Content-Length: 9\r\n\r\nabc"), .aborts = true, .silent = true,
          .record = LEFT " \"abort_signal\":\"fin\"" },
        { "RST inside a length", .sent = BYTES(POST("Content-Length: 9\r\n\r\nabc")),
          .client = RESETS, .status = 499, .heard = "",
          .upstream = POST(OURS "Content-Length: 9\r\n\r\nabc"), .aborts = true, .silent = true,
          .record = LEFT " \"abort_signal\":\"reset\"" },
        { "FIN before a body's first byte", .sent = BYTES(POST("Content-Length: 9\r\n\r\n")),
          .client = ENDS, .status = 499, .heard = "",
          .upstream = POST(OURS "Content-Length: 9\r\n\r\n"), .aborts = true, .silent = true,
          .record = LEFT },
        { "FIN inside a chunk", .sent = BYTES(POST("Transfer-Encoding: chunked\r\n\r\n9\r\nabc")),
          .client = ENDS, .status = 499, .heard = "",
          .upstream = POST(OURS "Transfer-Encoding: chunked\r\n\r\nabc"), .aborts = true,
          .silent = true, .record = LEFT },
        { "FIN between chunks",
          .sent = BYTES(POST("Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n")), .client = ENDS,
          .status = 499, .heard = "",
          .upstream = POST(OURS "Transfer-Encoding: chunked\r\n\r\nabc"), .aborts = true,
          .silent = true, .record = LEFT },
        { "FIN inside the last chunk",
          .sent = BYTES(POST("Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n")),
          .client = ENDS, .status = 499, .heard = "",
          .upstream = POST(OURS "Transfer-Encoding: chunked\r\n\r\nabc"), .aborts = true,
          .silent = true, .record = LEFT },
        { "FIN inside trailers",
          .sent = BYTES(POST("Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\nX: 1\r\n")),
          .client = ENDS, .status = 499, .heard = "",
          .upstream = POST(OURS "Transfer-Encoding: chunked\r\n\r\nabc"), .aborts = true,
          .silent = true, .record = LEFT },
        { "an idempotent method is not repeated either",
          .sent = BYTES("PUT / HTTP/1.1\r\n" HOST "Content-Length: 9\r\n\r\nabc"), .client = RESETS,
          .status = 499, .heard = "",
          .upstream = "PUT / HTTP/1.1\r\n" HOST OURS "Content-Length: 9\r\n\r\nabc", .aborts = true,
          .silent = true, .record = LEFT },
        { "FIN behind a whole request", .sent = BYTES("GET / HTTP/1.1\r\n" HOST "\r\n"),
          .client = ENDS, .status = 499, .heard = "",
          .upstream = "GET / HTTP/1.1\r\n" HOST OURS "\r\n", .discards = true, .silent = true,
          .record = "\"abort_phase\":\"wait\" \"abort_by\":\"client\" \"tries\":1" },
        { "inside a body that is answered already",
          .sent = BYTES(POST("Content-Length: 9\r\n\r\nabc")),
          .answer = BYTES("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"), .client = ENDS,
          .status = 200, .discards = true,
          .heard = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok",
          .upstream = POST(OURS "Content-Length: 9\r\n\r\nabc[cut]"),
          .record = "\"abort_phase\":null" },
    };
    ROWS_RUN(state, rows);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_h50_bodies_over_the_limit),
        cmocka_unit_test(test_h51_clients_that_leave_inside_a_body),
    };
    return cmocka_run_group_tests(tests, rows_set_up, rows_tear_down);
}
