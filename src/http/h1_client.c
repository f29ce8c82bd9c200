/* SPDX-License-Identifier: Apache-2.0 */
#include "http/h1_codec.h"
#include "http/h1_head.h"
#include "http/h1_write.h"
#include "http/upgrade.h"

#include <errno.h>

#define INTERIM_MAX 16 /* heads before the final one */

/* --- requests out */

static int frame_request(const struct message *m, bool end, struct h1_frame *f)
{
    f->body = m->body;
    f->length = m->body == BODY_LENGTH ? m->length : 0;
    if (m->body == BODY_TO_END || (end && f->length > 0))
        return -EINVAL;
    /* Chunked is known to be empty after all; and servers that ask for a length of every POST
     * answer 411 to one that does not say it has nothing. */
    if (end && (m->body == BODY_CHUNKED || method_expects_content(m->method_id)))
        f->body = BODY_LENGTH;
    return 0;
}

static bool is_last(const struct h1 *h)
{
    uint64_t max = h->conf->requests_max;
    return h->draining || (max > 0 && h->codec.requests >= max);
}

static int send_head(struct stream *s, const struct message *m, enum head_kind kind, bool end)
{
    struct h1 *h = h1_of_stream(s);
    struct h1_frame f = { 0 };
    struct slice head;
    if (!h->live || h->out.begun || kind != HEAD_FINAL || frame_request(m, end, &f) < 0)
        return -EINVAL;
    h->closing = is_last(h);
    f.persist = h->closing ? PERSIST_CLOSE : PERSIST_SILENT;
    int r = h1_write_request(&h->arena, m, &f, &head);
    if (r < 0)
        return r;
    conn_write(h->conn, head);
    h->method = m->method_id;
    if (m->upgrade.len > 0)
        h->offered = arena_copy(&h->arena, m->upgrade);
    h1_out_begin(&h->out, f.body, f.length, false);
    if (end)
        h1_out_end(&h->out, h->conn, slice_of(NULL, 0));
    h1_settle_later(h);
    return 0;
}

/* An HTTP/1 upstream has no way to say that it wants trailers, so they end here. */
static int send_trailers(struct stream *s, const struct fields *f)
{
    (void)f;
    return h1_end_body(h1_of_stream(s), NULL);
}

static struct stream *open_stream(struct codec *c)
{
    static const struct stream_ops stream_ops = {
        .send_head = send_head,
        .send_body = h1_send_body,
        .send_trailers = send_trailers,
        .grant = h1_grant,
        .reset = h1_reset,
        .conn = h1_stream_conn,
        .refusal = h1_stream_refusal,
    };
    struct h1 *h = (struct h1 *)c;
    if (h->dead || h->live || h->draining)
        return NULL;
    timer_stop(&h->timer);
    h1_begin_stream(h, &stream_ops);
    h1_begin_message(h, true);
    h->interims = 0;
    h->offered = slice_of(NULL, 0);
    h->closing = false;
    return &h->stream;
}

/* --- responses in */

static void refuse(struct h1 *h, enum refusal why)
{
    h->refusal = why;
    h1_stream_reset(h, RESET_PROTOCOL);
    h1_end(h, H1_CUT);
}

static void fail(struct h1 *h)
{
    refuse(h, h->in->refusal);
}

/* May a tunnel follow this 101 (RFC 9110 7.8)? */
static enum refusal check_switch(const struct h1 *h, const struct message *m)
{
    if (h->offered.len == 0)
        return REFUSAL_UNASKED_SWITCH;
    if (!h->out.ended)
        return REFUSAL_SWITCH_TOO_EARLY;
    if (m->upgrade.len == 0)
        return REFUSAL_SWITCH_TO_NOTHING;
    if (!upgrade_is_offered(h->offered, m->upgrade))
        return REFUSAL_SWITCH_NOT_OFFERED;
    return REFUSAL_NONE;
}

static void deliver_switch(struct h1 *h, struct message *m)
{
    enum refusal why = check_switch(h, m);
    if (why != REFUSAL_NONE) {
        refuse(h, why);
        return;
    }
    h1_begin_tunnel(h);
    h->stream.events->on_head(&h->stream, m, HEAD_TUNNEL, false);
}

static void deliver_interim(struct h1 *h, struct message *m)
{
    if (++h->interims > INTERIM_MAX) {
        refuse(h, REFUSAL_INTERIMS_TOO_MANY);
    } else {
        h1_in_next_head(h->in);
        h->stream.events->on_head(&h->stream, m, HEAD_INTERIM, false);
    }
}

static void take_head(struct h1 *h, struct slice view)
{
    struct message *m = arena_alloc(&h->arena, sizeof(*m));
    message_init(m, &h->arena);
    h->head = m;
    if (h1_head_response(h->in, view, h->method, m) < 0) {
        fail(h);
    } else if (m->status == 101) {
        deliver_switch(h, m);
    } else if (m->status < 200) {
        deliver_interim(h, m);
    } else {
        h1_in_start_body(h->in, m);
        if (h->in->state == H1_IN_DONE)
            h1_settle_later(h);
        h->stream.events->on_head(&h->stream, m, HEAD_FINAL, h->in->state == H1_IN_DONE);
    }
}

static size_t step_head(struct h1 *h, struct slice rest)
{
    size_t seen = h->in->scan.at;
    enum scan_verdict v = h1_in_scan(h->in, rest);
    size_t used = h->in->scan.at;
    h->stream.head_bytes_in += used - seen;
    if (v == SCAN_MORE)
        return 0;
    if (v == SCAN_DONE)
        take_head(h, rest);
    else
        fail(h);
    return v == SCAN_DONE ? used : rest.len;
}

/* Bytes that belong to no answer: whose they are cannot be known, so the connection goes. */
static size_t step_stray(struct h1 *h, struct slice rest)
{
    if (h->live)
        refuse(h, REFUSAL_STRAY_BYTES);
    else
        h1_end(h, H1_CUT);
    return rest.len;
}

static size_t step(struct h1 *h, struct slice rest)
{
    if (!h->live || !h->out.begun)
        return step_stray(h, rest);
    switch (h->in->state) {
    case H1_IN_HEAD:
        return step_head(h, rest);
    case H1_IN_DONE: /* bytes beyond the answer, which itself is whole */
        h->closing = true;
        return rest.len;
    default:
        return h1_take_body(h, rest);
    }
}

/* --- what follows from both */

/* The answer's end is the stream's; only a tunnel ends with both. */
static bool is_over(const struct h1 *h)
{
    return h->in->state == H1_IN_DONE && (!h->tunnel || h1_both_ended(h));
}

/* If the request is not out by now, the rest of it never goes, and the connection cannot be used
 * again. Neither is it where an Upgrade was declined: servers treat what follows there in ways of
 * their own (Node leaves a later request with an uncommon method unanswered). */
static void finish(struct h1 *h)
{
    bool sent = h->out.ended && conn_backlog(h->conn) == 0;
    bool plain = h->offered.len == 0 && !h->head->close;
    bool reuse = sent && plain && !h->closing && !h->draining;
    h1_stream_done(h);
    if (h->dead)
        return;
    if (!reuse) {
        h1_end(h, sent ? H1_ORDERLY : H1_CUT);
        return;
    }
    h1_forget_message(h);
    h1_start_timer(h, h->conf->idle_ms);
    h->codec.events->on_idle(&h->codec);
}

static void settle(struct h1 *h)
{
    if (!h->live) {
        if (h->draining)
            h1_end(h, H1_ORDERLY);
    } else if (h->out.broken) {
        h1_stream_reset(h, RESET_INTERNAL);
        h1_end(h, H1_CUT);
    } else if (is_over(h)) {
        finish(h);
    }
}

static void on_end(struct h1 *h, enum conn_end how)
{
    bool orderly = how == CONN_END_FIN || how == CONN_END_CLOSE_NOTIFY;
    bool in_body = h->live && h->in->state == H1_IN_BODY;
    if (h1_half_close(h, how))
        return;
    h->closing = true;
    if (in_body && h->in->body == BODY_TO_END && orderly) {
        h->in->state = H1_IN_DONE;
        h->stream.events->on_body(&h->stream, slice_of(NULL, 0), true);
    }
    if (h->live && is_over(h)) {
        finish(h);
        return;
    }
    if (h->live)
        h1_stream_reset(h, h1_reset_reason(how));
    h1_end(h, orderly ? H1_ORDERLY : H1_CUT);
}

static void on_due(struct h1 *h)
{
    h1_end(h, H1_ORDERLY); /* idle for too long */
}

struct codec *h1_client_new(struct conn *c, const struct h1_conf *conf, struct arena_recycler *r,
                            const struct codec_events *ev, void *user)
{
    static const struct h1_side side = { step, settle, fail, on_end, on_due };
    static const struct codec_ops ops = { open_stream, h1_drain, h1_close, h1_conn };
    struct h1 *h = h1_new(c, conf, r, &side, &ops);
    h->codec.events = ev;
    h->codec.user = user;
    return &h->codec;
}
