/* SPDX-License-Identifier: Apache-2.0 */
#include "http/h1_write.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

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

static void make_request(struct message *m)
{
    message_init(m, &arena);
    m->method = SLICE("GET");
    m->method_id = METHOD_GET;
    m->authority = SLICE("a:8080");
    m->uri.path = SLICE("/p");
}

static void make_response(struct message *m)
{
    message_init(m, &arena);
    m->status = 200;
}

static const struct {
    const char *why;
    struct h1_frame frame;
    bool expect, trailers, query;
    const char *want;
} requests[] = {
    { "plain", { 0 }, false, false, false, "GET /p HTTP/1.1\r\nHost: a:8080\r\nA: b\r\n\r\n" },
    { "query", { 0 }, false, false, true, "GET /p?q HTTP/1.1\r\nHost: a:8080\r\nA: b\r\n\r\n" },
    { "length",
      { .body = BODY_LENGTH, .length = UINT64_MAX },
      false,
      false,
      false,
      "GET /p HTTP/1.1\r\nHost: a:8080\r\nA: b\r\nContent-Length: 18446744073709551615\r\n\r\n" },
    { "chunked, 100-continue",
      { .body = BODY_CHUNKED },
      true,
      false,
      false,
      "GET /p HTTP/1.1\r\nHost: a:8080\r\nA: b\r\nTransfer-Encoding: chunked\r\n"
      "Expect: 100-continue\r\n\r\n" },
    { "close",
      { .persist = PERSIST_CLOSE },
      false,
      false,
      false,
      "GET /p HTTP/1.1\r\nHost: a:8080\r\nA: b\r\nConnection: close\r\n\r\n" },
    { "trailers",
      { 0 },
      false,
      true,
      false,
      "GET /p HTTP/1.1\r\nHost: a:8080\r\nA: b\r\nTE: trailers\r\nConnection: TE\r\n\r\n" },
    { "trailers, close",
      { .persist = PERSIST_CLOSE },
      false,
      true,
      false,
      "GET /p HTTP/1.1\r\nHost: a:8080\r\nA: b\r\nTE: trailers\r\nConnection: TE, close\r\n\r\n" },
};

static void test_requests(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(requests) / sizeof(requests[0]); i++) {
        struct message m;
        struct slice head;
        make_request(&m);
        fields_add(&m.fields, SLICE("A"), SLICE("b"));
        m.expect_continue = requests[i].expect;
        m.trailers_welcome = requests[i].trailers;
        m.uri.has_query = requests[i].query;
        m.uri.query = SLICE("q");
        assert_int_equal(h1_write_request(&arena, &m, &requests[i].frame, &head), 0);
        if (!slice_eq(head, slice_str(requests[i].want)))
            fail_msg("%s: %.*s", requests[i].why, SLICE_ARG(head));
    }
}

static const struct {
    const char *why;
    struct h1_frame frame;
    unsigned status;
    const char *reason, *want;
} responses[] = {
    { "plain", { 0 }, 200, NULL, "HTTP/1.1 200 OK\r\nA: b\r\n\r\n" },
    { "its own reason", { 0 }, 200, "Fine", "HTTP/1.1 200 Fine\r\nA: b\r\n\r\n" },
    { "a status without a reason", { 0 }, 299, NULL, "HTTP/1.1 299 \r\nA: b\r\n\r\n" },
    { "length",
      { .body = BODY_LENGTH },
      404,
      NULL,
      "HTTP/1.1 404 Not Found\r\nA: b\r\nContent-Length: 0\r\n\r\n" },
    { "keep-alive",
      { .body = BODY_CHUNKED, .persist = PERSIST_KEEP_ALIVE },
      200,
      NULL,
      "HTTP/1.1 200 OK\r\nA: b\r\nTransfer-Encoding: chunked\r\nConnection: keep-alive\r\n\r\n" },
    { "to the end",
      { .body = BODY_TO_END, .persist = PERSIST_CLOSE },
      200,
      NULL,
      "HTTP/1.1 200 OK\r\nA: b\r\nConnection: close\r\n\r\n" },
};

static void test_responses(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(responses) / sizeof(responses[0]); i++) {
        struct message m;
        struct slice head;
        make_response(&m);
        m.status = responses[i].status;
        m.reason = slice_str(responses[i].reason);
        fields_add(&m.fields, SLICE("A"), SLICE("b"));
        assert_int_equal(h1_write_response(&arena, &m, &responses[i].frame, &head), 0);
        if (!slice_eq(head, slice_str(responses[i].want)))
            fail_msg("%s: %.*s", responses[i].why, SLICE_ARG(head));
    }
}

/* Fields that may not leave: in requests, in responses. */
static const struct {
    const char *why;
    struct slice name, value;
    bool request, response;
} fields[] = {
#define ROW(why, name, value, request, response)                                                   \
    {                                                                                              \
        why, { name, sizeof(name) - 1 }, { value, sizeof(value) - 1 }, request, response           \
    }
    ROW("an ordinary one", "A", "b\tc \x80", true, true),
    ROW("an empty value", "A", "", true, true),
    ROW("CR LF in a value", "A", "b\r\nC: d", false, false),
    ROW("LF in a value", "A", "b\nC: d", false, false),
    ROW("CR in a value", "A", "b\rc", false, false),
    ROW("NUL in a value", "A", "b\0c", false, false),
    ROW("a control byte in a value", "A", "\x01", false, false),
    ROW("DEL in a value", "A", "\x7f", false, false),
    ROW("CR LF in a name", "A\r\nB", "c", false, false),
    ROW("a space in a name", "A B", "c", false, false),
    ROW("a colon in a name", "A:B", "c", false, false),
    ROW("no name", "", "c", false, false),
    ROW("Content-Length", "Content-Length", "5", false, false),
    ROW("Transfer-Encoding", "transfer-encoding", "chunked", false, false),
    ROW("Connection", "Connection", "close", false, false),
    ROW("Keep-Alive", "Keep-Alive", "5", false, false),
    ROW("Upgrade", "Upgrade", "h2c", false, false),
    ROW("TE", "TE", "trailers", false, false),
    ROW("Host", "Host", "b", false, true),
    ROW("Expect", "Expect", "100-continue", false, true),
#undef ROW
};

static void test_fields(void **state)
{
    (void)state;
    static const struct h1_frame frame = { 0 };
    for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++) {
        struct message m;
        struct slice head;
        make_request(&m);
        fields_add(&m.fields, fields[i].name, fields[i].value);
        int r = h1_write_request(&arena, &m, &frame, &head);
        make_response(&m);
        fields_add(&m.fields, fields[i].name, fields[i].value);
        int q = h1_write_response(&arena, &m, &frame, &head);
        if (r != (fields[i].request ? 0 : -EINVAL) || q != (fields[i].response ? 0 : -EINVAL))
            fail_msg("%s", fields[i].why);
    }
}

/* One thing wrong with a request. */
static const struct {
    const char *why, *method, *path, *query, *authority;
    enum body_kind body;
} bad[] = {
    { "no method", "", "/", "", "a", BODY_NONE },
    { "a method that is no token", "G T", "/", "", "a", BODY_NONE },
    { "CR LF in the method", "G\r\nT", "/", "", "a", BODY_NONE },
    { "no path", "GET", "", "", "a", BODY_NONE },
    { "a path without a slash", "GET", "a", "", "a", BODY_NONE },
    { "* for GET", "GET", "*", "", "a", BODY_NONE },
    { "a space in the path", "GET", "/a b", "", "a", BODY_NONE },
    { "CR LF in the path", "GET", "/a\r\nX:", "", "a", BODY_NONE },
    { "CR LF in the query", "GET", "/", "\r\nX:", "a", BODY_NONE },
    { "CR LF in the authority", "GET", "/", "", "a\r\nX:", BODY_NONE },
    { "a space in the authority", "GET", "/", "", "a b", BODY_NONE },
    { "a body without an end", "GET", "/", "", "a", BODY_TO_END },
};

static void test_bad_requests(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        struct h1_frame frame = { .body = bad[i].body };
        struct message m;
        struct slice head;
        make_request(&m);
        m.method = slice_str(bad[i].method);
        m.method_id = method_id(m.method);
        m.uri.path = slice_str(bad[i].path);
        m.uri.query = slice_str(bad[i].query);
        m.uri.has_query = true;
        m.authority = slice_str(bad[i].authority);
        if (h1_write_request(&arena, &m, &frame, &head) != -EINVAL)
            fail_msg("%s", bad[i].why);
    }
}

static const struct {
    const char *why, *upgrade;
    enum persist persist;
    bool trailers;
    const char *want; /* NULL: refused */
} offers[] = {
    { "offered", "x, y/2", PERSIST_SILENT, false, "Upgrade: x, y/2\r\nConnection: upgrade\r\n" },
    { "beside all that is for this hop", "x", PERSIST_CLOSE, true,
      "TE: trailers\r\nUpgrade: x\r\nConnection: upgrade, TE, close\r\n" },
    { "CR LF in it", "x\r\nA: b", PERSIST_SILENT, false, NULL },
};

static void test_offers(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(offers) / sizeof(offers[0]); i++) {
        struct h1_frame frame = { .persist = offers[i].persist };
        struct message m;
        struct slice head;
        make_request(&m);
        m.upgrade = slice_str(offers[i].upgrade);
        m.trailers_welcome = offers[i].trailers;
        int r = h1_write_request(&arena, &m, &frame, &head);
        if ((r == 0) != (offers[i].want != NULL))
            fail_msg("%s: %d", offers[i].why, r);
        if (r == 0 && !slice_eq(slice_from(head, sizeof("GET /p HTTP/1.1\r\nHost: a:8080\r\n") - 1),
                                arena_printf(&arena, "%s\r\n", offers[i].want)))
            fail_msg("%s: %.*s", offers[i].why, SLICE_ARG(head));
    }
}

static const struct {
    const char *why, *upgrade;
    unsigned status;
    const char *want; /* NULL: refused */
} switches[] = {
    { "101", "x", 101,
      "HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade, close\r\n\r\n" },
    { "426", "x, y", 426,
      "HTTP/1.1 426 Upgrade Required\r\nUpgrade: x, y\r\nConnection: upgrade, close\r\n\r\n" },
    { "426 that names nothing", "", 426,
      "HTTP/1.1 426 Upgrade Required\r\nConnection: close\r\n\r\n" },
    { "101 to nothing", "", 101, NULL },
    { "another status", "x", 200, NULL },
    { "CR LF in it", "x\r\nA: b", 101, NULL },
};

static void test_switches(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(switches) / sizeof(switches[0]); i++) {
        static const struct h1_frame frame = { .persist = PERSIST_CLOSE };
        struct message m;
        struct slice head;
        make_response(&m);
        m.status = switches[i].status;
        m.upgrade = slice_str(switches[i].upgrade);
        int r = h1_write_response(&arena, &m, &frame, &head);
        if ((r == 0) != (switches[i].want != NULL))
            fail_msg("%s: %d", switches[i].why, r);
        if (r == 0 && !slice_eq(head, slice_str(switches[i].want)))
            fail_msg("%s: %.*s", switches[i].why, SLICE_ARG(head));
    }
}

static void test_bad_responses(void **state)
{
    (void)state;
    static const struct h1_frame frame = { 0 };
    struct message m;
    struct slice head;
    make_response(&m);
    m.status = 99;
    assert_int_equal(h1_write_response(&arena, &m, &frame, &head), -EINVAL);
    m.status = 1000;
    assert_int_equal(h1_write_response(&arena, &m, &frame, &head), -EINVAL);
    m.status = 200;
    m.reason = SLICE("OK\r\nX: y");
    assert_int_equal(h1_write_response(&arena, &m, &frame, &head), -EINVAL);
}

static void test_ends_of_chunks(void **state)
{
    (void)state;
    struct fields f;
    struct slice end;
    fields_init(&f, &arena);
    assert_int_equal(h1_write_trailers(&arena, NULL, &end), 0);
    assert_true(slice_eq(end, SLICE("0\r\n\r\n")));
    fields_add(&f, SLICE("A"), SLICE("b"));
    assert_int_equal(h1_write_trailers(&arena, &f, &end), 0);
    assert_true(slice_eq(end, SLICE("0\r\nA: b\r\n\r\n")));
    fields_add(&f, SLICE("C"), SLICE("\n"));
    assert_int_equal(h1_write_trailers(&arena, &f, &end), -EINVAL);
}

static void test_chunk_lines(void **state)
{
    (void)state;
    char out[CHUNK_LINE_MAX];
    assert_true(slice_eq(h1_write_chunk_line(out, 1), SLICE("1\r\n")));
    assert_true(slice_eq(h1_write_chunk_line(out, 0x10f), SLICE("10f\r\n")));
    assert_true(slice_eq(h1_write_chunk_line(out, SIZE_MAX), SLICE("ffffffffffffffff\r\n")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_requests),      cmocka_unit_test(test_responses),
        cmocka_unit_test(test_fields),        cmocka_unit_test(test_bad_requests),
        cmocka_unit_test(test_bad_responses), cmocka_unit_test(test_ends_of_chunks),
        cmocka_unit_test(test_chunk_lines),   cmocka_unit_test(test_offers),
        cmocka_unit_test(test_switches),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
