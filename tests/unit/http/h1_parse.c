/* SPDX-License-Identifier: Apache-2.0 */
#include "http/h1_parse.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static struct arena arena;
static const struct h1_limits no_limits = { 0 };

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

static enum refusal parse(struct h1_parse *p, struct h1_scan *s, struct slice head,
                          struct message *m)
{
    message_init(m, &arena);
    h1_scan_init(s, SCAN_REQUEST, &no_limits);
    assert_int_equal(h1_scan_feed(s, head), SCAN_DONE);
    m->method = slice_first(head, s->method.len);
    m->method_id = method_id(m->method);
    m->target = slice_of(head.ptr + s->target.from, s->target.len);
    return h1_parse_head(p, s, head, m);
}

static const struct {
    const char *why, *head;
    bool good;
    struct h1_framing framing;
} cases[] = {
    { "no body", "GET / HTTP/1.1\r\nA: b\r\n\r\n", true, { 0 } },
    { "length",
      "PUT / HTTP/1.1\r\nContent-Length: 5\r\n\r\n",
      true,
      { .has_length = true, .length = 5 } },
    { "chunked",
      "PUT / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n",
      true,
      { .chunked = true } },
    { "a method llhttp does not know",
      "BREW / HTTP/1.1\r\nContent-Length: 5\r\n\r\n",
      true,
      { .has_length = true, .length = 5 } },
    { "upgrade",
      "GET / HTTP/1.1\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n",
      true,
      { .upgrade = true } },
    { "both",
      "PUT / HTTP/1.1\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n",
      false,
      { 0 } },
};

static void test_framing(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct h1_parse p;
        struct h1_scan s;
        struct message m;
        enum refusal why = parse(&p, &s, slice_str(cases[i].head), &m);
        if (why != (cases[i].good ? REFUSAL_NONE : REFUSAL_PARSER))
            fail_msg("%s: %s", cases[i].why, refusal_text(why));
        if (why != REFUSAL_NONE)
            continue;
        struct h1_framing f = h1_parse_framing(&p), w = cases[i].framing;
        if (f.chunked != w.chunked || f.has_length != w.has_length || f.length != w.length ||
            f.upgrade != w.upgrade)
            fail_msg("%s", cases[i].why);
    }
}

/* What the byte check counted and what the parser found must be the same. */
static void test_disagreement(void **state)
{
    (void)state;
    struct h1_parse p;
    struct h1_scan s;
    struct message m;
    struct slice head = SLICE("GET /a HTTP/1.1\r\nA: b\r\n\r\n");
    assert_int_equal(parse(&p, &s, head, &m), 0);

    message_init(&m, &arena);
    m.method = SLICE("GET");
    m.method_id = METHOD_GET;
    m.target = SLICE("/a");
    s.fields = 2;
    assert_int_equal(h1_parse_head(&p, &s, head, &m), REFUSAL_PARSER_DISAGREES);

    s.fields = 1;
    m.fields.count = 0;
    m.target = SLICE("/b");
    assert_int_equal(h1_parse_head(&p, &s, head, &m), REFUSAL_PARSER_DISAGREES);

    m.fields.count = 0;
    m.target = SLICE("/a");
    assert_int_equal(h1_parse_head(&p, &s, slice_first(head, head.len - 1), &m), REFUSAL_PARSER);

    m.fields.count = 0;
    assert_int_equal(h1_parse_head(&p, &s, head, &m), 0);
}

/* The two fields that frame keep their white space; the others lose it. */
static void test_values(void **state)
{
    (void)state;
    struct h1_parse p;
    struct h1_scan s;
    struct message m;
    assert_int_equal(
        parse(&p, &s, SLICE("GET / HTTP/1.1\r\nA: \t b \t\r\nContent-Length:  5 \r\n\r\n"), &m), 0);
    assert_true(slice_eq(m.fields.list[0].value, SLICE("b")));
    assert_true(slice_eq(m.fields.list[1].value, SLICE("5 ")));
}

static void test_chunks(void **state)
{
    (void)state;
    struct h1_parse p;
    struct h1_scan s;
    struct message m;
    assert_int_equal(
        parse(&p, &s, SLICE("PUT / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n"), &m), 0);
    assert_int_equal(h1_parse_body(&p, SLICE("a\r\n0123")), 0);
    assert_int_equal(p.body, 4);
    assert_int_equal(h1_parse_chunk_left(&p), 6);
    assert_int_equal(h1_parse_body(&p, SLICE("456789\r\n0\r\n")), 0);
    assert_false(p.complete);
    assert_int_equal(h1_parse_body(&p, SLICE("\r\n")), 0);
    assert_true(p.complete);
}

static void test_bad_chunks(void **state)
{
    (void)state;
    struct h1_parse p;
    struct h1_scan s;
    struct message m;
    assert_int_equal(
        parse(&p, &s, SLICE("PUT / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n"), &m), 0);
    assert_int_equal(h1_parse_body(&p, SLICE("zz\r\n")), REFUSAL_PARSER);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_framing),    cmocka_unit_test(test_disagreement),
        cmocka_unit_test(test_values),     cmocka_unit_test(test_chunks),
        cmocka_unit_test(test_bad_chunks),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
