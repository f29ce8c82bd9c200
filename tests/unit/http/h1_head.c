/* SPDX-License-Identifier: Apache-2.0 */
#include "http/h1_head.h"

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

static const struct h1_conf usual = { .head_max = 4096, .fields_max = 50, .target_max = 100 };

/* Scans and reads a whole request. */
static enum refusal read_request(const char *text, const struct h1_conf *conf, struct message *m)
{
    struct h1_in in;
    struct slice view = slice_str(text);
    h1_in_init(&in, false, conf, &arena);
    message_init(m, &arena);
    enum scan_verdict v = h1_in_scan(&in, view);
    assert_int_not_equal(v, SCAN_MORE);
    if (v == SCAN_DONE && h1_head_request(&in, view, m) == 0)
        return REFUSAL_NONE;
    assert_int_not_equal(in.refusal, REFUSAL_NONE);
    return in.refusal;
}

#define G "GET / HTTP/1.1\r\n"
#define P "POST / HTTP/1.1\r\nHost: a\r\n"
static const struct {
    const char *why, *head;
    enum refusal refusal;
} cases[] = {
    { "plain", G "Host: a\r\n\r\n", REFUSAL_NONE },
    { "no Host", G "\r\n", REFUSAL_HOST_MISSING },
    { "no Host in 1.0", "GET / HTTP/1.0\r\n\r\n", REFUSAL_NONE },
    { "two Hosts", G "Host: a\r\nHost: b\r\n\r\n", REFUSAL_HOST_TWICE },
    { "two equal Hosts", G "Host: a\r\nhost: a\r\n\r\n", REFUSAL_HOST_TWICE },
    { "two Hosts in 1.0", "GET / HTTP/1.0\r\nHost: a\r\nHost: a\r\n\r\n", REFUSAL_HOST_TWICE },
    { "empty Host", G "Host:\r\n\r\n", REFUSAL_HOST_EMPTY },
    { "a list of Hosts", G "Host: a, b\r\n\r\n", REFUSAL_HOST_LIST },
    { "userinfo", G "Host: u@a\r\n\r\n", REFUSAL_HOST_USERINFO },
    { "a slash", G "Host: a/b\r\n\r\n", REFUSAL_HOST_MALFORMED },
    { "a bad port", G "Host: a:x\r\n\r\n", REFUSAL_HOST_PORT },
    { "a broken bracket", G "Host: [::1\r\n\r\n", REFUSAL_HOST_BRACKET },
    { "IPv6", G "Host: [::1]:8443\r\n\r\n", REFUSAL_NONE },
    { "absolute form", "GET http://a/ HTTP/1.1\r\nHost: A\r\n\r\n", REFUSAL_NONE },
    { "absolute form, its port spelt out", "GET http://a:80/ HTTP/1.1\r\nHost: a\r\n\r\n",
      REFUSAL_NONE },
    { "absolute form of another host", "GET http://b/ HTTP/1.1\r\nHost: a\r\n\r\n",
      REFUSAL_HOST_DIFFERS },
    { "absolute form with userinfo", "GET http://u@a/ HTTP/1.1\r\nHost: a\r\n\r\n",
      REFUSAL_HOST_USERINFO },
    { "absolute form without Host", "GET http://a/ HTTP/1.1\r\n\r\n", REFUSAL_HOST_MISSING },
    { "absolute form in 1.0", "GET http://a/ HTTP/1.0\r\n\r\n", REFUSAL_NONE },
    { "above the root", "GET /../a HTTP/1.1\r\nHost: a\r\n\r\n", REFUSAL_PATH_ABOVE_ROOT },
    { "OPTIONS *", "OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n", REFUSAL_NONE },
    { "GET *", "GET * HTTP/1.1\r\nHost: a\r\n\r\n", REFUSAL_TARGET_ASTERISK },
    { "CONNECT", "CONNECT a:443 HTTP/1.1\r\nHost: a\r\n\r\n", REFUSAL_METHOD_CONNECT },
    { "a method of 32 bytes", "ABCDEFGHIJKLMNOPQRSTUVWXYZ012345 / HTTP/1.1\r\nHost: a\r\n\r\n",
      REFUSAL_NONE },
    { "SOURCE is no other protocol here", "SOURCE / HTTP/1.1\r\nHost: a\r\n\r\n", REFUSAL_NONE },
    { "length", P "Content-Length: 5\r\n\r\n", REFUSAL_NONE },
    { "chunked", P "Transfer-Encoding: chunked\r\n\r\n", REFUSAL_NONE },
    { "both", P "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n",
      REFUSAL_LENGTH_AND_CODING },
    { "both, the other way round", P "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n",
      REFUSAL_LENGTH_AND_CODING },
    { "two lengths", P "Content-Length: 5\r\nContent-Length: 5\r\n\r\n",
      REFUSAL_TWO_CONTENT_LENGTHS },
    { "a length with a space behind", P "Content-Length: 5 \r\n\r\n",
      REFUSAL_CONTENT_LENGTH_NOT_DIGITS },
    { "a length with a tab in front", P "Content-Length:\t5\r\n\r\n",
      REFUSAL_CONTENT_LENGTH_NOT_DIGITS },
    { "no space before a length", P "Content-Length:5\r\n\r\n", REFUSAL_NONE },
    { "an empty length", P "Content-Length:\r\n\r\n", REFUSAL_CONTENT_LENGTH_EMPTY },
    { "a length beyond 2^63", P "Content-Length: 9223372036854775808\r\n\r\n",
      REFUSAL_CONTENT_LENGTH_TOO_LARGE },
    { "a length beyond 2^64", P "Content-Length: 18446744073709551617\r\n\r\n",
      REFUSAL_CONTENT_LENGTH_TOO_LARGE },
    { "chunked, tab behind", P "Transfer-Encoding: chunked\t\r\n\r\n", REFUSAL_CODING_NOT_CHUNKED },
    { "chunked, space behind", P "Transfer-Encoding: chunked \r\n\r\n",
      REFUSAL_CODING_NOT_CHUNKED },
    { "chunked, tab in front", P "Transfer-Encoding:\tchunked\r\n\r\n",
      REFUSAL_CODING_NOT_CHUNKED },
    { "chunked in 1.0", "POST / HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n",
      REFUSAL_CODING_IN_1_0 },
    { "another coding", P "Transfer-Encoding: gzip, chunked\r\n\r\n", REFUSAL_CODING_UNKNOWN },
    { "another coding alone", P "Transfer-Encoding: gzip\r\n\r\n", REFUSAL_CODING_NOT_CHUNKED },
    { "an unknown expectation", P "Content-Length: 5\r\nExpect: 102\r\n\r\n",
      REFUSAL_EXPECT_UNKNOWN },
    { "Connection names Host", G "Host: a\r\nConnection: close, host\r\n\r\n",
      REFUSAL_CONNECTION_NAMES_HOST },
    { "Connection lists of all kinds", G "Host: a\r\nConnection: ,, a ,\tupgrade\r\n\r\n",
      REFUSAL_NONE },
    { "Upgrade", G "Host: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n", REFUSAL_NONE },
    { "Upgrade in a list",
      G "Host: a\r\nConnection: keep-alive, Upgrade\r\nUpgrade: websocket\r\n\r\n", REFUSAL_NONE },
    { "Upgrade that Connection does not name", G "Host: a\r\nUpgrade: websocket\r\n\r\n",
      REFUSAL_NONE },
    { "Upgrade in the middle of a list",
      G "Host: a\r\nConnection: ,, a , upgrade , b\r\nUpgrade: x\r\n\r\n", REFUSAL_NONE },
    { "in front of others", G "Host: a\r\nConnection: Upgrade,keep-alive\r\nUpgrade: x\r\n\r\n",
      REFUSAL_NONE },
    { "twice", G "Host: a\r\nConnection: upgrade, upgrade\r\nUpgrade: x\r\n\r\n", REFUSAL_NONE },
    { "on a line of its own, with spaces",
      G "Host: a\r\nConnection: close\r\nConnection:  upgrade  \r\nUpgrade: x\r\n\r\n",
      REFUSAL_NONE },
    { "part of a longer word", G "Host: a\r\nConnection: upgrades, x-upgrade\r\nUpgrade: x\r\n\r\n",
      REFUSAL_NONE },
    { "with an empty Upgrade", G "Host: a\r\nConnection: upgrade\r\nUpgrade:\r\n\r\n",
      REFUSAL_NONE },
    { "in quotes, where readers differ",
      G "Host: a\r\nConnection: \"a, upgrade , b\"\r\nUpgrade: x\r\n\r\n",
      REFUSAL_FRAMING_DISAGREES },
};

static void test_cases(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct message m;
        enum refusal why = read_request(cases[i].head, &usual, &m);
        if (why != cases[i].refusal)
            fail_msg("%s: %s", cases[i].why, refusal_text(why));
    }
}

static void test_what_a_request_says(void **state)
{
    (void)state;
    struct message m;
    enum refusal why = read_request("\r\nPOST http://A:80/b/../c?d HTTP/1.1\r\nHOST:  A \r\n"
                                    "Content-Length: 7\r\nExpect: 100-continue\r\nTE: trailers\r\n"
                                    "Connection: TE, close\r\nX-Y: \t z \t\r\nEmpty:\r\n\r\n",
                                    &usual, &m);
    assert_int_equal(why, REFUSAL_NONE);
    assert_int_equal(m.version, HTTP_1_1);
    assert_int_equal(m.method_id, METHOD_POST);
    assert_true(slice_eq(m.method, SLICE("POST")));
    assert_true(slice_eq(m.target, SLICE("http://A:80/b/../c?d")));
    assert_true(slice_eq(m.uri.path, SLICE("/c")));
    assert_true(slice_eq(m.uri.query, SLICE("d")));
    assert_true(slice_eq(m.uri.host, SLICE("a")));
    assert_int_equal(m.uri.port, 0); /* Host is what counts */
    assert_true(slice_eq(m.authority, SLICE("A")));
    assert_true(m.expect_continue);
    assert_true(m.trailers_welcome);
    assert_true(m.close);
    assert_int_equal(m.body, BODY_LENGTH);
    assert_int_equal(m.length, 7);

    /* What stands in the message does not stand among the fields. */
    assert_int_equal(m.fields.count, 4);
    assert_null(fields_find(&m.fields, FIELD_HOST));
    assert_null(fields_find(&m.fields, FIELD_CONTENT_LENGTH));
    assert_null(fields_find(&m.fields, FIELD_EXPECT));
    assert_true(slice_eq(fields_find_name(&m.fields, SLICE("x-y"))->value, SLICE("z")));
    assert_int_equal(fields_find_name(&m.fields, SLICE("empty"))->value.len, 0);
}

static const struct {
    enum underscore policy;
    enum refusal refusal;
    size_t count;
} underscores[] = {
    { UNDERSCORE_DROP, REFUSAL_NONE, 1 },
    { UNDERSCORE_REJECT, REFUSAL_FIELD_NAME_UNDERSCORE, 0 },
    { UNDERSCORE_PASS, REFUSAL_NONE, 2 },
};

static void test_underscores(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(underscores) / sizeof(underscores[0]); i++) {
        struct h1_conf conf = usual;
        struct message m;
        conf.underscore = underscores[i].policy;
        assert_int_equal(read_request(G "Host: a\r\nX_Y: 1\r\nX-Y: 2\r\n\r\n", &conf, &m),
                         underscores[i].refusal);
        if (underscores[i].refusal == REFUSAL_NONE)
            assert_int_equal(m.fields.count, underscores[i].count);
    }
}

static void test_partial(void **state)
{
    (void)state;
    struct h1_in in;
    struct message m;
    struct slice view = SLICE("GET /a HTTP/1.1\r\nHo st");
    h1_in_init(&in, false, &usual, &arena);
    message_init(&m, &arena);
    assert_int_equal(h1_in_scan(&in, view), SCAN_REFUSED);
    h1_head_partial(&in, view, &m);
    assert_int_equal(m.method_id, METHOD_GET);
    assert_true(slice_eq(m.target, SLICE("/a")));

    h1_in_init(&in, false, &usual, &arena);
    message_init(&m, &arena);
    assert_int_equal(h1_in_scan(&in, SLICE("\n")), SCAN_REFUSED);
    h1_head_partial(&in, SLICE("\n"), &m);
    assert_int_equal(m.method.len + m.target.len, 0);
}

static void test_response(void **state)
{
    (void)state;
    struct h1_in in;
    struct message m;
    struct slice view = SLICE("HTTP/1.0 404 Nowhere\r\nContent-Length: 3\r\nX_Y: 1\r\n\r\n");
    h1_in_init(&in, true, &usual, &arena);
    message_init(&m, &arena);
    assert_int_equal(h1_in_scan(&in, view), SCAN_DONE);
    assert_int_equal(h1_head_response(&in, view, METHOD_GET, &m), 0);
    assert_int_equal(m.status, 404);
    assert_int_equal(m.version, HTTP_1_0);
    assert_true(slice_eq(m.reason, SLICE("Nowhere")));
    assert_true(m.close);
    assert_int_equal(m.body, BODY_LENGTH);
    assert_int_equal(m.length, 3);
    assert_int_equal(m.fields.count, 1);
}

static const struct {
    const char *why, *head, *upgrade;
} offers[] = {
    { "offered", G "Host: a\r\nConnection: Upgrade\r\nUpgrade: websocket, y\r\n\r\n",
      "websocket, y" },
    { "over several lines",
      G "Host: a\r\nUpgrade: x\r\nConnection: a\r\nConnection: upgrade\r\nUpgrade: y\r\n\r\n",
      "x, y" },
    { "not named by Connection", G "Host: a\r\nUpgrade: x\r\n\r\n", "" },
    { "no Upgrade", G "Host: a\r\nConnection: upgrade\r\n\r\n", "" },
    { "h2c", G "Host: a\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\n\r\n", "" },
    { "HTTP/1.0", "GET / HTTP/1.0\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n", "" },
};

static void test_offers(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(offers) / sizeof(offers[0]); i++) {
        struct message m;
        assert_int_equal(read_request(offers[i].head, &usual, &m), 0);
        if (!slice_eq(m.upgrade, slice_str(offers[i].upgrade)))
            fail_msg("%s: \"%.*s\"", offers[i].why, SLICE_ARG(m.upgrade));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_cases),       cmocka_unit_test(test_what_a_request_says),
        cmocka_unit_test(test_underscores), cmocka_unit_test(test_partial),
        cmocka_unit_test(test_response),    cmocka_unit_test(test_offers),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
