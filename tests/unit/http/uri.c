/* SPDX-License-Identifier: Apache-2.0 */
#include "http/uri.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static struct arena arena;

static int set_up(void **state)
{
    (void)state;
    arena_init(&arena, NULL);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    arena_done(&arena);
    return 0;
}

/* `want`: path and query as forwarded. A leading "O " makes it an OPTIONS. */
static const struct {
    const char *why, *in, *want, *authority;
    enum refusal refusal;
} targets[] = {
    { "plain", "/a/b", "/a/b", NULL, REFUSAL_NONE },
    { "root", "/", "/", NULL, REFUSAL_NONE },
    { "query", "/a?b=c&d", "/a?b=c&d", NULL, REFUSAL_NONE },
    { "empty query stays", "/a?", "/a?", NULL, REFUSAL_NONE },
    { "a query may hold anything visible", "/a?b/../c?d\\%zz", "/a?b/../c?d\\%zz", NULL,
      REFUSAL_NONE },
    { "percent-encoding stays as it is", "/%41%2f%7e", "/%41%2f%7e", NULL, REFUSAL_NONE },
    { "one dot", "/a/./b", "/a/b", NULL, REFUSAL_NONE },
    { "one dot at the end", "/a/.", "/a/", NULL, REFUSAL_NONE },
    { "two dots", "/a/../b", "/b", NULL, REFUSAL_NONE },
    { "two dots at the end", "/a/b/..", "/a/", NULL, REFUSAL_NONE },
    { "back to the root", "/a/..", "/", NULL, REFUSAL_NONE },
    { "encoded dots", "/a/%2e%2E/b", "/b", NULL, REFUSAL_NONE },
    { "half encoded", "/a/.%2e/b/%2e/c", "/b/c", NULL, REFUSAL_NONE },
    { "then a query", "/a/../b?x=../y", "/b?x=../y", NULL, REFUSAL_NONE },
    { "three dots are a name", "/a/.../b", "/a/.../b", NULL, REFUSAL_NONE },
    { "dots inside a name", "/a/..b/c../.d", "/a/..b/c../.d", NULL, REFUSAL_NONE },
    { "an empty segment counts", "/a//../b", "/a/b", NULL, REFUSAL_NONE },
    { "double slash at the front", "//a/b", "//a/b", NULL, REFUSAL_NONE },
    { "above the root", "/..", NULL, NULL, REFUSAL_PATH_ABOVE_ROOT },
    { "above the root, encoded", "/%2e%2e/etc", NULL, NULL, REFUSAL_PATH_ABOVE_ROOT },
    { "above the root after a detour", "/a/../../b", NULL, NULL, REFUSAL_PATH_ABOVE_ROOT },
    { "above the root in the end", "/a/../..", NULL, NULL, REFUSAL_PATH_ABOVE_ROOT },
    { "dots before an encoded slash", "/a/..%2fb", NULL, NULL, REFUSAL_PATH_VEILED_DOTS },
    { "dots behind one", "/a%2f%2E./b", NULL, NULL, REFUSAL_PATH_VEILED_DOTS },
    { "a dot beside an encoded backslash", "/a%5C.", NULL, NULL, REFUSAL_PATH_VEILED_DOTS },
    { "dots with a parameter", "/a/..;x/b", NULL, NULL, REFUSAL_PATH_VEILED_DOTS },
    { "an encoded slash", "/a%2fb%5cc/.d%2f...", "/a%2fb%5cc/.d%2f...", NULL, REFUSAL_NONE },
    { "a parameter of dots", "/a;../b", "/a;../b", NULL, REFUSAL_NONE },
    { "backslash", "/a\\b", NULL, NULL, REFUSAL_PATH_BACKSLASH },
    { "percent-encoded NUL", "/a%00", NULL, NULL, REFUSAL_PATH_ENCODED_CONTROL },
    { "percent-encoded CR", "/a%0D", NULL, NULL, REFUSAL_PATH_ENCODED_CONTROL },
    { "percent-encoded LF", "/a%0ab", NULL, NULL, REFUSAL_PATH_ENCODED_CONTROL },
    { "broken percent-encoding", "/a%4", NULL, NULL, REFUSAL_PATH_PERCENT },
    { "no hexadecimal digits", "/a%4g", NULL, NULL, REFUSAL_PATH_PERCENT },
    { "fragment", "/a#b", NULL, NULL, REFUSAL_TARGET_FRAGMENT },
    { "fragment in the query", "/a?b#c", NULL, NULL, REFUSAL_TARGET_FRAGMENT },
    { "byte over 0x7F", "/a\xc3\xa9", NULL, NULL, REFUSAL_TARGET_NOT_ASCII },
    { "byte over 0x7F in the query", "/a?\x80", NULL, NULL, REFUSAL_TARGET_NOT_ASCII },
    { "space", "/a b", NULL, NULL, REFUSAL_TARGET_CONTROL },
    { "DEL", "/a\x7f", NULL, NULL, REFUSAL_TARGET_CONTROL },
    { "no leading slash", "a", NULL, NULL, REFUSAL_TARGET_FORM },
    { "nothing", "", NULL, NULL, REFUSAL_TARGET_FORM },
    { "* for GET", "*", NULL, NULL, REFUSAL_TARGET_ASTERISK },
    { "* for OPTIONS", "O *", "*", NULL, REFUSAL_NONE },
    { "** is not *", "O **", NULL, NULL, REFUSAL_TARGET_FORM },
    { "absolute", "http://a.b/c?d", "/c?d", "a.b", REFUSAL_NONE },
    { "absolute, https, any case", "HTTPS://a.b:8443/c", "/c", "a.b:8443", REFUSAL_NONE },
    { "absolute without a path", "http://a", "/", "a", REFUSAL_NONE },
    { "absolute without a path, with a query", "http://a?b", "/?b", "a", REFUSAL_NONE },
    { "absolute for OPTIONS", "O http://a", "*", "a", REFUSAL_NONE },
    { "absolute for OPTIONS with a path", "O http://a/", "/", "a", REFUSAL_NONE },
    { "absolute, resolved as well", "http://a/b/../c", "/c", "a", REFUSAL_NONE },
    { "no authority", "http:///", NULL, NULL, REFUSAL_TARGET_NO_AUTHORITY },
    { "no authority, no path", "http://", NULL, NULL, REFUSAL_TARGET_NO_AUTHORITY },
    { "another scheme", "ftp://a/", NULL, NULL, REFUSAL_TARGET_FORM },
    { "one slash", "http:/a", NULL, NULL, REFUSAL_TARGET_FORM },
};

static void test_targets(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(targets) / sizeof(targets[0]); i++) {
        struct slice in = slice_str(targets[i].in), authority;
        struct uri uri = { 0 };
        bool options = slice_starts(in, SLICE("O "));
        enum refusal why =
            uri_parse_target(slice_from(in, options ? 2 : 0), options, &arena, &uri, &authority);
        if (why != targets[i].refusal)
            fail_msg("%s: %s", targets[i].why, refusal_text(why));
        if (why != REFUSAL_NONE)
            continue;
        struct slice got = uri_path_and_query(&uri, &arena);
        if (!slice_eq(got, slice_str(targets[i].want)))
            fail_msg("%s: %.*s", targets[i].why, SLICE_ARG(got));
        if (!slice_eq(authority, slice_str(targets[i].authority)))
            fail_msg("%s: authority %.*s", targets[i].why, SLICE_ARG(authority));
    }
}

static const struct {
    const char *why, *in, *host;
    unsigned port;
    enum refusal refusal;
} authorities[] = {
    { "name", "shop.example.test", "shop.example.test", 0, REFUSAL_NONE },
    { "upper case, trailing dot", "Shop.Example.TEST.", "shop.example.test", 0, REFUSAL_NONE },
    { "port", "a:8080", "a", 8080, REFUSAL_NONE },
    { "highest port", "a:65535", "a", 65535, REFUSAL_NONE },
    { "IPv4", "127.0.0.1:80", "127.0.0.1", 80, REFUSAL_NONE },
    { "IPv6", "[2001:DB8::1]", "2001:db8::1", 0, REFUSAL_NONE },
    { "IPv6 and port", "[::1]:443", "::1", 443, REFUSAL_NONE },
    { "IPv6 with IPv4 in it", "[::ffff:1.2.3.4]", "::ffff:1.2.3.4", 0, REFUSAL_NONE },
    { "underscore", "a_b", "a_b", 0, REFUSAL_NONE },
    { "empty", "", NULL, 0, REFUSAL_HOST_EMPTY },
    { "only a port", ":80", NULL, 0, REFUSAL_HOST_EMPTY },
    { "only a dot", ".", NULL, 0, REFUSAL_HOST_MALFORMED },
    { "empty label", "a..b", NULL, 0, REFUSAL_HOST_MALFORMED },
    { "leading dot", ".a", NULL, 0, REFUSAL_HOST_MALFORMED },
    { "two trailing dots", "a..", NULL, 0, REFUSAL_HOST_MALFORMED },
    { "userinfo", "u@a", NULL, 0, REFUSAL_HOST_USERINFO },
    { "userinfo with a password", "u:p@a", NULL, 0, REFUSAL_HOST_USERINFO },
    { "slash", "a/b", NULL, 0, REFUSAL_HOST_MALFORMED },
    { "a list", "a, b", NULL, 0, REFUSAL_HOST_LIST },
    { "a list without space", "a,b", NULL, 0, REFUSAL_HOST_LIST },
    { "space", "a b", NULL, 0, REFUSAL_HOST_MALFORMED },
    { "percent-encoding", "a%2e", NULL, 0, REFUSAL_HOST_MALFORMED },
    { "empty port", "a:", NULL, 0, REFUSAL_HOST_PORT },
    { "port 0", "a:0", NULL, 0, REFUSAL_HOST_PORT },
    { "port too large", "a:65536", NULL, 0, REFUSAL_HOST_PORT },
    { "port with a sign", "a:+80", NULL, 0, REFUSAL_HOST_PORT },
    { "port of letters", "a:http", NULL, 0, REFUSAL_HOST_PORT },
    { "port with zeros in front", "a:000080", NULL, 0, REFUSAL_HOST_PORT },
    { "octal to some upstreams", "a:043", NULL, 0, REFUSAL_HOST_PORT },
    { "two ports", "a:80:90", NULL, 0, REFUSAL_HOST_PORT },
    { "open bracket", "[::1", NULL, 0, REFUSAL_HOST_BRACKET },
    { "closing bracket", "::1]", NULL, 0, REFUSAL_HOST_EMPTY },
    { "IPv6 without brackets", "::1", NULL, 0, REFUSAL_HOST_EMPTY },
    { "nothing in the brackets", "[]", NULL, 0, REFUSAL_HOST_EMPTY },
    { "no address in the brackets", "[a]", NULL, 0, REFUSAL_HOST_MALFORMED },
    { "IPv4 in brackets", "[1.2.3.4]", NULL, 0, REFUSAL_HOST_MALFORMED },
    { "text behind the bracket", "[::1]a", NULL, 0, REFUSAL_HOST_PORT },
    { "a zone", "[fe80::1%25eth0]", NULL, 0, REFUSAL_HOST_MALFORMED },
    { "backslash", "a\\b", NULL, 0, REFUSAL_HOST_MALFORMED },
    { "byte over 0x7F", "\xc3\xa9", NULL, 0, REFUSAL_HOST_MALFORMED },
};

static void test_authorities(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(authorities) / sizeof(authorities[0]); i++) {
        struct uri uri = { 0 };
        enum refusal why = uri_parse_authority(slice_str(authorities[i].in), &arena, &uri);
        if (why != authorities[i].refusal)
            fail_msg("%s: %s", authorities[i].why, refusal_text(why));
        if (why == REFUSAL_NONE && (!slice_eq(uri.host, slice_str(authorities[i].host)) ||
                                    uri.port != authorities[i].port))
            fail_msg("%s: %.*s port %u", authorities[i].why, SLICE_ARG(uri.host), uri.port);
    }
}

static void test_long_names(void **state)
{
    (void)state;
    char name[256];
    struct uri uri;
    memset(name, 'a', sizeof(name));
    assert_int_equal(uri_parse_authority(slice_of(name, 255), &arena, &uri), REFUSAL_NONE);
    assert_int_equal(uri_parse_authority(slice_of(name, 256), &arena, &uri),
                     REFUSAL_HOST_MALFORMED);
}

static const struct {
    const char *target, *authority, *host;
    enum refusal refusal;
} pairs[] = {
    { "http://a/", "a", "a", REFUSAL_NONE },
    { "http://A/", "A", "a", REFUSAL_NONE },
    { "http://a./", "a.", "a", REFUSAL_NONE },
    { "http://a:80/", "a:80", "a", REFUSAL_NONE },
    { "http://a/", "a", "a:80", REFUSAL_NONE },
    { "https://a:443/", "a:443", "a", REFUSAL_NONE },
    { "HTTPS://a/", "a", "a:443", REFUSAL_NONE },
    { "http://a:443/", "a:443", "a", REFUSAL_HOST_DIFFERS },
    { "https://a:80/", "a:80", "a", REFUSAL_HOST_DIFFERS },
    { "http://a/", "a", "b", REFUSAL_HOST_DIFFERS },
    { "http://u@a/", "u@a", "a", REFUSAL_HOST_USERINFO },
    { "http://a:1/", "a:1", "a:2", REFUSAL_HOST_DIFFERS },
    { "http://[::1]/", "[::1]", "[::1]", REFUSAL_NONE },
};

static void test_target_and_host(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++) {
        struct uri host;
        assert_int_equal(uri_parse_authority(slice_str(pairs[i].host), &arena, &host),
                         REFUSAL_NONE);
        enum refusal why = uri_compare_authority(slice_str(pairs[i].target),
                                                 slice_str(pairs[i].authority), &host, &arena);
        if (why != pairs[i].refusal)
            fail_msg("%s and %s: %s", pairs[i].target, pairs[i].host, refusal_text(why));
    }
}

static const struct {
    const char *prefix, *path;
    bool covers;
} prefixes[] = {
    { "/", "/", true },       { "/", "/a", true },        { "/v1/", "/v1/x", true },
    { "/v1/", "/v1", false }, { "/v1", "/v1", true },     { "/v1", "/v1/x", true },
    { "/v1", "/v10", false }, { "/v1/", "/v10/", false }, { "/a/b", "/a", false },
};

static void test_prefixes(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(prefixes) / sizeof(prefixes[0]); i++) {
        bool covers = uri_prefix_covers(slice_str(prefixes[i].prefix), slice_str(prefixes[i].path));
        if (covers != prefixes[i].covers)
            fail_msg("%s %s", prefixes[i].prefix, prefixes[i].path);
    }
}

static void test_parts_put_together(void **state)
{
    (void)state;
    struct uri uri = { .path = SLICE("/a"), .query = SLICE("b"), .has_query = true };
    assert_true(slice_eq(uri_path_and_query(&uri, &arena), SLICE("/a?b")));
    uri.query = slice_of(NULL, 0);
    assert_true(slice_eq(uri_path_and_query(&uri, &arena), SLICE("/a?")));
    uri.has_query = false;
    assert_true(slice_eq(uri_path_and_query(&uri, &arena), SLICE("/a")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_targets),    cmocka_unit_test(test_authorities),
        cmocka_unit_test(test_long_names), cmocka_unit_test(test_target_and_host),
        cmocka_unit_test(test_prefixes),   cmocka_unit_test(test_parts_put_together),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
