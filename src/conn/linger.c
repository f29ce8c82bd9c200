/* SPDX-License-Identifier: Apache-2.0 */
#include "conn/linger.h"

#include "base/mem.h"
#include "conn/pace.h"

#include <errno.h>
#include <sys/socket.h>

struct lingering {
    struct orphan orphan;
    struct loop *loop;
    struct scratch *scratch;
    struct transport *transport;
    struct watch watch;
    struct deferred begin;
    struct pace pace;      /* while sending */
    struct timer deadline; /* while discarding */
    size_t discarded;      /* bytes */
    bool sending;          /* else discarding */
    bool peer_ended;       /* nothing more will come */
};

static void linger_free(struct lingering *g)
{
    list_remove(&g->orphan.link);
    deferred_cancel(&g->begin);
    timer_stop(&g->deadline);
    pace_stop(&g->pace);
    watch_done(&g->watch);
    transport_free(g->transport);
    mem_free(g);
}

static void on_orphan_end(struct orphan *o)
{
    linger_free(CONTAINER_OF(o, struct lingering, orphan));
}

static void on_deadline(struct timer *t)
{
    linger_free(CONTAINER_OF(t, struct lingering, deadline));
}

static void on_late(struct pace *p)
{
    linger_free(CONTAINER_OF(p, struct lingering, pace));
}

static void begin_discarding(struct lingering *g)
{
    if (g->peer_ended || g->transport->ops->fd(g->transport) < 0) {
        linger_free(g);
        return;
    }
    g->sending = false;
    pace_stop(&g->pace);
    timer_start(&g->deadline, g->loop, LINGER_MS);
    watch_set(&g->watch, WATCH_READ);
}

static void go_on_sending(struct lingering *g)
{
    const struct transport_ops *ops = g->transport->ops;
    size_t before = ops->backlog(g->transport);
    int r = ops->flush(g->transport);
    size_t left = ops->backlog(g->transport);
    if (r < 0 || (left > 0 && ops->fd(g->transport) < 0)) {
        linger_free(g);
        return;
    }
    if (left == 0) {
        begin_discarding(g);
        return;
    }
    pace_drained(&g->pace, before > left ? before - left : 0);
    pace_start(&g->pace, ops->fd(g->transport));
    watch_set(&g->watch, WATCH_WRITE);
}

/* On TCP, MSG_TRUNC drops the bytes without copying them (tcp(7)). */
static void discard(struct lingering *g)
{
    int fd = g->transport->ops->fd(g->transport);
    ssize_t n = recv(fd, g->scratch->read, SCRATCH_READ_BYTES, MSG_TRUNC | MSG_DONTWAIT);
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    g->discarded += n > 0 ? (size_t)n : 0;
    if (n <= 0 || g->discarded > LINGER_BYTES)
        linger_free(g);
}

static void on_ready(struct watch *w, unsigned events)
{
    struct lingering *g = CONTAINER_OF(w, struct lingering, watch);
    if (g->sending)
        go_on_sending(g);
    else
        discard(g);
}

static void on_begin(struct deferred *d)
{
    struct lingering *g = CONTAINER_OF(d, struct lingering, begin);
    g->transport->ops->shutdown(g->transport);
    go_on_sending(g);
}

void linger_start(struct loop *l, struct scratch *s, struct transport *t,
                  const struct linger_conf *conf)
{
    struct lingering *g = mem_zalloc(sizeof *g);
    g->loop = l;
    g->scratch = s;
    g->transport = t;
    g->peer_ended = conf->peer_ended;
    g->sending = true;
    watch_init(&g->watch, l, t->ops->fd(t), on_ready);
    timer_init(&g->deadline, on_deadline);
    pace_init(&g->pace, l, conf->send_ms, conf->min_rate, on_late);
    deferred_init(&g->begin, on_begin);
    scratch_adopt(s, &g->orphan, on_orphan_end);
    loop_after(l, &g->begin);
}
