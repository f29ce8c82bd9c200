/* SPDX-License-Identifier: Apache-2.0 */
/* The upstream side of an exchange: which server, which connection, when to try again. */
#include "proxy/exchange_parts.h"
#include "proxy/forward.h"

static void try_server(struct exchange *x);

static const struct cluster_conf *conf_of(const struct exchange *x)
{
    return cluster_conf(x->route->cluster);
}

/* --- no server */

/* The last failure decides: a pool of which nothing answered in time is 504, one that refuses
 * 503. */
static void give_up(struct exchange *x)
{
    static const struct {
        unsigned status;
        const char *error, *why;
    } ends[] = {
        [LEND_REFUSED] = { 503, "connection_refused", "every server refused the connection" },
        [LEND_UNREACHABLE] = { 503, "destination_ip_unroutable", "no server can be reached" },
        [LEND_TIMEOUT] = { 504, "connection_timeout", "no server could be connected to in time" },
        [LEND_NO_DESCRIPTOR] = { 503, "proxy_internal_error", "out of file descriptors" },
    };
    if (x->tries == 0)
        exchange_end_error(x, 503, "destination_unavailable", "no server can be used");
    else
        exchange_end_error(x, ends[x->last_failure].status, ends[x->last_failure].error,
                           ends[x->last_failure].why);
}

static void next_server(struct exchange *x)
{
    size_t index = 0;
    struct server *s;
    do
        s = cluster_walk_next(&x->walk, &index);
    while (s != NULL && cluster_skip_reason(x->route->cluster, index) != NULL);
    if (s == NULL) {
        give_up(x);
        return;
    }
    x->server = s;
    try_server(x);
}

/* --- again? */

/* The server may have closed an idle connection as we wrote: then nothing of this request was done,
 * if it may be repeated at all (RFC 9110 9.2.2). */
static bool may_repeat(const struct exchange *x, const struct stream *s, enum reset_reason why)
{
    bool closed =
        why == RESET_FIN || why == RESET_CLOSE_NOTIFY || why == RESET_RST || why == RESET_TRUNCATED;
    return closed && x->reused && !x->retried && s->head_bytes_in == 0 && !x->taken &&
           method_is_idempotent(x->request->method_id);
}

static void repeat(struct exchange *x)
{
    x->retried = true;
    exchange_body_stop(x);
    counter_add(x->proxy->counters, COUNTER_UPSTREAM_RETRIES, 1);
    exchange_enter(x, EXCHANGE_CONNECT);
    try_server(x);
}

/* What the server sent is no answer: it is counted, and the record says why. */
static void distrust(struct exchange *x, enum refusal why)
{
    counter_add_distrusted(x->proxy->counters, why);
    x->refused = refusal_text_of_answer(why);
}

static void refuse_answer(struct exchange *x, enum refusal why)
{
    distrust(x, why);
    exchange_end_error(x, 502, "http_protocol_error", refusal_text_of_answer(why));
}

static void fail(struct exchange *x, enum reset_reason why)
{
    if (why == RESET_SEND_TIMEOUT)
        exchange_end_error(x, 504, "connection_write_timeout",
                           "the server did not take the request in time");
    else
        exchange_end_error(x, 502, "connection_terminated",
                           "the server closed the connection without an answer");
}

/* --- what the upstream's stream reports */

/* 1xx are for clients that know them (RFC 9110 15.2). */
static void relay_interim(struct exchange *x, const struct message *m)
{
    struct message sent;
    if (x->request->version == HTTP_1_0)
        return;
    forward_response(m, false, slice_of(NULL, 0), &x->arena, &sent);
    x->down->ops->send_head(x->down, &sent, HEAD_INTERIM, false);
    if (m->status == 100)
        exchange_body_continue(x);
}

static void relay_final(struct exchange *x, const struct message *m, bool end)
{
    struct proxy *p = x->proxy;
    struct message sent;
    struct slice date = date_text(&p->date, loop_wall_ms(p->loop) / 1000);
    forward_response(m, x->request->trailers_welcome, date, &x->arena, &sent);
    if (x->down->ops->send_head(x->down, &sent, HEAD_FINAL, end) < 0) {
        refuse_answer(x, REFUSAL_UNWRITABLE);
        return;
    }
    x->status = m->status;
    exchange_enter(x, EXCHANGE_STREAM);
    x->download.ended = end;
    if (end)
        exchange_end_answered(x);
    else
        exchange_body_download(x);
}

static void relay_switch(struct exchange *x, const struct message *m)
{
    if (exchange_tunnel_begin(x, m) < 0)
        refuse_answer(x, REFUSAL_UNWRITABLE);
}

static void on_head(struct stream *s, struct message *m, enum head_kind kind, bool end)
{
    struct exchange *x = s->user;
    if (x->state != EXCHANGE_WAIT)
        return;
    if (kind == HEAD_TUNNEL)
        relay_switch(x, m);
    else if (kind == HEAD_INTERIM)
        relay_interim(x, m);
    else
        relay_final(x, m, end);
}

static void on_body(struct stream *s, struct slice bytes, bool end)
{
    exchange_body_from_upstream(s->user, bytes, end);
}

/* An end that cannot be written is none: the client shall see that something is missing. */
static void relay_trailers(struct exchange *x, const struct fields *f)
{
    if (x->down->ops->send_trailers(x->down, f) < 0) {
        exchange_end_blame(x, "upstream", reset_text(RESET_PROTOCOL));
        exchange_end_cut(x);
        return;
    }
    x->download.ended = true;
    exchange_end_answered(x);
}

/* Only where the client asked for them. */
static void on_trailers(struct stream *s, struct fields *f)
{
    struct exchange *x = s->user;
    if (x->state != EXCHANGE_STREAM)
        return;
    if (x->request->trailers_welcome)
        relay_trailers(x, f);
    else
        exchange_body_from_upstream(x, slice_of(NULL, 0), true);
}

static void on_writable(struct stream *s)
{
    exchange_body_upstream_took(s->user);
}

static void on_done(struct stream *s)
{
    struct exchange *x = s->user;
    x->up = NULL;
}

static void on_reset(struct stream *s, enum reset_reason why, uint32_t wire_code)
{
    struct exchange *x = s->user;
    enum refusal refusal = s->ops->refusal(s);
    x->up = NULL;
    if (x->state == EXCHANGE_STREAM) {
        if (why == RESET_PROTOCOL)
            distrust(x, refusal);
        exchange_end_blame(x, why == RESET_SEND_TIMEOUT ? "timeout" : "upstream", reset_text(why));
        exchange_end_cut(x);
    } else if (x->state == EXCHANGE_WAIT) {
        if (may_repeat(x, s, why))
            repeat(x);
        else if (why == RESET_PROTOCOL)
            refuse_answer(x, refusal);
        else
            fail(x, why);
    }
}

static const struct stream_events up_events = {
    .on_head = on_head,
    .on_body = on_body,
    .on_trailers = on_trailers,
    .on_writable = on_writable,
    .on_done = on_done,
    .on_reset = on_reset,
};

/* --- a connection */

static void on_lent(struct lend *l, struct stream *s, bool reused)
{
    struct exchange *x = CONTAINER_OF(l, struct exchange, lend);
    x->up = s;
    x->reused = reused;
    s->events = &up_events;
    s->user = x;
    exchange_enter(x, EXCHANGE_WAIT);
    if (s->ops->send_head(s, &x->sent, HEAD_FINAL, !x->has_body) < 0)
        exchange_end_error(x, 500, "proxy_internal_error", "the request cannot be sent on");
    else
        exchange_body_upload(x);
}

/* Nothing was sent yet, so the next server may be asked whatever the method is. Recursion, when a
 * dial fails inside pool_lend(), is bounded by the number of servers. */
static void on_not_lent(struct lend *l, enum lend_failure why, int err)
{
    struct exchange *x = CONTAINER_OF(l, struct exchange, lend);
    x->last_failure = why;
    if (why == LEND_NO_DESCRIPTOR) /* it is ours, not the server's: another would not help */
        give_up(x);
    else
        next_server(x);
}

/* What cannot be repeated later is looked at before: a body that went upstream cannot,
 * whatever the method. */
static void try_server(struct exchange *x)
{
    bool peek = x->has_body || !method_is_idempotent(x->request->method_id);
    x->tries++;
    x->lend.on_stream = on_lent;
    x->lend.on_failed = on_not_lent;
    x->lend.connect_ms = x->route->timeouts.connect;
    pool_lend(x->proxy->pool, &x->lend, x->server, conf_of(x), x->retried, peek);
}

/* A request without Host is served by the default host; upstream it goes under its first name. */
static struct slice stand_in_host(const struct exchange *x)
{
    const struct host_conf *h = x->config.listener->default_host;
    if (h == NULL || h->name_count == 0)
        return slice_of(NULL, 0);
    return slice_from(h->names[0], slice_starts(h->names[0], SLICE("*.")) ? 2 : 0);
}

void exchange_upstream_begin(struct exchange *x)
{
    struct forward f = {
        .received = x->request,
        .client = &x->client,
        .route = x->route,
        .request_id = x->request_id,
        .host = stand_in_host(x),
    };
    struct slice key =
        route_key(&conf_of(x)->key, x->request, x->client.remote, &x->arena, &x->key_fallback);
    cluster_walk_start(&x->walk, x->route->cluster, key, &x->arena);
    forward_request(&f, &x->arena, &x->sent);
    exchange_enter(x, EXCHANGE_CONNECT);
    next_server(x);
}

/* --- letting go */

static void ignore(struct stream *s)
{
}

static void ignore_reset(struct stream *s, enum reset_reason why, uint32_t wire_code)
{
}

/* Of a stream whose message is through but not yet flushed: nobody asks any more. */
static const struct stream_events no_events = {
    .on_writable = ignore,
    .on_done = ignore,
    .on_reset = ignore_reset,
};

void exchange_upstream_drop(struct exchange *x)
{
    struct stream *up = x->up;
    if (x->state == EXCHANGE_CONNECT)
        pool_cancel(&x->lend);
    x->up = NULL;
    if (up == NULL)
        return;
    if (x->upload.ended && x->download.ended)
        up->events = &no_events;
    else
        up->ops->reset(up, RESET_CANCEL, 0);
}
