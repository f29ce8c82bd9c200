/* SPDX-License-Identifier: Apache-2.0 */
#include "conn/conn_flow.h"

#include "event/sock.h"
#include "event/sock_tcp.h"

#include <errno.h>

#define BIT(state) (1u << (state))

static bool is_live(const struct conn *c)
{
    return c->state == CONN_CONNECTING || c->state == CONN_HANDSHAKE || c->state == CONN_OPEN;
}

bool conn_flow_hears(const struct conn *c)
{
    return c->state == CONN_OPEN && !c->ended && !c->paused;
}

static bool may_read(const struct conn *c)
{
    return conn_flow_hears(c) && (c->conf.keep_max == 0 || buf_len(&c->kept) < c->conf.keep_max);
}

void conn_flow_touch(struct conn *c)
{
    if (is_live(c))
        loop_after(c->loop, &c->settle);
}

/* --- states */

static void go_quiet(struct conn *c)
{
    watch_done(&c->watch);
    timer_stop(&c->deadline);
    pace_stop(&c->pace);
    deferred_cancel(&c->settle);
    deferred_cancel(&c->step);
    sweep_remove(&c->sweep);
}

void conn_flow_enter(struct conn *c, enum conn_state next)
{
    static const unsigned allowed[] = {
        [CONN_NEW] = BIT(CONN_CONNECTING) | BIT(CONN_HANDSHAKE) | BIT(CONN_CLOSED),
        [CONN_CONNECTING] = BIT(CONN_HANDSHAKE) | BIT(CONN_DEAD) | BIT(CONN_CLOSED),
        [CONN_HANDSHAKE] = BIT(CONN_OPEN) | BIT(CONN_DEAD) | BIT(CONN_CLOSED),
        [CONN_OPEN] = BIT(CONN_DEAD) | BIT(CONN_CLOSED),
        [CONN_DEAD] = BIT(CONN_CLOSED),
        [CONN_CLOSED] = 0,
    };
    assert(allowed[c->state] & BIT(next));
    c->state = next;
    if (is_live(c))
        conn_flow_touch(c);
    else
        go_quiet(c);
}

static void set_deadline(struct conn *c, unsigned ms)
{
    if (ms > 0)
        timer_start(&c->deadline, c->loop, ms);
    else
        timer_stop(&c->deadline);
}

/* The peer said an orderly end. Writing may go on. */
static void tell_end(struct conn *c, enum conn_end how)
{
    if (c->ended)
        return;
    c->ended = true;
    conn_flow_touch(c);
    if (c->half_close) /* nobody reads it any more: the sweep sees an RST */
        sweep_add(&c->scratch->sweep, c->loop, &c->sweep);
    c->events->on_end(c, how);
}

static void fail(struct conn *c, enum conn_end how, int error)
{
    c->error = error;
    if (how == CONN_END_PROTOCOL) {
        c->alerted = true;
        conn_ops(c)->flush(c->transport);
    }
    conn_flow_enter(c, CONN_DEAD);
    if (c->ended && !c->half_close)
        return;
    c->ended = true;
    c->events->on_end(c, how);
}

/* What a result of the transport that is neither bytes nor "later" means. */
static enum conn_end end_of(const struct conn *c, int r)
{
    switch (r) {
    case 0:
        return conn_ops(c)->tls(c->transport) ? CONN_END_CLOSE_NOTIFY : CONN_END_FIN;
    case -ENODATA:
        return CONN_END_TRUNCATED;
    case -EPROTO:
        return CONN_END_PROTOCOL;
    default:
        return CONN_END_RESET;
    }
}

static void on_deadline(struct timer *t)
{
    struct conn *c = CONTAINER_OF(t, struct conn, deadline);
    static const enum conn_end late[] = {
        [CONN_CONNECTING] = CONN_END_CONNECT_TIMEOUT,
        [CONN_HANDSHAKE] = CONN_END_HANDSHAKE_TIMEOUT,
    };
    assert(c->state == CONN_CONNECTING || c->state == CONN_HANDSHAKE);
    fail(c, late[c->state], -ETIMEDOUT);
}

static void on_late(struct pace *p)
{
    fail(CONTAINER_OF(p, struct conn, pace), CONN_END_SEND_TIMEOUT, -ETIMEDOUT);
}

/* --- once a second */

void conn_flow_busy(struct conn *c)
{
    c->busy = true;
    c->resting = false;
    sweep_add(&c->scratch->sweep, c->loop, &c->sweep);
}

/* Reading cannot tell how the peer fares. After our own FIN the kernel cannot either: a socket that
 * both sides have closed looks like one that was reset. */
static bool is_blind(const struct conn *c)
{
    return !may_read(c) && (c->half_close ? !c->output_ended : !c->ended);
}

/* Looks for the end of a client that is not read: once it closed, it has left, whatever it sent
 * before. What an origin said before it closed is a response, and reading it tells of the end.
 * Where directions end apart, a FIN is no leaving, and waits to be read. */
static bool has_left(struct conn *c)
{
    int fd = conn_ops(c)->fd(c->transport);
    bool reset;
    if ((c->dialed && !c->ended) || fd < 0 || !sock_peer_closed(fd, &reset))
        return false;
    if (reset)
        fail(c, CONN_END_RESET, -ECONNRESET);
    else if (!c->half_close)
        tell_end(c, CONN_END_FIN);
    return reset || !c->half_close;
}

void conn_flow_rest(struct conn *c)
{
    c->resting = true;
    conn_ops(c)->rest(c->transport);
}

static void on_sweep(struct sweep_member *m)
{
    struct conn *c = CONTAINER_OF(m, struct conn, sweep);
    if (c->state != CONN_OPEN)
        return;
    bool blind = is_blind(c);
    if (blind && has_left(c))
        return;
    if (!c->busy && !c->resting)
        conn_flow_rest(c);
    c->busy = false;
    if (blind || !c->resting)
        sweep_add(&c->scratch->sweep, c->loop, m);
}

/* --- output */

static void write_failed(struct conn *c, int error)
{
    /* An origin that answers early closes before it has read the request: the answer may still lie
     * in the socket. Reading goes on to its end. */
    if (c->dialed && c->state == CONN_OPEN && !c->ended)
        c->write_error = error;
    else
        fail(c, end_of(c, error), error);
}

static void flush(struct conn *c)
{
    c->dirty = false;
    int r = c->write_error == 0 ? conn_ops(c)->flush(c->transport) : 0;
    if (r < 0)
        write_failed(c, r);
}

size_t conn_flow_backlog(const struct conn *c)
{
    bool can_wait = c->state == CONN_HANDSHAKE || c->state == CONN_OPEN;
    return can_wait && c->write_error == 0 ? conn_ops(c)->backlog(c->transport) : 0;
}

static unsigned interest(const struct conn *c, size_t backlog)
{
    unsigned write = backlog > 0 ? WATCH_WRITE : 0;
    switch (c->state) {
    case CONN_CONNECTING:
        return WATCH_WRITE;
    case CONN_HANDSHAKE: /* what waits for its turn has been heard already */
        return (list_empty(&c->step.link) ? WATCH_READ : 0) | write;
    case CONN_OPEN:
        return (may_read(c) ? WATCH_READ : 0) | write;
    default:
        return 0;
    }
}

/* Everything that follows from the state, brought about once after each callback that touched it.
 */
static void settle(struct conn *c)
{
    if (is_live(c) && c->dirty)
        flush(c);
    if (!is_live(c))
        return;
    size_t backlog = conn_flow_backlog(c);
    if (backlog == 0)
        pace_stop(&c->pace);
    else if (c->state == CONN_OPEN)
        pace_start(&c->pace, conn_ops(c)->fd(c->transport));
    if (conn_ops(c)->fd(c->transport) >= 0)
        watch_set(&c->watch, interest(c, backlog));
    if (!c->wrote || backlog > 0)
        return;
    c->wrote = false;
    if ((!c->ended || c->half_close) && c->events->on_flushed)
        c->events->on_flushed(c);
}

static void on_settle(struct deferred *d)
{
    settle(CONTAINER_OF(d, struct conn, settle));
}

static void write_ready(struct conn *c)
{
    size_t before = conn_flow_backlog(c);
    flush(c);
    size_t after = conn_flow_backlog(c);
    pace_drained(&c->pace, before > after ? before - after : 0);
    conn_flow_touch(c);
}

/* --- input */

/* Hands over what arrived behind what was kept before; nothing is copied when nothing was kept. */
static void take(struct conn *c, struct slice bytes)
{
    bool direct = buf_len(&c->kept) == 0;
    if (!direct)
        buf_append(&c->kept, bytes);
    struct slice view = direct ? bytes : buf_view(&c->kept);
    size_t used = c->events->on_data(c, view);
    assert(used <= view.len);
    if (direct)
        buf_append(&c->kept, slice_from(view, used));
    else if (used > 0)
        buf_consume(&c->kept, used);
    if (!direct || !may_read(c)) /* whether to go on reading may have changed */
        conn_flow_touch(c);
}

static void read_some(struct conn *c)
{
    ssize_t n = conn_ops(c)->read(c->transport, c->scratch->read, c->read_max);
    if (n > 0) {
        conn_flow_busy(c);
        take(c, slice_of(c->scratch->read, (size_t)n));
    } else if (c->write_error != 0 && n != -EAGAIN) {
        fail(c, CONN_END_RESET, c->write_error);
    } else if (n == 0) {
        tell_end(c, end_of(c, 0));
    } else if (n != -EAGAIN) {
        fail(c, end_of(c, (int)n), (int)n);
    } else {
        conn_flow_rest(c);
    }
    if (may_read(c) && conn_ops(c)->has_pending(c->transport))
        loop_defer(c->loop, &c->step); /* later, so that one busy peer does not starve the others */
}

static void shake_hands(struct conn *c)
{
    int r = conn_ops(c)->handshake(c->transport);
    c->dirty = true;
    conn_flow_touch(c);
    if (r == -EAGAIN)
        return;
    if (r < 0) {
        fail(c, end_of(c, r), r);
        return;
    }
    timer_stop(&c->deadline);
    conn_flow_enter(c, CONN_OPEN);
    conn_flow_busy(c);
    if (c->events->on_open)
        c->events->on_open(c);
    /* A client's first request may have come along. An origin speaks when it is spoken to. */
    if (may_read(c) && (!c->dialed || conn_ops(c)->has_pending(c->transport)))
        read_some(c);
}

/* Clients' handshakes are rationed. A server's is one that a client is waiting for. */
static void go_on_with_handshake(struct conn *c)
{
    if (c->dialed || conn_ops(c)->tls(c->transport) == NULL)
        shake_hands(c);
    else if (ration_take(&c->scratch->handshakes, c->loop, &c->step))
        conn_flow_touch(c);
}

static void begin_handshake(struct conn *c)
{
    conn_flow_enter(c, CONN_HANDSHAKE);
    set_deadline(c, c->conf.handshake_ms);
    if (!c->dialed)
        conn_ops(c)->readable(c->transport);
    go_on_with_handshake(c);
}

static void finish_connect(struct conn *c)
{
    int r = c->error;
    if (r == -EINPROGRESS)
        r = sock_error(conn_ops(c)->fd(c->transport));
    c->error = 0;
    if (r == 0) {
        c->bounded = sock_bound_receive(conn_ops(c)->fd(c->transport));
        begin_handshake(c);
    } else {
        fail(c, r == -ETIMEDOUT ? CONN_END_CONNECT_TIMEOUT : CONN_END_REFUSED, r);
    }
}

static void on_step(struct deferred *d)
{
    struct conn *c = CONTAINER_OF(d, struct conn, step);
    if (c->state == CONN_CONNECTING) {
        finish_connect(c);
        return;
    }
    if (c->state == CONN_HANDSHAKE) {
        shake_hands(c);
        return;
    }
    bool offer = c->offer_kept && conn_flow_hears(c) && buf_len(&c->kept) > 0;
    c->offer_kept = false;
    if (offer)
        take(c, slice_of(NULL, 0));
    if (may_read(c) && conn_ops(c)->has_pending(c->transport))
        read_some(c);
}

void conn_flow_ready(struct conn *c, unsigned events)
{
    if (c->state == CONN_CONNECTING) {
        finish_connect(c);
        return;
    }
    if ((events & WATCH_WRITE) && is_live(c))
        write_ready(c);
    if (!(events & WATCH_READ) || !is_live(c))
        return;
    conn_ops(c)->readable(c->transport);
    if (c->state == CONN_HANDSHAKE)
        go_on_with_handshake(c);
    else if (may_read(c))
        read_some(c);
}

static void on_watch(struct watch *w, unsigned events)
{
    conn_flow_ready(CONTAINER_OF(w, struct conn, watch), events);
}

/* --- for conn.c */

void conn_flow_init(struct conn *c)
{
    deferred_init(&c->settle, on_settle);
    deferred_init(&c->step, on_step);
    timer_init(&c->deadline, on_deadline);
    pace_init(&c->pace, c->loop, c->conf.send_ms, c->conf.min_rate, on_late);
    sweep_member_init(&c->sweep, on_sweep);
    buf_init(&c->kept);
}

void conn_flow_set_transport(struct conn *c, struct transport *t)
{
    c->transport = t;
    watch_init(&c->watch, c->loop, t != NULL ? t->ops->fd(t) : -1, on_watch);
}

void conn_flow_start(struct conn *c)
{
    if (!c->dialed) {
        begin_handshake(c);
        return;
    }
    conn_flow_enter(c, CONN_CONNECTING);
    if (c->error == -EINPROGRESS) {
        set_deadline(c, c->conf.connect_ms);
    } else { /* connected or failed already, which is told from the loop all the same */
        deferred_cancel(&c->settle);
        loop_defer(c->loop, &c->step);
    }
}

void conn_flow_offer_kept(struct conn *c)
{
    c->offer_kept = true;
    if (buf_len(&c->kept) > 0 || conn_ops(c)->has_pending(c->transport))
        loop_defer(c->loop, &c->step);
    conn_flow_touch(c);
}

void conn_flow_done(struct conn *c)
{
    go_quiet(c);
    buf_done(&c->kept);
}
