/* SPDX-License-Identifier: Apache-2.0 */
#include "proxy/route.h"

#include "../conn/test_certs.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static const struct slice names[][2] = {
    { SLICE_INIT("shop.test"), SLICE_INIT("www.shop.test") },
    { SLICE_INIT("*.test"), SLICE_INIT("*.shop.test") },
    { SLICE_INIT("*.api.shop.test"), SLICE_INIT("a.api.shop.test") },
};
static const struct host_conf hosts[] = {
    { .names = names[0], .name_count = 2 },
    { .names = names[1], .name_count = 2 },
    { .names = names[2], .name_count = 2 },
};

static void test_hosts(void **state)
{
    static const struct {
        const char *why, *host, *want;
    } cases[] = {
        { "exact", "shop.test", "shop.test" },
        { "exact before wildcard", "www.shop.test", "www.shop.test" },
        { "exact before a longer wildcard", "a.api.shop.test", "a.api.shop.test" },
        { "wildcard", "b.test", "*.test" },
        { "the longest wildcard", "x.shop.test", "*.shop.test" },
        { "longer still", "x.api.shop.test", "*.api.shop.test" },
        { "several labels in front", "x.y.z.test", "*.test" },
        { "never the name itself", "test", NULL },
        { "but another wildcard may cover it", "api.shop.test", "*.shop.test" },
        { "unknown", "shop.example", NULL },
        { "no label in front", ".shop.test", NULL },
        { "nothing", "", NULL },
        { "the star is no name", "*.test", "*.test" },
    };
    struct host_table *t = host_table_new(hosts, 3);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct slice name = SLICE("none");
        const struct host_conf *h = host_table_find(t, slice_str(cases[i].host), &name);
        if ((h != NULL) != (cases[i].want != NULL) ||
            (h != NULL && !slice_eq(name, slice_str(cases[i].want))))
            fail_msg("%s: %.*s", cases[i].why, SLICE_ARG(name));
    }
    const struct listener_conf l = { .table = t, .default_host = &hosts[1] };
    assert_ptr_equal(route_host(&l, SLICE("shop.test"), NULL), &hosts[0]);
    assert_ptr_equal(route_host(&l, SLICE("shop.example"), NULL), &hosts[1]);
    host_table_free(t);
}

static struct tls_ctx *context_of(const struct test_cert *cert)
{
    struct tls_cert_conf certs[] = { test_cert_conf(cert) };
    const struct tls_conf conf = { .certs = certs, .cert_count = 1 };
    struct tls_ctx *ctx = NULL;
    size_t bad;
    assert_int_equal(tls_ctx_new(&conf, &ctx, NULL, &bad), 0);
    return ctx;
}

/* A host is found under the same names by server_name and by Host. */
static void test_server_name_finds_the_same(void **state)
{
    static const char *const asked[] = {
        "shop.test", "www.shop.test",  "a.api.shop.test",
        "b.test",    "x.shop.test",    "x.api.shop.test",
        "test",      "x.y.z.test",     "api.shop.test",
        "atest",     "shop.example",   "a.b.api.shop.test",
        "",          "xapi.shop.test", ".shop.test",
        "a_b.test",  "1.test",
    };
    struct test_cert cert;
    struct tls_ctx *ctxs[3];
    struct tls_sni *sni = tls_sni_new();
    struct host_table *t = host_table_new(hosts, 3);
    test_cert_make(&cert, TEST_P256, "any", NULL);
    for (size_t i = 0; i < 3; i++) {
        ctxs[i] = context_of(&cert);
        for (size_t k = 0; k < hosts[i].name_count; k++)
            assert_int_equal(tls_sni_add(sni, hosts[i].names[k], ctxs[i]), 0);
    }
    for (size_t i = 0; i < sizeof asked / sizeof asked[0]; i++) {
        const struct host_conf *h = host_table_find(t, slice_str(asked[i]), NULL);
        const struct tls_ctx *want = h != NULL ? ctxs[h - hosts] : NULL;
        if (tls_sni_find(sni, slice_str(asked[i])) != want)
            fail_msg("\"%s\"", asked[i]);
    }
    for (size_t i = 0; i < 3; i++)
        tls_ctx_unref(ctxs[i]);
    tls_sni_free(sni);
    host_table_free(t);
    test_cert_done(&cert);
}

static void test_routes(void **state)
{
    static const struct route_conf routes[] = {
        { .text = SLICE_INIT("/"), .path = SLICE_INIT("/") },
        { .text = SLICE_INIT("/a"), .path = SLICE_INIT("/a") },
        { .text = SLICE_INIT("/a/"), .path = SLICE_INIT("/a/") },
        { .text = SLICE_INIT("= /a/b"), .path = SLICE_INIT("/a/b"), .exact = true },
        { .text = SLICE_INIT("/a/b/c"), .path = SLICE_INIT("/a/b/c") },
        { .text = SLICE_INIT("second"), .path = SLICE_INIT("/a/b/c") },
    };
    static const struct host_conf host = { .routes = routes, .route_count = 6 };
    static const struct {
        const char *why, *path, *want;
    } cases[] = {
        { "everything else", "/x", "/" },
        { "its own path", "/a", "/a" },
        { "on segment bounds", "/ab", "/" },
        { "the longer prefix", "/a/x", "/a/" },
        { "exact first", "/a/b", "= /a/b" },
        { "exact is exact", "/a/b/", "/a/" },
        { "equals: file order", "/a/b/c/d", "/a/b/c" },
        { "the server as a whole", "*", "/" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const struct route_conf *r = route_find(&host, slice_str(cases[i].path));
        if (r == NULL || !slice_eq(r->text, slice_str(cases[i].want)))
            fail_msg("%s: %.*s", cases[i].why, SLICE_ARG(r != NULL ? r->text : SLICE("none")));
    }
    static const struct host_conf narrow = { .routes = routes + 1, .route_count = 1 };
    assert_null(route_find(&narrow, SLICE("/x")));
}

static void test_forward_path(void **state)
{
    static const struct {
        const char *why, *strip, *path, *want;
    } cases[] = {
        { "nothing to strip", "", "/v1/x", "/v1/x" },
        { "a segment goes", "/v1", "/v1/x", "/x" },
        { "all of it", "/v1", "/v1", "/" },
        { "only whole segments", "/v1", "/v10/x", "/v10/x" },
        { "with a slash at its end", "/v1/", "/v1/x", "/x" },
        { "all of that", "/v1/", "/v1/", "/" },
        { "elsewhere", "/v1", "/x", "/x" },
        { "the root", "/", "/x", "/x" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct arena a;
        const struct route_conf r = { .strip_prefix = slice_str(cases[i].strip) };
        arena_init(&a, NULL);
        struct slice got = route_forward_path(&r, slice_str(cases[i].path), &a);
        if (!slice_eq(got, slice_str(cases[i].want)))
            fail_msg("%s: %.*s", cases[i].why, SLICE_ARG(got));
        arena_done(&a);
    }
}

static void test_keys(void **state)
{
    static const struct {
        const char *why;
        struct key_conf key;
        const char *want;
        bool fallback;
    } cases[] = {
        { "path and query", { .kind = KEY_URI }, "/a?b=1", false },
        { "path", { .kind = KEY_PATH }, "/a", false },
        { "host", { .kind = KEY_HOST }, "shop.test", false },
        { "client", { .kind = KEY_CLIENT }, "192.0.2.1", false },
        { "header, first value",
          { .kind = KEY_HEADER, .name = SLICE_INIT("x-user") },
          "ann",
          false },
        { "Host is a header too",
          { .kind = KEY_HEADER, .name = SLICE_INIT("host") },
          "Shop.test:8443",
          false },
        { "no such header",
          { .kind = KEY_HEADER, .name = SLICE_INIT("X-None") },
          "192.0.2.1",
          true },
        { "cookie", { .kind = KEY_COOKIE, .name = SLICE_INIT("sid") }, "7", false },
        { "a cookie on the second line",
          { .kind = KEY_COOKIE, .name = SLICE_INIT("c") },
          "3",
          false },
        { "names of cookies have a case",
          { .kind = KEY_COOKIE, .name = SLICE_INIT("SID") },
          "192.0.2.1",
          true },
        { "an empty cookie is there", { .kind = KEY_COOKIE, .name = SLICE_INIT("e") }, "", false },
        { "no such cookie", { .kind = KEY_COOKIE, .name = SLICE_INIT("id") }, "192.0.2.1", true },
    };
    struct arena a;
    struct message m;
    arena_init(&a, NULL);
    message_init(&m, &a);
    m.uri = (struct uri){
        .path = SLICE("/a"), .query = SLICE("b=1"), .has_query = true, .host = SLICE("shop.test")
    };
    m.authority = SLICE("Shop.test:8443");
    fields_add(&m.fields, SLICE("X-User"), SLICE("ann"));
    fields_add(&m.fields, SLICE("X-User"), SLICE("bob"));
    fields_add(&m.fields, SLICE("Cookie"), SLICE("a=1; sid=7; sid=8;e="));
    fields_add(&m.fields, SLICE("cookie"), SLICE("c=3"));
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        bool fallback;
        struct slice got = route_key(&cases[i].key, &m, SLICE("192.0.2.1"), &a, &fallback);
        if (!slice_eq(got, slice_str(cases[i].want)) || fallback != cases[i].fallback)
            fail_msg("%s: %.*s", cases[i].why, SLICE_ARG(got));
    }
    arena_done(&a);
}

static void test_location(void **state)
{
    static const struct {
        const char *why;
        struct route_conf route;
        const char *host, *want;
    } cases[] = {
        { "https keeps host, path and query",
          { .https_port = 443 },
          "shop.test",
          "https://shop.test/a?b" },
        { "another port", { .https_port = 8443 }, "shop.test", "https://shop.test:8443/a?b" },
        { "IPv6", { .https_port = 8443 }, "::1", "https://[::1]:8443/a?b" },
        { "a URL without a path",
          { .location = SLICE_INIT("https://x.test") },
          "shop.test",
          "https://x.test/a?b" },
        { "a URL with one",
          { .location = SLICE_INIT("https://x.test/y"), .location_has_path = true },
          "shop.test",
          "https://x.test/y" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct arena a;
        struct message m;
        arena_init(&a, NULL);
        message_init(&m, &a);
        m.uri = (struct uri){ .path = SLICE("/a"),
                              .query = SLICE("b"),
                              .has_query = true,
                              .host = slice_str(cases[i].host) };
        struct slice got = route_location(&cases[i].route, &m, &a);
        if (!slice_eq(got, slice_str(cases[i].want)))
            fail_msg("%s: %.*s", cases[i].why, SLICE_ARG(got));
        arena_done(&a);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_hosts),  cmocka_unit_test(test_server_name_finds_the_same),
        cmocka_unit_test(test_routes), cmocka_unit_test(test_forward_path),
        cmocka_unit_test(test_keys),   cmocka_unit_test(test_location),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
