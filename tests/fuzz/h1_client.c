/* SPDX-License-Identifier: Apache-2.0 */
/* An origin's bytes against the client codec: the same answer, or the same refusal of one, comes
 * out whether they arrive whole or in pieces, and an answer that was understood can be written.
 * Behind a 101 to what was offered, bytes pass as they are.
 *
 * The first byte says how: 01 and 0c which request, 02 how the origin ends, 70 how to split, 80 the
 * request offers to switch protocols. What
 * the user does at a final answer goes by its status: 298 it drains, 299 it resets. */
#include "../unit/http/wire.h"
#include "http/h1.h"
#include "http/h1_write.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

static const struct h1_conf conf = { .head_max = 512, .fields_max = 8, .idle_ms = 60000 };

struct user {
    struct wire *wire;
    struct codec *codec;
    struct buf trace;
    bool tunnel;
    bool gone;
};

static void must(bool good, const char *what)
{
    if (good)
        return;
    fprintf(stderr, "broken: %s\n", what);
    abort();
}

static void on_head(struct stream *s, struct message *m, enum head_kind kind, bool end)
{
    static const char *const kinds[] = { "interim", "final", "tunnel" };
    struct user *u = s->user;
    struct h1_frame f = { .body = m->body, .length = m->length };
    struct slice head;
    buf_printf(&u->trace, " %s %u %d ", kinds[kind], m->status, end);
    u->tunnel = kind == HEAD_TUNNEL;
    fields_remove_hop_by_hop(&m->fields);
    must(h1_write_response(m->arena, m, &f, &head) == 0, "what was read can be written");
    s->ops->grant(s, SIZE_MAX);
    if (m->status == 298)
        u->codec->ops->drain(u->codec);
    if (m->status == 299)
        s->ops->reset(s, RESET_CANCEL, 0);
}

static void on_body(struct stream *s, struct slice bytes, bool end)
{
    struct user *u = s->user;
    buf_append(&u->trace, bytes);
    if (end)
        buf_add(&u->trace, " end");
    if (end && u->tunnel)
        s->ops->send_body(s, slice_of(NULL, 0), true);
}

static void on_trailers(struct stream *s, struct fields *f)
{
    struct user *u = s->user;
    buf_printf(&u->trace, " trailers %zu", f->count);
}

static void on_writable(struct stream *s)
{
    (void)s;
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
    buf_printf(&u->trace, " reset %s %s", reset_text(why), refusal_label(s->ops->refusal(s)));
}

static void on_idle(
    struct codec *c) /* whether bytes beyond came with the answer or later differs */
{
    (void)c;
}

static void on_gone(struct codec *c)
{
    struct user *u = c->user;
    must(!u->gone, "gone once");
    u->gone = true;
}

/* --- requests */

enum request { BODILESS, BY_LENGTH, IN_CHUNKS, UNFINISHED, UNBEGUN };

static void send_head(struct stream *s, enum request kind, bool head, bool offer)
{
    struct message m;
    message_init(&m, h1_stream_arena(s));
    m.method = head ? SLICE("HEAD") : kind == BODILESS ? SLICE("GET") : SLICE("POST");
    m.method_id = method_id(m.method);
    m.authority = SLICE("a");
    m.uri.path = SLICE("/");
    if (offer)
        m.upgrade = SLICE("x, y/2");
    m.body = kind == BODILESS ? BODY_NONE : kind == IN_CHUNKS ? BODY_CHUNKED : BODY_LENGTH;
    m.length = m.body == BODY_LENGTH ? 4 : LENGTH_UNKNOWN;
    bool end = kind == BODILESS;
    must(end || s->ops->send_head(s, &m, HEAD_TUNNEL, false) < 0, "no tunnel unasked");
    must(s->ops->send_head(s, &m, HEAD_FINAL, end) == 0, "a request can be written");
    must(s->ops->send_head(s, &m, HEAD_FINAL, end) < 0, "and once is enough");
}

static void send_request(struct stream *s, enum request kind, bool head, bool offer)
{
    send_head(s, kind, head, offer);
    if (kind == BY_LENGTH || kind == IN_CHUNKS)
        s->ops->send_body(s, SLICE("bo"), false);
    if (kind == BY_LENGTH) /* with HEAD it breaks its word */
        s->ops->send_body(s, head ? SLICE("dies") : SLICE("dy"), true);
    if (kind == IN_CHUNKS)
        must(s->ops->send_trailers(s, NULL) == 0, "the end can be written");
}

static void ask(struct user *u, enum request kind, bool head, bool offer)
{
    static const struct stream_events events = {
        on_head, on_body, on_trailers, on_writable, NULL, on_done, on_reset,
    };
    struct stream *s = u->codec->ops->open(u->codec);
    must(u->codec->ops->open(u->codec) == NULL, "one at a time");
    s->events = &events;
    s->user = u;
    if (kind != UNBEGUN)
        send_request(s, kind, head, offer);
}

static void push(void *user, struct slice part)
{
    struct user *u = user;
    wire_push(u->wire, part);
}

static void begin(struct user *u, struct slice bytes, unsigned round, unsigned flags)
{
    static const struct codec_events events = { NULL, on_idle, on_gone };
    wire_reuse(u->wire);
    u->codec = h1_client_new(u->wire->conn, &conf, &u->wire->arenas, &events, u);
    bool head = (flags & 1) != 0;
    enum request kind = flags >> 2 & 3;
    ask(u, kind == UNFINISHED && head ? UNBEGUN : kind, head, (flags & 128) != 0);
    wire_turn(u->wire); /* a broken word ends it before a byte arrives */
    wire_split(bytes, round, push, u);
    if (head && !u->gone)
        u->codec->ops->drain(u->codec);
    wire_end(u->wire, flags & 2 ? 0 : -ECONNRESET);
    must(u->gone, "gone when the origin is");
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
    struct user whole = { .wire = &wires[0] }, split = { .wire = &wires[1] };
    begin(&whole, bytes, 0, data[0]);
    begin(&split, bytes, 1 + (data[0] >> 4 & 7), data[0]);
    must(slice_eq(buf_view(&whole.trace), buf_view(&split.trace)), "whole or split, the same");
    finish(&whole);
    finish(&split);
    return 0;
}
