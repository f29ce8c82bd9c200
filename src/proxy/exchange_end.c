/* SPDX-License-Identifier: Apache-2.0 */
/* How an exchange ends, and the one record it leaves (docs/how-it-works.md, 3). */
#include "proxy/exchange_parts.h"

static const char *phase_of(const struct exchange *x)
{
    static const char *const names[] = {
        [EXCHANGE_HEAD] = "head",   [EXCHANGE_QUEUE] = "queue",   [EXCHANGE_CONNECT] = "connect",
        [EXCHANGE_WAIT] = "wait",   [EXCHANGE_STREAM] = "stream", [EXCHANGE_TUNNEL] = "stream",
        [EXCHANGE_SENT] = "stream",
    };
    return x->state == EXCHANGE_WAIT && !x->upload.ended ? "body" : names[x->state];
}

/* The wait begins with the request's last byte, where a body came before it. */
static uint64_t phase_began(const struct exchange *x)
{
    return x->state == EXCHANGE_WAIT && x->uploaded ? x->uploaded_ms : x->since_ms;
}

void exchange_end_blame(struct exchange *x, const char *by, const char *signal)
{
    x->abort_phase = phase_of(x);
    x->abort_by = by;
    x->abort_signal = signal;
    x->abort_ms = exchange_now(x) - phase_began(x);
}

/* --- answers */

void exchange_end_reply(struct exchange *x, const struct reply *r)
{
    struct proxy *p = x->proxy;
    struct slice date = date_text(&p->date, loop_wall_ms(p->loop) / 1000);

    exchange_upstream_drop(x);
    x->status = r->status;
    x->refused = r->why;
    exchange_enter(x, EXCHANGE_SENT);
    if (reply_send(x->down, x->request, r, date, &x->arena) < 0)
        exchange_end_cut(x);
    else
        exchange_time_stop(x);
}

void exchange_end_error(struct exchange *x, unsigned status, const char *error, const char *why)
{
    exchange_end_reply(x, &(struct reply){ status, error, why });
}

void exchange_end_note(struct exchange *x, enum refusal why)
{
    counter_add_refused(x->proxy->counters, why);
    x->refused = refusal_text(why);
}

/* A path that nothing serves is no attempt at anything: that connection goes on. */
void exchange_end_refused(struct exchange *x, enum refusal why)
{
    bool lost = why == REFUSAL_NO_ROUTE;
    exchange_end_note(x, why);
    exchange_end_reply(x, &(struct reply){
                              .status = refusal_status(why),
                              .error = lost ? "destination_not_found" : "http_request_error",
                              .why = refusal_text(why),
                              .close = !lost,
                          });
}

/* An upstream that answered before it had the whole request is not reused: it may still wait for
 * the rest. */
void exchange_end_answered(struct exchange *x)
{
    exchange_enter(x, EXCHANGE_SENT);
    if (!x->upload.ended)
        exchange_upstream_drop(x);
    exchange_time_stop(x);
}

void exchange_end_cut(struct exchange *x)
{
    struct stream *down = x->down;
    exchange_end(x); /* the record still needs the request, which dies with the stream */
    down->ops->reset(down, RESET_CANCEL, 0);
}

/* --- the record */

static struct slice value_of(const struct exchange *x, enum field_id id)
{
    const struct field *f = x->request != NULL ? fields_find(&x->request->fields, id) : NULL;
    return f != NULL ? f->value : slice_of(NULL, 0);
}

static void describe_request(const struct exchange *x, struct access_record *r)
{
    const struct message *m = x->request;
    r->host = m->uri.host;
    r->method = m->method;
    r->target = m->target;
    if (m->method.len > 0)
        r->protocol = m->version == HTTP_1_0 ? SLICE("HTTP/1.0") : SLICE("HTTP/1.1");
    r->referer = value_of(x, FIELD_REFERER);
    r->user_agent = value_of(x, FIELD_USER_AGENT);
    r->request_id = x->request_id;
}

static void describe_way(const struct exchange *x, struct access_record *r)
{
    r->route = x->route->text;
    if (x->route->action == ACTION_PROXY)
        r->pool = cluster_name(x->route->cluster);
    if (x->server != NULL)
        r->server = x->server->id;
}

static void describe_times(const struct exchange *x, struct access_record *r)
{
    r->queue_ms = (int64_t)x->spent_ms[EXCHANGE_QUEUE];
    r->connect_ms = (int64_t)x->spent_ms[EXCHANGE_CONNECT];
    r->wait_ms = (int64_t)x->spent_ms[EXCHANGE_WAIT];
    r->stream_ms = (int64_t)(x->spent_ms[EXCHANGE_STREAM] + x->spent_ms[EXCHANGE_TUNNEL] +
                             x->spent_ms[EXCHANGE_SENT]);
    r->total_ms = r->queue_ms + r->connect_ms + r->wait_ms + r->stream_ms;
}

static void write_record(const struct exchange *x)
{
    struct access_record r = {
        .wall_ms = x->wall_ms,
        .remote = x->client.remote,
        .peer = x->client.peer,
        .remote_port = x->client.remote_port,
        .status = x->status,
        .bytes_in = x->down->bytes_in,
        .bytes_out = x->down->bytes_out,
        .tls = x->client.tls,
        .tries = x->tries,
        .reused = x->reused,
        .key_fallback = x->key_fallback,
        .abort_phase = x->abort_phase,
        .abort_by = x->abort_by,
        .abort_signal = x->abort_signal,
        .abort_ms = (int64_t)x->abort_ms,
        .refused = x->refused,
    };
    if (x->request != NULL)
        describe_request(x, &r);
    if (x->route != NULL)
        describe_way(x, &r);
    describe_times(x, &r);
    access_log_write(x->proxy->access_log, &r);
}

static void on_reap(struct deferred *d)
{
    struct exchange *x = CONTAINER_OF(d, struct exchange, reap);
    struct arena arena = x->arena;
    arena_done(&arena);
}

void exchange_end(struct exchange *x)
{
    struct proxy *p = x->proxy;
    bool asked = x->state != EXCHANGE_HEAD || x->down->head_bytes_in > 0;

    exchange_upstream_drop(x);
    exchange_time_stop(x);
    exchange_body_done(x);
    exchange_tunnel_done(x);
    if (x->state != EXCHANGE_HEAD)
        counter_add(p->counters, COUNTER_REQUESTS_FINISHED, 1);
    exchange_enter(x, EXCHANGE_OVER);
    if (asked) /* a connection closed before a request's first byte leaves no record */
        write_record(x);
    x->down = NULL;
    list_remove(&x->link);
    p->in_flight--;
    x->config.ops->unref(x->config.owner);
    deferred_init(&x->reap, on_reap);
    loop_defer(p->loop, &x->reap);
}
