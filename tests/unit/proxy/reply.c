/* SPDX-License-Identifier: Apache-2.0 */
#include "proxy/reply.h"

#include "fakes.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static void test_prefers_json(void **state)
{
    static const struct {
        const char *why, *accept;
        bool json;
    } cases[] = {
        { "no Accept", NULL, false },
        { "curl", "*/*", false },
        { "asked for", "application/json", true },
        { "scripts", "application/json, text/plain, */*", true },
        { "browsers", "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", false },
        { "text first", "text/html, application/json", false },
        { "by weight", "text/html;q=0.5, application/json;q=0.9", true },
        { "by weight, the other way", "application/json;q=0.5, text/html", false },
        { "refused", "application/json;q=0", false },
        { "problem details", "application/problem+json", true },
        { "case and space", " Application/JSON ; q=1.0 ", true },
        { "nonsense weighs as much as none", "text/plain;q=x, application/json", false },
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct arena a;
        struct fields f;
        arena_init(&a, NULL);
        fields_init(&f, &a);
        if (cases[i].accept != NULL)
            fields_add_known(&f, FIELD_ACCEPT, slice_str(cases[i].accept));
        if (reply_prefers_json(&f) != cases[i].json)
            fail_msg("%s", cases[i].why);
        arena_done(&a);
    }
}

/* value NULL: the field must be absent. */
static void check_field(const char *why, const struct fields *f, const char *name,
                        const char *value)
{
    const struct field *found = fields_find_name(f, slice_str(name));
    if ((found != NULL) != (value != NULL))
        fail_msg("%s: %s is %s", why, name, found != NULL ? "there" : "missing");
    if (found != NULL && !slice_eq(found->value, slice_str(value)))
        fail_msg("%s: %s: %.*s", why, name, SLICE_ARG(found->value));
}

static const struct {
    const char *why;
    enum method method;
    const char *accept;
    struct reply reply;
    const char *did, *type, *status; /* the last two: Content-Type, Proxy-Status */
    const char *other, *value;       /* one field more, or NULL */
    uint64_t length;
} replies[] = {
    { "an error",
      METHOD_GET,
      NULL,
      { 503, "connection_refused", "no way" },
      "head=503 body=503 Service Unavailable: no way\n.",
      "text/plain; charset=utf-8",
      "signet; error=connection_refused",
      "Date",
      "now",
      32 },
    { "as JSON",
      METHOD_GET,
      "application/json",
      { 502, "http_protocol_error", "a \"b\"" },
      "head=502 body={\"status\":502,\"error\":\"Bad Gateway\",\"reason\":\"a \\\"b\\\"\"}\n.",
      "application/json",
      "signet; error=http_protocol_error",
      NULL,
      NULL,
      56 },
    { "respond",
      METHOD_POST,
      NULL,
      { .status = 200, .body = SLICE_INIT("pong\n") },
      "head=200 body=pong\n.",
      "text/plain; charset=utf-8",
      "signet",
      NULL,
      NULL,
      5 },
    { "respond to HEAD",
      METHOD_HEAD,
      NULL,
      { .status = 200, .body = SLICE_INIT("pong\n") },
      "head=200.",
      "text/plain; charset=utf-8",
      "signet",
      NULL,
      NULL,
      5 },
    { "an empty body",
      METHOD_GET,
      NULL,
      { .status = 200 },
      "head=200.",
      NULL,
      "signet",
      NULL,
      NULL,
      0 },
    { "204 has none",
      METHOD_GET,
      NULL,
      { .status = 204, .body = SLICE_INIT("x") },
      "head=204.",
      NULL,
      "signet",
      NULL,
      NULL,
      LENGTH_UNKNOWN },
    { "redirect",
      METHOD_GET,
      NULL,
      { .status = 301, .location = SLICE_INIT("https://x/") },
      "head=301 body=301 Moved Permanently\n.",
      "text/plain; charset=utf-8",
      "signet",
      "Location",
      "https://x/",
      22 },
    { "405 says what is served",
      METHOD_TRACE,
      NULL,
      { 405, "http_request_error", "no" },
      "head=405 body=405 Method Not Allowed: no\n.",
      "text/plain; charset=utf-8",
      "signet; error=http_request_error",
      "Allow",
      "GET, HEAD, POST, PUT, DELETE, OPTIONS, PATCH",
      27 },
};

static void test_send(void **state)
{
    for (size_t i = 0; i < sizeof replies / sizeof replies[0]; i++) {
        struct arena a;
        struct message m;
        struct fake_stream s;
        arena_init(&a, NULL);
        message_init(&m, &a);
        m.method_id = replies[i].method;
        if (replies[i].accept != NULL)
            fields_add_known(&m.fields, FIELD_ACCEPT, slice_str(replies[i].accept));
        fake_stream_init(&s);
        assert_int_equal(reply_send(&s.base, &m, &replies[i].reply, SLICE("now"), &a), 0);
        if (strcmp(s.did, replies[i].did) != 0)
            fail_msg("%s: %s", replies[i].why, s.did);
        check_field(replies[i].why, &s.sent, "Content-Type", replies[i].type);
        check_field(replies[i].why, &s.sent, "Proxy-Status", replies[i].status);
        if (replies[i].other != NULL)
            check_field(replies[i].why, &s.sent, replies[i].other, replies[i].value);
        if (s.last.length != replies[i].length)
            fail_msg("%s: length %llu", replies[i].why, (unsigned long long)s.last.length);
        fake_stream_done(&s);
        arena_done(&a);
    }
}

static void test_cannot_be_written(void **state)
{
    struct arena a;
    struct message m;
    struct fake_stream s;
    arena_init(&a, NULL);
    message_init(&m, &a);
    fake_stream_init(&s);
    s.head_result = -22;
    const struct reply r = { .status = 200, .body = SLICE("x") };
    assert_int_equal(reply_send(&s.base, &m, &r, SLICE("now"), &a), -22);
    assert_string_equal(s.did, "");
    fake_stream_done(&s);
    arena_done(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_prefers_json),
        cmocka_unit_test(test_send),
        cmocka_unit_test(test_cannot_be_written),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
