/* SPDX-License-Identifier: Apache-2.0 */
/* Both bodies of an exchange. Whoever owes bytes that were granted and stays silent for too long is
 * ended. */
#include "proxy/exchange_parts.h"

/* --- silence: whose turn is it? Derived from state; progress restarts the time. */

static bool client_owes(const struct exchange *x)
{
    bool flowing = x->state == EXCHANGE_WAIT || x->state == EXCHANGE_STREAM;
    return flowing && !x->upload.ended && x->upload.granted > 0 && !x->expecting;
}

static bool upstream_owes(const struct exchange *x)
{
    bool has_all = x->uploaded || x->expecting; /* a client that waits for 100 sends no more */
    if (x->state == EXCHANGE_WAIT)
        return has_all;
    return x->state == EXCHANGE_STREAM && has_all && !x->download.ended && x->download.granted > 0;
}

static void watch(struct exchange *x, struct timer *t, bool owes, uint64_t ms)
{
    if (owes && ms > 0)
        timer_start(t, x->proxy->loop, ms);
    else
        timer_stop(t);
}

static void watch_client(struct exchange *x)
{
    watch(x, &x->client_silence, client_owes(x), x->route->timeouts.body);
}

static void watch_upstream(struct exchange *x)
{
    watch(x, &x->upstream_silence, upstream_owes(x), x->route->timeouts.response);
}

static void on_client_silent(struct timer *t)
{
    struct exchange *x = CONTAINER_OF(t, struct exchange, client_silence);
    if (x->state == EXCHANGE_WAIT) {
        exchange_end_refused(x, REFUSAL_BODY_TIMEOUT);
        return;
    }
    exchange_end_note(x, REFUSAL_BODY_TIMEOUT);
    exchange_end_blame(x, "timeout", NULL);
    x->abort_phase = "body";
    exchange_end_cut(x);
}

static void on_upstream_silent(struct timer *t)
{
    struct exchange *x = CONTAINER_OF(t, struct exchange, upstream_silence);
    if (x->state == EXCHANGE_WAIT) {
        exchange_end_error(x, 504, "http_response_timeout", "the server did not answer in time");
        return;
    }
    exchange_end_blame(x, "timeout", NULL);
    exchange_end_cut(x);
}

void exchange_body_init(struct exchange *x)
{
    buf_init(&x->held);
    timer_init(&x->client_silence, on_client_silent);
    timer_init(&x->upstream_silence, on_upstream_silent);
}

void exchange_body_stop(struct exchange *x)
{
    timer_stop(&x->client_silence);
    timer_stop(&x->upstream_silence);
}

void exchange_body_done(struct exchange *x)
{
    buf_done(&x->held);
    exchange_body_stop(x);
}

/* --- from the client */

static void on_uploaded(struct exchange *x)
{
    if (x->uploaded)
        return;
    x->uploaded = true;
    x->uploaded_ms = exchange_now(x);
    watch_upstream(x);
}

static void send_up(struct exchange *x, struct slice bytes, bool end)
{
    x->taken = true;
    size_t waiting = x->up->ops->send_body(x->up, bytes, end);
    flow_give_back(&x->upload, x->down, bytes.len, waiting);
    watch_client(x);
    if (end && waiting == 0)
        on_uploaded(x);
}

/* The codec holds what was not granted, so what comes here without an upstream is the rest of a
 * grant whose connection died. */
static void send_held(struct exchange *x)
{
    struct buf held = x->held;
    buf_init(&x->held);
    send_up(x, buf_view(&held), x->upload.ended);
    buf_done(&held);
}

void exchange_body_upload(struct exchange *x)
{
    x->uploaded = false;
    if (!x->has_body) {
        on_uploaded(x);
        return;
    }
    if (x->upload.total > 0 || x->upload.ended)
        send_held(x);
    else if (x->upload.granted == 0)
        flow_grant(&x->upload, x->down, x->proxy->window);
    watch_client(x);
    watch_upstream(x);
}

void exchange_body_continue(struct exchange *x)
{
    x->expecting = false;
    watch_client(x);
    watch_upstream(x);
}

void exchange_body_from_client(struct exchange *x, struct slice bytes, bool end)
{
    flow_take(&x->upload, bytes.len, end);
    if (x->state >= EXCHANGE_SENT)
        return; /* answered already: thrown away */
    if (x->expecting)
        exchange_body_continue(x); /* it did not wait */
    if (x->route->body_max > 0 && x->upload.total > x->route->body_max) {
        if (x->state == EXCHANGE_STREAM) {
            exchange_end_note(x, REFUSAL_BODY_TOO_LARGE);
            exchange_end_blame(x, "client", NULL);
            exchange_end_cut(x);
        } else {
            exchange_end_refused(x, REFUSAL_BODY_TOO_LARGE);
        }
    } else if (x->up == NULL) {
        buf_append(&x->held, bytes);
    } else {
        send_up(x, bytes, end);
    }
}

void exchange_body_upstream_took(struct exchange *x)
{
    if (x->state >= EXCHANGE_SENT)
        return;
    flow_settle(&x->upload, x->down);
    watch_client(x);
    if (x->upload.ended)
        on_uploaded(x);
}

/* --- from the upstream */

void exchange_body_download(struct exchange *x)
{
    flow_grant(&x->download, x->up, x->proxy->window);
    watch_upstream(x);
}

void exchange_body_from_upstream(struct exchange *x, struct slice bytes, bool end)
{
    if (x->state != EXCHANGE_STREAM)
        return;
    flow_take(&x->download, bytes.len, end);
    size_t waiting = x->down->ops->send_body(x->down, bytes, end);
    if (end) {
        exchange_end_answered(x);
        return;
    }
    flow_give_back(&x->download, x->up, bytes.len, waiting);
    watch_upstream(x);
}

void exchange_body_client_took(struct exchange *x)
{
    if (x->state != EXCHANGE_STREAM || x->up == NULL)
        return;
    flow_settle(&x->download, x->up);
    watch_upstream(x);
}
