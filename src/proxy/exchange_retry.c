/* SPDX-License-Identifier: Apache-2.0 */
/* What follows a failed try: another one where that is safe, or the answer that says why not. */
#include "proxy/exchange_parts.h"

static const struct retry_conf *conf_of(const struct exchange *x)
{
    return &cluster_conf(x->route->cluster)->retry;
}

/* --- may there be another one? */

static bool allows(const struct exchange *x, enum retry_on failure)
{
    const struct retry_conf *conf = conf_of(x);
    return (conf->on & failure) != 0 && x->tries <= conf->max;
}

static bool take_budget(struct exchange *x)
{
    struct retry_budget *budget = cluster_retry_budget(x->route->cluster);
    if (retry_budget_take(budget, conf_of(x)->budget_percent, exchange_now(x)))
        return true;
    counter_add(x->proxy->counters, COUNTER_UPSTREAM_RETRIES_DENIED, 1);
    return false;
}

static bool is_repeatable(const struct exchange *x)
{
    return method_is_idempotent(x->request->method_id) && !x->taken && !x->repeated;
}

bool exchange_retry_peeks(const struct exchange *x)
{
    return x->has_body || !is_repeatable(x) || !allows(x, RETRY_RESET);
}

static void try_again(struct exchange *x, struct server *s)
{
    counter_add(x->proxy->counters, COUNTER_UPSTREAM_RETRIES, 1);
    exchange_upstream_try(x, s);
}

/* --- a dial failed: nothing was sent, so any request may go to the next server */

static void give_up(struct exchange *x)
{
    static const struct {
        unsigned status;
        const char *error, *why;
    } ends[] = {
        [LEND_REFUSED] = { 503, "connection_refused",
                           "every server that was tried refused the connection" },
        [LEND_UNREACHABLE] = { 503, "destination_ip_unroutable", "no server can be reached" },
        [LEND_TIMEOUT] = { 504, "connection_timeout", "no server could be connected to in time" },
        [LEND_NO_DESCRIPTOR] = { 503, "proxy_internal_error", "out of file descriptors" },
    };
    if (x->repeated) /* what happened first tells more than that nobody else could be reached */
        exchange_retry_fail(x, RESET_FIN);
    else
        exchange_end_error(x, ends[x->worst].status, ends[x->worst].error, ends[x->worst].why);
}

static bool may_go_on(const struct exchange *x, enum lend_failure why)
{
    switch (why) {
    case LEND_REFUSED:
        return allows(x, RETRY_REFUSED);
    case LEND_NO_DESCRIPTOR: /* it is ours, not the server's: another would not help */
        return false;
    default:
        return allows(x, RETRY_CONNECT);
    }
}

void exchange_retry_dial(struct exchange *x, enum lend_failure why)
{
    struct server *next = NULL;
    if (why > x->worst)
        x->worst = why;
    if (may_go_on(x, why))
        next = exchange_upstream_next(x);
    if (next != NULL && (why == LEND_REFUSED || take_budget(x)))
        try_again(x, next);
    else
        give_up(x);
}

/* --- the connection broke behind the request */

void exchange_retry_fail(struct exchange *x, enum reset_reason why)
{
    if (why == RESET_SEND_TIMEOUT)
        exchange_end_error(x, 504, "connection_write_timeout",
                           "the server did not take the request in time");
    else
        exchange_end_error(x, 502, "connection_terminated",
                           "the server closed the connection without an answer");
}

/* Nothing of an answer came. The server may have acted all the same, so the request must be one
 * that may be done twice (RFC 9110 9.2.2), and of its body nothing may be gone. */
static bool may_repeat(const struct exchange *x, const struct stream *s, enum reset_reason why)
{
    bool broken =
        why == RESET_FIN || why == RESET_CLOSE_NOTIFY || why == RESET_RST || why == RESET_TRUNCATED;
    return broken && s->head_bytes_in == 0 && is_repeatable(x) && allows(x, RETRY_RESET);
}

/* A reused connection was probably idle for too long, which says nothing against its server; and so
 * a key stays with its owner. After a new one another server is asked, if there is one. */
static struct server *server_for_repeat(struct exchange *x)
{
    struct server *next = x->reused ? NULL : exchange_upstream_next(x);
    return next != NULL ? next : x->server;
}

void exchange_retry_reset(struct exchange *x, const struct stream *s, enum reset_reason why)
{
    if (!may_repeat(x, s, why) || !take_budget(x)) {
        exchange_retry_fail(x, why);
        return;
    }
    x->repeated = true;
    exchange_time_stop(x);
    exchange_enter(x, EXCHANGE_CONNECT);
    try_again(x, server_for_repeat(x));
}
