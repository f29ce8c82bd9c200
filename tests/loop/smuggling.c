/* SPDX-License-Identifier: Apache-2.0 */
/* Families of request smuggling, as published for other proxies. The end is always one of two:
 * refused, or forwarded so that a strict reader finds the same requests in it as Signet did. */
#include "rows.h"

#define POST(fields)           "POST / HTTP/1.1\r\n" HOST fields
#define NEXT                   "GET /next HTTP/1.1\r\n" HOST "\r\n"
#define NEXT_UPSTREAM          "GET /next HTTP/1.1\r\n" HOST OURS "\r\n"
#define NEXT_HEARD             OK("5") "/next"
#define OK(n)                  "HTTP/1.1 200 OK\r\nContent-Length: " n "\r\n\r\n"
#define EVIL                   "GET /" CANARY " HTTP/1.1\r\n" HOST "\r\n"
#define BAD(why, fields, body) REFUSES(why, POST(MARK fields "\r\n") body EVIL, 400, "")

static void test_lengths_read_in_two_ways(void **state)
{
    static const struct row rows[] = {
        BAD("CL.TE", "Content-Length: 6\r\nTransfer-Encoding: chunked\r\n", "0\r\n\r\nG"),
        BAD("TE.CL", "Transfer-Encoding: chunked\r\nContent-Length: 4\r\n", "1c\r\n"),
        BAD("TE.TE, a space before the colon",
            "Transfer-Encoding: chunked\r\nTransfer-Encoding : x\r\n", "0\r\n\r\n"),
        BAD("TE.TE, the second behind a fold",
            "Transfer-Encoding: chunked\r\n Transfer-Encoding: x\r\n", "0\r\n\r\n"),
        BAD("TE.TE, behind a bare LF", "X: x\nTransfer-Encoding: chunked\r\n", "0\r\n\r\n"),
        BAD("TE.TE, behind a bare CR", "X: x\rTransfer-Encoding: chunked\r\n", "0\r\n\r\n"),
        BAD("TE.TE, behind a NUL", "X: x\0Transfer-Encoding: chunked\r\n", "0\r\n\r\n"),
        BAD("TE.0, the coding named as of this hop",
            "Connection: Transfer-Encoding\r\nTransfer-Encoding: chunked\r\n", "0\r\n\r\n"),
        BAD("CL.0, the length named as of this hop",
            "Connection: Content-Length\r\nContent-Length: 5\r\n", "abcde"),
        BAD("a length behind an LF in a name", "X\nContent-Length: 5\r\n", "abcde"),
        BAD("a length of a length",
            "Content-Length: 5\r\nContent-Length: 0\r\nContent-Length: 5\r\n", "abcde"),
        BAD("an empty name hides a length", ":\r\nContent-Length: 5\r\n", "abcde"),
        REFUSES("a coding and HTTP/1.0",
                "POST / HTTP/1.0\r\n" HOST MARK
                "Connection: keep-alive\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" EVIL,
                400, ""),
        PASSES(
            "a length by another name is none",
            POST("Content_Length: 41\r\nContentLength: 41\r\nContent-Length-X: 41\r\n\r\n"),
            POST("ContentLength: 41\r\nContent-Length-X: 41\r\n" OURS "Content-Length: 0\r\n\r\n")),
        PASSES("a coding by another name is none",
               POST("Transfer_Encoding: chunked\r\nX-Transfer-Encoding: "
                    "chunked\r\nTransferEncoding: chunked\r\n\r\n"),
               POST("X-Transfer-Encoding: chunked\r\nTransferEncoding: chunked\r\n" OURS
                    "Content-Length: 0\r\n\r\n")),
        { "0.CL: what a HEAD is said to hold, it holds", .records = 2,
          .sent = BYTES("HEAD / HTTP/1.1\r\n" HOST
                        "Content-Length: 5\r\n\r\nabcdeHEAD /next HTTP/1.1\r\n" HOST "\r\n"),
          .upstream = "HEAD / HTTP/1.1\r\n" HOST OURS
                      "Content-Length: 5\r\n\r\nabcdeHEAD /next HTTP/1.1\r\n" HOST OURS "\r\n",
          .heard = OK("1") OK("5") },
        { "chunks that hold chunks", .records = 2,
          .sent = BYTES(POST("Transfer-Encoding: chunked\r\n\r\n") "10\r\n\r\n0\r\n\r\nGET / "
                                                                   "HTT\r\n0\r\n\r\n" NEXT),
          .upstream = POST(
              OURS "Transfer-Encoding: chunked\r\n\r\n") "\r\n0\r\n\r\nGET / HTT" NEXT_UPSTREAM,
          .heard = OK("1") "/" NEXT_HEARD },
        { "an extension that looks like an end",
          .sent = BYTES(
              POST(MARK "Transfer-Encoding: chunked\r\n\r\n") "3;a=\"0\"\r\nabc\r\n0;\"\r\n\r\n"),
          .status = 400, .refused = "extension",
          .upstream = POST(MARK OURS "Transfer-Encoding: chunked\r\n\r\n") "abc", .aborts = true },
    };
    ROWS_RUN(state, rows);
}

static void test_hosts_read_in_two_ways(void **state)
{
    static const struct row rows[] = {
        REFUSES("absolute form, another Host",
                "GET http://shop.test/ HTTP/1.1\r\nHost: other.test\r\n" MARK "\r\n", 400, "host"),
        REFUSES("an absolute target in the path of another",
                "GET @other.test/ HTTP/1.1\r\n" HOST MARK "\r\n", 400, "target"),
        REFUSES("a colon first", "GET :80/ HTTP/1.1\r\n" HOST MARK "\r\n", 400, "target"),
        REFUSES("a Host behind a bare LF",
                "GET / HTTP/1.1\r\nX: x\nHost: other.test\r\n" HOST MARK "\r\n", 400, "LF"),
        REFUSES("a Host folded away",
                "GET / HTTP/1.1\r\nHost: other.test\r\n Host: shop.test\r\n" MARK "\r\n", 400,
                "space"),
        REFUSES("a second in HTTP/1.0",
                "GET / HTTP/1.0\r\n" HOST "Host: other.test\r\n" MARK "\r\n", 400, "Host"),
        REFUSES("an empty one in HTTP/1.0", "GET / HTTP/1.0\r\nHost:\r\n" MARK "\r\n", 400, "host"),
        PASSES("others that hosts are taken from",
               "GET / HTTP/1.1\r\n" HOST "X-Host: other.test\r\nX-Forwarded-Host: other.test\r\n"
               "X-Forwarded-Server: other.test\r\nForwarded: "
               "host=other.test\r\nX-HTTP-Host-Override: other.test\r\n\r\n",
               "GET / HTTP/1.1\r\n" HOST
               "X-Host: other.test\r\nX-HTTP-Host-Override: other.test\r\n" OURS "\r\n"),
        { "absolute form in HTTP/1.0 without Host",
          .sent = BYTES("GET http://shop.test/a HTTP/1.0\r\n\r\n"), .closes = true,
          .upstream =
              "GET /a HTTP/1.1\r\n" HOST "X-Forwarded-For: 192.0.2.7\r\nX-Forwarded-Proto: http\r\n"
              "X-Forwarded-Host: shop.test\r\nForwarded: "
              "for=192.0.2.7;host=shop.test;proto=http\r\n"
              "Via: 1.0 signet\r\nX-Request-ID: [id]\r\n\r\n" },
    };
    ROWS_RUN(state, rows);
}

static void test_what_stands_between_requests(void **state)
{
    static const struct row rows[] = {
        { "a byte too many", .sent = BYTES(POST("Content-Length: 3\r\n\r\nabcd") EVIL),
          .records = 2, .status = 200,
          .upstream = POST(OURS "Content-Length: 3\r\n\r\nabc") "dGET /" CANARY
                                                                " HTTP/1.1\r\n" HOST OURS "\r\n",
          .heard = OK("1") "/" OK("7") "/" CANARY },
        { "a NUL", .sent = BYTES(POST("Content-Length: 3\r\n\r\nabc\0") EVIL), .records = 2,
          .status = 400, .refused = "", .upstream = POST(OURS "Content-Length: 3\r\n\r\nabc"),
          .heard = OK("1") "/HTTP/1.1 400 ", .heard_begins = true },
        { "two empty lines", .sent = BYTES(POST("Content-Length: 3\r\n\r\nabc\r\n\r\n") EVIL),
          .records = 2, .status = 400, .refused = "",
          .upstream = POST(OURS "Content-Length: 3\r\n\r\nabc"), .heard = OK("1") "/HTTP/1.1 400 ",
          .heard_begins = true },
        { "a last chunk too many",
          .sent = BYTES(POST("Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n0\r\n\r\n") EVIL),
          .records = 2, .status = 400, .refused = "",
          .upstream = POST(OURS "Transfer-Encoding: chunked\r\n\r\n"),
          .heard = OK("1") "/HTTP/1.1 400 ", .heard_begins = true },
        { "an answer",
          .sent = BYTES(POST("Content-Length: 0\r\n\r\n") "HTTP/1.1 200 OK\r\n" MARK "\r\n"),
          .records = 2, .status = 400, .refused = "",
          .upstream = POST(OURS "Content-Length: 0\r\n\r\n"), .heard = OK("1") "/HTTP/1.1 400 ",
          .heard_begins = true },
    };
    ROWS_RUN(state, rows);
}

/* The origin is the attacker's, or was talked into it: the next client's answer must be its own. */
static void test_answers_out_of_step(void **state)
{
    static const struct row rows[] = {
        { "an answer to a HEAD that holds an answer",
          .sent = BYTES("HEAD / HTTP/1.1\r\n" HOST "\r\n"), .discards = true,
          .upstream = "HEAD / HTTP/1.1\r\n" HOST OURS "\r\n",
          .answer = BYTES(OK("50") OK("4") "evil"), .heard = OK("50") },
        { "a second answer, before the second request",
          .sent = BYTES("GET / HTTP/1.1\r\n" HOST "\r\n"), .records = 2,
          .answer = BYTES(OK("2") "ok" OK("4") "evil"), .later = BYTES(NEXT), .discards = true,
          .upstream = "GET / HTTP/1.1\r\n" HOST OURS "\r\n" NEXT_UPSTREAM,
          .heard = OK("2") "ok" NEXT_HEARD },
        { "an interim answer behind the final one", .sent = BYTES("GET / HTTP/1.1\r\n" HOST "\r\n"),
          .records = 2, .answer = BYTES(OK("2") "okHTTP/1.1 103 X\r\n\r\n"), .later = BYTES(NEXT),
          .discards = true, .upstream = "GET / HTTP/1.1\r\n" HOST OURS "\r\n" NEXT_UPSTREAM,
          .heard = OK("2") "ok" NEXT_HEARD },
        { "an interim answer with chunks has none", .sent = BYTES("GET / HTTP/1.1\r\n" HOST "\r\n"),
          .answer = BYTES("HTTP/1.1 103 X\r\nTransfer-Encoding: chunked\r\n\r\n" OK("2") "ok"),
          .upstream = "GET / HTTP/1.1\r\n" HOST OURS "\r\n",
          .heard = "HTTP/1.1 103 X\r\n\r\n" OK("2") "ok" },
        { "100 to an Expect, then a final answer before the body",
          .sent = BYTES(POST("Content-Length: 3\r\nExpect: 100-continue\r\n\r\n")),
          .answer = BYTES("HTTP/1.1 100 Continue\r\n\r\n" OK("2") "ok" OK("4") "evil"),
          .later = BYTES("abc" NEXT), .records = 2, .discards = true,
          .upstream =
              POST(OURS "Content-Length: 3\r\nExpect: 100-continue\r\n\r\n[cut]") NEXT_UPSTREAM,
          .heard = "HTTP/1.1 100 Continue\r\n\r\n" OK("2") "ok" NEXT_HEARD },
    };
    ROWS_RUN(state, rows);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_lengths_read_in_two_ways),
        cmocka_unit_test(test_hosts_read_in_two_ways),
        cmocka_unit_test(test_what_stands_between_requests),
        cmocka_unit_test(test_answers_out_of_step),
    };
    return cmocka_run_group_tests(tests, rows_set_up, rows_tear_down);
}
