/* SPDX-License-Identifier: Apache-2.0 */
/* Both bodies of an exchange, from either side to the other. */
#include "proxy/exchange_parts.h"

void exchange_body_init(struct exchange *x)
{
    buf_init(&x->held);
}

void exchange_body_done(struct exchange *x)
{
    buf_done(&x->held);
}

/* --- from the client */

static void on_uploaded(struct exchange *x)
{
    if (x->uploaded)
        return;
    x->uploaded = true;
    x->uploaded_ms = exchange_now(x);
    exchange_time_upstream(x);
}

static void send_up(struct exchange *x, struct slice bytes, bool end)
{
    x->taken = true;
    size_t waiting = x->up->ops->send_body(x->up, bytes, end);
    flow_give_back(&x->upload, x->down, bytes.len, waiting);
    exchange_time_client(x);
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
        flow_begin(&x->upload, x->down, x->config.listener->window);
    exchange_time_client(x);
    exchange_time_upstream(x);
}

void exchange_body_continue(struct exchange *x)
{
    x->expecting = false;
    exchange_time_client(x);
    exchange_time_upstream(x);
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
    exchange_time_client(x);
    if (x->upload.ended)
        on_uploaded(x);
}

/* --- from the upstream */

void exchange_body_download(struct exchange *x)
{
    flow_begin(&x->download, x->up, x->config.listener->window);
    exchange_time_upstream(x);
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
    exchange_time_upstream(x);
}

void exchange_body_client_took(struct exchange *x)
{
    if (x->state != EXCHANGE_STREAM || x->up == NULL)
        return;
    flow_settle(&x->download, x->up);
    exchange_time_upstream(x);
}
