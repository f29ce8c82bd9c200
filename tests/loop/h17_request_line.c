/* SPDX-License-Identifier: Apache-2.0 */
/* The request line: method and version. */
#include "rows.h"

#define REST         HOST MARK "\r\n"
#define PASSED(line) line " HTTP/1.1\r\n" HOST MARK OURS "\r\n"

static void test_h17_without_a_version(void **state)
{
    static const struct row rows[] = {
        REFUSES("alone", "GET /" CANARY "\r\n", 400, "version"),
        REFUSES("an empty line behind it", "GET /" CANARY "\r\n\r\n", 400, "version"),
        REFUSES("fields behind it", "GET /" CANARY "\r\n" REST, 400, "version"),
        REFUSES("a body behind it", "POST /" CANARY "\r\nContent-Length: 3\r\n\r\nabc", 400,
                "version"),
        REFUSES("a request behind it", "GET /" CANARY "\r\nGET / HTTP/1.1\r\n" REST, 400,
                "version"),
        REFUSES("only its space", "GET /" CANARY " \r\n" REST, 400, "version"),
        REFUSES("only HTTP", "GET / HTTP\r\n" REST, 400, "version"),
        REFUSES("only a method", "GET\r\n" REST, 400, ""),
        REFUSES("only a word", CANARY "\r\n\r\n", 400, ""),
        REFUSES("an absolute target", "GET http://shop.test/\r\n" REST, 400, "version"),
    };
    ROWS_RUN(state, rows);
}

static void test_h18_line_ends_and_spaces(void **state)
{
    static const struct row rows[] = {
        REFUSES("bare LF everywhere", "GET / HTTP/1.1\nHost: shop.test\n" CANARY ": 1\n\n", 400,
                "LF"),
        REFUSES("bare LF behind the line", "GET / HTTP/1.1\n" REST, 400, "LF"),
        REFUSES("bare LF behind the method", "GET\n/ HTTP/1.1\r\n" REST, 400, "LF"),
        REFUSES("bare LF behind the target", "GET /\nHTTP/1.1\r\n" REST, 400, "LF"),
        REFUSES("bare LF behind a field", "GET / HTTP/1.1\r\n" HOST "X: 1\n" MARK "\r\n", 400,
                "LF"),
        REFUSES("bare LF as the empty line",
                "GET / HTTP/1.1\r\n" HOST MARK "\nGET /2 HTTP/1.1\r\n" REST, 400, "LF"),
        REFUSES("bare LF before the request", "\nGET / HTTP/1.1\r\n" REST, 400, "LF"),
        REFUSES("bare CR behind the line", "GET / HTTP/1.1\r" REST, 400, "CR"),
        REFUSES("bare CR in the version", "GET / HTTP/1.1\rX\r\n" REST, 400, "CR"),
        REFUSES("bare CR before the request", "\rGET / HTTP/1.1\r\n" REST, 400, "CR"),
        REFUSES("two CR before the LF", "GET / HTTP/1.1\r\r\n" REST, 400, "CR"),
        REFUSES("bare CR as the empty line", "GET / HTTP/1.1\r\n" HOST MARK "\rX\r\n\r\n", 400,
                "CR"),
        REFUSES("a tab behind the method", "GET\t/ HTTP/1.1\r\n" REST, 400, ""),
        REFUSES("a tab behind the target", "GET /\tHTTP/1.1\r\n" REST, 400, ""),
        REFUSES("a vertical tab behind the method", "GET\v/ HTTP/1.1\r\n" REST, 400, ""),
        REFUSES("a form feed behind the target", "GET /\fHTTP/1.1\r\n" REST, 400, ""),
        REFUSES("two spaces behind the method", "GET  / HTTP/1.1\r\n" REST, 400, ""),
        REFUSES("two spaces behind the target", "GET /  HTTP/1.1\r\n" REST, 400, "version"),
        REFUSES("a space behind the version", "GET / HTTP/1.1 \r\n" REST, 400, "version"),
        REFUSES("a tab behind the version", "GET / HTTP/1.1\t\r\n" REST, 400, "version"),
        REFUSES("a space in front", " GET / HTTP/1.1\r\n" REST, 400, "space"),
        REFUSES("a tab in front", "\tGET / HTTP/1.1\r\n" REST, 400, "space"),
        REFUSES("two empty lines in front", "\r\n\r\nGET / HTTP/1.1\r\n" REST, 400, "empty line"),
        REFUSES("a byte order mark", "\xEF\xBB\xBFGET / HTTP/1.1\r\n" REST, 400, "method"),
        PASSES("one empty line in front", "\r\nGET / HTTP/1.1\r\n" REST, PASSED("GET /")),
    };
    ROWS_RUN(state, rows);
}

static void test_h19_versions(void **state)
{
    static const struct row rows[] = {
        REFUSES("1.2", "GET / HTTP/1.2\r\n" REST, 505, "version"),
        REFUSES("1.9", "GET / HTTP/1.9\r\n" REST, 505, "version"),
        REFUSES("2.0", "GET / HTTP/2.0\r\n" REST, 505, "version"),
        REFUSES("2", "GET / HTTP/2\r\n" REST, 505, "version"),
        REFUSES("3", "GET / HTTP/3\r\n" REST, 505, "version"),
        REFUSES("0.9", "GET / HTTP/0.9\r\n" REST, 400, "version"),
        REFUSES("a leading zero", "GET / HTTP/01.1\r\n" REST, 400, "version"),
        REFUSES("two digits", "GET / HTTP/1.10\r\n" REST, 400, "version"),
        REFUSES("two digits before the point", "GET / HTTP/11.1\r\n" REST, 400, "version"),
        REFUSES("no minor", "GET / HTTP/1\r\n" REST, 400, "version"),
        REFUSES("an empty minor", "GET / HTTP/1.\r\n" REST, 400, "version"),
        REFUSES("an empty major", "GET / HTTP/.1\r\n" REST, 400, "version"),
        REFUSES("a comma", "GET / HTTP/1,1\r\n" REST, 400, "version"),
        REFUSES("a sign", "GET / HTTP/1.+1\r\n" REST, 400, "version"),
        REFUSES("a third number", "GET / HTTP/1.1.1\r\n" REST, 400, "version"),
        REFUSES("lower case", "GET / http/1.1\r\n" REST, 400, "version"),
        REFUSES("mixed case", "GET / Http/1.1\r\n" REST, 400, "version"),
        REFUSES("bytes behind it", "GET / HTTP/1.1x\r\n" REST, 400, "version"),
        REFUSES("a word behind it", "GET / HTTP/1.1 " CANARY "\r\n" REST, 400, "version"),
        REFUSES("a space inside", "GET / HTTP /1.1\r\n" REST, 400, "version"),
        REFUSES("another protocol", "GET / RTSP/1.0\r\n" REST, 400, "version"),
        REFUSES("another name", "GET / HTTPS/1.1\r\n" REST, 400, "version"),
        REFUSES("a NUL behind it", "GET / HTTP/1.1\0\r\n" REST, 400, ""),
        { "1.0 goes upstream as 1.1", .sent = BYTES("GET / HTTP/1.0\r\n" HOST "\r\n"),
          .closes = true,
          .upstream =
              "GET / HTTP/1.1\r\n" HOST "X-Forwarded-For: 192.0.2.7\r\nX-Forwarded-Proto: http\r\n"
              "X-Forwarded-Host: shop.test\r\nForwarded: "
              "for=192.0.2.7;host=shop.test;proto=http\r\n"
              "Via: 1.0 signet\r\nX-Request-ID: [id]\r\n\r\n" },
    };
    ROWS_RUN(state, rows);
}

#define TOKEN_32 "ABCDEFGHIJKLMNOPQRSTUVWXYZABCDEF"

static void test_h20_methods(void **state)
{
    static const struct row rows[] = {
        REFUSES("no token", "G(T / HTTP/1.1\r\n" REST, 400, "method"),
        REFUSES("a colon", "GET: / HTTP/1.1\r\n" REST, 400, "method"),
        REFUSES("a quote", "\"GET\" / HTTP/1.1\r\n" REST, 400, "method"),
        REFUSES("a NUL", "GE\0T / HTTP/1.1\r\n" REST, 400, ""),
        REFUSES("a byte over 0x7F", "G\xC9T / HTTP/1.1\r\n" REST, 400, "method"),
        REFUSES("a space inside", "GE T / HTTP/1.1\r\n" REST, 400, ""),
        REFUSES("none", "/ HTTP/1.1\r\n" REST, 400, "method"),
        REFUSES("33 bytes", TOKEN_32 "G / HTTP/1.1\r\n" REST, 400, "method"),
        REFUSES("one that never ends", TOKEN_32 TOKEN_32 TOKEN_32 CANARY, 400, "method"),
        REFUSES("CONNECT", "CONNECT shop.test:443 HTTP/1.1\r\n" REST, 405, "method"),
        REFUSES("CONNECT with a path", "CONNECT / HTTP/1.1\r\n" REST, 405, "method"),
        REFUSES("CONNECT to another", "CONNECT 10.0.0.9:22 HTTP/1.1\r\n" REST, 405, "method"),
        REFUSES("CONNECT with a body",
                "CONNECT shop.test:443 HTTP/1.1\r\n" HOST MARK "Content-Length: 4\r\n\r\nSSH-", 405,
                "method"),
        REFUSES("CONNECT in lower case is no method that takes an authority",
                "connect shop.test:443 HTTP/1.1\r\n" REST, 400, "target"),
        REFUSES("TRACE", "TRACE / HTTP/1.1\r\n" REST, 405, "method"),
        REFUSES("TRACE with a body",
                "TRACE / HTTP/1.1\r\n" HOST MARK "Content-Length: 3\r\n\r\nabc", 405, "method"),
        REFUSES("the preface of HTTP/2", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" CANARY, 400, "HTTP/2"),
        REFUSES("the preface with fields", "PRI * HTTP/1.1\r\n" REST, 400, "HTTP/2"),
        PASSES("an unknown one goes as it came", "BREW / HTTP/1.1\r\n" REST, PASSED("BREW /")),
        PASSES("lower case is another method", "get / HTTP/1.1\r\n" REST, PASSED("get /")),
        PASSES("32 bytes", TOKEN_32 " / HTTP/1.1\r\n" REST, PASSED(TOKEN_32 " /")),
        PASSES("every byte of a token", "!#$%&'*+-.^_`|~09azAZ / HTTP/1.1\r\n" REST,
               PASSED("!#$%&'*+-.^_`|~09azAZ /")),
        PASSES("one that llhttp takes for another protocol's", "SOURCE / HTTP/1.1\r\n" REST,
               PASSED("SOURCE /")),
    };
    ROWS_RUN(state, rows);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_h17_without_a_version),
        cmocka_unit_test(test_h18_line_ends_and_spaces),
        cmocka_unit_test(test_h19_versions),
        cmocka_unit_test(test_h20_methods),
    };
    return cmocka_run_group_tests(tests, rows_set_up, rows_tear_down);
}
