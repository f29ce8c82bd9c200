/* SPDX-License-Identifier: Apache-2.0 */
/* Life and states of an exchange, and what the client's stream reports. */
#include "proxy/exchange.h"

#include "proxy/exchange_parts.h"

#include <assert.h>

#define BIT(n) (1u << (n))

uint64_t exchange_now(const struct exchange *x)
{
    return loop_now_ms(x->proxy->loop);
}

void exchange_enter(struct exchange *x, enum exchange_state next)
{
    static const unsigned allowed[] = {
        [EXCHANGE_HEAD] = BIT(EXCHANGE_QUEUE) | BIT(EXCHANGE_OVER),
        [EXCHANGE_QUEUE] = BIT(EXCHANGE_CONNECT) | BIT(EXCHANGE_SENT) | BIT(EXCHANGE_OVER),
        [EXCHANGE_CONNECT] = BIT(EXCHANGE_WAIT) | BIT(EXCHANGE_SENT) | BIT(EXCHANGE_OVER),
        [EXCHANGE_WAIT] = BIT(EXCHANGE_CONNECT) | BIT(EXCHANGE_STREAM) | BIT(EXCHANGE_TUNNEL) |
                          BIT(EXCHANGE_SENT) | BIT(EXCHANGE_OVER),
        [EXCHANGE_STREAM] = BIT(EXCHANGE_SENT) | BIT(EXCHANGE_OVER),
        [EXCHANGE_TUNNEL] = BIT(EXCHANGE_OVER),
        [EXCHANGE_SENT] = BIT(EXCHANGE_OVER),
        [EXCHANGE_OVER] = 0,
    };
    assert(allowed[x->state] & BIT(next));
    uint64_t now = exchange_now(x);
    if (x->state == EXCHANGE_HEAD)
        x->wall_ms = loop_wall_ms(x->proxy->loop);
    x->spent_ms[x->state] += now - x->since_ms;
    x->since_ms = now;
    x->state = next;
}

/* --- which way */

/* May a connection that was opened for one name carry requests for this host? Only if
 * that name's TLS policy is the same. */
static bool policy_allows(const struct exchange *x, const struct host_conf *h)
{
    const struct listener_conf *l = x->config.listener;
    const struct tls_info *tls = x->client.tls;
    if (tls == NULL || h->tls == NULL || l->sni == NULL)
        return true;

    struct slice sni = slice_str(tls->sni);
    if (sni.len > 0 && slice_eq(sni, x->request->uri.host))
        return true;
    const struct tls_ctx *shaken = tls_sni_find(l->sni, sni);
    if (shaken == NULL)
        shaken = tls_sni_first(l->sni);
    return shaken == h->tls || (shaken != NULL && tls_ctx_same_policy(shaken, h->tls));
}

static bool body_too_large(const struct exchange *x)
{
    const struct message *m = x->request;
    return x->route->body_max > 0 && m->body == BODY_LENGTH && m->length > x->route->body_max;
}

/* Finds the route, or says why there is none. */
static enum refusal find_route(struct exchange *x)
{
    const struct listener_conf *l = x->config.listener;
    const struct message *m = x->request;

    const struct host_conf *h = route_host(l, m->uri.host, NULL);
    x->route = h != NULL ? route_find(h, m->uri.path) : l->catch_all;
    if (m->method_id == METHOD_TRACE) /* CONNECT, which names no path, ends in the codec */
        return REFUSAL_METHOD_TRACE;
    if (h == NULL && x->route == NULL)
        return REFUSAL_UNKNOWN_HOST;
    if (h != NULL && !policy_allows(x, h))
        return REFUSAL_OTHER_HOST;
    if (x->route == NULL)
        return REFUSAL_NO_ROUTE;
    return body_too_large(x) ? REFUSAL_BODY_TOO_LARGE : REFUSAL_NONE;
}

static void redirect(struct exchange *x)
{
    if (x->request->authority.len == 0) {
        exchange_end_refused(x, REFUSAL_REDIRECT_WITHOUT_HOST);
        return;
    }
    struct reply r = { .status = x->route->status };
    r.location = route_location(x->route, x->request, &x->arena);
    exchange_end_reply(x, &r);
}

static void act(struct exchange *x)
{
    switch (x->route->action) {
    case ACTION_PROXY:
        exchange_upstream_begin(x);
        break;
    case ACTION_RESPOND:
        exchange_end_reply(x,
                           &(struct reply){ .status = x->route->status, .body = x->route->body });
        break;
    case ACTION_REDIRECT:
        redirect(x);
        break;
    }
}

/* --- what the client's stream reports */

static void name_request(struct exchange *x)
{
    struct proxy *p = x->proxy;
    x->request_id = request_id_received(&x->client, &x->request->fields);
    if (x->request_id.ptr == NULL)
        x->request_id =
            request_id_make(p->request_id_seed, p->request_id_count++, x->request_id_text);
}

static void take_request(struct exchange *x, const struct message *m)
{
    x->request = m;
    counter_add(x->proxy->counters, COUNTER_REQUESTS, 1);
    client_believe(&x->client, x->config.listener, &m->fields, &x->arena);
    name_request(x);
    exchange_enter(x, EXCHANGE_QUEUE);
}

static void on_head(struct stream *s, struct message *m, enum head_kind kind, bool end)
{
    struct exchange *x = s->user;

    x->has_body = !end;
    x->upload.ended = end;
    x->expecting = !end && m->expect_continue;
    take_request(x, m);
    enum refusal why = find_route(x);
    if (why == REFUSAL_NONE)
        act(x);
    else
        exchange_end_refused(x, why);
}

/* What was sent is no request. It may come inside a body too: the answer is lost when another one
 * has begun. */
static void on_refused(struct stream *s, struct message *m, enum refusal why)
{
    struct exchange *x = s->user;
    x->upload.ended = true; /* nothing more is read */
    if (x->state == EXCHANGE_HEAD)
        take_request(x, m);
    if (x->state < EXCHANGE_STREAM) {
        exchange_end_refused(x, why);
        return;
    }
    exchange_end_note(x, why);
    if (x->state == EXCHANGE_STREAM) {
        exchange_end_blame(x, "client", reset_text(RESET_PROTOCOL));
        exchange_end_cut(x);
    }
}

static void on_body(struct stream *s, struct slice bytes, bool end)
{
    exchange_body_from_client(s->user, bytes, end);
}

/* A server cannot ask for trailers (RFC 9110 6.5.1), so the body ends without. */
static void on_trailers(struct stream *s, struct fields *f)
{
    exchange_body_from_client(s->user, slice_of(NULL, 0), true);
}

static void on_writable(struct stream *s)
{
    exchange_body_client_took(s->user);
}

static void on_done(struct stream *s)
{
    exchange_end(s->user);
}

static void on_client_left(struct exchange *x, enum reset_reason why)
{
    if (x->status == 0) /* nothing readable was asked: 400 */
        x->status = x->state == EXCHANGE_HEAD ? 400 : 499;
    counter_add(x->proxy->counters, COUNTER_CLIENT_ABORTS, 1);
    exchange_end_blame(x, "client", reset_text(why));
}

static void on_garbled(struct exchange *x)
{
    enum refusal refusal = x->down->ops->refusal(x->down);
    exchange_end_note(x, refusal);
    if (refusal == REFUSAL_TLS_BROKEN) /* the connection knows how */
        x->refused = conn_why(x->down->ops->conn(x->down));
    if (x->status == 0)
        x->status = 400;
    else
        exchange_end_blame(x, "client", reset_text(RESET_PROTOCOL));
}

/* Our deadline towards a client that does not read; never 499. */
static void on_not_reading(struct exchange *x)
{
    if (x->status == 0)
        x->status = 408;
    exchange_end_blame(x, "timeout", reset_text(RESET_SEND_TIMEOUT));
    x->abort_phase = "send";
}

static void on_shut_down(struct exchange *x)
{
    if (x->status == 0)
        x->status = 503;
    exchange_end_blame(x, "shutdown", NULL);
}

void exchange_client_gone(struct exchange *x, enum reset_reason why)
{
    switch (why) {
    case RESET_FIN:
    case RESET_CLOSE_NOTIFY:
    case RESET_RST:
    case RESET_TRUNCATED:
    case RESET_CODE:
        on_client_left(x, why);
        break;
    case RESET_PROTOCOL:
        on_garbled(x);
        break;
    case RESET_SEND_TIMEOUT:
        on_not_reading(x);
        break;
    default:
        on_shut_down(x);
        break;
    }
    exchange_end(x);
}

static void on_reset(struct stream *s, enum reset_reason why, uint32_t wire_code)
{
    exchange_client_gone(s->user, why);
}

static const struct stream_events down_events = {
    .on_head = on_head,
    .on_body = on_body,
    .on_trailers = on_trailers,
    .on_writable = on_writable,
    .on_refused = on_refused,
    .on_done = on_done,
    .on_reset = on_reset,
};

/* --- life */

static struct exchange *exchange_new(struct proxy *p)
{
    struct arena arena;
    arena_init(&arena, p->arenas);
    struct exchange *x = arena_zalloc(&arena, sizeof *x);
    x->arena = arena;
    x->proxy = p;
    x->since_ms = loop_now_ms(p->loop);
    x->wall_ms = loop_wall_ms(p->loop);
    list_append(&p->exchanges, &x->link);
    p->in_flight++;
    exchange_body_init(x);
    exchange_tunnel_init(x);
    exchange_time_init(x);
    return x;
}

void exchange_begin(struct proxy *p, const struct config_hold *config, struct stream *down)
{
    struct exchange *x = exchange_new(p);
    const struct conn *c = down->ops->conn(down);

    x->config = *config;
    x->config.ops->ref(x->config.owner);
    client_init(&x->client, config->listener, conn_peer(c), conn_tls(c));
    x->down = down;
    down->events = &down_events;
    down->user = x;
}

void exchange_end_all(struct proxy *p)
{
    LIST_EACH (&p->exchanges, at) {
        struct exchange *x = CONTAINER_OF(at, struct exchange, link);
        on_shut_down(x);
        exchange_end_cut(x);
    }
}
