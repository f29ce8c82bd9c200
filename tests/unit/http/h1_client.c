/* SPDX-License-Identifier: Apache-2.0 */
#include "http/h1.h"

#include "wire.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

enum request {
    GET,
    HEAD,
    POST,      /* two bytes, sent whole */
    UNSENT,    /* a POST whose second byte never goes */
    UNOPENED,  /* nothing is asked at all */
    NOT_BEGUN, /* a stream is open, but no head was sent */
};

struct user {
    struct wire *wire;
    struct codec *codec;
    struct stream *stream; /* NULL when over */
    struct buf trace, body;
    bool gone;
};

static void note_body(struct user *u)
{
    struct slice body = buf_view(&u->body);
    if (body.len > 0)
        buf_printf(&u->trace, "[%.*s]", SLICE_ARG(body));
    buf_consume(&u->body, body.len);
}

static void on_head(struct stream *s, struct message *m, enum head_kind kind, bool end)
{
    struct user *u = s->user;
    buf_printf(&u->trace, kind == HEAD_INTERIM ? " (%u)" : " %u", m->status);
    if (m->body == BODY_NONE && m->length != LENGTH_UNKNOWN)
        buf_printf(&u->trace, " announces %u", (unsigned)m->length);
    if (end)
        buf_add(&u->trace, " end");
    s->ops->grant(s, SIZE_MAX);
}

static void on_body(struct stream *s, struct slice bytes, bool end)
{
    struct user *u = s->user;
    buf_append(&u->body, bytes);
    if (!end)
        return;
    note_body(u);
    buf_add(&u->trace, " end");
}

static void on_trailers(struct stream *s, struct fields *f)
{
    struct user *u = s->user;
    note_body(u);
    for (size_t i = 0; i < f->count; i++)
        buf_printf(&u->trace, " trailer %.*s", SLICE_ARG(f->list[i].name));
    buf_add(&u->trace, " end");
}

static void on_writable(struct stream *s)
{
    struct user *u = s->user;
    buf_add(&u->trace, " writable");
}

static void on_done(struct stream *s)
{
    struct user *u = s->user;
    buf_add(&u->trace, " done");
    u->stream = NULL;
}

static void on_reset(struct stream *s, enum reset_reason why, uint32_t wire_code)
{
    struct user *u = s->user;
    (void)wire_code;
    note_body(u);
    buf_printf(&u->trace, " reset %s", reset_text(why));
    if (why == RESET_PROTOCOL)
        buf_printf(&u->trace, " %s", refusal_label(s->ops->refusal(s)));
    u->stream = NULL;
}

static void on_idle(struct codec *c)
{
    struct user *u = c->user;
    buf_add(&u->trace, " idle");
}

static void on_gone(struct codec *c)
{
    struct user *u = c->user;
    buf_add(&u->trace, " gone");
    u->gone = true;
}

static const struct stream_events stream_events = {
    on_head, on_body, on_trailers, on_writable, NULL, on_done, on_reset,
};
static const struct h1_conf usual = { .head_max = 1024, .fields_max = 8 };

static void begin(struct user *u, struct wire *w, const struct h1_conf *conf)
{
    static const struct codec_events events = { NULL, on_idle, on_gone };
    *u = (struct user){ .wire = w };
    u->codec = h1_client_new(w->conn, conf, &w->arenas, &events, u);
}

static void finish(struct user *u)
{
    if (!u->gone)
        u->codec->ops->close(u->codec);
    wire_done(u->wire);
    buf_done(&u->trace);
    buf_done(&u->body);
}

static void make_request(struct message *m, struct arena *a, enum request r)
{
    message_init(m, a);
    m->method = r == GET ? SLICE("GET") : r == HEAD ? SLICE("HEAD") : SLICE("POST");
    m->method_id = method_id(m->method);
    m->authority = SLICE("a");
    m->uri.path = SLICE("/");
    if (r == GET || r == HEAD)
        return;
    m->body = BODY_LENGTH;
    m->length = 2;
}

static void ask(struct user *u, enum request r)
{
    struct message m;
    if (r == UNOPENED)
        return;
    struct stream *s = u->codec->ops->open(u->codec);
    assert_non_null(s);
    assert_null(u->codec->ops->open(u->codec)); /* one at a time */
    s->events = &stream_events;
    s->user = u;
    u->stream = s;
    if (r == NOT_BEGUN)
        return;
    make_request(&m, h1_stream_arena(s), r);
    assert_int_equal(s->ops->send_head(s, &m, HEAD_FINAL, r == GET || r == HEAD), 0);
    if (r == POST || r == UNSENT)
        s->ops->send_body(s, r == POST ? SLICE("hi") : SLICE("h"), r == POST);
    wire_turn(u->wire);
}

static void push(void *user, struct slice part)
{
    struct user *u = user;
    wire_push(u->wire, part);
}

#define OPEN 1
#define LEN2 "Content-Length: 2\r\n\r\nok"
#define I103 "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n"
#define I4   I103 I103 I103 I103
#define X71  "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
#define I249 "HTTP/1.1 103 Early Hints\r\nLink: " X71 X71 X71 "\r\n\r\n" /* bytes */

static const struct {
    const char *why;
    enum request request;
    const char *in;
    int end;
    const char *trace;
} cases[] = {
    { "an answer by length", GET, "HTTP/1.1 200 OK\r\n" LEN2, OPEN, " 200[ok] end done idle" },
    { "a reason may be missing", GET, "HTTP/1.1 200\r\n" LEN2, OPEN, " 200[ok] end done idle" },
    { "a chunked answer with trailers", POST,
      "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2;x\r\nok\r\n0\r\nX-A: 1\r\n\r\n", OPEN,
      " 200[ok] trailer X-A end done idle" },
    { "an empty answer", GET, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", OPEN,
      " 200 end done idle" },
    { "an answer that ends with the connection", GET, "HTTP/1.1 200 OK\r\n\r\nok", 0,
      " 200[ok] end done gone" },
    { "the same, reset instead", GET, "HTTP/1.1 200 OK\r\n\r\nok", -ECONNRESET,
      " 200[ok] reset reset gone" },
    { "the same, TLS cut", GET, "HTTP/1.1 200 OK\r\n\r\nok", -ENODATA, " 200[ok] reset fin gone" },
    { "a short body", GET, "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nok", 0,
      " 200[ok] reset fin gone" },
    { "no last chunk", GET, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n", 0,
      " 200[ok] reset fin gone" },
    { "gone without an answer", GET, "", 0, " reset fin gone" },
    { "gone inside the head", GET, "HTTP/1.1 200 OK\r\nA", 0, " reset fin gone" },
    { "Connection: close", GET, "HTTP/1.1 200 OK\r\nConnection: close\r\n" LEN2, OPEN,
      " 200[ok] end done gone" },
    { "HTTP/1.0", GET, "HTTP/1.0 200 OK\r\n" LEN2, OPEN, " 200[ok] end done gone" },
    { "HTTP/1.0 that stays", GET, "HTTP/1.0 200 OK\r\nConnection: keep-alive\r\n" LEN2, OPEN,
      " 200[ok] end done idle" },
    { "HEAD: the announced length, no body", HEAD, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n",
      OPEN, " 200 announces 2 end done idle" },
    { "HEAD, announced as chunked", HEAD, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
      OPEN, " 200 end done idle" },
    { "204", GET, "HTTP/1.1 204 No Content\r\nContent-Length: 0\r\n\r\n", OPEN,
      " 204 end done idle" },
    { "304 announces", GET, "HTTP/1.1 304 Not Modified\r\nContent-Length: 9\r\n\r\n", OPEN,
      " 304 announces 9 end done idle" },
    { "interim answers first", GET, "HTTP/1.1 100 Continue\r\n\r\n" I103 "HTTP/1.1 200 OK\r\n" LEN2,
      OPEN, " (100) (103) 200[ok] end done idle" },
    { "sixteen interim answers are the most", GET, I4 I4 I4 I4 "HTTP/1.1 200 OK\r\n" LEN2, OPEN,
      " (103) (103) (103) (103) (103) (103) (103) (103) (103) (103) (103) (103) (103) (103) (103)"
      " (103) 200[ok] end done idle" },
    { "the seventeenth", GET, I4 I4 I4 I4 I103, OPEN,
      " (103) (103) (103) (103) (103) (103) (103) (103) (103) (103) (103) (103) (103) (103) (103)"
      " (103) reset protocol interims_too_many gone" },
    { "all heads of an answer together are within the limit of one", GET, I249 I249 I249 I249 I249,
      OPEN, " (103) (103) (103) (103) reset protocol head_too_long gone" },
    { "the final one too", GET, I249 I249 I249 I249 "HTTP/1.1 200 OK\r\n" LEN2, OPEN,
      " (103) (103) (103) (103) reset protocol head_too_long gone" },
    { "to the last byte", GET, I249 I249 I249 I249 "HTTP/1.1 204 OK\r\nA: bcde\r\n\r\n", OPEN,
      " (103) (103) (103) (103) 204 end done idle" },
    { "101 that nobody asked for", GET, "HTTP/1.1 101 X\r\nUpgrade: x\r\n\r\n", OPEN,
      " reset protocol unasked_switch gone" },
    { "an answer before the request is out", UNSENT, "HTTP/1.1 200 OK\r\n" LEN2, OPEN,
      " 200[ok] end done gone" },
    { "a word on an idle connection", UNOPENED, "H", OPEN, " gone" },
    { "the end of an idle connection", UNOPENED, "", 0, " gone" },
    { "a word before the request", NOT_BEGUN, "H", OPEN, " reset protocol stray_bytes gone" },
    { "status of two digits", GET, "HTTP/1.1 99 X\r\n", OPEN,
      " reset protocol status_malformed gone" },
    { "status of four digits", GET, "HTTP/1.1 1000 X\r\n", OPEN,
      " reset protocol status_malformed gone" },
    { "status of letters", GET, "HTTP/1.1 abc X\r\n", OPEN,
      " reset protocol status_malformed gone" },
    { "status 000", GET, "HTTP/1.1 000 X\r\n", OPEN, " reset protocol status_malformed gone" },
    { "no version", GET, "200 OK\r\n\r\n", OPEN, " reset protocol version_malformed gone" },
    { "bare LF", GET, "HTTP/1.1 200 OK\n", OPEN, " reset protocol bare_lf gone" },
    { "an empty line first", GET, "\r\nHTTP/1.1 200 OK\r\n", OPEN,
      " reset protocol version_malformed gone" },
    { "two lengths", GET, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n" LEN2, OPEN,
      " reset protocol two_content_lengths gone" },
    { "length with chunked", GET,
      "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Length: 2\r\n\r\n", OPEN,
      " reset protocol length_and_coding gone" },
    { "chunked with a trailing tab", GET, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\t\r\n\r\n",
      OPEN, " reset protocol coding_not_chunked gone" },
    { "two codings", GET, "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n", OPEN,
      " reset protocol coding_unknown gone" },
    { "a coding that is not chunked", GET, "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n",
      OPEN, " reset protocol coding_not_chunked gone" },
    { "chunked in HTTP/1.0", GET, "HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", OPEN,
      " reset protocol coding_in_1_0 gone" },
    { "a folded line", GET, "HTTP/1.1 200 OK\r\nA: b\r\n c\r\n\r\n", OPEN,
      " reset protocol field_folded gone" },
    { "a header flood", GET,
      "HTTP/1.1 200 OK\r\nA: b\r\nA: b\r\nA: b\r\nA: b\r\nA: b\r\nA: b\r\n"
      "A: b\r\nA: b\r\nA: b\r\n\r\n",
      OPEN, " reset protocol fields_too_many gone" },
    { "a bad chunk", GET, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n-1\r\n", OPEN,
      " 200 reset protocol chunk_size_not_hex gone" },
    { "underscores are the origin's business", GET, "HTTP/1.1 200 OK\r\nX_Y: 1\r\n" LEN2, OPEN,
      " 200[ok] end done idle" },
};

static void run(size_t i, unsigned round)
{
    struct wire w;
    struct user u;
    wire_init(&w);
    begin(&u, &w, &usual);
    ask(&u, cases[i].request);
    wire_split(slice_str(cases[i].in), round, push, &u);
    if (cases[i].end != OPEN)
        wire_end(&w, cases[i].end);
    struct slice trace = buf_view(&u.trace);
    if (!slice_eq(trace, slice_str(cases[i].trace)))
        fail_msg("%s (round %u): trace \"%.*s\"", cases[i].why, round, SLICE_ARG(trace));
    finish(&u);
}

static void test_cases(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        for (unsigned round = 0; round < WIRE_ROUNDS; round++)
            run(i, round);
}

static void expect(struct user *u, const char *trace)
{
    struct slice t = buf_view(&u->trace);
    if (!slice_eq(t, slice_str(trace)))
        fail_msg("trace \"%.*s\"", SLICE_ARG(t));
}

/* Beyond the answer: in the same read the connection is not pooled, in a later one it is dropped.
 * Either way nobody else sees those bytes. */
static void test_bytes_beyond(void **state)
{
    struct wire w;
    struct user u;
    (void)state;
    wire_init(&w);
    begin(&u, &w, &usual);
    ask(&u, GET);
    wire_push(&w, SLICE("HTTP/1.1 200 OK\r\n" LEN2 "HTTP/1.1 200 OK\r\n"));
    expect(&u, " 200[ok] end done gone");
    finish(&u);

    wire_init(&w);
    begin(&u, &w, &usual);
    ask(&u, GET);
    wire_push(&w, SLICE("HTTP/1.1 200 OK\r\n" LEN2));
    wire_push(&w, SLICE("x"));
    expect(&u, " 200[ok] end done idle gone");
    finish(&u);
}

static void test_reuse(void **state)
{
    struct wire w;
    struct user u;
    (void)state;
    wire_init(&w);
    begin(&u, &w, &usual);
    for (int i = 0; i < 3; i++) {
        ask(&u, i == 1 ? HEAD : GET);
        wire_push(&w, i == 1 ? SLICE("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n")
                             : SLICE("HTTP/1.1 200 OK\r\n" LEN2));
    }
    expect(&u, " 200[ok] end done idle 200 announces 2 end done idle 200[ok] end done idle");
    assert_int_equal(u.codec->requests, 3);
    finish(&u);
}

/* The last request that a connection may carry says so. */
static void test_requests_max(void **state)
{
    struct h1_conf conf = usual;
    struct wire w;
    struct user u;
    (void)state;
    conf.requests_max = 1;
    wire_init(&w);
    begin(&u, &w, &conf);
    ask(&u, POST);
    wire_push(&w, SLICE("HTTP/1.1 200 OK\r\n" LEN2));
    expect(&u, " 200[ok] end done gone");
    assert_true(slice_eq(fake_sent(w.fake), SLICE("POST / HTTP/1.1\r\nHost: a\r\n"
                                                  "Content-Length: 2\r\n"
                                                  "Connection: close\r\n\r\nhi")));
    finish(&u);
}

/* A client's `Connection: close` is about its own connection, not about this one. */
static void test_close_of_a_request_is_not_passed_on(void **state)
{
    struct wire w;
    struct user u;
    struct message m;
    (void)state;
    wire_init(&w);
    begin(&u, &w, &usual);
    ask(&u, NOT_BEGUN);
    make_request(&m, h1_stream_arena(u.stream), GET);
    m.close = true;
    assert_int_equal(u.stream->ops->send_head(u.stream, &m, HEAD_FINAL, true), 0);
    wire_push(&w, SLICE("HTTP/1.1 200 OK\r\n" LEN2));
    expect(&u, " 200[ok] end done idle");
    assert_true(slice_eq(fake_sent(w.fake), SLICE("GET / HTTP/1.1\r\nHost: a\r\n\r\n")));
    finish(&u);
}

/* What goes upstream for a request without a body, by its method. */
static void test_no_content(void **state)
{
    static const struct {
        const char *method, *sent;
    } rows[] = {
        { "POST", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n" },
        { "PUT", "PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n" },
        { "DELETE", "DELETE / HTTP/1.1\r\nHost: a\r\n\r\n" },
        { "post", "post / HTTP/1.1\r\nHost: a\r\n\r\n" },
    };
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct wire w;
        struct user u;
        struct message m;
        wire_init(&w);
        begin(&u, &w, &usual);
        u.stream = u.codec->ops->open(u.codec);
        u.stream->events = &stream_events;
        u.stream->user = &u;
        make_request(&m, h1_stream_arena(u.stream), GET);
        m.method = slice_str(rows[i].method);
        m.method_id = method_id(m.method);
        assert_int_equal(u.stream->ops->send_head(u.stream, &m, HEAD_FINAL, true), 0);
        wire_turn(&w);
        assert_true(slice_eq(fake_sent(w.fake), slice_str(rows[i].sent)));
        finish(&u);
    }
}

static void test_slow_origin(void **state)
{
    struct wire w;
    struct user u;
    (void)state;
    wire_init(&w);
    begin(&u, &w, &usual);
    w.fake->window = 4;
    ask(&u, UNSENT);
    assert_true(u.stream->ops->send_body(u.stream, SLICE("i"), true) > 0);
    wire_drain(&w, SIZE_MAX);
    expect(&u, " writable");
    wire_push(&w, SLICE("HTTP/1.1 200 OK\r\n" LEN2));
    expect(&u, " writable 200[ok] end done idle");
    finish(&u);
}

static void test_more_than_announced(void **state)
{
    struct wire w;
    struct user u;
    (void)state;
    wire_init(&w);
    begin(&u, &w, &usual);
    ask(&u, UNSENT);
    u.stream->ops->send_body(u.stream, SLICE("too much"), true);
    wire_turn(&w);
    expect(&u, " reset internal gone");
    finish(&u);
}

static void test_reset_and_drain(void **state)
{
    struct wire w;
    struct user u;
    (void)state;
    wire_init(&w);
    begin(&u, &w, &usual);
    ask(&u, GET);
    u.stream->ops->reset(u.stream, RESET_CANCEL, 0);
    expect(&u, ""); /* nothing inside the call */
    wire_turn(&w);
    expect(&u, " gone");
    finish(&u);

    wire_init(&w);
    begin(&u, &w, &usual);
    u.codec->ops->drain(u.codec);
    assert_null(u.codec->ops->open(u.codec));
    wire_turn(&w);
    expect(&u, " gone");
    finish(&u);
}

static void test_idle_ends(void **state)
{
    struct h1_conf conf = usual;
    struct wire w;
    struct user u;
    (void)state;
    conf.idle_ms = 5;
    wire_init(&w);
    begin(&u, &w, &conf);
    ask(&u, GET);
    wire_push(&w, SLICE("HTTP/1.1 200 OK\r\n" LEN2));
    for (int i = 0; i < 100 && !u.gone; i++)
        loop_turn(w.loop, true);
    expect(&u, " 200[ok] end done idle gone");
    finish(&u);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_cases),
        cmocka_unit_test(test_bytes_beyond),
        cmocka_unit_test(test_reuse),
        cmocka_unit_test(test_requests_max),
        cmocka_unit_test(test_close_of_a_request_is_not_passed_on),
        cmocka_unit_test(test_no_content),
        cmocka_unit_test(test_slow_origin),
        cmocka_unit_test(test_more_than_announced),
        cmocka_unit_test(test_reset_and_drain),
        cmocka_unit_test(test_idle_ends),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
