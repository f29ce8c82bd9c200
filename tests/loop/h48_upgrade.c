/* SPDX-License-Identifier: Apache-2.0 */
/* Upgrade: nothing flows past a request before its origin has answered 101. */
#include "rows.h"

#define NEXT          "GET /next HTTP/1.1\r\n" HOST "\r\n"
#define NEXT_UPSTREAM "GET /next HTTP/1.1\r\n" HOST OURS "\r\n"
#define NEXT_HEARD    "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n/next"
#define OFFER         "GET / HTTP/1.1\r\n" HOST "Connection: Upgrade\r\nUpgrade: websocket\r\n\r\n"
#define OFFERED       "GET / HTTP/1.1\r\n" HOST OURS "Upgrade: websocket\r\nConnection: upgrade\r\n\r\n"
#define SWITCH                                                                                     \
    "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: upgrade\r\n\r\n"
/* As it comes, not made anew: inside a tunnel. */
#define RAW "GET /raw HTTP/1.1\r\n" HOST "\r\n"

static void test_h48_h2c_is_not_asked_for(void **state)
{
    static const struct row rows[] = {
        { "h2c",
          .sent = BYTES("GET / HTTP/1.1\r\n" HOST
                        "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\n"
                        "HTTP2-Settings: AAMAAABkAAQAAP__\r\n\r\n" NEXT),
          .upstream = "GET / HTTP/1.1\r\n" HOST OURS "\r\n" NEXT_UPSTREAM, .records = 2,
          .heard = "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n/" NEXT_HEARD },
        { "h2c with a body",
          .sent = BYTES("POST / HTTP/1.1\r\n" HOST
                        "Connection: upgrade\r\nUpgrade: H2C\r\nContent-Length: 3\r\n\r\nabc" NEXT),
          .upstream = "POST / HTTP/1.1\r\n" HOST OURS "Content-Length: 3\r\n\r\nabc" NEXT_UPSTREAM,
          .records = 2, .heard = "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n/" NEXT_HEARD },
        { "h2c beside another",
          .sent = BYTES("GET / HTTP/1.1\r\n" HOST
                        "Connection: Upgrade\r\nUpgrade: h2c, websocket\r\n\r\n"),
          .upstream = OFFERED, .discards = true },
        { "an Upgrade that Connection does not name",
          .sent = BYTES("GET / HTTP/1.1\r\n" HOST "Upgrade: websocket\r\n\r\n" NEXT),
          .upstream = "GET / HTTP/1.1\r\n" HOST OURS "\r\n" NEXT_UPSTREAM, .records = 2,
          .heard = "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n/" NEXT_HEARD },
    };
    ROWS_RUN(state, rows);
}

static void test_h48_bytes_behind_an_upgrade_wait(void **state)
{
    static const struct row rows[] = {
        { "a final answer: they are the next request", .sent = BYTES(OFFER NEXT), .records = 2,
          .upstream = OFFERED NEXT_UPSTREAM, .discards = true,
          .heard = "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n/" NEXT_HEARD },
        { "a final answer: and are judged as one", .sent = BYTES(OFFER "GET /" CANARY "\r\n\r\n"),
          .records = 2, .status = 400, .refused = "version", .upstream = OFFERED, .discards = true,
          .heard = "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n/HTTP/1.1 400 ",
          .heard_begins = true },
        { "chunks go without the offer",
          .sent = BYTES("POST / HTTP/1.1\r\n" HOST "Connection: upgrade\r\nUpgrade: websocket\r\n"
                        "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n"),
          .upstream = "POST / HTTP/1.1\r\n" HOST OURS "Transfer-Encoding: chunked\r\n\r\nabc",
          .heard = "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n/" },
        { "a body goes with the offer: its connection is for nobody else",
          .sent = BYTES("POST / HTTP/1.1\r\n" HOST "Connection: upgrade\r\nUpgrade: websocket\r\n"
                        "Content-Length: 3\r\n\r\nabc"),
          .upstream = "POST / HTTP/1.1\r\n" HOST OURS "Content-Length: 3\r\n"
                      "Upgrade: websocket\r\nConnection: upgrade\r\n\r\nabc",
          .heard = "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n/", .discards = true },
        { "an answer that only looks like 101", .sent = BYTES(OFFER), .upstream = OFFERED,
          .answer = BYTES("HTTP/1.1 200 OK\r\nContent-Length: 81\r\n\r\n" SWITCH "evil"),
          .discards = true,
          .heard = "HTTP/1.1 200 OK\r\nContent-Length: 81\r\n\r\n" SWITCH "evil" },
        { "101: they go on as they are", .sent = BYTES(OFFER RAW), .answer = BYTES(SWITCH),
          .silent = true, .later = BYTES(RAW), .client = RESETS, .status = 101,
          .upstream = OFFERED RAW RAW, .heard = SWITCH, .discards = true },
        { "101 for another protocol than was offered", .sent = BYTES(OFFER), .upstream = OFFERED,
          .answer = BYTES(
              "HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: irc\r\n\r\n"),
          .status = 502, .refused = "", .discards = true, .heard = "HTTP/1.1 502 Bad Gateway\r\n",
          .heard_begins = true },
    };
    ROWS_RUN(state, rows);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_h48_h2c_is_not_asked_for),
        cmocka_unit_test(test_h48_bytes_behind_an_upgrade_wait),
    };
    return cmocka_run_group_tests(tests, rows_set_up, rows_tear_down);
}
