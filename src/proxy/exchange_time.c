/* SPDX-License-Identifier: Apache-2.0 */
/* Who keeps an exchange waiting? Each of these is timed for as long as it holds, whatever the
 * others do, and at any moment at least one of them does:
 *
 * - The client owes its body: it was granted bytes and has not delivered its last one. Silence is
 *   `timeout body`; over as long, a trickle is what stays below `limit min_rate`.
 * - The upstream owes its answer: it has the whole request (or the client waits for its 100), or it
 *   is inside the body and was granted bytes. That is `timeout response`.
 * - Bytes wait for one of them: `timeout send`, the connection's own (conn/pace.h).
 *
 * Before an answer the upstream may wait for as much of the request as it likes; once it speaks, it
 * goes on, even while the upload does. */
#include "proxy/exchange_parts.h"

static bool client_owes(const struct exchange *x)
{
    bool flowing = x->state == EXCHANGE_WAIT || x->state == EXCHANGE_STREAM;
    return flowing && !x->upload.ended && x->upload.granted > 0 && !x->expecting;
}

static bool upstream_owes(const struct exchange *x)
{
    if (x->state == EXCHANGE_WAIT)
        return x->uploaded || x->expecting;
    return x->state == EXCHANGE_STREAM && !x->download.ended && x->download.granted > 0;
}

static void set_timer(struct exchange *x, struct timer *t, uint64_t ms)
{
    if (ms > 0)
        timer_start(t, x->proxy->loop, ms);
    else
        timer_stop(t);
}

static void begin_looking(struct exchange *x)
{
    uint64_t window_ms = x->route->timeouts.body;
    if (x->config.listener->min_rate == 0 || window_ms == 0)
        return;
    rate_begin(&x->upload_rate, x->upload.total);
    timer_start(&x->upload_look, x->proxy->loop, rate_look_ms(window_ms));
}

void exchange_time_client(struct exchange *x)
{
    bool owes = client_owes(x);
    set_timer(x, &x->client_silence, owes ? x->route->timeouts.body : 0);
    if (!owes)
        timer_stop(&x->upload_look);
    else if (!timer_running(&x->upload_look))
        begin_looking(x);
}

void exchange_time_upstream(struct exchange *x)
{
    set_timer(x, &x->upstream_silence, upstream_owes(x) ? x->route->timeouts.response : 0);
}

/* --- too late */

static void end_upload(struct exchange *x, enum refusal why)
{
    if (x->state == EXCHANGE_WAIT) {
        exchange_end_refused(x, why);
        return;
    }
    exchange_end_note(x, why);
    exchange_end_blame(x, "timeout", NULL);
    x->abort_phase = "body";
    exchange_end_cut(x);
}

static void on_client_silent(struct timer *t)
{
    end_upload(CONTAINER_OF(t, struct exchange, client_silence), REFUSAL_BODY_TIMEOUT);
}

static void on_upload_look(struct timer *t)
{
    struct exchange *x = CONTAINER_OF(t, struct exchange, upload_look);
    uint64_t window_ms = x->route->timeouts.body;
    uint64_t need = rate_need(x->config.listener->min_rate, window_ms);
    if (rate_look(&x->upload_rate, x->upload.total, need))
        timer_start(t, x->proxy->loop, rate_look_ms(window_ms));
    else
        end_upload(x, REFUSAL_BODY_TOO_SLOW);
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

void exchange_time_init(struct exchange *x)
{
    timer_init(&x->client_silence, on_client_silent);
    timer_init(&x->upload_look, on_upload_look);
    timer_init(&x->upstream_silence, on_upstream_silent);
}

void exchange_time_stop(struct exchange *x)
{
    timer_stop(&x->client_silence);
    timer_stop(&x->upload_look);
    timer_stop(&x->upstream_silence);
}
