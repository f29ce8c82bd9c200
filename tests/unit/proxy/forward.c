/* SPDX-License-Identifier: Apache-2.0 */
#include "proxy/forward.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

/* Fields as text, "Name: value" a line, and back. */
static void fields_read(struct fields *f, const char *text)
{
    struct slice rest = slice_str(text), line;
    while (rest.len > 0 && slice_split(&rest, '\n', &line)) {
        size_t colon = slice_find(line, ':');
        fields_add(f, slice_first(line, colon), slice_trim(slice_from(line, colon + 1)));
    }
}

static void fields_print(const struct fields *f, char *out, size_t room)
{
    size_t at = 0;
    out[0] = '\0';
    for (size_t i = 0; i < f->count; i++)
        at += (size_t)snprintf(out + at, room - at, "%s%.*s: %.*s", i > 0 ? "\n" : "",
                               SLICE_ARG(f->list[i].name), SLICE_ARG(f->list[i].value));
}

#define OURS(for_, proto, host, element, id)                                                       \
    "X-Forwarded-For: " for_ "\nX-Forwarded-Proto: " proto "\nX-Forwarded-Host: " host             \
    "\nForwarded: " element "\nVia: 1.1 signet\nX-Request-ID: " id
#define PLAIN                                                                                      \
    OURS("192.0.2.1", "http", "shop.test", "for=192.0.2.1;host=shop.test;proto=http", "id0")

static const struct header_edit edits[] = {
    { SLICE_INIT("X-Debug"), { NULL, 0 }, true },
    { SLICE_INIT("x-env"), SLICE_INIT("beta"), false },
};
static const struct route_conf plain_route = { .path = SLICE_INIT("/") };
static const struct route_conf edit_route = { .path = SLICE_INIT("/"),
                                              .edits = edits,
                                              .edit_count = 2 };

static const struct {
    const char *why, *peer;
    bool trusted, tls;
    const struct route_conf *route;
    const char *authority, *received, *want;
} requests[] = {
    { "ours are added", "192.0.2.1", false, false, &plain_route, "shop.test", "Accept: */*",
      "Accept: */*\n" PLAIN },
    { "https, a port, IPv6", "2001:db8::1", false, true, &plain_route, "shop.test:8443", "",
      OURS("2001:db8::1", "https", "shop.test:8443",
           "for=\"[2001:db8::1]\";host=\"shop.test:8443\";proto=https", "id0") },
    { "a unix peer has no address", "unix", false, false, &plain_route, "shop.test", "",
      OURS("unknown", "http", "shop.test", "for=unknown;host=shop.test;proto=http", "id0") },
    { "hop by hop ends here", "192.0.2.1", false, false, &plain_route, "shop.test",
      "Connection: keep-alive\nKeep-Alive: 5\nProxy-Connection: x\nTE: gzip\nUpgrade: h2c\n"
      "HTTP2-Settings: x\nProxy: http://evil\nProxy-Authorization: x\nTransfer-Encoding: x\n"
      "Trailer: X-Sum\nCookie: a=1",
      "Cookie: a=1\n" PLAIN },
    { "what Connection names too", "192.0.2.1", false, false, &plain_route, "shop.test",
      "Connection: close, X-Hop, x-forwarded-for\nX-Hop: 1\nX-Stays: 1", "X-Stays: 1\n" PLAIN },
    { "a stranger's claims are replaced", "192.0.2.1", false, false, &plain_route, "shop.test",
      "X-Forwarded-For: 1.2.3.4\nX-Forwarded-Proto: https\nX-Forwarded-Host: evil\n"
      "X-Forwarded-Port: 1\nForwarded: for=1.2.3.4\nVia: 1.1 x\nX-Request-ID: mine\n"
      "X-Real-IP: 1.2.3.4",
      PLAIN "\nX-Real-IP: 192.0.2.1" },
    { "underscores do not hide them", "192.0.2.1", false, false, &plain_route, "shop.test",
      "X_Forwarded_For: 1.2.3.4\nX_Client_Cert: y\nx_real_ip: 1\nTransfer_Encoding: x\nA_b: 1",
      "A_b: 1\n" PLAIN },
    { "nor does other punctuation", "192.0.2.1", false, false, &plain_route, "shop.test",
      "X.Forwarded!For: 1.2.3.4\nX|Client~Cert: y\nx`real'ip: 1\nTransfer.Encoding: x\nA.b: 1",
      "A.b: 1\n" PLAIN },
    { "a trusted proxy's are continued", "10.0.0.1", true, false, &plain_route, "shop.test",
      "X-Forwarded-For: 1.2.3.4\nX-Forwarded-For: 5.6.7.8\nX-Forwarded-Proto: https\n"
      "X-Forwarded-Host: www.test\nX-Forwarded-Port: 443\nForwarded: for=1.2.3.4",
      "X-Forwarded-Port: 443\n" OURS("1.2.3.4, 5.6.7.8, 10.0.0.1", "https", "www.test",
                                     "for=1.2.3.4, for=10.0.0.1;host=shop.test;proto=http",
                                     "id0") },
    { "an empty line of a list adds nothing", "10.0.0.1", true, false, &plain_route, "shop.test",
      "X-Forwarded-For: \nX-Forwarded-For: 1.2.3.4\nX-Forwarded-For: \nX-Forwarded-For: a, b\n"
      "Forwarded: ",
      OURS("1.2.3.4, a, b, 10.0.0.1", "http", "shop.test", "for=10.0.0.1;host=shop.test;proto=http",
           "id0") },
    { "identity is Signet's alone to say", "10.0.0.1", true, false, &plain_route, "shop.test",
      "X-Client-Cert: x\nx-client-cert-chain: x\nX-SSL-Client-DN: x\nClient-Cert: x\n"
      "Client-Cert-Chain: x\nSSL-Client-S-DN: x\nX-Forwarded-Client-Cert: x\nX-Client: 1",
      "X-Client: 1\n" OURS("10.0.0.1", "http", "shop.test",
                           "for=10.0.0.1;host=shop.test;proto=http", "id0") },
    { "edits come last", "192.0.2.1", false, false, &edit_route, "shop.test",
      "X-Debug: 1\nX-Env: prod\nX-Env: dev", PLAIN "\nx-env: beta" },
    { "without Host: the host that serves", "192.0.2.1", false, false, &plain_route, "", "",
      OURS("192.0.2.1", "http", "default.test", "for=192.0.2.1;host=default.test;proto=http",
           "id0") },
};

static void test_request(void **state)
{
    static const struct tls_info tls = { .version = "TLSv1.3" };
    for (size_t i = 0; i < sizeof requests / sizeof requests[0]; i++) {
        char got[2048];
        struct arena a;
        struct message received, sent;
        const struct client c = { .peer = slice_str(requests[i].peer),
                                  .remote = slice_str(requests[i].peer),
                                  .trusted = requests[i].trusted,
                                  .tls = requests[i].tls ? &tls : NULL };
        arena_init(&a, NULL);
        message_init(&received, &a);
        received.uri.path = SLICE("/x");
        received.authority = slice_str(requests[i].authority);
        fields_read(&received.fields, requests[i].received);
        const struct forward f = { &received, &c, requests[i].route, SLICE("id0"),
                                   SLICE("default.test") };
        forward_request(&f, &a, &sent);
        fields_print(&sent.fields, got, sizeof got);
        if (strcmp(got, requests[i].want) != 0)
            fail_msg("%s:\n%s\nnot\n%s", requests[i].why, got, requests[i].want);
        arena_done(&a);
    }
}

static void test_request_line(void **state)
{
    struct arena a;
    struct message received, sent;
    const struct client c = { .peer = SLICE("192.0.2.1") };
    const struct route_conf r = { .path = SLICE("/v1/"), .strip_prefix = SLICE("/v1") };
    arena_init(&a, NULL);
    message_init(&received, &a);
    received.version = HTTP_1_0;
    received.method = SLICE("GET");
    received.uri = (struct uri){ .path = SLICE("/v1/x"), .query = SLICE("q"), .has_query = true };
    received.authority = SLICE("Shop.Test:8443");
    received.close = true;
    received.body = BODY_LENGTH;
    received.length = 7;
    received.upgrade = SLICE("x, y");
    const struct forward f = { &received, &c, &r, SLICE("id0"), SLICE("d") };
    forward_request(&f, &a, &sent);
    assert_true(slice_eq(sent.uri.path, SLICE("/x")));
    assert_true(slice_eq(sent.uri.query, SLICE("q")));
    assert_true(slice_eq(sent.authority, SLICE("Shop.Test:8443"))); /* as the client sent it */
    assert_false(sent.close);
    assert_int_equal(sent.length, 7);
    assert_true(slice_eq(sent.upgrade, SLICE("x, y"))); /* what the codec let stand */
    assert_true(slice_eq(fields_find(&sent.fields, FIELD_VIA)->value, SLICE("1.0 signet")));
    arena_done(&a);
}

static void test_response(void **state)
{
    static const struct {
        const char *why, *date;
        bool trailers;
        const char *received, *want;
    } cases[] = {
        { "as it is", "now", false, "Server: x\nDate: then\nSet-Cookie: a\nSet-Cookie: b",
          "Server: x\nDate: then\nSet-Cookie: a\nSet-Cookie: b" },
        { "dated where it is not", "now", false, "Server: x", "Server: x\nDate: now" },
        { "an interim one is not dated", "", false, "Link: x", "Link: x" },
        { "hop by hop ends here", "now", false,
          "Connection: X-Hop\nX-Hop: 1\nKeep-Alive: x\nUpgrade: h2c\nDate: d", "Date: d" },
        { "trailers that nobody asked for", "now", false, "Trailer: X-Sum\nDate: d", "Date: d" },
        { "that somebody did", "now", true, "Trailer: X-Sum\nDate: d", "Trailer: X-Sum\nDate: d" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char got[512];
        struct arena a;
        struct message received, sent;
        arena_init(&a, NULL);
        message_init(&received, &a);
        received.close = true;
        received.body = BODY_TO_END;
        fields_read(&received.fields, cases[i].received);
        forward_response(&received, cases[i].trailers, slice_str(cases[i].date), &a, &sent);
        fields_print(&sent.fields, got, sizeof got);
        if (strcmp(got, cases[i].want) != 0)
            fail_msg("%s: %s", cases[i].why, got);
        assert_false(sent.close);
        assert_int_equal(sent.body, BODY_CHUNKED);
        arena_done(&a);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_request),
        cmocka_unit_test(test_request_line),
        cmocka_unit_test(test_response),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
