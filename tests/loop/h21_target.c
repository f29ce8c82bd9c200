/* SPDX-License-Identifier: Apache-2.0 */
/* The target: what may stand there, what it is resolved to, and how long it may be. */
#include "rows.h"

#include "base/buf.h"

#define REST                    " HTTP/1.1\r\n" HOST MARK "\r\n"
#define BAD(why, target, words) REFUSES(why, "GET " target REST, 400, words)
#define GOOD(why, target, wanted)                                                                  \
    PASSES(why, "GET " target REST, "GET " wanted " HTTP/1.1\r\n" HOST MARK OURS "\r\n")

static void test_h21_forms(void **state)
{
    static const struct row rows[] = {
        BAD("no leading slash", "index.html", "target"),
        BAD("an asterisk for GET", "*", "target"),
        BAD("an asterisk and more", "*x", "target"),
        BAD("a query alone", "?a=b", "target"),
        BAD("no authority", "http:///", "host"),
        BAD("no authority and a path", "http:///shop.test/", "host"),
        BAD("a scheme alone", "http://", "host"),
        BAD("one slash", "http:/shop.test/", "target"),
        BAD("another scheme", "ftp://shop.test/", "target"),
        BAD("a scheme that begins alike", "httpx://shop.test/", "target"),
        BAD("an authority", "shop.test:80", "target"),
        BAD("a fragment", "/a#b", "fragment"),
        BAD("a fragment in a query", "/a?b#c", "fragment"),
        BAD("an empty fragment", "/a#", "fragment"),
        BAD("a raw space", "/a b", "version"),
        BAD("a tab", "/a\tb", "target"),
        BAD("a NUL", "/a\0b", ""),
        BAD("a CR", "/a\rb", ""),
        BAD("an LF", "/a\nb", "LF"),
        BAD("an escape", "/a\x1b[1m", "target"),
        BAD("DEL", "/a\x7f", "target"),
        BAD("a byte over 0x7F", "/\xC3\xA9", "target"),
        BAD("0x80", "/\x80", "target"),
        BAD("0xFF in a query", "/?\xFF", "target"),
        BAD("a vertical tab", "/a\vb", "target"),
        BAD("a percent sign alone", "/%", "percent"),
        BAD("half an escape", "/%2", "percent"),
        BAD("an escape that is none", "/%zz", "percent"),
        PASSES("an asterisk for OPTIONS", "OPTIONS *" REST,
               "OPTIONS * HTTP/1.1\r\n" HOST MARK OURS "\r\n"),
        REFUSES("an asterisk with a query", "OPTIONS *?a" REST, 400, "target"),
        GOOD("two slashes are a path", "//evil.test/x", "//evil.test/x"),
        GOOD("an URL in the path", "/http://evil.test/", "/http://evil.test/"),
        GOOD("what a query may hold", "/?a=/../b&c=%00%zz?{}|^`\"<>\\",
             "/?a=/../b&c=%00%zz?{}|^`\"<>\\"),
        GOOD("an empty query", "/a?", "/a?"),
        GOOD("parameters", "/a;b=c,d:e@f!$&'()*+=", "/a;b=c,d:e@f!$&'()*+="),
    };
    ROWS_RUN(state, rows);
}

static void test_h22_dot_segments(void **state)
{
    static const struct row rows[] = {
        GOOD("one dot", "/a/./b", "/a/b"),
        GOOD("two dots", "/a/../b", "/b"),
        GOOD("both", "/a/./b/../c", "/a/c"),
        GOOD("encoded", "/a/%2e/b/%2E%2e/c", "/a/c"),
        GOOD("half encoded", "/a/.%2e/b", "/b"),
        GOOD("at the end, one", "/a/.", "/a/"),
        GOOD("at the end, two", "/a/b/..", "/a/"),
        GOOD("back to the root", "/a/..", "/"),
        GOOD("over an empty segment", "/a//../b", "/a/b"),
        GOOD("three dots are a name", "/.../a", "/.../a"),
        BAD("dots with a parameter", "/a/..;/b", "dot segment"),
        BAD("dots with a parameter that says something, at the end", "/a/.%2e;x=1", "dot segment"),
        GOOD("a parameter that is dots", "/a;../b;.", "/a;../b;."),
        GOOD("hidden files", "/.well-known/..a/b..", "/.well-known/..a/b.."),
        GOOD("nothing else is decoded", "/%61%2F%25%3f%23%20", "/%61%2F%25%3f%23%20"),
        GOOD("an escape of an escape stays", "/a/%252e%252e/b", "/a/%252e%252e/b"),
        BAD("dots before an encoded slash", "/a/..%2fb", "dot segment"),
        BAD("dots behind an encoded slash", "/a%2F%2e%2e/b", "dot segment"),
        BAD("dots between encoded slashes", "/a%2f..%2Fb", "dot segment"),
        BAD("one dot beside an encoded backslash", "/a/.%5cb", "dot segment"),
        GOOD("encoded slashes and backslashes stay", "/a%2fb%5Cc/...%2f.d", "/a%2fb%5Cc/...%2f.d"),
        GOOD("a query keeps its dots", "/a/../b?x=/../y", "/b?x=/../y"),
        BAD("above the root", "/../x", "root"),
        BAD("above the root, encoded", "/%2e%2E/x", "root"),
        BAD("above the root, later", "/a/../../x", "root"),
        BAD("above the root, at the end", "/..", "root"),
        BAD("above the root, and back", "/../a/../b", "root"),
        BAD("a backslash", "/a\\b", "backslash"),
        BAD("backslashes for slashes", "/..\\..\\x", "backslash"),
        BAD("an encoded NUL", "/a%00b", "percent"),
        BAD("an encoded CR", "/a%0db", "percent"),
        BAD("an encoded LF", "/a%0Ab", "percent"),
        BAD("an encoded LF behind a CR", "/a%0d%0aX:%20y", "percent"),
    };
    ROWS_RUN(state, rows);
}

#define ABSOLUTE(target, host) "GET " target " HTTP/1.1\r\nHost: " host "\r\n" MARK "\r\n"

static void test_h23_absolute_form(void **state)
{
    static const struct row rows[] = {
        GOOD("equal", "http://shop.test/a", "/a"),
        GOOD("another case", "HTTP://SHOP.test/a", "/a"),
        GOOD("the usual port", "http://shop.test:80/a", "/a"),
        GOOD("https", "https://shop.test/a", "/a"),
        GOOD("a trailing dot", "http://shop.test./a", "/a"),
        GOOD("no path", "http://shop.test", "/"),
        GOOD("no path but a query", "http://shop.test?a=b", "/?a=b"),
        GOOD("dot segments", "http://shop.test/a/../b", "/b"),
        PASSES("no path for OPTIONS", "OPTIONS http://shop.test" REST,
               "OPTIONS * HTTP/1.1\r\n" HOST MARK OURS "\r\n"),
        BAD("another host", "http://other.test/", "host"),
        BAD("another port", "http://shop.test:8080/", "host"),
        BAD("the other scheme's port", "https://shop.test:80/", "host"),
        BAD("userinfo", "http://u@shop.test/", "host"),
        BAD("userinfo with a password", "http://shop.test:p@evil.test/", "host"),
        BAD("empty userinfo", "http://@shop.test/", "host"),
        BAD("a host in the userinfo", "http://shop.test@evil.test/", "host"),
        BAD("a host that begins alike", "http://shop.test.evil.test/", "host"),
        BAD("a bad port", "http://shop.test:x/", "host"),
        BAD("a backslash for a slash", "http://shop.test\\@evil.test/", "host"),
        BAD("an encoded host", "http://sho%70.test/", "host"),
        BAD("above the root", "http://shop.test/../", "root"),
        REFUSES("Host is another", ABSOLUTE("http://shop.test/", "other.test"), 400, "host"),
        REFUSES("Host has a port", ABSOLUTE("http://shop.test/", "shop.test:8080"), 400, "host"),
        REFUSES("Host is empty", ABSOLUTE("http://shop.test/", ""), 400, "host"),
        REFUSES("Host is missing", "GET http://shop.test/ HTTP/1.1\r\n" MARK "\r\n", 400, "Host"),
        REFUSES("Host twice, one equal",
                "GET http://shop.test/ HTTP/1.1\r\n" HOST "Host: other.test\r\n" MARK "\r\n", 400,
                "Host"),
    };
    ROWS_RUN(state, rows);
}

/* --- as long as the limit, 1 kB here */

static struct slice long_target(struct buf *b, size_t len, const char *rest)
{
    buf_init(b);
    buf_add(b, "GET /" CANARY);
    for (size_t i = sizeof("/" CANARY) - 1; i < len; i++)
        buf_add(b, "a");
    buf_add(b, rest);
    return buf_view(b);
}

static void test_h24_long_targets(void **state)
{
    struct buf sent[4], upstream;
    long_target(&upstream, 1024, " HTTP/1.1\r\n" HOST OURS "\r\n");
    *buf_reserve(&upstream, 1) = '\0';
    const struct row rows[] = {
        { "as long as may be", .sent = long_target(&sent[0], 1024, " HTTP/1.1\r\n" HOST "\r\n"),
          .upstream = buf_view(&upstream).ptr },
        { "a byte more", .sent = long_target(&sent[1], 1025, " HTTP/1.1\r\n" HOST "\r\n"),
          .status = 414, .refused = "target" },
        { "no end", .sent = long_target(&sent[2], 1500, ""), .status = 414, .refused = "target" },
        { "beyond the limit of a head", .sent = long_target(&sent[3], 9000, ""), .status = 414,
          .refused = "target" },
    };
    ROWS_RUN(state, rows);
    for (size_t i = 0; i < 4; i++)
        buf_done(&sent[i]);
    buf_done(&upstream);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_h21_forms),
        cmocka_unit_test(test_h22_dot_segments),
        cmocka_unit_test(test_h23_absolute_form),
        cmocka_unit_test(test_h24_long_targets),
    };
    return cmocka_run_group_tests(tests, rows_set_up, rows_tear_down);
}
