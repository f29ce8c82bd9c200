/* SPDX-License-Identifier: Apache-2.0 */
/* Tunnels behind a 101, as server (h1_server.c) and as client (h1_client.c). */
#include "http/h1.h"

#include "wire.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

/* What the user of the streams does. */
enum script {
    MIRROR, /* server: switches to "x" where it is offered, else 200; sends back all, end for end */
    HOLD,   /* nothing by itself */
};

struct user {
    struct wire *wire;
    struct codec *codec;
    struct stream *stream; /* NULL when over */
    struct message *head;  /* the last one received */
    enum script script;
    struct buf trace, body;
    bool gone, tunnel;
};

static void note_body(struct user *u)
{
    struct slice body = buf_view(&u->body);
    if (body.len > 0)
        buf_printf(&u->trace, "[%.*s]", SLICE_ARG(body));
    buf_consume(&u->body, body.len);
}

static struct message make_switch(struct user *u, const char *to)
{
    struct message m;
    message_init(&m, h1_stream_arena(u->stream));
    m.status = 101;
    m.upgrade = slice_str(to);
    return m;
}

static void answer(struct user *u)
{
    struct message m = make_switch(u, "x");
    u->tunnel = u->stream->ops->send_head(u->stream, &m, HEAD_TUNNEL, false) == 0;
    if (u->tunnel)
        return;
    m.status = 200;
    m.upgrade = slice_of(NULL, 0);
    assert_int_equal(u->stream->ops->send_head(u->stream, &m, HEAD_FINAL, true), 0);
}

static void on_end_of_request(struct user *u)
{
    note_body(u);
    buf_add(&u->trace, " end");
    if (u->script == MIRROR)
        answer(u);
}

static void on_head(struct stream *s, struct message *m, enum head_kind kind, bool end)
{
    static const char *const kinds[] = { "interim", "head", "tunnel" };
    struct user *u = s->user;
    u->head = m;
    buf_printf(&u->trace, " %s", kinds[kind]);
    if (m->upgrade.len > 0)
        buf_printf(&u->trace, " %.*s", SLICE_ARG(m->upgrade));
    if (u->script == MIRROR || m->status > 0)
        s->ops->grant(s, SIZE_MAX);
    if (kind == HEAD_TUNNEL)
        u->tunnel = true;
    if (end && m->status == 0)
        on_end_of_request(u);
    else if (end)
        buf_add(&u->trace, " end");
}

static void on_body(struct stream *s, struct slice bytes, bool end)
{
    struct user *u = s->user;
    buf_append(&u->body, bytes);
    if (!u->tunnel && end && u->head->status == 0) {
        on_end_of_request(u);
        return;
    }
    if (u->tunnel && u->script == MIRROR)
        s->ops->send_body(s, bytes, end);
    if (!end)
        return;
    note_body(u);
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
    note_body(u);
    buf_add(&u->trace, " done");
    u->stream = NULL;
}

static void on_reset(struct stream *s, enum reset_reason why, uint32_t wire_code)
{
    struct user *u = s->user;
    (void)wire_code;
    note_body(u);
    buf_printf(&u->trace, " reset %s",
               why == RESET_PROTOCOL ? refusal_label(s->ops->refusal(s)) : reset_text(why));
    u->stream = NULL;
}

static const struct stream_events stream_events = {
    .on_head = on_head,
    .on_body = on_body,
    .on_writable = on_writable,
    .on_done = on_done,
    .on_reset = on_reset,
};

static void on_stream(struct codec *c, struct stream *s)
{
    struct user *u = c->user;
    s->events = &stream_events;
    s->user = u;
    u->stream = s;
    u->tunnel = false;
}

static void on_idle(struct codec *c)
{
    buf_add(&((struct user *)c->user)->trace, " idle");
}

static void on_gone(struct codec *c)
{
    struct user *u = c->user;
    note_body(u);
    buf_add(&u->trace, " gone");
    u->gone = true;
}

static const struct h1_conf usual = { .head_max = 1024, .fields_max = 9, .target_max = 64 };

static void begin_server(struct user *u, struct wire *w, enum script script)
{
    static const struct codec_events events = { on_stream, NULL, on_gone };
    *u = (struct user){ .wire = w, .script = script };
    wire_init(w);
    u->codec = h1_server_new(w->conn, &usual, &w->arenas, &events, u);
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

static void expect(const struct user *u, const char *why, const char *trace, const char *sent)
{
    struct slice t = buf_view(&u->trace), s = fake_sent(u->wire->fake);
    if (!slice_eq(t, slice_str(trace)) || (sent != NULL && !slice_eq(s, slice_str(sent))))
        fail_msg("%s: trace \"%.*s\", sent \"%.*s\"", why, SLICE_ARG(t), SLICE_ARG(s));
}

#define OPEN   1 /* no end: the other side stays */
#define H      "Host: a\r\n"
#define UP     "Connection: upgrade\r\nUpgrade: x\r\n"
#define OK     "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"
#define SWITCH "HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n"

/* --- as server */

static const struct {
    const char *why, *in;
    int end;
    const char *trace, *sent;
    bool shut;
} server_cases[] = {
    { "raw bytes come back, whatever they look like",
      "GET / HTTP/1.1\r\n" H UP "\r\n\r\n\r\nGET / HTTP/9\n", OPEN, " head x end",
      SWITCH "\r\n\r\nGET / HTTP/9\n", false },
    { "and the end for the end", "GET / HTTP/1.1\r\n" H UP "\r\nraw", 0,
      " head x end[raw] end done gone", SWITCH "raw", true },
    { "at once", "GET / HTTP/1.1\r\n" H UP "\r\n", 0, " head x end end done gone", SWITCH, true },
    { "a reset", "GET / HTTP/1.1\r\n" H UP "\r\nraw", -ECONNRESET,
      " head x end[raw] reset reset gone", SWITCH "raw", false },
    { "TLS cut", "GET / HTTP/1.1\r\n" H UP "\r\nraw", -ENODATA, " head x end[raw] reset fin gone",
      SWITCH "raw", false },
    { "a body by length goes first", "POST / HTTP/1.1\r\n" H UP "Content-Length: 2\r\n\r\nhiraw", 0,
      " head x[hi] end[raw] end done gone", SWITCH "raw", true },
    { "not offered with chunks",
      "POST / HTTP/1.1\r\n" H UP "Transfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n"
      "GET /2 HTTP/1.1\r\n" H "\r\n",
      OPEN, " head[hi] end done head end done", OK OK, false },
    { "one of several", "GET / HTTP/1.1\r\n" H UP "Upgrade: y, h2c\r\n\r\nraw", OPEN,
      " head x, y end", SWITCH "raw", false },
    { "`close` beside it", "GET / HTTP/1.1\r\n" H UP "Connection: close\r\n\r\nraw", OPEN,
      " head x end", SWITCH "raw", false },
    { "not offered by HTTP/1.0",
      "GET / HTTP/1.0\r\n" UP "Connection: keep-alive\r\n\r\nGET /2 HTTP/1.1\r\n" H "\r\n", OPEN,
      " head end done head end done",
      "HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: keep-alive\r\n\r\n" OK, false },
    { "not offered without Connection",
      "GET / HTTP/1.1\r\n" H "Upgrade: x\r\n\r\nGET /2 HTTP/1.1\r\n" H "\r\n", OPEN,
      " head end done head end done", OK OK, false },
    { "h2c is no offer",
      "GET / HTTP/1.1\r\n" H "Connection: Upgrade\r\nUpgrade: h2c\r\n\r\nGET /2 HTTP/1.1\r\n" H
      "\r\n",
      OPEN, " head end done head end done", OK OK, false },
    { "answered without switching: what is behind it is the next request",
      "GET / HTTP/1.1\r\n" H "Connection: Upgrade\r\nUpgrade: y\r\n\r\nGET /2 HTTP/1.1\r\n" H UP
      "\r\nraw",
      OPEN, " head y end done head x end", OK SWITCH "raw", false },
};

static void run_server_case(size_t i, unsigned round)
{
    struct wire w;
    struct user u;
    begin_server(&u, &w, MIRROR);
    wire_split(slice_str(server_cases[i].in), round, push, &u);
    if (server_cases[i].end != OPEN)
        wire_end(&w, server_cases[i].end);
    expect(&u, server_cases[i].why, server_cases[i].trace, server_cases[i].sent);
    assert_int_equal(w.fake->shut, server_cases[i].shut);
    finish(&u);
}

/* What came while a tunnel was open stays in `body` until it ends: rows that leave it open do not
 * show it, what was sent back does. */
static void test_server_cases(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(server_cases) / sizeof(server_cases[0]); i++)
        for (unsigned round = 0; round < WIRE_ROUNDS; round++)
            run_server_case(i, round);
}

static void open_server_tunnel(struct user *u, struct wire *w)
{
    begin_server(u, w, HOLD);
    wire_push(w, SLICE("GET / HTTP/1.1\r\n" H UP "\r\n"));
    answer(u);
    assert_true(u->tunnel);
    wire_turn(w);
    fake_forget_sent(w->fake);
}

static void test_nothing_tunnels_before_the_101(void **state)
{
    struct wire w;
    struct user u;
    (void)state;
    begin_server(&u, &w, HOLD);
    wire_push(&w, SLICE("GET / HTTP/1.1\r\n" H UP "\r\nbehind"));
    u.stream->ops->grant(u.stream, SIZE_MAX);
    wire_push(&w, SLICE(" it"));
    assert_int_equal(buf_len(&u.body) + u.stream->bytes_in, 0);
    answer(&u);
    wire_turn(&w);
    wire_push(&w, SLICE("."));
    assert_true(slice_eq(buf_view(&u.body), SLICE("behind it.")));
    assert_int_equal(u.stream->bytes_in, 10);
    finish(&u);
}

static void test_a_client_that_leaves_before_the_101(void **state)
{
    struct wire w;
    struct user u;
    (void)state;
    begin_server(&u, &w, HOLD);
    wire_push(&w, SLICE("GET / HTTP/1.1\r\n" H UP "\r\n"));
    wire_end(&w, 0);
    expect(&u, "only a tunnel may half-close", " head x end reset fin gone", "");
    finish(&u);
}

static void test_a_tunnel_obeys_grants(void **state)
{
    struct wire w;
    struct user u;
    (void)state;
    open_server_tunnel(&u, &w);
    wire_push(&w, SLICE("abcdef"));
    assert_int_equal(buf_len(&u.body), 0);
    u.stream->ops->grant(u.stream, 4);
    wire_turn(&w);
    assert_true(slice_eq(buf_view(&u.body), SLICE("abcd")));
    wire_end(&w, 0);
    expect(&u, "the end waits behind the bytes", " head x end", "");
    u.stream->ops->grant(u.stream, 9);
    wire_turn(&w);
    wire_end(&w, 0); /* level-triggered */
    expect(&u, "the end", " head x end[abcdef] end", "");
    finish(&u);
}

/* Our end first, then the client's. */
static void test_the_servers_end_first(void **state)
{
    struct wire w;
    struct user u;
    (void)state;
    open_server_tunnel(&u, &w);
    u.stream->ops->grant(u.stream, SIZE_MAX);
    assert_int_equal(u.stream->ops->send_body(u.stream, SLICE("bye"), true), 0);
    wire_turn(&w);
    assert_true(w.fake->shut);
    assert_true(slice_eq(fake_sent(w.fake), SLICE("bye")));
    wire_push(&w, SLICE("not yet"));
    wire_end(&w, 0);
    expect(&u, "both", " head x end[not yet] end done gone", "bye");
    finish(&u);
}

/* The client's end first; what we say afterwards is slow to leave. */
static void test_the_clients_end_first(void **state)
{
    struct wire w;
    struct user u;
    (void)state;
    open_server_tunnel(&u, &w);
    wire_end(&w, 0);
    w.fake->window = 2;
    u.stream->ops->send_body(u.stream, SLICE("late"), false);
    wire_turn(&w);
    assert_true(u.stream->ops->send_body(u.stream, SLICE("r"), false) > 0);
    expect(&u, "slow", " head x end end", "la");
    wire_drain(&w, SIZE_MAX);
    expect(&u, "told when it is gone", " head x end end writable", "later");
    u.stream->ops->send_body(u.stream, slice_of(NULL, 0), true);
    wire_turn(&w);
    expect(&u, "both", " head x end end writable done gone", "later");
    finish(&u);
}

static void test_it_fails_after_the_clients_end(void **state)
{
    struct wire w;
    struct user u;
    (void)state;
    open_server_tunnel(&u, &w);
    wire_end(&w, 0);
    w.fake->broken = -EPIPE;
    u.stream->ops->send_body(u.stream, SLICE("x"), false);
    wire_turn(&w);
    expect(&u, "told", " head x end end reset reset gone", "");
    finish(&u);
}

/* A tunnel lives on while the connections around it are drained. */
static void test_drain(void **state)
{
    struct wire w;
    struct user u;
    (void)state;
    open_server_tunnel(&u, &w);
    u.codec->ops->drain(u.codec);
    u.stream->ops->grant(u.stream, SIZE_MAX);
    wire_push(&w, SLICE("on"));
    assert_true(slice_eq(buf_view(&u.body), SLICE("on")));
    assert_false(u.gone);
    finish(&u);
}

static void test_a_reset_is_visible(void **state)
{
    struct wire w;
    struct user u;
    (void)state;
    open_server_tunnel(&u, &w);
    u.stream->ops->reset(u.stream, RESET_CANCEL, 0);
    wire_turn(&w);
    assert_false(w.fake->shut);
    assert_true(w.fake->freed);
    finish(&u);
}

static const struct {
    const char *why, *request, *to;
    unsigned status;
    bool end;
} refused[] = {
    { "another protocol", "GET / HTTP/1.1\r\n" H UP "\r\n", "y", 101, false },
    { "none", "GET / HTTP/1.1\r\n" H UP "\r\n", "", 101, false },
    { "nothing was offered", "GET / HTTP/1.1\r\n" H "\r\n", "x", 101, false },
    { "another status", "GET / HTTP/1.1\r\n" H UP "\r\n", "x", 200, false },
    { "an end", "GET / HTTP/1.1\r\n" H UP "\r\n", "x", 101, true },
    { "the request is not whole", "POST / HTTP/1.1\r\n" H UP "Content-Length: 2\r\n\r\nh", "x", 101,
      false },
};

static void test_what_cannot_be_switched(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
        struct wire w;
        struct user u;
        begin_server(&u, &w, HOLD);
        wire_push(&w, slice_str(refused[i].request));
        struct message m = make_switch(&u, refused[i].to);
        m.status = refused[i].status;
        if (u.stream->ops->send_head(u.stream, &m, HEAD_TUNNEL, refused[i].end) != -EINVAL)
            fail_msg("%s", refused[i].why);
        finish(&u);
    }
}

/* --- as client */

enum request { PLAIN, OFFER, OFFER_WITH_BODY, OFFER_UNSENT };

static void ask(struct user *u, enum request r)
{
    struct message m;
    struct stream *s = u->codec->ops->open(u->codec);
    assert_non_null(s);
    s->events = &stream_events;
    s->user = u;
    u->stream = s;
    message_init(&m, h1_stream_arena(s));
    m.method = r < OFFER_WITH_BODY ? SLICE("GET") : SLICE("POST");
    m.method_id = method_id(m.method);
    m.authority = SLICE("a");
    m.uri.path = SLICE("/");
    m.upgrade = r == PLAIN ? slice_of(NULL, 0) : SLICE("x, y/2");
    if (r >= OFFER_WITH_BODY) {
        m.body = BODY_LENGTH;
        m.length = 2;
    }
    assert_int_equal(s->ops->send_head(s, &m, HEAD_FINAL, r < OFFER_WITH_BODY), 0);
    if (r == OFFER_WITH_BODY)
        s->ops->send_body(s, SLICE("hi"), true);
    wire_turn(u->wire);
}

static void begin_client(struct user *u, struct wire *w, enum script script)
{
    static const struct codec_events events = { NULL, on_idle, on_gone };
    *u = (struct user){ .wire = w, .script = script };
    wire_init(w);
    u->codec = h1_client_new(w->conn, &usual, &w->arenas, &events, u);
}

#define I  "HTTP/1.1 103 Early Hints\r\n\r\n"
#define I4 I I I I
#define T4 " interim interim interim interim"

static const struct {
    const char *why;
    enum request request;
    const char *in;
    int end;
    const char *trace;
} client_cases[] = {
    { "101: what is behind it belongs to the tunnel", OFFER, SWITCH "HTTP/1.1 200 OK\r\n\r\n", 0,
      " tunnel x[HTTP/1.1 200 OK\r\n\r\n] end done gone" },
    { "the other one, in other case", OFFER,
      "HTTP/1.1 101 X\r\nconnection: keep-alive, Upgrade\r\nUPGRADE: Y/2\r\n\r\n", 0,
      " tunnel Y/2 end done gone" },
    { "both", OFFER, "HTTP/1.1 101 X\r\nConnection: upgrade\r\nUpgrade: y/2, x\r\n\r\n", 0,
      " tunnel y/2, x end done gone" },
    { "behind a body", OFFER_WITH_BODY, SWITCH "raw", 0, " tunnel x[raw] end done gone" },
    { "behind interim answers", OFFER, "HTTP/1.1 100 Continue\r\n\r\n" I SWITCH, 0,
      " interim interim tunnel x end done gone" },
    { "behind sixteen", OFFER, I4 I4 I4 I4 SWITCH, 0, T4 T4 T4 T4 " tunnel x end done gone" },
    { "behind seventeen", OFFER, I4 I4 I4 I4 I SWITCH, OPEN,
      T4 T4 T4 T4 " reset interims_too_many gone" },
    { "a length means nothing here", OFFER,
      "HTTP/1.1 101 X\r\nContent-Length: 1\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\nraw", 0,
      " tunnel x[raw] end done gone" },
    { "another protocol", OFFER, "HTTP/1.1 101 X\r\nConnection: upgrade\r\nUpgrade: z\r\n\r\nraw",
      OPEN, " reset switch_not_offered gone" },
    { "one too many", OFFER, "HTTP/1.1 101 X\r\nConnection: upgrade\r\nUpgrade: x, z\r\n\r\n", OPEN,
      " reset switch_not_offered gone" },
    { "no Connection", OFFER, "HTTP/1.1 101 X\r\nUpgrade: x\r\n\r\n", OPEN,
      " reset switch_to_nothing gone" },
    { "no Upgrade", OFFER, "HTTP/1.1 101 X\r\nConnection: upgrade\r\n\r\n", OPEN,
      " reset switch_to_nothing gone" },
    { "an empty Upgrade", OFFER, "HTTP/1.1 101 X\r\nConnection: upgrade\r\nUpgrade:\r\n\r\n", OPEN,
      " reset switch_to_nothing gone" },
    { "before the request is whole", OFFER_UNSENT, SWITCH, OPEN, " reset switch_too_early gone" },
    { "nobody asked", PLAIN, SWITCH "raw", OPEN, " reset unasked_switch gone" },
    { "a final answer instead: the connection is not kept", OFFER, OK, OPEN,
      " head end done gone" },
    { "nor behind a body, which some servers take for the next request", OFFER_WITH_BODY, OK, OPEN,
      " head end done gone" },
    { "which does not switch, whatever it says", OFFER,
      "HTTP/1.1 200 OK\r\nConnection: upgrade\r\nUpgrade: x\r\nContent-Length: 2\r\n\r\nok", OPEN,
      " head[ok] end done gone" },
    { "426 says what it wants", PLAIN,
      "HTTP/1.1 426 X\r\nConnection: upgrade\r\nUpgrade: z/1,h2c\r\nContent-Length: 0\r\n\r\n",
      OPEN, " head z/1, h2c end done idle" },
    { "a reset", OFFER, SWITCH "raw", -ECONNRESET, " tunnel x[raw] reset reset gone" },
};

static void run_client_case(size_t i, unsigned round)
{
    struct wire w;
    struct user u;
    begin_client(&u, &w, MIRROR);
    ask(&u, client_cases[i].request);
    wire_split(slice_str(client_cases[i].in), round, push, &u);
    if (client_cases[i].end != OPEN)
        wire_end(&w, client_cases[i].end);
    expect(&u, client_cases[i].why, client_cases[i].trace, NULL);
    finish(&u);
}

static void test_client_cases(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(client_cases) / sizeof(client_cases[0]); i++)
        for (unsigned round = 0; round < WIRE_ROUNDS; round++)
            run_client_case(i, round);
}

static void test_the_request_offers(void **state)
{
    struct wire w;
    struct user u;
    (void)state;
    begin_client(&u, &w, HOLD);
    ask(&u, OFFER);
    expect(&u, "the head", "",
           "GET / HTTP/1.1\r\nHost: a\r\nUpgrade: x, y/2\r\nConnection: upgrade\r\n\r\n");
    finish(&u);
}

/* The origin has ended, the client goes on. */
static void test_a_tunnel_ends_with_both(void **state)
{
    struct wire w;
    struct user u;
    (void)state;
    begin_client(&u, &w, HOLD);
    ask(&u, OFFER);
    wire_push(&w, SLICE(SWITCH));
    wire_end(&w, 0);
    expect(&u, "one", " tunnel x end", NULL);
    fake_forget_sent(w.fake);
    u.stream->ops->send_body(u.stream, SLICE("still "), false);
    wire_turn(&w);
    u.stream->ops->send_body(u.stream, SLICE("here"), true);
    wire_turn(&w);
    expect(&u, "both: never kept", " tunnel x end done gone", "still here");
    assert_true(w.fake->shut);
    finish(&u);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_server_cases),
        cmocka_unit_test(test_nothing_tunnels_before_the_101),
        cmocka_unit_test(test_a_client_that_leaves_before_the_101),
        cmocka_unit_test(test_a_tunnel_obeys_grants),
        cmocka_unit_test(test_the_servers_end_first),
        cmocka_unit_test(test_the_clients_end_first),
        cmocka_unit_test(test_it_fails_after_the_clients_end),
        cmocka_unit_test(test_drain),
        cmocka_unit_test(test_a_reset_is_visible),
        cmocka_unit_test(test_what_cannot_be_switched),
        cmocka_unit_test(test_client_cases),
        cmocka_unit_test(test_the_request_offers),
        cmocka_unit_test(test_a_tunnel_ends_with_both),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
