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

/* `want`: path and query as forwarded, NULL: refused. A leading "O " makes it an OPTIONS. */
static const struct {
    const char *why, *in, *want, *authority;
} targets[] = {
    { "plain", "/a/b", "/a/b", NULL },
    { "root", "/", "/", NULL },
    { "query", "/a?b=c&d", "/a?b=c&d", NULL },
    { "empty query stays", "/a?", "/a?", NULL },
    { "a query may hold anything visible", "/a?b/../c?d\\%zz", "/a?b/../c?d\\%zz", NULL },
    { "percent-encoding stays as it is", "/%41%2f%7e", "/%41%2f%7e", NULL },
    { "one dot", "/a/./b", "/a/b", NULL },
    { "one dot at the end", "/a/.", "/a/", NULL },
    { "two dots", "/a/../b", "/b", NULL },
    { "two dots at the end", "/a/b/..", "/a/", NULL },
    { "back to the root", "/a/..", "/", NULL },
    { "encoded dots", "/a/%2e%2E/b", "/b", NULL },
    { "half encoded", "/a/.%2e/b/%2e/c", "/b/c", NULL },
    { "then a query", "/a/../b?x=../y", "/b?x=../y", NULL },
    { "three dots are a name", "/a/.../b", "/a/.../b", NULL },
    { "dots inside a name", "/a/..b/c../.d", "/a/..b/c../.d", NULL },
    { "dots with parameters are a name", "/a/..;x/b", "/a/..;x/b", NULL },
    { "an empty segment counts", "/a//../b", "/a/b", NULL },
    { "double slash at the front", "//a/b", "//a/b", NULL },
    { "above the root", "/..", NULL, NULL },
    { "above the root, encoded", "/%2e%2e/etc", NULL, NULL },
    { "above the root after a detour", "/a/../../b", NULL, NULL },
    { "above the root in the end", "/a/../..", NULL, NULL },
    { "backslash", "/a\\b", NULL, NULL },
    { "percent-encoded NUL", "/a%00", NULL, NULL },
    { "percent-encoded CR", "/a%0D", NULL, NULL },
    { "percent-encoded LF", "/a%0ab", NULL, NULL },
    { "broken percent-encoding", "/a%4", NULL, NULL },
    { "no hexadecimal digits", "/a%4g", NULL, NULL },
    { "fragment", "/a#b", NULL, NULL },
    { "fragment in the query", "/a?b#c", NULL, NULL },
    { "byte over 0x7F", "/a\xc3\xa9", NULL, NULL },
    { "byte over 0x7F in the query", "/a?\x80", NULL, NULL },
    { "space", "/a b", NULL, NULL },
    { "DEL", "/a\x7f", NULL, NULL },
    { "no leading slash", "a", NULL, NULL },
    { "nothing", "", NULL, NULL },
    { "* for GET", "*", NULL, NULL },
    { "* for OPTIONS", "O *", "*", NULL },
    { "** is not *", "O **", NULL, NULL },
    { "absolute", "http://a.b/c?d", "/c?d", "a.b" },
    { "absolute, https, any case", "HTTPS://a.b:8443/c", "/c", "a.b:8443" },
    { "absolute without a path", "http://a", "/", "a" },
    { "absolute without a path, with a query", "http://a?b", "/?b", "a" },
    { "absolute for OPTIONS", "O http://a", "*", "a" },
    { "absolute for OPTIONS with a path", "O http://a/", "/", "a" },
    { "absolute, resolved as well", "http://a/b/../c", "/c", "a" },
    { "no authority", "http:///", NULL, NULL },
    { "no authority, no path", "http://", NULL, NULL },
    { "another scheme", "ftp://a/", NULL, NULL },
    { "one slash", "http:/a", NULL, NULL },
};

static void test_targets(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(targets) / sizeof(targets[0]); i++) {
        struct slice in = slice_str(targets[i].in), authority;
        struct uri uri = { 0 };
        const char *why = NULL;
        bool options = slice_starts(in, SLICE("O "));
        int r = uri_parse_target(slice_from(in, options ? 2 : 0), options, &arena, &uri, &authority,
                                 &why);
        if (targets[i].want == NULL) {
            if (r == 0 || why == NULL)
                fail_msg("%s: not refused", targets[i].why);
            continue;
        }
        struct slice got = r == 0 ? uri_path_and_query(&uri, &arena) : slice_str(why);
        if (!slice_eq(got, slice_str(targets[i].want)))
            fail_msg("%s: %.*s", targets[i].why, SLICE_ARG(got));
        if (!slice_eq(authority, slice_str(targets[i].authority)))
            fail_msg("%s: authority %.*s", targets[i].why, SLICE_ARG(authority));
    }
}

static const struct {
    const char *why, *in, *host; /* host NULL: refused */
    unsigned port;
} authorities[] = {
    { "name", "shop.example.test", "shop.example.test", 0 },
    { "upper case, trailing dot", "Shop.Example.TEST.", "shop.example.test", 0 },
    { "port", "a:8080", "a", 8080 },
    { "highest port", "a:65535", "a", 65535 },
    { "IPv4", "127.0.0.1:80", "127.0.0.1", 80 },
    { "IPv6", "[2001:DB8::1]", "2001:db8::1", 0 },
    { "IPv6 and port", "[::1]:443", "::1", 443 },
    { "IPv6 with IPv4 in it", "[::ffff:1.2.3.4]", "::ffff:1.2.3.4", 0 },
    { "underscore", "a_b", "a_b", 0 },
    { "empty", "", NULL, 0 },
    { "only a port", ":80", NULL, 0 },
    { "only a dot", ".", NULL, 0 },
    { "empty label", "a..b", NULL, 0 },
    { "leading dot", ".a", NULL, 0 },
    { "two trailing dots", "a..", NULL, 0 },
    { "userinfo", "u@a", NULL, 0 },
    { "userinfo with a password", "u:p@a", NULL, 0 },
    { "slash", "a/b", NULL, 0 },
    { "a list", "a, b", NULL, 0 },
    { "a list without space", "a,b", NULL, 0 },
    { "space", "a b", NULL, 0 },
    { "percent-encoding", "a%2e", NULL, 0 },
    { "empty port", "a:", NULL, 0 },
    { "port 0", "a:0", NULL, 0 },
    { "port too large", "a:65536", NULL, 0 },
    { "port with a sign", "a:+80", NULL, 0 },
    { "port of letters", "a:http", NULL, 0 },
    { "port with zeros in front", "a:000080", NULL, 0 },
    { "two ports", "a:80:90", NULL, 0 },
    { "open bracket", "[::1", NULL, 0 },
    { "closing bracket", "::1]", NULL, 0 },
    { "IPv6 without brackets", "::1", NULL, 0 },
    { "nothing in the brackets", "[]", NULL, 0 },
    { "no address in the brackets", "[a]", NULL, 0 },
    { "IPv4 in brackets", "[1.2.3.4]", NULL, 0 },
    { "text behind the bracket", "[::1]a", NULL, 0 },
    { "a zone", "[fe80::1%25eth0]", NULL, 0 },
    { "backslash", "a\\b", NULL, 0 },
    { "byte over 0x7F", "\xc3\xa9", NULL, 0 },
};

static void test_authorities(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(authorities) / sizeof(authorities[0]); i++) {
        struct uri uri = { 0 };
        const char *why = "";
        int r = uri_parse_authority(slice_str(authorities[i].in), &arena, &uri, &why);
        if ((r == 0) != (authorities[i].host != NULL))
            fail_msg("%s: %s", authorities[i].why, r == 0 ? "not refused" : why);
        if (r == 0 && (!slice_eq(uri.host, slice_str(authorities[i].host)) ||
                       uri.port != authorities[i].port))
            fail_msg("%s: %.*s port %u", authorities[i].why, SLICE_ARG(uri.host), uri.port);
    }
}

static void test_long_names(void **state)
{
    (void)state;
    char name[256];
    struct uri uri;
    const char *why;
    memset(name, 'a', sizeof(name));
    assert_int_equal(uri_parse_authority(slice_of(name, 255), &arena, &uri, &why), 0);
    assert_true(uri_parse_authority(slice_of(name, 256), &arena, &uri, &why) < 0);
}

static const struct {
    const char *target, *authority, *host;
    bool same;
} pairs[] = {
    { "http://a/", "a", "a", true },
    { "http://A/", "A", "a", true },
    { "http://a./", "a.", "a", true },
    { "http://a:80/", "a:80", "a", true },
    { "http://a/", "a", "a:80", true },
    { "https://a:443/", "a:443", "a", true },
    { "HTTPS://a/", "a", "a:443", true },
    { "http://a:443/", "a:443", "a", false },
    { "https://a:80/", "a:80", "a", false },
    { "http://a/", "a", "b", false },
    { "http://u@a/", "u@a", "a", false },
    { "http://a:1/", "a:1", "a:2", false },
    { "http://[::1]/", "[::1]", "[::1]", true },
};

static void test_target_and_host(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++) {
        struct uri host;
        const char *why;
        assert_int_equal(uri_parse_authority(slice_str(pairs[i].host), &arena, &host, &why), 0);
        bool same = uri_authority_is_host(slice_str(pairs[i].target), slice_str(pairs[i].authority),
                                          &host, &arena);
        if (same != pairs[i].same)
            fail_msg("%s and %s", pairs[i].target, pairs[i].host);
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
