/* SPDX-License-Identifier: Apache-2.0 */
/* Bodies of requests: where they end, what answers them early, what follows them. */
#include "rows.h"

#include "base/buf.h"

#include <assert.h>

#define POST(fields) "POST / HTTP/1.1\r\n" HOST fields
#define OK(body)     "HTTP/1.1 200 OK\r\nContent-Length: " body "\r\n\r\n"
/* 41 bytes that look like a request. */
#define INSIDE        "GET /" CANARY " HTTP/1.1\r\nHost: shop.test\r\n\r\n"
#define NEXT          "GET /next HTTP/1.1\r\n" HOST "\r\n"
#define NEXT_UPSTREAM "GET /next HTTP/1.1\r\n" HOST OURS "\r\n"
#define NEXT_HEARD    OK("5") "/next"

static_assert(sizeof INSIDE - 1 == 41, "as rows say");

/* The body of a method that usually has none, and a request behind it. */
#define WITH_LENGTH(method, heard_)                                                                \
    {                                                                                              \
        .why = method " with a length",                                                            \
        .sent = BYTES(method " / HTTP/1.1\r\n" HOST "Content-Length: 41\r\n\r\n" INSIDE NEXT),     \
        .records = 2, .heard = heard_ NEXT_HEARD,                                                  \
        .upstream =                                                                                \
            method " / HTTP/1.1\r\n" HOST OURS "Content-Length: 41\r\n\r\n" INSIDE NEXT_UPSTREAM   \
    }
#define WITH_CHUNKS(method, heard_)                                                                \
    {                                                                                              \
        .why = method " with chunks",                                                              \
        .sent = BYTES(method " / HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n"           \
                             "29\r\n" INSIDE "\r\n0\r\n\r\n" NEXT),                                \
        .records = 2, .heard = heard_ NEXT_HEARD,                                                  \
        .upstream = method " / HTTP/1.1\r\n" HOST OURS                                             \
                           "Transfer-Encoding: chunked\r\n\r\n" INSIDE NEXT_UPSTREAM               \
    }

static void test_h45_bodies_of_any_method(void **state)
{
    static const struct row rows[] = {
        WITH_LENGTH("GET", OK("1") "/"),
        WITH_CHUNKS("GET", OK("1") "/"),
        WITH_LENGTH("DELETE", OK("1") "/"),
        WITH_CHUNKS("DELETE", OK("1") "/"),
        WITH_LENGTH("OPTIONS", OK("1") "/"),
        WITH_CHUNKS("OPTIONS", OK("1") "/"),
        WITH_LENGTH("BREW", OK("1") "/"),
        WITH_CHUNKS("BREW", OK("1") "/"),
        WITH_LENGTH("POST", OK("1") "/"),
        WITH_CHUNKS("POST", OK("1") "/"),
        { "HEAD with a length",
          .sent = BYTES("HEAD / HTTP/1.1\r\n" HOST "Content-Length: 41\r\n\r\n" INSIDE),
          .upstream = "HEAD / HTTP/1.1\r\n" HOST OURS "Content-Length: 41\r\n\r\n" INSIDE,
          .heard = OK("1") },
        { "HEAD with chunks, and a HEAD behind it",
          .sent = BYTES("HEAD / HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n29\r\n" INSIDE
                        "\r\n0\r\n\r\n"
                        "HEAD /next HTTP/1.1\r\n" HOST "\r\n"),
          .upstream = "HEAD / HTTP/1.1\r\n" HOST OURS "Transfer-Encoding: chunked\r\n\r\n" INSIDE
                      "HEAD /next HTTP/1.1\r\n" HOST OURS "\r\n",
          .records = 2, .heard = OK("1") OK("5") },
        { "without a length there is none", .sent = BYTES(POST("\r\n") NEXT), .records = 2,
          .upstream = POST(OURS "Content-Length: 0\r\n\r\n") NEXT_UPSTREAM,
          .heard = OK("1") "/" NEXT_HEARD },
        { "length 0 is none", .sent = BYTES(POST("Content-Length: 0\r\n\r\n") NEXT), .records = 2,
          .upstream = POST(OURS "Content-Length: 0\r\n\r\n") NEXT_UPSTREAM,
          .heard = OK("1") "/" NEXT_HEARD },
        { "a method in the body is a method in the body",
          .sent = BYTES(POST("Content-Length: 5\r\n\r\nGET /") NEXT), .records = 2,
          .upstream = POST(OURS "Content-Length: 5\r\n\r\nGET /") NEXT_UPSTREAM,
          .heard = OK("1") "/" NEXT_HEARD },
        { "an empty line behind a body",
          .sent = BYTES(POST("Content-Length: 3\r\n\r\nabc\r\n") NEXT), .records = 2,
          .upstream = POST(OURS "Content-Length: 3\r\n\r\nabc") NEXT_UPSTREAM,
          .heard = OK("1") "/" NEXT_HEARD },
        { "1.0 with a length",
          .sent = BYTES("POST / HTTP/1.0\r\n" HOST
                        "Connection: keep-alive\r\nContent-Length: 3\r\n\r\nabc" NEXT),
          .records = 2,
          .heard =
              "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nConnection: keep-alive\r\n\r\n/" NEXT_HEARD,
          .upstream =
              "POST / HTTP/1.1\r\n" HOST "X-Forwarded-For: 192.0.2.7\r\nX-Forwarded-Proto: http\r\n"
              "X-Forwarded-Host: shop.test\r\nForwarded: "
              "for=192.0.2.7;host=shop.test;proto=http\r\n"
              "Via: 1.0 signet\r\nX-Request-ID: [id]\r\nContent-Length: "
              "3\r\n\r\nabc" NEXT_UPSTREAM },
    };
    ROWS_RUN(state, rows);
}

static void test_h46_early_answers(void **state)
{
    static const struct row rows[] = {
        { "the rest of a length is thrown away",
          .sent = BYTES(POST("Content-Length: 41\r\n\r\nGET /")), .answer = BYTES(OK("2") "ok"),
          .later = BYTES(CANARY " HTTP/1.1\r\nHost: shop.test\r\n\r\n" NEXT), .records = 2,
          .discards = true,
          .upstream = POST(OURS "Content-Length: 41\r\n\r\nGET /[cut]") NEXT_UPSTREAM,
          .heard = OK("2") "ok" NEXT_HEARD },
        { "the rest of chunks is thrown away",
          .sent = BYTES(POST("Transfer-Encoding: chunked\r\n\r\n29\r\nGET /")),
          .answer = BYTES(OK("2") "ok"),
          .later = BYTES(
              CANARY " HTTP/1.1\r\nHost: shop.test\r\n\r\n\r\n3\r\nabc\r\n0\r\nX: 1\r\n\r\n" NEXT),
          .records = 2,
          .upstream = POST(OURS "Transfer-Encoding: chunked\r\n\r\nGET /[cut]") NEXT_UPSTREAM,
          .heard = OK("2") "ok" NEXT_HEARD },
        { "what follows bad chunks is no request",
          .sent = BYTES(POST("Transfer-Encoding: chunked\r\n\r\n3\r\nabc")),
          .answer = BYTES(OK("2") "ok"), .later = BYTES("d\r\n0\r\n\r\n" NEXT), .closes = true,
          .upstream = POST(OURS "Transfer-Encoding: chunked\r\n\r\nabc[cut]"),
          .heard = OK("2") "ok" },
        { "more than is read: the connection says that it closes",
          .sent = BYTES(POST("Content-Length: 9000000\r\n\r\nabc")), .answer = BYTES(OK("2") "ok"),
          .later = BYTES(NEXT), .closes = true, .discards = true,
          .upstream = POST(OURS "Content-Length: 9000000\r\n\r\nabc[cut]"),
          .heard = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok" },
        { "an early error", .sent = BYTES(POST("Content-Length: 41\r\n\r\nGET /")),
          .answer = BYTES("HTTP/1.1 401 No\r\nContent-Length: 2\r\n\r\nno"), .status = 200,
          .records = 2, .later = BYTES(CANARY " HTTP/1.1\r\nHost: shop.test\r\n\r\n" NEXT),
          .upstream = POST(OURS "Content-Length: 41\r\n\r\nGET /[cut]") NEXT_UPSTREAM,
          .heard = "HTTP/1.1 401 No\r\nContent-Length: 2\r\n\r\nno" NEXT_HEARD },
        { "an answer to a head that is not complete is none",
          .sent = BYTES("GET / HTTP/1.1\r\n" HOST), .status = 400, .client = ENDS, .heard = "",
          .record = "\"abort_phase\":\"head\"" },
    };
    ROWS_RUN(state, rows);
}

/* 256 kB are read and thrown away; whoever goes on after that is cut off. */
static void test_h46_more_than_is_thrown_away(void **state)
{
    struct buf later;
    buf_init(&later);
    buf_add(&later, "50000\r\n");
    for (unsigned i = 0; i < 270000; i += 10)
        buf_add(&later, "0123456789");
    const struct row rows[] = {
        { "chunks without end", .sent = BYTES(POST("Transfer-Encoding: chunked\r\n\r\n")),
          .answer = BYTES(OK("2") "ok"), .later = buf_view(&later), .closes = true,
          .heard = OK("2") "ok", .upstream = POST(OURS "Transfer-Encoding: chunked\r\n\r\n[cut]") },
    };
    ROWS_RUN(state, rows);
    buf_done(&later);
}

#define EXPECTING POST("Content-Length: 41\r\nExpect: 100-continue\r\n\r\n")
#define EXPECTED  POST(OURS "Content-Length: 41\r\nExpect: 100-continue\r\n\r\n")

static void test_h47_expectations(void **state)
{
    static const struct row rows[] = {
        { "a final answer at once: what comes then may be a body or a request",
          .sent = BYTES(EXPECTING),
          .answer = BYTES("HTTP/1.1 417 No\r\nContent-Length: 2\r\n\r\nno"), .status = 417,
          .later = BYTES(INSIDE), .closes = true, .discards = true, .upstream = EXPECTED "[cut]",
          .heard = "HTTP/1.1 417 No\r\nContent-Length: 2\r\nConnection: close\r\n\r\nno" },
        { "200 at once", .sent = BYTES(EXPECTING), .answer = BYTES(OK("2") "ok"),
          .later = BYTES(INSIDE NEXT), .closes = true, .discards = true,
          .upstream = EXPECTED "[cut]",
          .heard = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok" },
        { "100, then the body", .sent = BYTES(EXPECTING),
          .answer = BYTES("HTTP/1.1 100 Continue\r\n\r\n"), .silent = true, .later = BYTES(INSIDE),
          .client = ENDS, .status = 499, .discards = true, .upstream = EXPECTED INSIDE,
          .heard = "HTTP/1.1 100 Continue\r\n\r\n", .record = "\"abort_phase\":\"wait\"" },
        { "100 and the answer together", .sent = BYTES(EXPECTING),
          .answer = BYTES("HTTP/1.1 100 Continue\r\n\r\n" OK("2") "ok"),
          .later = BYTES(INSIDE NEXT), .records = 2, .upstream = EXPECTED "[cut]" NEXT_UPSTREAM,
          .heard = "HTTP/1.1 100 Continue\r\n\r\n" OK("2") "ok" NEXT_HEARD },
        { "a client that does not wait", .sent = BYTES(EXPECTING INSIDE NEXT), .records = 2,
          .upstream = EXPECTED INSIDE NEXT_UPSTREAM, .heard = OK("1") "/" NEXT_HEARD },
        { "chunks, a final answer at once",
          .sent = BYTES(POST("Transfer-Encoding: chunked\r\nExpect: 100-continue\r\n\r\n")),
          .answer = BYTES(OK("2") "ok"), .later = BYTES("0\r\n\r\n" NEXT), .closes = true,
          .discards = true,
          .upstream = POST(OURS "Transfer-Encoding: chunked\r\nExpect: 100-continue\r\n\r\n[cut]"),
          .heard = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok" },
    };
    ROWS_RUN(state, rows);
}

/* --- a hundred in a row */

static void add_good(struct buf *sent, struct buf *upstream, struct buf *heard, unsigned i)
{
    buf_printf(sent, "GET /%02u HTTP/1.1\r\n" HOST "\r\n", i);
    buf_printf(upstream, "GET /%02u HTTP/1.1\r\n" HOST OURS "\r\n", i);
    buf_printf(heard, OK("3") "/%02u", i);
}

static void run_with_bad(struct pipeline *p, unsigned k, const char *bad)
{
    struct buf sent, upstream, heard;
    buf_init(&sent);
    buf_init(&upstream);
    buf_init(&heard);
    for (unsigned i = 1; i < k; i++)
        add_good(&sent, &upstream, &heard, i % 100);
    buf_add(&sent, bad);
    for (unsigned i = k + 1; i <= 100; i++)
        buf_printf(&sent, "GET /later HTTP/1.1\r\n" HOST "\r\n");
    buf_add(&heard, "HTTP/1.1 400 Bad Request\r\n");
    *buf_reserve(&upstream, 1) = *buf_reserve(&heard, 1) = '\0';
    const struct row row = {
        "one of a hundred is bad",
        .sent = buf_view(&sent),
        .status = 400,
        .refused = "",
        .records = k,
        .upstream = buf_view(&upstream).ptr,
        .heard = buf_view(&heard).ptr,
        .heard_begins = true,
    };
    rows_run(p, &row, 1);
    buf_done(&sent);
    buf_done(&upstream);
    buf_done(&heard);
}

static void test_h49_one_of_a_hundred_is_bad(void **state)
{
    static const unsigned places[] = { 1, 2, 3, 50, 99, 100 };
    for (size_t i = 0; i < sizeof places / sizeof places[0]; i++) {
        run_with_bad(*state, places[i], "GET / HTTP/1.1\r\nHost : " CANARY "\r\n\r\n");
        run_with_bad(*state, places[i], "GET /" CANARY "\r\n\r\n");
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_h45_bodies_of_any_method),
        cmocka_unit_test(test_h46_early_answers),
        cmocka_unit_test(test_h46_more_than_is_thrown_away),
        cmocka_unit_test(test_h47_expectations),
        cmocka_unit_test(test_h49_one_of_a_hundred_is_bad),
    };
    return cmocka_run_group_tests(tests, rows_set_up, rows_tear_down);
}
