/* SPDX-License-Identifier: Apache-2.0 */
#include "conn/conn.h"

#include "base/mem.h"
#include "conn/conn_flow.h"
#include "conn/linger.h"
#include "event/sock.h"
#include "event/sock_tcp.h"

#include <errno.h>

static void conn_free(struct conn *c)
{
    list_remove(&c->orphan.link);
    deferred_cancel(&c->reap);
    conn_flow_done(c);
    if (c->transport != NULL)
        transport_free(c->transport);
    mem_free(c);
}

static void on_reap(struct deferred *d)
{
    conn_free(CONTAINER_OF(d, struct conn, reap));
}

static void on_orphan_end(struct orphan *o)
{
    conn_free(CONTAINER_OF(o, struct conn, orphan));
}

static struct conn *conn_new(struct loop *l, struct scratch *s, const struct addr *peer,
                             const struct conn_conf *conf)
{
    struct conn *c = mem_zalloc(sizeof *c);
    c->loop = l;
    c->scratch = s;
    c->peer = *peer;
    c->conf = *conf;
    c->read_max = SCRATCH_READ_BYTES;
    deferred_init(&c->reap, on_reap);
    conn_flow_init(c);
    return c;
}

struct conn *conn_new_accepted(struct loop *l, struct scratch *s, struct transport *t,
                               const struct addr *peer, const struct conn_conf *conf)
{
    struct conn *c = conn_new(l, s, peer, conf);
    conn_flow_set_transport(c, t);
    return c;
}

struct conn *conn_new_connected(struct loop *l, struct scratch *s, struct transport *t,
                                const struct addr *to, const struct conn_conf *conf)
{
    struct conn *c = conn_new(l, s, to, conf);
    c->dialed = true;
    conn_flow_set_transport(c, t);
    return c;
}

struct conn *conn_new_dialed(struct loop *l, struct scratch *s, const struct addr *to,
                             const struct conn_conf *conf,
                             struct transport *(*wrap)(void *user, int fd, struct scratch *s),
                             void *user)
{
    int fd = -1;
    int r = sock_connect(to, &fd);
    struct transport *t = fd >= 0 ? wrap(user, fd, s) : NULL;
    struct conn *c = conn_new_connected(l, s, t, to, conf);
    c->error = fd >= 0 && t == NULL ? -ENOMEM : r;
    return c;
}

void conn_set_events(struct conn *c, const struct conn_events *ev, void *user)
{
    c->events = ev;
    c->user = user;
}

void *conn_user(const struct conn *c)
{
    return c->user;
}

void conn_set_conf(struct conn *c, const struct conn_conf *conf)
{
    bool as_before = c->conf.send_ms == conf->send_ms && c->conf.min_rate == conf->min_rate;
    c->conf = *conf;
    if (!as_before)
        pace_set(&c->pace, conf->send_ms, conf->min_rate);
}

void conn_start(struct conn *c)
{
    conn_flow_start(c);
}

void conn_on_ready(struct conn *c, unsigned events)
{
    conn_flow_ready(c, events);
}

static void give_back(struct conn *c)
{
    conn_flow_enter(c, CONN_CLOSED);
    scratch_adopt(c->scratch, &c->orphan, on_orphan_end);
    loop_defer(c->loop, &c->reap);
}

void conn_close(struct conn *c)
{
    if (c->state == CONN_CLOSED)
        return;
    bool orderly = c->state == CONN_OPEN ? c->write_error == 0 : c->alerted;
    bool peer_ended = c->state == CONN_OPEN && c->ended;
    give_back(c);
    if (!orderly)
        return;
    const struct linger_conf conf = { .send_ms = c->conf.send_ms,
                                      .min_rate = c->conf.min_rate,
                                      .peer_ended = peer_ended };
    linger_start(c->loop, c->scratch, c->transport, &conf);
    c->transport = NULL;
}

void conn_abort(struct conn *c)
{
    if (c->alerted) { /* a cut that nobody can overlook, so it may be an orderly one */
        conn_close(c);
        return;
    }
    if (c->state == CONN_CLOSED)
        return;
    if (c->state == CONN_OPEN && c->write_error == 0)
        conn_ops(c)->flush(c->transport);
    give_back(c);
}

void conn_reset(struct conn *c)
{
    int fd = c->state == CONN_OPEN ? conn_ops(c)->fd(c->transport) : -1;
    if (fd >= 0)
        sock_set_abortive(fd);
    conn_abort(c);
}

/* --- what its owner does with it */

size_t conn_write(struct conn *c, struct slice bytes)
{
    assert(c->state >= CONN_OPEN && !c->output_ended);
    if (c->state != CONN_OPEN || c->write_error != 0)
        return 0;
    conn_flow_busy(c);
    conn_ops(c)->write(c->transport, bytes);
    c->dirty = c->wrote = true;
    conn_flow_touch(c);
    return conn_flow_backlog(c);
}

size_t conn_backlog(const struct conn *c)
{
    return conn_flow_backlog(c);
}

void conn_allow_half_close(struct conn *c)
{
    c->half_close = true;
}

void conn_end_output(struct conn *c)
{
    assert(c->half_close);
    if (c->state != CONN_OPEN || c->write_error != 0 || c->output_ended)
        return;
    c->output_ended = true;
    conn_ops(c)->shutdown(c->transport);
    c->dirty = c->wrote = true;
    conn_flow_touch(c);
}

void conn_pause(struct conn *c)
{
    c->paused = true;
    if (c->state != CONN_OPEN)
        return;
    sweep_add(&c->scratch->sweep, c->loop, &c->sweep);
    conn_flow_touch(c);
}

void conn_read_at_most(struct conn *c, size_t bytes)
{
    c->read_max = bytes < SCRATCH_READ_BYTES ? bytes : SCRATCH_READ_BYTES;
    if (!c->bounded || bytes <= SOCK_NEAR_RECEIVE_BYTES)
        return;
    c->bounded = false;
    sock_widen_receive(conn_ops(c)->fd(c->transport));
}

void conn_resume(struct conn *c)
{
    c->paused = false;
    if (conn_flow_hears(c))
        conn_flow_offer_kept(c);
}

void conn_rest(struct conn *c)
{
    if (c->state == CONN_OPEN)
        conn_flow_rest(c);
}

struct loop *conn_loop(const struct conn *c)
{
    return c->loop;
}

const struct addr *conn_peer(const struct conn *c)
{
    return &c->peer;
}

bool conn_local(const struct conn *c, struct addr *ret_addr)
{
    int fd = c->transport != NULL ? conn_ops(c)->fd(c->transport) : -1;
    return fd >= 0 && sock_local(fd, ret_addr) == 0;
}

const struct tls_info *conn_tls(const struct conn *c)
{
    return c->transport != NULL ? conn_ops(c)->tls(c->transport) : NULL;
}

bool conn_connecting(const struct conn *c)
{
    return c->state == CONN_CONNECTING || (c->state == CONN_NEW && c->dialed);
}

const char *conn_why(const struct conn *c)
{
    const char *why = c->transport != NULL ? conn_ops(c)->why(c->transport) : "";
    if (*why == '\0' && c->error < 0)
        why = strerrordesc_np(-c->error);
    return why != NULL ? why : "";
}

int conn_errno(const struct conn *c)
{
    return c->error;
}

bool conn_event_pending(struct conn *c)
{
    return watch_pending(&c->watch);
}

bool conn_readable_now(const struct conn *c)
{
    if (c->state != CONN_OPEN || buf_len(&c->kept) > 0 || conn_ops(c)->has_pending(c->transport))
        return true;
    int fd = conn_ops(c)->fd(c->transport);
    return fd >= 0 && sock_readable_now(fd);
}

const char *conn_end_text(enum conn_end how)
{
    static const char *const texts[] = {
        [CONN_END_FIN] = "fin",
        [CONN_END_CLOSE_NOTIFY] = "close_notify",
        [CONN_END_RESET] = "reset",
        [CONN_END_TRUNCATED] = "truncated",
        [CONN_END_PROTOCOL] = "protocol",
        [CONN_END_REFUSED] = "refused",
        [CONN_END_CONNECT_TIMEOUT] = "connect_timeout",
        [CONN_END_HANDSHAKE_TIMEOUT] = "handshake_timeout",
        [CONN_END_SEND_TIMEOUT] = "send_timeout",
    };
    return texts[how];
}
