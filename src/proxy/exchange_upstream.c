/* SPDX-License-Identifier: Apache-2.0 */
/* The upstream side of an exchange: which server, which connection, what it answers. */
#include "proxy/exchange_parts.h"
#include "proxy/forward.h"

static const struct cluster_conf *conf_of(const struct exchange *x)
{
    return cluster_conf(x->route->cluster);
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
        distrust(x, REFUSAL_UNWRITABLE);
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
        if (why == RESET_PROTOCOL)
            refuse_answer(x, refusal);
        else
            exchange_retry_reset(x, s, why);
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

/* Recursion, when a dial fails inside pool_lend(), is bounded by the pool's further tries. */
static void on_not_lent(struct lend *l, enum lend_failure why, int err)
{
    exchange_retry_dial(CONTAINER_OF(l, struct exchange, lend), why);
}

void exchange_upstream_try(struct exchange *x, struct server *s)
{
    x->server = s;
    x->tries++;
    x->lend.on_stream = on_lent;
    x->lend.on_failed = on_not_lent;
    x->lend.connect_ms = x->route->timeouts.connect;
    pool_lend(x->proxy->pool, &x->lend, s, conf_of(x), x->repeated, exchange_retry_peeks(x));
}

struct server *exchange_upstream_next(struct exchange *x)
{
    size_t index = 0;
    struct server *s;
    do
        s = cluster_walk_next(&x->walk, &index);
    while (s != NULL && cluster_skip_reason(x->route->cluster, index) != NULL);
    return s;
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
    retry_budget_count_request(cluster_retry_budget(x->route->cluster), exchange_now(x));
    exchange_enter(x, EXCHANGE_CONNECT);
    struct server *first = exchange_upstream_next(x);
    if (first != NULL)
        exchange_upstream_try(x, first);
    else
        exchange_end_error(x, 503, "destination_unavailable", "no server can be used");
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
