/* SPDX-License-Identifier: Apache-2.0 */
/* A client's bytes against the server codec. Whatever they are: the same requests, bodies and
 * answers come out whether they arrive whole or in pieces; and a request that was understood,
 * written anew, is understood as the same request. One that offers to switch protocols is taken at
 * its word: what follows it comes back as it is.
 *
 * The first byte says how: 01 answer early, 1e how to split, 60 how the client ends, 80 it reads
 * slowly. The last byte of a target says what the answer is, see answers[]; after an "e" each part
 * of the body is answered by itself. */
#include "../unit/http/wire.h"
#include "http/h1.h"
#include "http/h1_head.h"
#include "http/h1_write.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

static const struct h1_conf conf = {
    .head_max = 512,
    .fields_max = 8,
    .target_max = 64,
    .header_ms = 60000,
    .idle_ms = 60000,
    .requests_max = 20,
    .discard_max = 32,
};
static const struct h1_conf strict = {
    .head_max = 512,
    .fields_max = 8,
    .target_max = 64,
    .requests_max = 2,
    .discard_max = 32,
    .underscore = UNDERSCORE_REJECT,
};

struct user {
    struct wire *wire;
    struct codec *codec;
    struct stream *stream;
    struct buf trace;
    const struct message *request;
    bool tunnel;
    bool early; /* answers at the head, without reading */
    bool slow;
    bool echoes, echoed; /* this request, any */
    bool gone;
};

static void must(bool good, const char *what)
{
    if (good)
        return;
    fprintf(stderr, "broken: %s\n", what);
    abort();
}

/* --- answers */

static int send_head(struct user *u, unsigned status, enum body_kind body, bool end)
{
    struct message m;
    message_init(&m, u->request->arena);
    m.status = status;
    m.body = body;
    m.length = body == BODY_LENGTH ? 4 : LENGTH_UNKNOWN;
    return u->stream->ops->send_head(u->stream, &m, status < 200 ? HEAD_INTERIM : HEAD_FINAL, end);
}

static void send_good(struct user *u, unsigned status, enum body_kind body, bool end)
{
    must(send_head(u, status, body, end) == 0, "an answer can be written");
}

static void answer_chunked(struct user *u)
{
    send_good(u, 200, BODY_CHUNKED, false);
    u->stream->ops->send_body(u->stream, SLICE("ok"), true);
}

static void answer_length(struct user *u)
{
    send_good(u, 200, BODY_LENGTH, false);
    u->stream->ops->send_body(u->stream, SLICE("ok"), false);
    u->stream->ops->send_body(u->stream, SLICE("ok"), true);
}

static void answer_nothing(struct user *u)
{
    send_good(u, 204, BODY_NONE, true);
}

static void answer_interim(struct user *u)
{
    send_good(u, 103, BODY_NONE, false);
    send_good(u, 100, BODY_NONE, false);
    answer_length(u);
}

static void answer_trailers(struct user *u)
{
    struct fields f;
    fields_init(&f, u->request->arena);
    fields_add(&f, SLICE("X-Sum"), SLICE("1"));
    send_good(u, 200, BODY_CHUNKED, false);
    for (int i = 0; i < 3; i++)
        u->stream->ops->send_body(u->stream, SLICE("small parts"), false);
    must(u->stream->ops->send_trailers(u->stream, &f) == 0, "trailers can be written");
}

static void answer_short(struct user *u)
{
    send_good(u, 200, BODY_LENGTH, false);
    u->stream->ops->send_body(u->stream, SLICE("o"), true);
}

static void answer_long(struct user *u)
{
    send_good(u, 200, BODY_LENGTH, false);
    u->stream->ops->send_body(u->stream, SLICE("longer"), true);
}

static void answer_wrong(struct user *u)
{
    must(send_head(u, 101, BODY_NONE, false) < 0, "no interim answer switches protocols");
    if (u->request->method_id != METHOD_HEAD) /* which is told a length alone */
        must(send_head(u, 200, BODY_LENGTH, true) < 0, "a length needs its bytes");
    answer_chunked(u);
    must(send_head(u, 200, BODY_NONE, true) < 0, "one answer is enough");
}

static void answer_last(struct user *u)
{
    u->codec->ops->drain(u->codec);
    answer_length(u);
}

static void answer_reset(struct user *u)
{
    send_good(u, 200, BODY_TO_END, false);
    u->stream->ops->reset(u->stream, RESET_CANCEL, 0);
    u->stream->ops->reset(u->stream, RESET_CANCEL, 0); /* harmless */
    buf_add(&u->trace, " cut");
}

static const struct {
    char last; /* of the target */
    void (*send)(struct user *u);
} answers[] = {
    { 'i', answer_interim },  { 'l', answer_length }, { 'n', answer_nothing },
    { 'o', answer_long },     { 'r', answer_reset },  { 's', answer_short },
    { 't', answer_trailers }, { 'w', answer_wrong },  { 'z', answer_last },
};

static void answer(struct user *u)
{
    struct slice target = u->request->target;
    for (size_t i = 0; i < sizeof(answers) / sizeof(answers[0]); i++) {
        if (target.ptr[target.len - 1] == answers[i].last) {
            answers[i].send(u);
            return;
        }
    }
    answer_chunked(u);
}

/* An answer that goes on as the request does. */
static void echo(struct user *u, struct slice bytes, bool end)
{
    u->echoes = !end;
    u->stream->ops->send_body(u->stream, bytes, end);
}

static void start_echo(struct user *u)
{
    struct slice target = u->request->target;
    u->echoes = !u->early && target.ptr[target.len - 1] == 'e';
    u->echoed |= u->echoes;
    if (u->echoes)
        send_good(u, 200, BODY_CHUNKED, false);
}

static void switch_over(struct user *u)
{
    struct message m;
    message_init(&m, u->request->arena);
    m.status = 101;
    m.upgrade = u->request->upgrade;
    must(u->stream->ops->send_head(u->stream, &m, HEAD_TUNNEL, false) == 0,
         "what was offered can be followed");
    u->tunnel = true;
}

/* --- requests */

/* Fields that the writer makes of what stands in the message. */
static size_t fields_for_this_hop(const struct message *m)
{
    size_t named = (m->trailers_welcome ? 1 : 0) + (m->upgrade.len > 0 ? 1 : 0);
    return named + (named > 0 ? 1 : 0); /* and Connection, which names them */
}

static void same_again(const struct message *m, struct slice head)
{
    struct h1_in in;
    struct message again;
    struct h1_conf wide = { .underscore = UNDERSCORE_PASS };
    h1_in_init(&in, false, &wide, m->arena);
    message_init(&again, m->arena);
    must(h1_in_scan(&in, head) == SCAN_DONE && in.scan.at == head.len, "it is one head");
    must(h1_head_request(&in, head, &again) == 0, "it is a good request");
    must(slice_eq(m->method, again.method) && slice_eq(m->uri.path, again.uri.path) &&
             slice_eq(m->uri.query, again.uri.query) && slice_eq(m->uri.host, again.uri.host),
         "it asks for the same");
    must(m->body == again.body && m->length == again.length, "it is as long");
    must(slice_eq(m->upgrade, again.upgrade), "it offers the same");
    must(m->fields.count + fields_for_this_hop(m) == again.fields.count, "it says as much");
}

static void write_again(struct message *m)
{
    struct h1_frame f = { .body = m->body, .length = m->length };
    struct slice head;
    if (m->authority.len == 0) /* HTTP/1.0 without a Host */
        return;
    fields_remove_hop_by_hop(&m->fields);
    must(h1_write_request(m->arena, m, &f, &head) == 0, "what was read can be written");
    same_again(m, head);
}

static void on_end_of_request(struct user *u)
{
    buf_add(&u->trace, " end");
    if (u->echoes)
        echo(u, SLICE("."), true);
    else if (!u->early && u->request->upgrade.len > 0)
        switch_over(u);
    else if (!u->early)
        answer(u);
}

static void on_head(struct stream *s, struct message *m, enum head_kind kind, bool end)
{
    struct user *u = s->user;
    (void)kind;
    u->tunnel = false;
    buf_printf(&u->trace, "\nhead %.*s %.*s ", SLICE_ARG(m->method), SLICE_ARG(m->target));
    write_again(m);
    u->request = m;
    start_echo(u);
    if (!u->early)
        s->ops->grant(s, SIZE_MAX);
    if (end)
        on_end_of_request(u);
    if (u->early)
        answer(u);
}

static void on_body(struct stream *s, struct slice bytes, bool end)
{
    struct user *u = s->user;
    must(!u->early, "nothing comes without a grant");
    buf_append(&u->trace, bytes);
    if (u->echoes)
        echo(u, bytes, false);
    if (u->tunnel)
        s->ops->send_body(s, bytes, end);
    else if (end)
        on_end_of_request(u);
}

static void on_trailers(struct stream *s, struct fields *f)
{
    struct user *u = s->user;
    buf_printf(&u->trace, " trailers %zu", f->count);
    on_end_of_request(u);
}

static void on_writable(struct stream *s)
{
    (void)s;
}

static void on_refused(struct stream *s, struct message *m, enum refusal why)
{
    struct user *u = s->user;
    struct message answer;
    buf_printf(&u->trace, "\nrefused %s", refusal_label(why));
    message_init(&answer, m->arena);
    answer.status = refusal_status(why);
    must(s->ops->send_head(s, &answer, HEAD_FINAL, true) == 0, "a refusal can be written");
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
    buf_printf(&u->trace, " reset %s", reset_text(why));
}

static void on_stream(struct codec *c, struct stream *s)
{
    static const struct stream_events events = {
        on_head, on_body, on_trailers, on_writable, on_refused, on_done, on_reset,
    };
    struct user *u = c->user;
    must(s->ops->conn(s) == c->ops->conn(c), "a stream is on its codec's connection");
    s->events = &events;
    s->user = u;
    u->stream = s;
}

static void on_gone(struct codec *c)
{
    struct user *u = c->user;
    must(!u->gone, "gone once");
    u->gone = true;
}

static void push(void *user, struct slice part)
{
    struct user *u = user;
    wire_push(u->wire, part);
    if (u->slow)
        wire_drain(u->wire, 16);
}

static void begin(struct user *u, struct slice bytes, unsigned round, int end)
{
    static const struct codec_events events = { on_stream, NULL, on_gone };
    wire_reuse(u->wire);
    if (u->slow)
        u->wire->fake->window = 0;
    u->codec = h1_server_new(u->wire->conn, &conf, &u->wire->arenas, &events, u);
    if (u->early)
        h1_set_conf(u->codec, &strict);
    wire_split(bytes, round, push, u);
    wire_drain(u->wire, SIZE_MAX);
    if (u->early && u->slow && !u->gone) {
        u->codec->ops->close(u->codec);
        return;
    }
    if (u->early && !u->gone)
        u->codec->ops->drain(u->codec);
    wire_end(u->wire, end);
    must(u->gone, "gone when the client is");
}

static void finish(struct user *u)
{
    wire_rest(u->wire);
    buf_done(&u->trace);
}

static struct wire wires[2];

static void retire(void)
{
    wire_retire(&wires[0]);
    wire_retire(&wires[1]);
}

/* Before the leaks are counted. */
static void retire_at_exit(void)
{
    static bool asked;
    if (!asked)
        must(atexit(retire) == 0, "the end is told");
    asked = true;
}

static void compare(const struct user *whole, const struct user *split)
{
    must(slice_eq(buf_view(&whole->trace), buf_view(&split->trace)), "whole or split, the same");
    if (!whole->echoed) /* its chunks are as what arrived */
        must(slice_eq(fake_sent(whole->wire->fake), fake_sent(split->wire->fake)),
             "the same answers");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    if (len < 1)
        return 0;
    retire_at_exit();
    struct slice bytes = slice_of((const char *)data + 1, len - 1);
    static const int ends[] = { 0, -ECONNRESET, -ENODATA, -EPROTO };
    bool early = (data[0] & 1) != 0, slow = (data[0] & 0x80) != 0;
    int end = ends[data[0] >> 5 & 3];
    struct user whole = { .wire = &wires[0], .early = early, .slow = slow };
    struct user split = { .wire = &wires[1], .early = early, .slow = slow };
    begin(&whole, bytes, 0, end);
    begin(&split, bytes, 1 + (data[0] >> 1 & 15), end);
    if (!early && !slow) /* else how much is read depends on when it arrives */
        compare(&whole, &split);
    finish(&whole);
    finish(&split);
    return 0;
}
