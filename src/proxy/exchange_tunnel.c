/* SPDX-License-Identifier: Apache-2.0 */
/* What follows a 101 (RFC 9110 7.8): bytes both ways that nobody here reads. The two directions are
 * granted like bodies and end apart; of time limits only the tunnel's own silence counts, both
 * directions together. */
#include "proxy/exchange_parts.h"
#include "proxy/forward.h"

/* --- silence */

static void watch(struct exchange *x)
{
    uint64_t ms = x->route->timeouts.tunnel;
    if (ms > 0)
        timer_start(&x->tunnel_silence, x->proxy->loop, ms);
}

static void on_silent(struct timer *t)
{
    struct exchange *x = CONTAINER_OF(t, struct exchange, tunnel_silence);
    exchange_end_blame(x, "timeout", NULL);
    exchange_end_cut(x);
}

void exchange_tunnel_init(struct exchange *x)
{
    timer_init(&x->tunnel_silence, on_silent);
}

void exchange_tunnel_done(struct exchange *x)
{
    timer_stop(&x->tunnel_silence);
}

/* --- bytes */

static void pass(struct exchange *x, struct flow *f, struct stream *from, struct stream *to,
                 struct slice bytes, bool end)
{
    watch(x);
    flow_take(f, bytes.len, end);
    size_t waiting = to->ops->send_body(to, bytes, end);
    flow_give_back(f, from, bytes.len, waiting);
}

static void on_client_body(struct stream *s, struct slice bytes, bool end)
{
    struct exchange *x = s->user;
    if (x->up != NULL) /* else it takes nothing any more: see on_upstream_reset() */
        pass(x, &x->upload, s, x->up, bytes, end);
}

static void on_upstream_body(struct stream *s, struct slice bytes, bool end)
{
    struct exchange *x = s->user;
    pass(x, &x->download, s, x->down, bytes, end);
}

static void on_client_writable(struct stream *s)
{
    struct exchange *x = s->user;
    watch(x);
    flow_settle(&x->download, x->up);
    if (x->up == NULL && !x->upload.ended)
        exchange_end_cut(x);
}

static void on_upstream_writable(struct stream *s)
{
    struct exchange *x = s->user;
    watch(x);
    flow_settle(&x->upload, x->down);
}

/* --- ends */

static void on_client_done(struct stream *s)
{
    exchange_end(s->user);
}

/* Behind the server's end, all of it taken, many a client closes without another word, close_notify
 * or not. That ends a tunnel in order. */
static void on_client_reset(struct stream *s, enum reset_reason why, uint32_t wire_code)
{
    struct exchange *x = s->user;
    if (why == RESET_TRUNCATED && x->download.ended && !x->download.waiting)
        exchange_end(x);
    else
        exchange_client_gone(x, why);
}

static void on_upstream_done(struct stream *s)
{
    struct exchange *x = s->user;
    x->up = NULL;
}

/* A server that has said all it had and closed resets what still comes to it. The client gets that
 * all first. */
static void on_upstream_reset(struct stream *s, enum reset_reason why, uint32_t wire_code)
{
    struct exchange *x = s->user;
    bool all_taken = !x->download.waiting;
    x->up = NULL;
    exchange_end_blame(x, why == RESET_SEND_TIMEOUT ? "timeout" : "upstream", reset_text(why));
    if (!x->download.ended || all_taken)
        exchange_end_cut(x);
}

/* --- the switch */

static void open_flow(const struct exchange *x, struct flow *f, struct stream *sender)
{
    f->ended = false; /* that was the request's body, or there was none */
    flow_begin(f, sender, x->config.listener->window);
}

static void switch_over(struct exchange *x)
{
    static const struct stream_events client_events = {
        .on_body = on_client_body,
        .on_writable = on_client_writable,
        .on_done = on_client_done,
        .on_reset = on_client_reset,
    };
    static const struct stream_events upstream_events = {
        .on_body = on_upstream_body,
        .on_writable = on_upstream_writable,
        .on_done = on_upstream_done,
        .on_reset = on_upstream_reset,
    };
    x->down->events = &client_events;
    x->up->events = &upstream_events;
    open_flow(x, &x->upload, x->down);
    open_flow(x, &x->download, x->up);
}

int exchange_tunnel_begin(struct exchange *x, const struct message *switched)
{
    struct message sent;
    forward_response(switched, false, slice_of(NULL, 0), &x->arena, &sent);
    int r = x->down->ops->send_head(x->down, &sent, HEAD_TUNNEL, false);
    if (r < 0)
        return r;
    x->status = switched->status;
    exchange_time_stop(x);
    exchange_enter(x, EXCHANGE_TUNNEL);
    watch(x);
    switch_over(x);
    return 0;
}
