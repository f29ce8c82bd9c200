/* SPDX-License-Identifier: Apache-2.0 */
/* A client's bytes against the server codec. Whatever they are: the same requests, bodies and
 * answers come out whether they arrive whole or in pieces; and a request that was understood,
 * written anew, is understood as the same request. One that offers to switch protocols is taken at
 * its word: what follows it comes back as it is. */
#include "../unit/http/wire.h"
#include "http/h1.h"
#include "http/h1_head.h"
#include "http/h1_write.h"

#include <stdio.h>
#include <stdlib.h>

static const struct h1_conf conf = {
    .head_max = 512,
    .fields_max = 8,
    .target_max = 64,
    .requests_max = 20,
    .discard_max = 32,
};

struct user {
    struct wire *wire;
    struct codec *codec;
    struct buf trace;
    const struct message *head; /* of the running request */
    bool tunnel;
    bool early; /* answers at the head, without reading */
    bool gone;
};

static void must(bool good, const char *what)
{
    if (good)
        return;
    fprintf(stderr, "broken: %s\n", what);
    abort();
}

static void answer(struct stream *s, struct arena *a)
{
    struct message m;
    message_init(&m, a);
    m.status = 200;
    m.body = BODY_CHUNKED;
    must(s->ops->send_head(s, &m, HEAD_FINAL, false) == 0, "an answer can be written");
    s->ops->send_body(s, SLICE("ok"), true);
}

static void switch_over(struct stream *s, struct user *u)
{
    struct message m;
    message_init(&m, h1_stream_arena(s));
    m.status = 101;
    m.upgrade = u->head->upgrade;
    must(s->ops->send_head(s, &m, HEAD_TUNNEL, false) == 0, "what was offered can be followed");
    u->tunnel = true;
}

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

static void on_end_of_request(struct stream *s, struct user *u)
{
    buf_add(&u->trace, " end");
    if (!u->early && u->head->upgrade.len > 0)
        switch_over(s, u);
    else if (!u->early)
        answer(s, h1_stream_arena(s));
}

static void on_head(struct stream *s, struct message *m, enum head_kind kind, bool end)
{
    struct user *u = s->user;
    (void)kind;
    u->head = m;
    u->tunnel = false;
    buf_printf(&u->trace, "\nhead %.*s %.*s ", SLICE_ARG(m->method), SLICE_ARG(m->target));
    write_again(m);
    if (u->early)
        answer(s, h1_stream_arena(s));
    else
        s->ops->grant(s, SIZE_MAX);
    if (end)
        on_end_of_request(s, u);
}

static void on_body(struct stream *s, struct slice bytes, bool end)
{
    struct user *u = s->user;
    must(!u->early, "nothing comes without a grant");
    buf_append(&u->trace, bytes);
    if (u->tunnel)
        s->ops->send_body(s, bytes, end);
    else if (end)
        on_end_of_request(s, u);
}

static void on_trailers(struct stream *s, struct fields *f)
{
    struct user *u = s->user;
    buf_printf(&u->trace, " trailers %zu", f->count);
    on_end_of_request(s, u);
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
    s->events = &events;
    s->user = c->user;
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
}

static void begin(struct user *u, struct slice bytes, unsigned round)
{
    static const struct codec_events events = { on_stream, NULL, on_gone };
    wire_reuse(u->wire);
    u->codec = h1_server_new(u->wire->conn, &conf, &u->wire->arenas, &events, u);
    wire_split(bytes, round, push, u);
    wire_end(u->wire, 0);
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

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    if (len < 1)
        return 0;
    retire_at_exit();
    struct slice bytes = slice_of((const char *)data + 1, len - 1);
    bool early = (data[0] & 1) != 0;
    struct user whole = { .wire = &wires[0], .early = early };
    struct user split = { .wire = &wires[1], .early = early };
    begin(&whole, bytes, 0);
    begin(&split, bytes, 1 + (data[0] >> 1));
    if (!whole.early) { /* how much is thrown away depends on how it arrives */
        must(slice_eq(buf_view(&whole.trace), buf_view(&split.trace)), "whole or split, the same");
        must(slice_eq(fake_sent(whole.wire->fake), fake_sent(split.wire->fake)),
             "the same answers");
    }
    finish(&whole);
    finish(&split);
    return 0;
}
