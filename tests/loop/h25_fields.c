/* SPDX-License-Identifier: Apache-2.0 */
/* Field lines: Host, names, values, folding, how many. */
#include "rows.h"

#include "base/buf.h"

#include <stdio.h>

#define GET                     "GET / HTTP/1.1\r\n"
#define BAD(why, fields, words) REFUSES(why, GET fields MARK "\r\n", 400, words)
/* `fields` stand behind Host, and go upstream as `wanted`. */
#define GOOD(why, fields, wanted) PASSES(why, GET HOST fields "\r\n", GET HOST wanted OURS "\r\n")

static void test_h25_host(void **state)
{
    static const struct row rows[] = {
        BAD("missing", "", "Host"),
        BAD("twice, equal", HOST HOST, "Host"),
        BAD("twice, different", HOST "Host: other.test\r\n", "Host"),
        BAD("twice, in another case", HOST "hOST: shop.test\r\n", "Host"),
        BAD("twice, far apart", HOST "A: 1\r\nB: 2\r\nHost: shop.test\r\n", "Host"),
        BAD("empty", "Host:\r\n", "host"),
        BAD("white space", "Host: \t \r\n", "host"),
        BAD("a list", "Host: shop.test, other.test\r\n", "host"),
        BAD("a list without spaces", "Host: shop.test,shop.test\r\n", "host"),
        BAD("two words", "Host: shop.test other.test\r\n", "host"),
        BAD("userinfo", "Host: u@shop.test\r\n", "host"),
        BAD("userinfo with a password", "Host: shop.test:80@other.test\r\n", "host"),
        BAD("a slash", "Host: shop.test/\r\n", "host"),
        BAD("a path", "Host: shop.test/admin\r\n", "host"),
        BAD("a query", "Host: shop.test?x\r\n", "host"),
        BAD("a fragment", "Host: shop.test#x\r\n", "host"),
        BAD("a backslash", "Host: shop.test\\x\r\n", "host"),
        BAD("an URL", "Host: http://shop.test\r\n", "host"),
        BAD("port 0", "Host: shop.test:0\r\n", "port"),
        BAD("port 65536", "Host: shop.test:65536\r\n", "port"),
        BAD("port with a sign", "Host: shop.test:+80\r\n", "port"),
        BAD("port with a letter", "Host: shop.test:80x\r\n", "port"),
        BAD("an empty port", "Host: shop.test:\r\n", "port"),
        BAD("two ports", "Host: shop.test:80:80\r\n", "port"),
        BAD("a port alone", "Host: :80\r\n", "host"),
        BAD("an open bracket", "Host: [::1\r\n", "bracket"),
        BAD("a closed bracket", "Host: ::1]\r\n", ""),
        BAD("bytes behind the bracket", "Host: [::1]x\r\n", "port"),
        BAD("no address in the brackets", "Host: [shop.test]\r\n", "host"),
        BAD("a zone", "Host: [fe80::1%eth0]\r\n", "host"),
        BAD("an empty label", "Host: shop..test\r\n", "host"),
        BAD("a leading dot", "Host: .shop.test\r\n", "host"),
        BAD("an encoded byte", "Host: sho%70.test\r\n", "host"),
        BAD("a byte over 0x7F", "Host: sh\xC3\xB6p.test\r\n", "host"),
        BAD("a quote", "Host: \"shop.test\"\r\n", "host"),
        BAD("a tab inside", "Host: shop.test\tx\r\n", "host"),
        BAD("a NUL behind it", "Host: shop.test\0\r\n", "NUL"),
        BAD("a vertical tab behind it", "Host: shop.test\v\r\n", "control"),
        BAD("a wildcard", "Host: *.test\r\n", "host"),
        PASSES(
            "another case", GET "hOsT: SHOP.Test\r\n\r\n",
            GET
            "Host: SHOP.Test\r\nX-Forwarded-For: 192.0.2.7\r\nX-Forwarded-Proto: http\r\n"
            "X-Forwarded-Host: SHOP.Test\r\nForwarded: for=192.0.2.7;host=SHOP.Test;proto=http\r\n"
            "Via: 1.1 signet\r\nX-Request-ID: [id]\r\n\r\n"),
        PASSES("a port", GET "Host: shop.test:8080\r\n\r\n",
               GET
               "Host: shop.test:8080\r\nX-Forwarded-For: 192.0.2.7\r\nX-Forwarded-Proto: http\r\n"
               "X-Forwarded-Host: shop.test:8080\r\nForwarded: "
               "for=192.0.2.7;host=\"shop.test:8080\";proto=http\r\n"
               "Via: 1.1 signet\r\nX-Request-ID: [id]\r\n\r\n"),
        PASSES("space around it", GET "Host: \t shop.test \t\r\n\r\n", GET HOST OURS "\r\n"),
        PASSES("behind others", GET "A: 1\r\n" HOST "\r\n", GET HOST "A: 1\r\n" OURS "\r\n"),
    };
    ROWS_RUN(state, rows);
}

static void test_h26_space_in_names(void **state)
{
    static const struct row rows[] = {
        BAD("a space before the colon", HOST "X-A : b\r\n", "space"),
        BAD("a tab before the colon", HOST "X-A\t: b\r\n", "space"),
        BAD("a vertical tab before the colon", HOST "X-A\v: b\r\n", "name"),
        BAD("a form feed before the colon", HOST "X-A\f: b\r\n", "name"),
        BAD("a space inside", HOST "X A: b\r\n", "space"),
        BAD("a space in front, first line", " " HOST, "space"),
        BAD("a tab in front, first line", "\t" HOST, "space"),
        BAD("a NUL before the colon", HOST "X-A\0: b\r\n", "NUL"),
        BAD("a NUL in front", HOST "\0X-A: b\r\n", "NUL"),
        BAD("a NUL alone", HOST "\0\r\n", "NUL"),
        BAD("Host with a space", "Host : shop.test\r\n", "space"),
        BAD("Content-Length with a space", HOST "Content-Length : 3\r\n", "space"),
        BAD("Transfer-Encoding with a space", HOST "Transfer-Encoding : chunked\r\n", "space"),
        BAD("Transfer-Encoding with a tab", HOST "Transfer-Encoding\t: chunked\r\n", "space"),
        BAD("Transfer-Encoding with a vertical tab", HOST "Transfer-Encoding\v: chunked\r\n",
            "name"),
        BAD("a no-break space", HOST "Transfer-Encoding\xA0: chunked\r\n", "name"),
        BAD("a bare CR in front", HOST "\rTransfer-Encoding: chunked\r\n", "CR"),
    };
    ROWS_RUN(state, rows);
}

static void test_h27_folded_lines(void **state)
{
    static const struct row rows[] = {
        BAD("with a space", HOST "X: 1\r\n 2\r\n", "space"),
        BAD("with a tab", HOST "X: 1\r\n\t2\r\n", "space"),
        BAD("an empty value", HOST "X:\r\n 2\r\n", "space"),
        BAD("the request line", " X: 1\r\n" HOST, "space"),
        BAD("Host", "Host: shop.test\r\n .evil.test\r\n", "space"),
        BAD("Host, by nothing", "Host: shop.test\r\n \r\n", "space"),
        BAD("Transfer-Encoding", HOST "Transfer-Encoding:\r\n chunked\r\n", "space"),
        BAD("Transfer-Encoding, a second coding",
            HOST "Transfer-Encoding: chunked\r\n , identity\r\n", "space"),
        BAD("a field hidden in it", HOST "X: 1\r\n\tTransfer-Encoding: chunked\r\n", "space"),
        REFUSES("the last line", GET HOST MARK " \r\n\r\n", 400, "space"),
    };
    ROWS_RUN(state, rows);
}

/* --- every byte */

/* "GET / ... FRONT byte BACK", and as much upstream when it passes. */
static void run_byte(struct pipeline *p, unsigned byte, const char *front, const char *back,
                     bool passes)
{
    struct buf sent, upstream;
    char why[32], octet = (char)byte;
    buf_init(&sent);
    buf_init(&upstream);
    snprintf(why, sizeof why, "byte 0x%02x", byte);
    buf_printf(&sent, GET HOST "%s", front);
    buf_append(&sent, slice_of(&octet, 1));
    buf_printf(&sent, "%s\r\n" MARK "\r\n", back);
    buf_printf(&upstream, GET HOST "%s%c%s\r\n" MARK OURS "\r\n", front, octet, back);
    *buf_reserve(&upstream, 1) = '\0';
    const struct row good = { why, .sent = buf_view(&sent), .upstream = buf_view(&upstream).ptr },
                     bad = { why, .sent = buf_view(&sent), .status = 400, .refused = "" };
    rows_run(p, passes ? &good : &bad, 1);
    buf_done(&sent);
    buf_done(&upstream);
}

static void test_h28_bytes_in_values(void **state)
{
    for (unsigned c = 0; c < 256; c++)
        run_byte(*state, c, "X: a", "b", c == '\t' || (c >= ' ' && c != 0x7F));
}

static void test_h28_bytes_at_the_ends_of_values(void **state)
{
    static const struct row rows[] = {
        BAD("NUL in front", HOST "X: \0a\r\n", "NUL"),
        BAD("NUL alone", HOST "X: \0\r\n", "NUL"),
        BAD("NUL behind", HOST "X: a\0\r\n", "NUL"),
        BAD("CR in front", HOST "X: \ra\r\n", "CR"),
        BAD("CR before CRLF", HOST "X: a\r\r\n", "CR"),
        BAD("vertical tab in front", HOST "X: \va\r\n", "control"),
        BAD("form feed behind", HOST "X: a\f\r\n", "control"),
        BAD("DEL behind", HOST "X: a\x7f\r\n", "control"),
        GOOD("white space is taken off both ends", "X: \t a b\t \r\n", "X: a b\r\n"),
        GOOD("no white space", "X:a\r\n", "X: a\r\n"),
        GOOD("an empty value", "X:\r\n", "X: \r\n"),
        GOOD("a value of spaces", "X: \t \r\n", "X: \r\n"),
        GOOD("bytes over 0x7F at the ends",
             "X: \x85"
             "a\xA0\r\n",
             "X: \x85"
             "a\xA0\r\n"),
    };
    ROWS_RUN(state, rows);
}

static bool is_token_byte(unsigned c)
{
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
           (c < 0x80 && c != 0 && strchr("!#$%&'*+-.^`|~", (int)c) != NULL);
}

/* An underscore would be dropped, see 30; a colon ends the name. */
static void test_h29_bytes_in_names(void **state)
{
    for (unsigned c = 0; c < 256; c++)
        if (c != '_' && c != ':')
            run_byte(*state, c, "X", "a: b", is_token_byte(c));
}

static void test_h29_names(void **state)
{
    static const struct row rows[] = {
        BAD("none", HOST ": x\r\n", "name"),
        BAD("none, and no value", HOST ":\r\n", "name"),
        BAD("no colon", HOST "X\r\n", "colon"),
        BAD("no colon but a value", HOST "Transfer-Encoding chunked\r\n", "space"),
        BAD("a request line", HOST "GET /" CANARY " HTTP/1.1\r\n", ""),
        BAD("a colon in front", HOST ":Transfer-Encoding: chunked\r\n", "name"),
        GOOD("two colons", "X::y\r\n", "X: :y\r\n"),
    };
    ROWS_RUN(state, rows);
}

/* --- how much */

/* A head with `count` fields beside Host, the first of them with `bytes` of value. */
static struct slice big_head(struct buf *b, unsigned count, size_t bytes, const char *end)
{
    buf_init(b);
    buf_add(b, GET HOST "A: " CANARY);
    for (size_t i = 0; i < bytes; i++)
        buf_add(b, "a");
    buf_add(b, "\r\n");
    for (unsigned i = 1; i < count; i++)
        buf_add(b, "B: 1\r\n");
    buf_add(b, end);
    return buf_view(b);
}

/* Under the limits in rows.c: 20 fields, 4 kB. */
static void test_h34_too_much(void **state)
{
    struct buf b[5], upstream;
    big_head(&upstream, 19, 0, OURS "\r\n");
    *buf_reserve(&upstream, 1) = '\0';
    const struct row rows[] = {
        { "20 fields", .sent = big_head(&b[0], 19, 0, "\r\n"),
          .upstream = buf_view(&upstream).ptr },
        { "21 fields", .sent = big_head(&b[1], 20, 0, "\r\n"), .status = 431, .refused = "" },
        { "fields without end", .sent = big_head(&b[2], 300, 0, ""), .status = 431, .refused = "" },
        { "one long field", .sent = big_head(&b[3], 1, 4096, "\r\n"), .status = 431,
          .refused = "" },
        { "a field without end", .sent = big_head(&b[4], 1, 9000, ""), .status = 431,
          .refused = "" },
    };
    ROWS_RUN(state, rows);
    for (size_t i = 0; i < sizeof b / sizeof b[0]; i++)
        buf_done(&b[i]);
    buf_done(&upstream);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_h25_host),
        cmocka_unit_test(test_h26_space_in_names),
        cmocka_unit_test(test_h27_folded_lines),
        cmocka_unit_test(test_h28_bytes_in_values),
        cmocka_unit_test(test_h28_bytes_at_the_ends_of_values),
        cmocka_unit_test(test_h29_bytes_in_names),
        cmocka_unit_test(test_h29_names),
        cmocka_unit_test(test_h34_too_much),
    };
    return cmocka_run_group_tests(tests, rows_set_up, rows_tear_down);
}
