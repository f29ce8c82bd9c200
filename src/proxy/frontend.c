/* SPDX-License-Identifier: Apache-2.0 */
#include "proxy/frontend.h"

#include "base/log.h"
#include "base/mem.h"
#include "conn/plain.h"
#include "conn/tls.h"

#include <linux/tcp.h>

#define KEEP_MIN (64 * 1024) /* bytes that may wait unread on a client connection */

struct frontend {
    struct proxy *proxy;
    struct scratch *scratch;
    struct link doors;
    uint64_t count;
    bool draining;
};

struct door { /* one client connection */
    struct link link;
    struct frontend *frontend;
    struct config_hold config;   /* for its next request */
    struct config_hold newer;    /* all NULL: none. Waits for the end of a handshake, which borrows
                                    from the older one */
    struct transport *transport; /* the conn's; valid until on_open or on_end returns */
    struct conn *conn;           /* while there is no codec yet, which then owns it */
    struct codec *codec;
    struct addr peer;
    uint64_t opened_ms;
    bool drain; /* close as soon as a codec can */
    struct deferred reap;
};

/* --- life */

struct frontend *frontend_new(struct proxy *p, struct scratch *s)
{
    struct frontend *f = mem_zalloc(sizeof *f);
    f->proxy = p;
    f->scratch = s;
    list_init(&f->doors);
    list_init(&p->exchanges);
    return f;
}

static void count(const struct frontend *f, enum counter which)
{
    counter_add(f->proxy->counters, which, 1);
}

static void hold(struct config_hold *to, const struct config_hold *config)
{
    *to = *config;
    to->ref(to->owner);
}

static void let_go(struct config_hold *held)
{
    if (held->unref != NULL)
        held->unref(held->owner);
    *held = (struct config_hold){ 0 };
}

static void door_free(struct door *d)
{
    deferred_cancel(&d->reap);
    list_remove(&d->link);
    mem_free(d);
}

static void on_reap(struct deferred *r)
{
    door_free(CONTAINER_OF(r, struct door, reap));
}

/* The connection is over, or somebody else's to end. */
static void door_close(struct door *d)
{
    struct frontend *f = d->frontend;
    d->codec = NULL;
    d->conn = NULL;
    let_go(&d->config);
    let_go(&d->newer);
    f->count--;
    count(f, COUNTER_CONNECTIONS_CLOSED);
    loop_defer(f->proxy->loop, &d->reap);
}

static bool is_closed(const struct door *d)
{
    return d->codec == NULL && d->conn == NULL;
}

void frontend_free(struct frontend *f)
{
    if (f == NULL)
        return;
    exchange_end_all(f->proxy);
    LIST_EACH (&f->doors, at) {
        struct door *d = CONTAINER_OF(at, struct door, link);
        if (d->codec != NULL)
            d->codec->ops->close(d->codec);
        else if (d->conn != NULL)
            conn_abort(d->conn);
        if (!is_closed(d))
            door_close(d);
        door_free(d);
    }
    mem_free(f);
}

uint64_t frontend_connections(const struct frontend *f)
{
    return f->count;
}

/* --- the codec's events */

static void on_stream(struct codec *c, struct stream *s)
{
    struct door *d = c->user;
    exchange_begin(d->frontend->proxy, &d->config, s);
}

static void on_gone(struct codec *c)
{
    door_close(c->user);
}

static const struct codec_events codec_events = { .on_stream = on_stream, .on_gone = on_gone };

/* --- from connection to codec */

static void count_handshake(const struct frontend *f, const struct tls_info *tls)
{
    if (tls == NULL)
        return;
    count(f, COUNTER_HANDSHAKES);
    if (tls->resumed)
        count(f, COUNTER_HANDSHAKES_RESUMED);
}

static void take_newer(struct door *d)
{
    if (d->newer.listener == NULL)
        return;
    let_go(&d->config);
    d->config = d->newer;
    d->newer = (struct config_hold){ 0 };
}

static void on_open(struct conn *c)
{
    struct door *d = conn_user(c);
    struct frontend *f = d->frontend;
    count_handshake(f, conn_tls(c));
    take_newer(d);
    d->conn = NULL;
    /* ALPN offers nothing but http/1.1 as yet */
    d->codec = h1_server_new(c, &d->config.listener->h1, f->proxy->arenas, &codec_events, d);
    if (d->drain || f->draining)
        d->codec->ops->drain(d->codec);
}

static const char *reason_text(const struct conn *c, enum conn_end how)
{
    if (how == CONN_END_HANDSHAKE_TIMEOUT)
        return "not done in time";
    const char *why = conn_why(c);
    return why[0] != '\0' ? why : conn_end_text(how);
}

/* Port scans and health checks connect and leave; that is no handshake. */
static bool said_nothing(const struct door *d)
{
    struct tcp_info info = { 0 };
    socklen_t len = sizeof info;
    int fd = d->transport->ops->fd(d->transport);
    if (fd < 0 || getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &len) < 0)
        return false;
    return info.tcpi_bytes_received <= 1; /* a FIN counts as one */
}

static void log_failed_handshake(const struct door *d, const struct conn *c, enum conn_end how)
{
    char peer[ADDR_TEXT_MAX];
    const struct tls_info *tls = conn_tls(c);
    const char *sni = tls != NULL && tls->sni != NULL ? tls->sni : "";
    uint64_t ms = loop_now_ms(d->frontend->proxy->loop) - d->opened_ms;
    log_warn("tls handshake failed: %s sni=%s client=%s ms=%llu", reason_text(c, how),
             sni[0] != '\0' ? sni : "-", addr_text(&d->peer, peer), (unsigned long long)ms);
}

/* Before any codec: the handshake failed. On a plain listener there is none to fail. */
static void on_end(struct conn *c, enum conn_end how)
{
    struct door *d = conn_user(c);
    bool left = how == CONN_END_FIN || how == CONN_END_RESET || how == CONN_END_TRUNCATED;
    if (d->config.listener->sni != NULL && !(left && said_nothing(d))) {
        count(d->frontend, COUNTER_HANDSHAKES_FAILED);
        log_failed_handshake(d, c, how);
    }
    conn_abort(c);
    door_close(d);
}

static size_t on_data(struct conn *c, struct slice bytes)
{
    return 0; /* kept for the codec */
}

static void on_flushed(struct conn *c)
{
}

static const struct conn_events conn_events = {
    .on_open = on_open, .on_data = on_data, .on_flushed = on_flushed, .on_end = on_end
};

static struct conn_conf conn_conf_of(const struct listener_conf *l)
{
    size_t keep = (size_t)l->h1.head_max;
    return (struct conn_conf){
        .handshake_ms = (unsigned)l->timeouts.handshake,
        .send_ms = (unsigned)l->timeouts.send,
        .keep_max = keep > KEEP_MIN ? keep : KEEP_MIN,
    };
}

void frontend_accept(struct frontend *f, const struct config_hold *config, int fd,
                     const struct addr *peer)
{
    const struct listener_conf *l = config->listener;
    struct conn_conf conf = conn_conf_of(l);
    count(f, COUNTER_CONNECTIONS_ACCEPTED);
    struct transport *t =
        l->sni != NULL ? tls_accept_new(fd, f->scratch, l->sni) : plain_new(fd, f->scratch);
    if (t == NULL) {
        count(f, COUNTER_CONNECTIONS_CLOSED);
        return;
    }

    struct door *d = mem_zalloc(sizeof *d);
    d->frontend = f;
    hold(&d->config, config);
    d->peer = *peer;
    d->opened_ms = loop_now_ms(f->proxy->loop);
    d->transport = t;
    deferred_init(&d->reap, on_reap);
    list_append(&f->doors, &d->link);
    f->count++;
    d->conn = conn_new_accepted(f->proxy->loop, f->scratch, t, peer, &conf);
    conn_set_events(d->conn, &conn_events, d);
    conn_start(d->conn);
}

/* --- reload and drain */

static void door_drain(struct door *d)
{
    d->drain = true;
    if (d->codec != NULL)
        d->codec->ops->drain(d->codec);
}

static void door_replace_config(struct door *d, const struct config_hold *to)
{
    if (d->codec == NULL) {
        let_go(&d->newer);
        hold(&d->newer, to);
        return;
    }
    struct config_hold old = d->config;
    hold(&d->config, to);
    h1_set_conf(d->codec, &to->listener->h1);
    let_go(&old);
}

static const struct config_hold *newest_of(const struct door *d)
{
    return d->newer.listener != NULL ? &d->newer : &d->config;
}

void frontend_replace_config(struct frontend *f, const struct listener_conf *from,
                             const struct config_hold *to)
{
    LIST_EACH (&f->doors, at) {
        struct door *d = CONTAINER_OF(at, struct door, link);
        if (is_closed(d) || newest_of(d)->listener != from)
            continue;
        if (to == NULL)
            door_drain(d);
        else
            door_replace_config(d, to);
    }
}

void frontend_drain(struct frontend *f)
{
    f->draining = true;
    LIST_EACH (&f->doors, at) {
        struct door *d = CONTAINER_OF(at, struct door, link);
        if (!is_closed(d))
            door_drain(d);
    }
}
