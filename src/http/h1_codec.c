/* SPDX-License-Identifier: Apache-2.0 */
#include "http/h1_codec.h"

#include "base/mem.h"
#include "http/h1_write.h"

#include <errno.h>

#define UNGRANTED_READ_BYTES ((size_t)64 * 1024) /* of one read, while no body is asked for */

/* --- life and end */

static void on_reap(struct deferred *d)
{
    struct h1 *h = CONTAINER_OF(d, struct h1, reap);
    deferred_cancel(&h->settle);
    if (!h->told) {
        h->told = true;
        h->codec.events->on_gone(&h->codec);
    }
    arena_done(&h->arena);
    mem_free(h);
}

/* A body that ends with its connection is not seen to be cut where FIN is an orderly end. */
static void cut(struct h1 *h)
{
    const struct h1_out *o = &h->out;
    bool unseen = o->begun && !o->ended && o->body == BODY_TO_END;
    if (unseen && conn_tls(h->conn) == NULL)
        conn_reset(h->conn);
    else
        conn_abort(h->conn);
}

/* What is left is the memory, which others up the call chain may still look at. */
static void bury(struct h1 *h, enum h1_ending how)
{
    h->dead = true;
    h->live = false;
    h1_out_done(&h->out);
    timer_stop(&h->timer);
    if (how == H1_ORDERLY)
        conn_close(h->conn);
    else
        cut(h);
    loop_defer(h->loop, &h->reap);
}

void h1_end(struct h1 *h, enum h1_ending how)
{
    if (!h->dead)
        bury(h, how);
    if (!h->told) {
        h->told = true;
        h->codec.events->on_gone(&h->codec);
    }
}

void h1_close(struct codec *c)
{
    struct h1 *h = (struct h1 *)c;
    h->told = true;
    if (!h->dead)
        bury(h, H1_CUT);
}

void h1_drain(struct codec *c)
{
    struct h1 *h = (struct h1 *)c;
    h->draining = true;
    if (!h->dead)
        h1_settle_later(h);
}

struct conn *h1_conn(const struct codec *c)
{
    return ((const struct h1 *)c)->conn;
}

/* The empty line that may stand before a request is none yet: nobody would keep its conf alive. */
static bool is_within_message(const struct h1 *h)
{
    return h->live || (h->in != NULL && h1_scan_begun(&h->in->scan));
}

void h1_set_conf(struct codec *c, const struct h1_conf *conf)
{
    struct h1 *h = (struct h1 *)c;
    uint64_t idle_ms = h->conf->idle_ms;
    if (is_within_message(h)) {
        h->next_conf = conf;
        return;
    }
    h->conf = conf;
    if (!h->dead && conf->idle_ms != idle_ms)
        h1_start_timer(h, conf->idle_ms);
}

struct arena *h1_stream_arena(struct stream *s)
{
    return &h1_of_stream(s)->arena;
}

/* --- messages and streams */

void h1_begin_message(struct h1 *h, bool response)
{
    h->in = arena_alloc(&h->arena, sizeof(*h->in));
    h1_in_init(h->in, response, h->conf, &h->arena);
}

void h1_forget_message(struct h1 *h)
{
    arena_done(&h->arena);
    h->in = NULL;
    h->head = NULL;
    if (h->next_conf != NULL)
        h->conf = h->next_conf;
    h->next_conf = NULL;
}

void h1_begin_stream(struct h1 *h, const struct stream_ops *ops)
{
    h->stream = (struct stream){ .ops = ops };
    h->out = (struct h1_out){ 0 };
    h->refusal = REFUSAL_NONE;
    h->granted = 0;
    h->want_writable = h->tunnel = false;
    h->live = true;
    h->codec.requests++;
}

void h1_stream_done(struct h1 *h)
{
    h->live = false;
    h->stream.events->on_done(&h->stream);
}

void h1_stream_reset(struct h1 *h, enum reset_reason why)
{
    h->live = false;
    h->stream.events->on_reset(&h->stream, why, 0);
}

enum reset_reason h1_reset_reason(enum conn_end how)
{
    switch (how) {
    case CONN_END_FIN:
        return RESET_FIN;
    case CONN_END_CLOSE_NOTIFY:
        return RESET_CLOSE_NOTIFY;
    case CONN_END_RESET:
        return RESET_RST;
    case CONN_END_TRUNCATED:
        return RESET_TRUNCATED;
    case CONN_END_PROTOCOL:
        return RESET_PROTOCOL;
    case CONN_END_SEND_TIMEOUT:
        return RESET_SEND_TIMEOUT;
    default: /* the others come before a connection is open */
        return RESET_INTERNAL;
    }
}

/* --- bytes in */

static void deliver(struct h1 *h, const struct h1_piece *piece)
{
    struct stream *s = &h->stream;
    s->bytes_in += piece->bytes.len;
    if (h->discarding) {
        h->discarded += piece->used;
        return;
    }
    h->granted -= piece->bytes.len;
    if (piece->trailers != NULL)
        s->events->on_trailers(s, piece->trailers);
    else if (piece->bytes.len > 0 || piece->end)
        s->events->on_body(s, piece->bytes, piece->end);
}

size_t h1_take_body(struct h1 *h, struct slice rest)
{
    struct h1_piece piece;
    size_t room = h->discarding ? SIZE_MAX : h->granted;
    if (h1_in_take(h->in, rest, room, &piece) < 0) {
        h->side->fail(h);
        return rest.len;
    }
    if (piece.used == 0)
        return 0;
    deliver(h, &piece);
    if (!h->dead && (piece.end || h->discarding))
        h1_settle_later(h);
    return piece.used;
}

/* Bytes wait for the user, not for more bytes. */
static bool is_blocked(const struct h1 *h)
{
    return h->in != NULL && (h1_in_flows(h->in) || h->in->state == H1_IN_DONE);
}

/* Is more of a message to come? A tunnel has no middle. */
static bool is_midway(const struct h1 *h)
{
    return h->in != NULL && h->in->state <= H1_IN_TRAILERS;
}

static bool is_flowing(const struct h1 *h)
{
    return h->in != NULL && h1_in_flows(h->in) && !h->discarding;
}

/* All that was granted has come. What might come now could only be kept. */
static bool is_exhausted(const struct h1 *h)
{
    return is_flowing(h) && h->granted == 0 && h->stream.bytes_in > 0;
}

/* What is read and cannot be used is kept, so no more is read than may be used. */
static void bound_reads(struct h1 *h)
{
    bool granted = is_flowing(h) && h->granted > 0;
    conn_read_at_most(h->conn, granted ? h->granted : UNGRANTED_READ_BYTES);
}

static size_t on_data(struct conn *c, struct slice bytes)
{
    struct h1 *h = conn_user(c);
    size_t used = 0, n = 1;
    while (!h->dead && n > 0 && used < bytes.len) {
        n = h->side->step(h, slice_from(bytes, used));
        used += n;
    }
    if (h->dead)
        return bytes.len;
    h->kept = used < bytes.len;
    if (((h->kept && is_blocked(h)) || is_exhausted(h)) && !h->paused) {
        h->paused = true;
        conn_pause(c);
    } else if (is_midway(h)) {
        conn_rest(c);
    }
    bound_reads(h);
    return used;
}

void h1_resume(struct h1 *h)
{
    if (!h->paused)
        return;
    h->paused = false;
    conn_resume(h->conn);
}

/* --- tunnels */

void h1_begin_tunnel(struct h1 *h)
{
    h->tunnel = h->closing = true;
    h1_in_start_tunnel(h->in);
    h1_out_begin_tunnel(&h->out);
    conn_allow_half_close(h->conn);
    if (h->granted > 0) /* left over from the request's body */
        h1_resume(h);
}

bool h1_half_close(struct h1 *h, enum conn_end how)
{
    bool orderly = how == CONN_END_FIN || how == CONN_END_CLOSE_NOTIFY;
    if (!h->live || !orderly || h->in->state != H1_IN_TUNNEL)
        return false;
    h->in->state = H1_IN_DONE;
    h1_settle_later(h);
    h->stream.events->on_body(&h->stream, slice_of(NULL, 0), true);
    return true;
}

bool h1_both_ended(const struct h1 *h)
{
    return h->in->state == H1_IN_DONE && h->out.ended && conn_backlog(h->conn) == 0;
}

/* --- other events of the connection */

static void on_open(struct conn *c)
{
    (void)c; /* a codec takes over when it is open */
}

static void on_flushed(struct conn *c)
{
    struct h1 *h = conn_user(c);
    if (h->live && conn_backlog(c) == 0)
        h1_out_flush(&h->out, c);
    if (h->live && h->want_writable && conn_backlog(c) == 0) {
        h->want_writable = false;
        h->stream.events->on_writable(&h->stream);
    }
    if (!h->dead)
        h->side->settle(h);
}

static void on_end(struct conn *c, enum conn_end how)
{
    struct h1 *h = conn_user(c);
    if (h->dead)
        return;
    h->refusal = how == CONN_END_PROTOCOL ? REFUSAL_TLS_BROKEN : REFUSAL_NONE;
    h->side->on_end(h, how);
}

static void on_settle(struct deferred *d)
{
    struct h1 *h = CONTAINER_OF(d, struct h1, settle);
    if (h->dead)
        h1_end(h, H1_CUT); /* a reset() buried it; its owner is still to be told */
    else
        h->side->settle(h);
}

static void on_due(struct timer *t)
{
    struct h1 *h = CONTAINER_OF(t, struct h1, timer);
    h->side->on_due(h);
}

/* Anew at the end of the queue, so that it runs behind the flush of what was just written. */
void h1_settle_later(struct h1 *h)
{
    deferred_cancel(&h->settle);
    loop_after(h->loop, &h->settle);
}

void h1_start_timer(struct h1 *h, uint64_t ms)
{
    if (ms > 0)
        timer_start(&h->timer, h->loop, ms);
    else
        timer_stop(&h->timer);
}

/* --- ops */

/* What the kernel has not taken yet; the user learns when it has. */
static size_t waiting(struct h1 *h)
{
    size_t backlog = conn_backlog(h->conn);
    if (backlog > 0)
        h->want_writable = true;
    return backlog;
}

size_t h1_send_body(struct stream *s, struct slice bytes, bool end)
{
    struct h1 *h = h1_of_stream(s);
    if (!h->live)
        return 0;
    s->bytes_out += h1_out_body(&h->out, h->conn, bytes, end);
    if (end || h->out.broken)
        h1_settle_later(h);
    return waiting(h);
}

int h1_end_body(struct h1 *h, const struct fields *f)
{
    struct slice last;
    if (!h->live || !h->out.begun)
        return -EINVAL;
    int r = h1_write_trailers(&h->arena, f, &last);
    if (r < 0)
        return r;
    h1_out_end(&h->out, h->conn, last);
    h1_settle_later(h);
    return 0;
}

void h1_grant(struct stream *s, size_t bytes)
{
    struct h1 *h = h1_of_stream(s);
    h->granted = bytes > SIZE_MAX - h->granted ? SIZE_MAX : h->granted + bytes;
    if (h->live)
        bound_reads(h);
    if (h->live && h->granted > 0 && h->in != NULL && h1_in_flows(h->in))
        h1_resume(h);
}

void h1_reset(struct stream *s, enum reset_reason why, uint32_t wire_code)
{
    (void)why; /* HTTP/1 has one way to say it: the connection ends */
    (void)wire_code;
    struct h1 *h = h1_of_stream(s);
    if (!h->live)
        return;
    bury(h, H1_CUT);
    h1_settle_later(h);
}

struct conn *h1_stream_conn(const struct stream *s)
{
    return h1_of_stream(s)->conn;
}

enum refusal h1_stream_refusal(const struct stream *s)
{
    return h1_of_stream(s)->refusal;
}

/* --- */

struct h1 *h1_new(struct conn *c, const struct h1_conf *conf, struct arena_recycler *r,
                  const struct h1_side *side, const struct codec_ops *ops)
{
    static const struct conn_events events = { on_open, on_data, on_flushed, on_end };
    struct h1 *h = mem_zalloc(sizeof(*h));
    h->codec.ops = ops;
    h->side = side;
    h->conn = c;
    h->loop = conn_loop(c);
    h->conf = conf;
    arena_init(&h->arena, r);
    deferred_init(&h->settle, on_settle);
    deferred_init(&h->reap, on_reap);
    timer_init(&h->timer, on_due);
    conn_set_events(c, &events, h);
    return h;
}
