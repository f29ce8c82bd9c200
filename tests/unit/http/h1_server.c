/* SPDX-License-Identifier: Apache-2.0 */
#include "http/h1.h"

#include "wire.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <unistd.h>

#include <cmocka.h>

/* What the user of the streams does. */
enum script {
    ANSWER_AT_END,  /* 200 "ok" when the request is complete */
    ANSWER_AT_HEAD, /* the same as soon as its head is there, without a grant */
    CONTINUE,       /* 100 at the head, 200 at the end */
    CHUNKED,        /* an answer of unknown length at the end, with a trailer */
    SILENT,         /* takes everything, says nothing */
    NO_CONTENT,     /* 204 with a body that must not leave */
    SHORT,          /* announces four bytes, ends after two */
};

struct user {
    struct wire *wire;
    struct codec *codec;
    enum script script;
    struct buf trace, body; /* what happened; the running request's body */
    bool gone;
};

static void note_body(struct user *u)
{
    struct slice body = buf_view(&u->body);
    if (body.len > 0)
        buf_printf(&u->trace, "[%.*s]", SLICE_ARG(body));
    buf_consume(&u->body, body.len);
}

static void answer(struct stream *s, struct user *u)
{
    struct message m;
    struct arena a;
    arena_init(&a, NULL);
    message_init(&m, &a);
    m.status = u->script == NO_CONTENT ? 204 : 200;
    m.body = u->script == CHUNKED ? BODY_CHUNKED : BODY_LENGTH;
    m.length = u->script == SHORT ? 4 : 2;
    assert_int_equal(s->ops->send_head(s, &m, HEAD_FINAL, false), 0);
    if (u->script == CHUNKED) {
        struct fields f;
        fields_init(&f, &a);
        fields_add(&f, SLICE("X-Sum"), SLICE("7"));
        s->ops->send_body(s, SLICE("ok"), false);
        assert_int_equal(s->ops->send_trailers(s, &f), 0);
    } else {
        s->ops->send_body(s, SLICE("ok"), true);
    }
    arena_done(&a);
}

static void say_continue(struct stream *s)
{
    struct message m;
    message_init(&m, h1_stream_arena(s));
    m.status = 100;
    assert_int_equal(s->ops->send_head(s, &m, HEAD_INTERIM, false), 0);
}

static void on_end_of_request(struct stream *s, struct user *u)
{
    note_body(u);
    buf_add(&u->trace, " end");
    if (u->script != SILENT && u->script != ANSWER_AT_HEAD)
        answer(s, u);
}

static void on_head(struct stream *s, struct message *m, enum head_kind kind, bool end)
{
    struct user *u = s->user;
    assert_int_equal(kind, HEAD_FINAL);
    buf_printf(&u->trace, " head %.*s %.*s", SLICE_ARG(m->method), SLICE_ARG(m->uri.path));
    if (u->script == CONTINUE && m->expect_continue)
        say_continue(s);
    if (u->script == ANSWER_AT_HEAD)
        answer(s, u);
    else
        s->ops->grant(s, SIZE_MAX);
    if (end)
        on_end_of_request(s, u);
}

static void on_body(struct stream *s, struct slice bytes, bool end)
{
    struct user *u = s->user;
    buf_append(&u->body, bytes);
    if (end)
        on_end_of_request(s, u);
}

static void on_trailers(struct stream *s, struct fields *f)
{
    struct user *u = s->user;
    note_body(u);
    for (size_t i = 0; i < f->count; i++)
        buf_printf(&u->trace, " trailer %.*s", SLICE_ARG(f->list[i].name));
    on_end_of_request(s, u);
}

static void on_writable(struct stream *s)
{
    struct user *u = s->user;
    buf_add(&u->trace, " writable");
}

static void on_refused(struct stream *s, struct message *m, enum refusal why)
{
    struct user *u = s->user;
    struct message answer;
    note_body(u);
    buf_printf(&u->trace, " refused %s", refusal_label(why));
    if (why == REFUSAL_HEAD_TIMEOUT) /* what was understood is there for the record */
        buf_printf(&u->trace, " %.*s", SLICE_ARG(m->target));
    message_init(&answer, m->arena);
    answer.status = refusal_status(why);
    assert_int_equal(s->ops->send_head(s, &answer, HEAD_FINAL, true), 0);
}

static void on_done(struct stream *s)
{
    struct user *u = s->user;
    buf_add(&u->trace, " done");
}

static void on_reset(struct stream *s, enum reset_reason why, uint32_t wire_code)
{
    struct user *u = s->user;
    (void)wire_code;
    note_body(u);
    buf_printf(&u->trace, " reset %s", reset_text(why));
    if (why == RESET_PROTOCOL)
        buf_printf(&u->trace, " %s", refusal_label(s->ops->refusal(s)));
}

static void on_stream(struct codec *c, struct stream *s)
{
    static const struct stream_events events = {
        on_head, on_body, on_trailers, on_writable, on_refused, on_done, on_reset,
    };
    s->events = &events;
    s->user = c->user;
}

static void on_gone(struct codec *c)
{
    struct user *u = c->user;
    buf_add(&u->trace, " gone");
    u->gone = true;
}

static const struct h1_conf usual = {
    .head_max = 1024,
    .fields_max = 8,
    .target_max = 64,
    .header_ms = 60000,
    .idle_ms = 60000,
    .discard_max = 16,
};
/* For those who wait for a deadline. */
static const struct h1_conf hasty = {
    .head_max = 1024,
    .fields_max = 8,
    .target_max = 64,
    .header_ms = 20,
    .idle_ms = 60,
    .discard_max = 16,
};

static void begin(struct user *u, struct wire *w, const struct h1_conf *conf)
{
    static const struct codec_events events = { on_stream, NULL, on_gone };
    enum script script = u->script;
    *u = (struct user){ .wire = w, .script = script };
    u->codec = h1_server_new(w->conn, conf, &w->arenas, &events, u);
}

static void finish(struct user *u)
{
    if (!u->gone)
        u->codec->ops->close(u->codec);
    wire_done(u->wire);
    buf_done(&u->trace);
    buf_done(&u->body);
}

static void push(void *user, struct slice part)
{
    struct user *u = user;
    wire_push(u->wire, part);
}

#define OPEN     1 /* no end: the client stays */
#define H        "Host: a\r\n"
#define OK       "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
#define OK_CLOSE "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok"
#define BAD      "HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"

/* `sent` NULL: not looked at. */
static const struct {
    const char *why, *in;
    int end;
    enum script script;
    const char *trace, *sent;
} cases[] = {
    { "a request and its answer", "GET /x HTTP/1.1\r\n" H "\r\n", OPEN, ANSWER_AT_END,
      " head GET /x end done", OK },
    { "one empty line before it", "\r\nGET /x HTTP/1.1\r\n" H "\r\n", OPEN, ANSWER_AT_END,
      " head GET /x end done", OK },
    { "three in a row, answered in order",
      "GET /1 HTTP/1.1\r\n" H "\r\nGET /2 HTTP/1.1\r\n" H "\r\nGET /3 HTTP/1.1\r\n" H "\r\n", OPEN,
      ANSWER_AT_END, " head GET /1 end done head GET /2 end done head GET /3 end done", OK OK OK },
    { "the second is bad: one answer, then 400, nothing later",
      "GET /1 HTTP/1.1\r\n" H "\r\nGET /2 HTTP/1.1\n" H "\r\nGET /3 HTTP/1.1\r\n" H "\r\n", OPEN,
      ANSWER_AT_END, " head GET /1 end done refused bare_lf done gone", OK BAD },
    { "a body by length, then another request",
      "POST / HTTP/1.1\r\n" H "Content-Length: 5\r\n\r\nhelloGET /2 HTTP/1.1\r\n" H "\r\n", OPEN,
      ANSWER_AT_END, " head POST /[hello] end done head GET /2 end done", OK OK },
    { "a GET's body is a body, not a request",
      "GET / HTTP/1.1\r\n" H "Content-Length: 18\r\n\r\nGET /2 HTTP/1.1\r\n\r", OPEN, ANSWER_AT_END,
      " head GET /[GET /2 HTTP/1.1\r\n\r] end done", OK },
    { "a chunked body with an extension and trailers",
      "POST / HTTP/1.1\r\n" H "Transfer-Encoding: chunked\r\n\r\n"
      "3;a=\"b\"\r\nabc\r\n2\r\nde\r\n0\r\nX-T: 1\r\nHost: evil\r\n\r\n",
      OPEN, ANSWER_AT_END, " head POST /[abcde] trailer X-T end done", OK },
    { "trailers that may not be there are no trailers",
      "POST / HTTP/1.1\r\n" H "Transfer-Encoding: chunked\r\n\r\n"
      "1\r\na\r\n0\r\nContent-Length: 1\r\n\r\n",
      OPEN, ANSWER_AT_END, " head POST /[a] end done", OK },
    { "a bad chunk size: 400 and an abort",
      "POST / HTTP/1.1\r\n" H "Transfer-Encoding: chunked\r\n\r\n2\r\nab\r\n0x1\r\n", OPEN,
      ANSWER_AT_END, " head POST /[ab] refused chunk_size_not_hex done gone", BAD },
    { "HTTP/1.0 closes", "GET / HTTP/1.0\r\n\r\n", OPEN, ANSWER_AT_END, " head GET / end done gone",
      OK_CLOSE },
    { "HTTP/1.0 that asks to stay", "GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", OPEN,
      ANSWER_AT_END, " head GET / end done",
      "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: keep-alive\r\n\r\nok" },
    { "HTTP/1.0 never gets chunks", "GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", OPEN,
      CHUNKED, " head GET / end done gone", "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nok" },
    { "HTTP/1.0 gets no interim answer", "GET / HTTP/1.0\r\nExpect: 100-continue\r\n\r\n", OPEN,
      CONTINUE, " head GET / end done gone", OK_CLOSE },
    { "chunks, trailers not asked for are dropped", "GET / HTTP/1.1\r\n" H "\r\n", OPEN, CHUNKED,
      " head GET / end done",
      "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n" },
    { "chunks, trailers asked for", "GET / HTTP/1.1\r\n" H "TE: trailers\r\n\r\n", OPEN, CHUNKED,
      " head GET / end done",
      "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\nX-Sum: 7\r\n\r\n" },
    { "HEAD: the length, no body", "HEAD / HTTP/1.1\r\n" H "\r\n", OPEN, ANSWER_AT_END,
      " head HEAD / end done", "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n" },
    { "204 has neither", "GET / HTTP/1.1\r\n" H "\r\n", OPEN, NO_CONTENT, " head GET / end done",
      "HTTP/1.1 204 No Content\r\n\r\n" },
    { "Connection: close is obeyed, what follows is not read",
      "GET / HTTP/1.1\r\n" H "Connection: close\r\n\r\nGET /2 HTTP/1.1\r\n" H "\r\n", OPEN,
      ANSWER_AT_END, " head GET / end done gone", OK_CLOSE },
    { "100 and then the body",
      "POST / HTTP/1.1\r\n" H "Expect: 100-continue\r\nContent-Length: 2\r\n\r\nhi", OPEN, CONTINUE,
      " head POST /[hi] end done", "HTTP/1.1 100 Continue\r\n\r\n" OK },
    { "answered without the 100 that was asked for: closed",
      "POST / HTTP/1.1\r\n" H "Expect: 100-continue\r\nContent-Length: 2\r\n\r\n", OPEN,
      ANSWER_AT_HEAD, " head POST / done gone", OK_CLOSE },
    { "answered early: the rest is read and thrown away",
      "POST /1 HTTP/1.1\r\n" H "Content-Length: 5\r\n\r\nhelloGET /2 HTTP/1.1\r\n" H "\r\n", OPEN,
      ANSWER_AT_HEAD, " head POST /1 done head GET /2 end done", OK OK },
    { "answered early, more to come than is worth reading",
      "POST / HTTP/1.1\r\n" H "Content-Length: 17\r\n\r\n", OPEN, ANSWER_AT_HEAD,
      " head POST / done gone", OK_CLOSE },
    { "answered early, chunks beyond the bound",
      "POST / HTTP/1.1\r\n" H "Transfer-Encoding: chunked\r\n\r\n11\r\n12345678901234567", OPEN,
      ANSWER_AT_HEAD, " head POST / done gone", OK },
    { "answered early, the rest is no chunk",
      "POST / HTTP/1.1\r\n" H "Transfer-Encoding: chunked\r\n\r\nzz\r\n", OPEN, ANSWER_AT_HEAD,
      " head POST / done gone", OK },
    { "a user that ends before its length is cut off", "GET / HTTP/1.1\r\n" H "\r\n", OPEN, SHORT,
      " head GET / end reset internal gone", "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nok" },
    { "leaves before a first byte", "", 0, SILENT, " gone", "" },
    { "leaves after an empty line", "\r\n", 0, SILENT, " gone", "" },
    { "leaves inside the head", "GET / HTTP/1.1\r\nHo", 0, SILENT, " reset fin gone", "" },
    { "is reset inside the head", "GET / HTTP/1.1\r\nHo", -ECONNRESET, SILENT, " reset reset gone",
      "" },
    { "leaves inside the body", "POST / HTTP/1.1\r\n" H "Content-Length: 5\r\n\r\nhe", 0, SILENT,
      " head POST /[he] reset fin gone", "" },
    { "TLS cut inside the body", "POST / HTTP/1.1\r\n" H "Content-Length: 5\r\n\r\nhe", -ENODATA,
      SILENT, " head POST /[he] reset fin gone", "" },
    { "TLS broken inside the body", "POST / HTTP/1.1\r\n" H "Content-Length: 5\r\n\r\nhe", -EPROTO,
      SILENT, " head POST /[he] reset protocol tls_broken gone", "" },
    { "leaves while it waits", "GET / HTTP/1.1\r\n" H "\r\n", 0, SILENT,
      " head GET / end reset fin gone", "" },
    { "leaves after its answer", "GET / HTTP/1.1\r\n" H "\r\n", 0, ANSWER_AT_END,
      " head GET / end done gone", OK },
    { "bare LF is refused when it arrives", "GET / HTTP/1.1\nHost", OPEN, SILENT,
      " refused bare_lf done gone", BAD },
    { "an empty line made of bare LF", "GET / HTTP/1.1\r\nHost: x\n\n", OPEN, SILENT,
      " refused bare_lf done gone", BAD },
    { "CONNECT", "CONNECT a:443 HTTP/1.1\r\nHost: a:443\r\n\r\n", OPEN, SILENT,
      " refused method_connect done gone", NULL },
    { "the preface of HTTP/2", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", OPEN, SILENT,
      " refused http2_preface done gone", NULL },
    { "HTTP/0.9", "GET /\r\n", OPEN, SILENT, " refused no_version done gone", NULL },
    { "HTTP/1.2", "GET / HTTP/1.2\r\n", OPEN, SILENT, " refused version_unsupported done gone",
      NULL },
    { "target too long",
      "GET /0123456789012345678901234567890123456789012345678901234567890123456789 HTTP/1.1\r\n",
      OPEN, SILENT, " refused target_too_long done gone", NULL },
    { "too many fields",
      "GET / HTTP/1.1\r\n" H "B: 2\r\nC: 3\r\nD: 4\r\nE: 5\r\nF: 6\r\nG: 7\r\nH: 8\r\nI: 9\r\n\r\n",
      OPEN, SILENT, " refused fields_too_many done gone", NULL },
    { "TLS noise", "\x16\x03\x01\x02", OPEN, SILENT, " refused tls_hello done gone", BAD },
    { "Upgrade without an answer to it: the bytes behind it wait",
      "GET /1 HTTP/1.1\r\n" H "Connection: upgrade\r\nUpgrade: h2c\r\n\r\nGET /2 HTTP/1.1\r\n" H
      "\r\n",
      OPEN, ANSWER_AT_END, " head GET /1 end done head GET /2 end done", OK OK },
    { "a chunked body of a request with Upgrade",
      "POST /1 HTTP/1.1\r\n" H "Connection: upgrade\r\nUpgrade: x\r\nTransfer-Encoding: chunked\r\n"
      "\r\n1\r\na\r\n0\r\n\r\nGET /2 HTTP/1.1\r\n" H "\r\n",
      OPEN, ANSWER_AT_END, " head POST /1[a] end done head GET /2 end done", OK OK },
    { "a method nobody knows", "BREW /pot HTTP/1.1\r\n" H "\r\n", OPEN, ANSWER_AT_END,
      " head BREW /pot end done", OK },
    { "a method of RTSP", "PLAY /x HTTP/1.1\r\n" H "\r\n", OPEN, ANSWER_AT_END,
      " head PLAY /x end done", OK },
};

static void check(struct user *u, size_t i, unsigned round)
{
    struct slice trace = buf_view(&u->trace), sent = fake_sent(u->wire->fake);
    const char *want = cases[i].sent;
    bool right = slice_eq(trace, slice_str(cases[i].trace)) &&
                 (want == NULL || slice_eq(sent, slice_str(want)));
    if (!right)
        fail_msg("%s (round %u): trace \"%.*s\", sent \"%.*s\"", cases[i].why, round,
                 SLICE_ARG(trace), SLICE_ARG(sent));
}

static void test_cases(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        for (unsigned round = 0; round < WIRE_ROUNDS; round++) {
            struct wire w;
            struct user u = { .script = cases[i].script };
            wire_init(&w);
            begin(&u, &w, &usual);
            wire_split(slice_str(cases[i].in), round, push, &u);
            if (cases[i].end != OPEN)
                wire_end(&w, cases[i].end);
            check(&u, i, round);
            finish(&u);
        }
    }
}

static void expect(struct user *u, const char *trace, const char *sent)
{
    struct slice t = buf_view(&u->trace), s = fake_sent(u->wire->fake);
    if (!slice_eq(t, slice_str(trace)) || !slice_eq(s, slice_str(sent)))
        fail_msg("trace \"%.*s\", sent \"%.*s\"", SLICE_ARG(t), SLICE_ARG(s));
}

/* The head's deadline is total: bytes that keep coming do not move it. */
static void test_slow_head(void **state)
{
    struct wire w;
    struct user u = { .script = SILENT };
    (void)state;
    wire_init(&w);
    begin(&u, &w, &hasty);
    wire_push(&w, SLICE("GET /slow HTTP/1.1\r\n"));
    for (int i = 0; i < 100 && !u.gone; i++) {
        wire_push(&w, SLICE("x"));
        loop_turn(w.loop, true);
        wire_turn(&w);
    }
    expect(&u, " refused head_timeout /slow done gone",
           "HTTP/1.1 408 Request Timeout\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
    finish(&u);
}

static void test_idle_ends(void **state)
{
    struct wire w;
    struct user u = { .script = ANSWER_AT_END };
    (void)state;
    wire_init(&w);
    begin(&u, &w, &hasty);
    wire_push(&w, SLICE("GET / HTTP/1.1\r\n" H "\r\n"));
    for (int i = 0; i < 100 && !u.gone; i++)
        loop_turn(w.loop, true);
    expect(&u, " head GET / end done gone", OK);
    wire_turn(&w);
    assert_true(w.fake->shut); /* said, not merely dropped */
    finish(&u);
}

static void test_drain(void **state)
{
    struct wire w;
    struct user u = { .script = ANSWER_AT_END };
    (void)state;
    wire_init(&w);
    begin(&u, &w, &usual);
    wire_push(&w, SLICE("GET / HTTP/1.1\r\n"));
    u.codec->ops->drain(u.codec);
    wire_turn(&w);
    assert_false(u.gone); /* a request is under way */
    wire_push(&w, SLICE(H "\r\n"));
    expect(&u, " head GET / end done gone", OK_CLOSE);
    finish(&u);
}

static void test_drain_idle(void **state)
{
    struct wire w;
    struct user u = { .script = ANSWER_AT_END };
    (void)state;
    wire_init(&w);
    begin(&u, &w, &usual);
    wire_push(&w, SLICE("GET / HTTP/1.1\r\n" H "\r\n"));
    u.codec->ops->drain(u.codec);
    assert_false(u.gone); /* not inside the call */
    wire_turn(&w);
    expect(&u, " head GET / end done gone", OK);
    finish(&u);
}

/* Its first request is on its way: it is waited for, but not for long. */
static void test_drain_new(void **state)
{
    static const struct {
        const char *why, *in, *trace, *sent;
    } rows[] = {
        { "a request comes", "GET / HTTP/1.1\r\n" H "\r\n", " head GET / end done gone", OK_CLOSE },
        { "a part of one comes", "GET / HT", "", "" },
        { "nothing comes", "", " gone", "" },
        { "an empty line is nothing", "\r\n", " gone", "" },
    };
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct wire w;
        struct user u = { .script = ANSWER_AT_END };
        print_message("%s\n", rows[i].why);
        wire_init(&w);
        begin(&u, &w, &usual);
        u.codec->ops->drain(u.codec);
        wire_turn(&w);
        assert_false(u.gone);
        wire_push(&w, slice_str(rows[i].in));
        uint64_t end_ms = loop_now_ms(w.loop) + 1500;
        while (!u.gone && loop_now_ms(w.loop) < end_ms) {
            loop_turn(w.loop, false);
            usleep(10000);
        }
        expect(&u, rows[i].trace, rows[i].sent);
        finish(&u);
    }
}

/* After an empty line no request keeps the old conf alive. */
static void test_conf_is_replaced(void **state)
{
    static const struct {
        const char *why, *before, *after, *trace;
    } rows[] = {
        { "idle", "", "GET /12345 HTTP/1.1\r\n" H "\r\n", " refused target_too_long done gone" },
        { "within a head: that one keeps it", "GET /1", "2345 HTTP/1.1\r\n" H "\r\n",
          " head GET /12345 end done" },
        { "an empty line", "\r\n", "GET / HTTP/1.1\r\n" H "\r\n", " head GET / end done" },
    };
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct wire w;
        struct user u = { .script = ANSWER_AT_END };
        struct h1_conf *old = test_malloc(sizeof(*old)), newer = usual;
        print_message("%s\n", rows[i].why);
        *old = usual;
        newer.target_max = 4;
        wire_init(&w);
        begin(&u, &w, old);
        wire_push(&w, slice_str(rows[i].before));
        h1_set_conf(u.codec, &newer);
        if (i != 1)
            test_free(old);
        wire_push(&w, slice_str(rows[i].after));
        if (!slice_eq(buf_view(&u.trace), slice_str(rows[i].trace)))
            fail_msg("trace \"%.*s\"", SLICE_ARG(buf_view(&u.trace)));
        if (i == 1)
            test_free(old);
        finish(&u);
    }
}

static void test_requests_max(void **state)
{
    struct h1_conf conf = usual;
    struct wire w;
    struct user u = { .script = ANSWER_AT_END };
    (void)state;
    conf.requests_max = 2;
    wire_init(&w);
    begin(&u, &w, &conf);
    wire_push(&w, SLICE("GET /1 HTTP/1.1\r\n" H "\r\nGET /2 HTTP/1.1\r\n" H "\r\n"));
    expect(&u, " head GET /1 end done head GET /2 end done gone", OK OK_CLOSE);
    finish(&u);
}

/* The answer is done when the kernel has it, not before. */
static void test_slow_reader(void **state)
{
    struct wire w;
    struct user u = { .script = ANSWER_AT_END };
    (void)state;
    wire_init(&w);
    begin(&u, &w, &usual);
    w.fake->window = 10;
    wire_push(&w, SLICE("GET / HTTP/1.1\r\n" H "\r\n"));
    expect(&u, " head GET / end", "HTTP/1.1 2");
    wire_drain(&w, SIZE_MAX);
    expect(&u, " head GET / end done", OK);
    finish(&u);
}

static void test_leaves_before_all_was_sent(void **state)
{
    struct wire w;
    struct user u = { .script = ANSWER_AT_END };
    (void)state;
    wire_init(&w);
    begin(&u, &w, &usual);
    w.fake->window = 10;
    wire_push(&w, SLICE("GET / HTTP/1.1\r\n" H "\r\n"));
    wire_end(&w, 0);
    expect(&u, " head GET / end reset fin gone", "HTTP/1.1 2");
    finish(&u);
}

static void test_close_notify(void **state)
{
    struct wire w;
    struct user u = { .script = SILENT };
    (void)state;
    struct tls_info tls = { .version = "TLSv1.3" };
    wire_init(&w);
    w.fake->tls = &tls;
    begin(&u, &w, &usual);
    wire_push(&w, SLICE("GET / HTTP/1.1\r\n" H "\r\n"));
    wire_end(&w, 0);
    expect(&u, " head GET / end reset close_notify gone", "");
    finish(&u);
}

/* --- grants and resets, by hand */

static struct stream *held; /* the running stream of the test below */

static void hold_head(struct stream *s, struct message *m, enum head_kind kind, bool end)
{
    struct user *u = s->user;
    (void)m;
    (void)kind;
    (void)end;
    held = s;
    buf_add(&u->trace, " head");
}

static void hold_stream(struct codec *c, struct stream *s)
{
    static const struct stream_events events = {
        hold_head, on_body, on_trailers, on_writable, on_refused, on_done, on_reset,
    };
    s->events = &events;
    s->user = c->user;
}

static void begin_held(struct user *u, struct wire *w)
{
    static const struct codec_events events = { hold_stream, NULL, on_gone };
    *u = (struct user){ .wire = w, .script = SILENT };
    u->codec = h1_server_new(w->conn, &usual, &w->arenas, &events, u);
}

static void test_nothing_comes_without_a_grant(void **state)
{
    struct wire w;
    struct user u;
    (void)state;
    wire_init(&w);
    begin_held(&u, &w);
    wire_push(&w, SLICE("POST / HTTP/1.1\r\n" H "Content-Length: 8\r\n\r\nabcdef"));
    assert_int_equal(buf_len(&u.body), 0);
    held->ops->grant(held, 3);
    assert_int_equal(buf_len(&u.body), 0); /* not inside the call */
    wire_turn(&w);
    assert_true(slice_eq(buf_view(&u.body), SLICE("abc")));
    held->ops->grant(held, 2);
    held->ops->grant(held, SIZE_MAX);
    wire_turn(&w);
    assert_true(slice_eq(buf_view(&u.body), SLICE("abcdef")));
    wire_push(&w, SLICE("gh"));
    expect(&u, " head[abcdefgh] end", "");
    assert_int_equal(held->bytes_in, 8);
    finish(&u);
}

static void test_user_resets(void **state)
{
    struct wire w;
    struct user u;
    (void)state;
    wire_init(&w);
    begin_held(&u, &w);
    wire_push(&w, SLICE("GET / HTTP/1.1\r\n" H "\r\n"));
    held->ops->reset(held, RESET_CANCEL, 0);
    assert_false(u.gone); /* not inside the call */
    wire_turn(&w);
    expect(&u, " head gone", "");
    assert_false(w.fake->shut); /* visibly cut */
    assert_true(w.fake->freed);
    finish(&u);
}

static void test_bad_heads_are_not_sent(void **state)
{
    struct wire w;
    struct user u;
    struct message m;
    (void)state;
    wire_init(&w);
    begin_held(&u, &w);
    wire_push(&w, SLICE("GET / HTTP/1.1\r\n" H "\r\n"));
    message_init(&m, h1_stream_arena(held));
    m.status = 200;
    fields_add(&m.fields, SLICE("X"), SLICE("a\r\nSet-Cookie: b"));
    assert_int_equal(held->ops->send_head(held, &m, HEAD_FINAL, true), -EINVAL);
    fields_remove_name(&m.fields, SLICE("x"));
    assert_int_equal(held->ops->send_head(held, &m, HEAD_TUNNEL, true), -EINVAL);
    assert_int_equal(held->ops->send_head(held, &m, HEAD_FINAL, true), 0);
    assert_int_equal(held->ops->send_head(held, &m, HEAD_FINAL, true), -EINVAL); /* twice */
    wire_turn(&w);
    expect(&u, " head done", "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
    finish(&u);
}

static void test_rests_in_the_middle_of_a_message(void **state)
{
    static const struct {
        const char *why, *in;
        bool rests;
    } rows[] = {
        { "a whole request is answered at once", "GET / HTTP/1.1\r\n" H "\r\n", false },
        { "half a head", "GET / HTTP/1.1\r\nHos", true },
        { "a body that is to come", "PUT / HTTP/1.1\r\n" H "Content-Length: 4\r\n\r\n", true },
        { "half a body", "PUT / HTTP/1.1\r\n" H "Content-Length: 4\r\n\r\nab", true },
        { "a whole body", "PUT / HTTP/1.1\r\n" H "Content-Length: 4\r\n\r\nabcd", false },
        { "half a chunk line", "PUT / HTTP/1.1\r\n" H "Transfer-Encoding: chunked\r\n\r\n4", true },
        { "half a head behind an answer", "GET / HTTP/1.1\r\n" H "\r\nGET ", true },
    };
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        struct wire w;
        struct user u = { .script = ANSWER_AT_END };
        wire_init(&w);
        begin(&u, &w, &usual);
        unsigned before = w.fake->rests;
        wire_push(&w, slice_str(rows[i].in));
        if ((w.fake->rests > before) != rows[i].rests)
            fail_msg("%s: %u rests", rows[i].why, w.fake->rests - before);
        finish(&u);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_cases),
        cmocka_unit_test(test_slow_head),
        cmocka_unit_test(test_idle_ends),
        cmocka_unit_test(test_drain),
        cmocka_unit_test(test_drain_idle),
        cmocka_unit_test(test_drain_new),
        cmocka_unit_test(test_conf_is_replaced),
        cmocka_unit_test(test_requests_max),
        cmocka_unit_test(test_slow_reader),
        cmocka_unit_test(test_leaves_before_all_was_sent),
        cmocka_unit_test(test_close_notify),
        cmocka_unit_test(test_nothing_comes_without_a_grant),
        cmocka_unit_test(test_user_resets),
        cmocka_unit_test(test_bad_heads_are_not_sent),
        cmocka_unit_test(test_rests_in_the_middle_of_a_message),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
