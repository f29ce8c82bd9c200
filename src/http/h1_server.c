/* SPDX-License-Identifier: Apache-2.0 */
#include "http/h1_codec.h"
#include "http/h1_head.h"
#include "http/h1_write.h"
#include "http/upgrade.h"

#include <errno.h>

#define LEAVE_MS 1000 /* for a request that is on its way to a connection that drains */

static const struct stream_ops server_stream_ops;

/* --- requests in */

static struct message *new_head(struct h1 *h)
{
    h->head = arena_alloc(&h->arena, sizeof(*h->head));
    message_init(h->head, &h->arena);
    return h->head;
}

/* A stream begins with the first byte of its head. From the owner it gets its user. False when that
 * ended it at once. */
static bool begin_stream(struct h1 *h)
{
    if (!h->live) {
        h->closing = h->expecting = h->discarding = false;
        h->discarded = 0;
        h1_begin_stream(h, &server_stream_ops);
        h->codec.events->on_stream(&h->codec, &h->stream);
    }
    h->stream.head_bytes_in = h->in->scan.at;
    return h->live;
}

/* Good or bad, the head is over and so is its deadline. */
static bool end_heading(struct h1 *h)
{
    h->heading = false;
    timer_stop(&h->timer);
    return begin_stream(h);
}

/* No readable request: the user answers, then the connection ends. */
static void refuse(struct h1 *h, enum refusal why)
{
    struct message *m = h->head != NULL ? h->head : new_head(h);
    h->refused = true;
    if (!end_heading(h))
        return;
    h->refusal = why;
    h->stream.events->on_refused(&h->stream, m, why);
}

static void take_head(struct h1 *h, struct slice view)
{
    struct message *m = new_head(h);
    if (h1_head_request(h->in, view, m) < 0) {
        refuse(h, h->in->refusal);
        return;
    }
    h1_in_start_body(h->in, m);
    if (!end_heading(h))
        return;
    h->expecting = m->expect_continue;
    h->stream.events->on_head(&h->stream, m, HEAD_FINAL, h->in->state == H1_IN_DONE);
}

/* Part of a head: its deadline runs, and what can be read of it is kept for the record. */
static void take_part(struct h1 *h, struct slice view)
{
    if (!h1_scan_begun(&h->in->scan) || !begin_stream(h))
        return;
    if (!h->heading) {
        h->heading = true;
        h1_start_timer(h, h->conf->header_ms);
    }
    if (h->head == NULL && h->in->scan.target.len > 0)
        h1_head_partial(h->in, view, new_head(h));
}

static size_t step_head(struct h1 *h, struct slice rest)
{
    switch (h1_in_scan(h->in, rest)) {
    case SCAN_MORE:
        take_part(h, rest);
        return 0;
    case SCAN_DONE:
        take_head(h, rest);
        return h->in->scan.at;
    default:
        h1_head_partial(h->in, rest, new_head(h));
        refuse(h, h->in->refusal);
        return rest.len;
    }
}

static size_t step(struct h1 *h, struct slice rest)
{
    if (h->refused || (h->out.ended && h->closing && !h->tunnel))
        return rest.len;
    if (h->in == NULL)
        h1_begin_message(h, false);
    switch (h->in->state) {
    case H1_IN_HEAD:
        return step_head(h, rest);
    case H1_IN_DONE: /* pipelined, or behind an Upgrade: waits for the answer before it */
        return 0;
    case H1_IN_TUNNEL:
        return h1_take_body(h, rest);
    default:
        h->expecting = false;
        h->discarding = h->out.ended;
        return h1_take_body(h, rest);
    }
}

/* --- responses out */

static int send_interim(struct h1 *h, const struct message *m)
{
    static const struct h1_frame frame = { .body = BODY_NONE };
    struct slice head;
    if (m->status >= 200 || m->status == 101)
        return -EINVAL;
    if (h->head->version == HTTP_1_0)
        return 0; /* RFC 9110 15.2 */
    int r = h1_write_response(&h->arena, m, &frame, &head);
    if (r < 0)
        return r;
    conn_write(h->conn, head);
    if (m->status == 100)
        h->expecting = false;
    return 0;
}

/* An answer without a body may still announce the length that another method would get. */
static void frame_bodiless(const struct message *m, struct h1_frame *f)
{
    bool announces = m->status != 204 && m->length != LENGTH_UNKNOWN &&
                     (m->body == BODY_NONE || m->body == BODY_LENGTH);
    *f = (struct h1_frame){ .body = announces ? BODY_LENGTH : BODY_NONE, .length = m->length };
}

/* How this client gets the body (RFC 9112 6.3, 7). */
static int frame_body(const struct h1 *h, const struct message *m, bool end, struct h1_frame *f)
{
    if (m->body == BODY_LENGTH) {
        *f = (struct h1_frame){ .body = BODY_LENGTH, .length = m->length };
        return end && m->length > 0 ? -EINVAL : 0;
    }
    if (end || m->body == BODY_NONE)
        *f = (struct h1_frame){ .body = BODY_LENGTH, .length = 0 };
    else
        f->body = h->head->version == HTTP_1_0 ? BODY_TO_END : BODY_CHUNKED;
    return 0;
}

/* So much of the request's body is still to come that it is not worth reading. */
static bool too_much_unread(const struct h1 *h)
{
    const struct h1_in *in = h->in;
    return in->state == H1_IN_BODY && in->body == BODY_LENGTH && in->left > h->conf->discard_max;
}

/* A client that was promised 100 and gets a final answer may send the body or not: nobody can tell
 * what its next bytes are. */
static bool must_close(const struct h1 *h, const struct message *m, const struct h1_frame *f)
{
    uint64_t max = h->conf->requests_max;
    return m->close || h->head->close || h->draining || h->refused || h->expecting ||
           f->body == BODY_TO_END || (max > 0 && h->codec.requests >= max) || too_much_unread(h);
}

static int send_final(struct h1 *h, const struct message *m, bool end)
{
    struct h1_frame f = { 0 };
    bool mute = !message_may_have_body(h->head->method_id, m->status);
    if (m->status < 200)
        return -EINVAL;
    if (mute)
        frame_bodiless(m, &f);
    else if (frame_body(h, m, end, &f) < 0)
        return -EINVAL;

    bool close = must_close(h, m, &f);
    if (close)
        f.persist = PERSIST_CLOSE;
    else
        f.persist = h->head->version == HTTP_1_0 ? PERSIST_KEEP_ALIVE : PERSIST_SILENT;
    struct slice head;
    int r = h1_write_response(&h->arena, m, &f, &head);
    if (r < 0)
        return r;
    conn_write(h->conn, head);
    h1_out_begin(&h->out, f.body, f.length, mute);
    h->closing = close;
    if (end)
        h1_out_end(&h->out, h->conn, slice_of(NULL, 0));
    h1_settle_later(h);
    return 0;
}

/* The request must be whole: its last byte is the last one of HTTP (RFC 9110 7.8). */
static int send_tunnel(struct h1 *h, const struct message *m)
{
    static const struct h1_frame frame = { .body = BODY_NONE };
    struct slice head;
    if (m->status != 101 || h->in->state != H1_IN_DONE ||
        !upgrade_is_offered(h->head->upgrade, m->upgrade))
        return -EINVAL;
    int r = h1_write_response(&h->arena, m, &frame, &head);
    if (r < 0)
        return r;
    conn_write(h->conn, head);
    h1_begin_tunnel(h);
    return 0;
}

static int send_head(struct stream *s, const struct message *m, enum head_kind kind, bool end)
{
    struct h1 *h = h1_of_stream(s);
    if (!h->live || h->out.begun)
        return -EINVAL;
    switch (kind) {
    case HEAD_INTERIM:
        return send_interim(h, m);
    case HEAD_TUNNEL:
        return end ? -EINVAL : send_tunnel(h, m);
    default:
        return send_final(h, m, end);
    }
}

static int send_trailers(struct stream *s, const struct fields *f)
{
    struct h1 *h = h1_of_stream(s);
    return h1_end_body(h, h->head->trailers_welcome ? f : NULL);
}

static const struct stream_ops server_stream_ops = {
    .send_head = send_head,
    .send_body = h1_send_body,
    .send_trailers = send_trailers,
    .grant = h1_grant,
    .reset = h1_reset,
    .conn = h1_stream_conn,
    .refusal = h1_stream_refusal,
};

/* --- what follows from both */

/* Is a request there, whole or in part, that must not be cut? */
static bool is_idle(const struct h1 *h)
{
    return !h->live && (h->in != NULL ? !h1_scan_begun(&h->in->scan) : !h->kept);
}

/* Draining, and idle. What is there unread may be a request, and to a connection that never had one
 * it is on its way: a new client, unlike one that comes back, would take the end for a failure. */
static void leave(struct h1 *h)
{
    if (h->codec.requests > 0 && !conn_readable_now(h->conn))
        h1_end(h, H1_ORDERLY);
    else
        h1_start_timer(h, LEAVE_MS);
}

static void finish(struct h1 *h)
{
    bool close = h->closing || h->in->state != H1_IN_DONE;
    timer_stop(&h->timer);
    h1_stream_done(h);
    if (h->dead)
        return;
    if (!close)
        h1_forget_message(h);
    if (close) {
        h1_end(h, H1_ORDERLY);
        return;
    }
    h1_start_timer(h, h->conf->idle_ms);
    if (h->draining && is_idle(h))
        leave(h);
    if (!h->dead)
        h1_resume(h);
}

/* The answer is out before the request was in: reads the rest, within bounds. */
static void discard(struct h1 *h)
{
    if (h->closing || too_much_unread(h) || h->discarded > h->conf->discard_max) {
        finish(h);
        return;
    }
    if (!timer_running(&h->timer))
        h1_start_timer(h, h->conf->header_ms);
    h1_resume(h);
}

static void settle(struct h1 *h)
{
    if (!h->live) {
        if (h->draining && is_idle(h))
            leave(h);
    } else if (h->out.broken) {
        h1_stream_reset(h, RESET_INTERNAL);
        h1_end(h, H1_CUT);
    } else if (h1_both_ended(h)) {
        finish(h);
    } else if (h->out.ended && conn_backlog(h->conn) == 0 && !h->tunnel) {
        discard(h);
    }
}

/* What followed the head is no body. */
static void fail(struct h1 *h)
{
    if (h->discarding) { /* the answer is complete; only what follows cannot be read */
        h->closing = true;
        h1_settle_later(h);
    } else if (h->out.begun) {
        h->refusal = h->in->refusal;
        h1_stream_reset(h, RESET_PROTOCOL);
        h1_end(h, H1_CUT);
    } else {
        refuse(h, h->in->refusal);
    }
}

static void on_end(struct h1 *h, enum conn_end how)
{
    bool orderly = how == CONN_END_FIN || how == CONN_END_CLOSE_NOTIFY;
    if (h1_half_close(h, how))
        return;
    if (h->live && h->out.ended && !h->out.broken && orderly && conn_backlog(h->conn) == 0) {
        h->closing = true;
        finish(h);
        return;
    }
    bool idle = is_idle(h);
    if (h->live)
        h1_stream_reset(h, h1_reset_reason(how));
    h1_end(h, idle && orderly ? H1_ORDERLY : H1_CUT);
}

static void on_due(struct h1 *h)
{
    if (h->heading) {
        refuse(h, REFUSAL_HEAD_TIMEOUT);
    } else if (h->live) { /* the rest of the request's body is too slow to be worth the wait */
        h->closing = true;
        finish(h);
    } else {
        h1_end(h, H1_ORDERLY);
    }
}

struct codec *h1_server_new(struct conn *c, const struct h1_conf *conf, struct arena_recycler *r,
                            const struct codec_events *ev, void *user)
{
    static const struct h1_side side = { step, settle, fail, on_end, on_due };
    static const struct codec_ops ops = { NULL, h1_drain, h1_close, h1_conn };
    struct h1 *h = h1_new(c, conf, r, &side, &ops);
    h->codec.events = ev;
    h->codec.user = user;
    h1_start_timer(h, conf->idle_ms);
    return &h->codec;
}
