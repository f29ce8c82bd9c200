/* SPDX-License-Identifier: Apache-2.0 */
#include "proxy/frontend.h"

#include "base/log.h"
#include "base/mem.h"
#include "conn/plain.h"
#include "conn/tls.h"

#include <linux/tcp.h>

#define KEEP_MIN (64 * 1024) /* bytes that may wait unread on a client connection */
#define DRAINS   32          /* connections that one turn of the loop ends: some two milliseconds */

struct frontend {
    struct proxy *proxy;
    struct scratch *scratch;
    struct link conns;
    uint64_t count;
    bool draining;
    struct link to_drain; /* those whose codec has still to be told */
    struct deferred drain;
};

struct client_conn { /* from accept to its end */
    struct link link;
    struct link in_drain; /* in to_drain */
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

static void on_drain(struct deferred *d);

struct frontend *frontend_new(struct proxy *p, struct scratch *s)
{
    struct frontend *f = mem_zalloc(sizeof *f);
    f->proxy = p;
    f->scratch = s;
    list_init(&f->conns);
    list_init(&f->to_drain);
    deferred_init(&f->drain, on_drain);
    list_init(&p->exchanges);
    door_open(&p->door, p->loop, s, p->census, p->counters);
    return f;
}

static void count(const struct frontend *f, enum counter which)
{
    counter_add(f->proxy->counters, which, 1);
}

static void hold(struct config_hold *to, const struct config_hold *config)
{
    *to = *config;
    to->ops->ref(to->owner);
}

static void let_go(struct config_hold *held)
{
    if (held->ops != NULL)
        held->ops->unref(held->owner);
    *held = (struct config_hold){ 0 };
}

static void client_conn_free(struct client_conn *cc)
{
    deferred_cancel(&cc->reap);
    list_remove(&cc->link);
    mem_free(cc);
}

static void on_reap(struct deferred *r)
{
    client_conn_free(CONTAINER_OF(r, struct client_conn, reap));
}

/* The connection is over, or somebody else's to end. */
static void client_conn_close(struct client_conn *cc)
{
    struct frontend *f = cc->frontend;
    cc->codec = NULL;
    cc->conn = NULL;
    list_remove(&cc->in_drain);
    let_go(&cc->config);
    let_go(&cc->newer);
    f->count--;
    count(f, COUNTER_CONNECTIONS_CLOSED);
    loop_defer(f->proxy->loop, &cc->reap);
}

static bool is_closed(const struct client_conn *cc)
{
    return cc->codec == NULL && cc->conn == NULL;
}

void frontend_free(struct frontend *f)
{
    if (f == NULL)
        return;
    door_close(&f->proxy->door);
    deferred_cancel(&f->drain);
    exchange_end_all(f->proxy);
    LIST_EACH (&f->conns, at) {
        struct client_conn *cc = CONTAINER_OF(at, struct client_conn, link);
        if (cc->codec != NULL)
            cc->codec->ops->close(cc->codec);
        else if (cc->conn != NULL)
            conn_abort(cc->conn);
        if (!is_closed(cc))
            client_conn_close(cc);
        client_conn_free(cc);
    }
    mem_free(f);
}

uint64_t frontend_connections(const struct frontend *f)
{
    return f->count;
}

static struct conn_conf conn_conf_of(const struct listener_conf *l)
{
    size_t keep = (size_t)l->h1.head_max;
    return (struct conn_conf){
        .handshake_ms = (unsigned)l->timeouts.handshake,
        .send_ms = (unsigned)l->timeouts.send,
        .min_rate = l->min_rate,
        .keep_max = keep > KEEP_MIN ? keep : KEEP_MIN,
    };
}

void frontend_set_room(struct frontend *f, unsigned room)
{
    f->proxy->door.room = room;
}

unsigned frontend_room(const struct frontend *f)
{
    unsigned room = door_room(&f->proxy->door);
    return room > 1 && ration_is_short(&f->scratch->handshakes) ? 1 : room;
}

/* --- the codec's events */

/* Its next answer is the last one, if that is still to be said. */
static void tell_drain(struct client_conn *cc)
{
    if (list_empty(&cc->in_drain))
        return;
    list_remove(&cc->in_drain);
    cc->codec->ops->drain(cc->codec);
}

static void on_stream(struct codec *c, struct stream *s)
{
    struct client_conn *cc = c->user;
    const struct conn_conf conf = conn_conf_of(cc->config.listener);
    conn_set_conf(c->ops->conn(c), &conf); /* a reload may have changed it */
    tell_drain(cc);
    exchange_begin(cc->frontend->proxy, &cc->config, s);
}

static void on_gone(struct codec *c)
{
    client_conn_close(c->user);
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

static void take_newer(struct client_conn *cc)
{
    if (cc->newer.listener == NULL)
        return;
    let_go(&cc->config);
    cc->config = cc->newer;
    cc->newer = (struct config_hold){ 0 };
}

static void on_open(struct conn *c)
{
    struct client_conn *cc = conn_user(c);
    struct frontend *f = cc->frontend;
    count_handshake(f, conn_tls(c));
    take_newer(cc);
    cc->conn = NULL;
    /* ALPN offers nothing but http/1.1 as yet */
    cc->codec = h1_server_new(c, &cc->config.listener->h1, f->proxy->arenas, &codec_events, cc);
    if (cc->drain || f->draining)
        cc->codec->ops->drain(cc->codec);
}

static const char *reason_text(const struct conn *c, enum conn_end how)
{
    if (how == CONN_END_HANDSHAKE_TIMEOUT)
        return "not done in time";
    const char *why = conn_why(c);
    return why[0] != '\0' ? why : conn_end_text(how);
}

/* Port scans and health checks connect and leave; that is no handshake. */
static bool said_nothing(const struct client_conn *cc)
{
    struct tcp_info info = { 0 };
    socklen_t len = sizeof info;
    int fd = cc->transport->ops->fd(cc->transport);
    if (fd < 0 || getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &len) < 0)
        return false;
    return info.tcpi_bytes_received <= 1; /* a FIN counts as one */
}

static void log_failed_handshake(const struct client_conn *cc, const struct conn *c,
                                 enum conn_end how)
{
    char peer[ADDR_TEXT_MAX];
    const struct tls_info *tls = conn_tls(c);
    const char *sni = tls != NULL && tls->sni != NULL ? tls->sni : "";
    uint64_t ms = loop_now_ms(cc->frontend->proxy->loop) - cc->opened_ms;
    log_warn("tls handshake failed: %s sni=%s client=%s ms=%llu", reason_text(c, how),
             sni[0] != '\0' ? sni : "-", addr_text(&cc->peer, peer), (unsigned long long)ms);
}

/* Before any codec: the handshake failed. On a plain listener there is none to fail. */
static void on_end(struct conn *c, enum conn_end how)
{
    struct client_conn *cc = conn_user(c);
    bool left = how == CONN_END_FIN || how == CONN_END_RESET || how == CONN_END_TRUNCATED;
    if (cc->config.listener->sni != NULL && !(left && said_nothing(cc))) {
        count(cc->frontend, COUNTER_HANDSHAKES_FAILED);
        log_failed_handshake(cc, c, how);
    }
    conn_close(c); /* lets an alert reach the client */
    client_conn_close(cc);
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

struct conn *frontend_adopt(struct frontend *f, const struct config_hold *config,
                            struct transport *t, const struct addr *peer)
{
    struct conn_conf conf = conn_conf_of(config->listener);
    count(f, COUNTER_CONNECTIONS_ACCEPTED);
    struct client_conn *cc = mem_zalloc(sizeof *cc);
    cc->frontend = f;
    hold(&cc->config, config);
    cc->peer = *peer;
    cc->opened_ms = loop_now_ms(f->proxy->loop);
    cc->transport = t;
    deferred_init(&cc->reap, on_reap);
    list_init(&cc->in_drain);
    list_append(&f->conns, &cc->link);
    f->count++;
    struct conn *c = conn_new_accepted(f->proxy->loop, f->scratch, t, peer, &conf);
    cc->conn = c;
    cc->drain = config->at == NULL;
    conn_set_events(c, &conn_events, cc);
    conn_start(c);
    return c;
}

void frontend_accept(struct frontend *f, const struct config_hold *config, int fd,
                     const struct addr *peer)
{
    const struct tls_sni *sni = config->listener->sni;
    struct place *place;
    if (door_admit(&f->proxy->door, config->listener, fd, peer, &place) < 0)
        return;
    struct transport *t =
        sni != NULL ? tls_accept_new(fd, f->scratch, sni) : plain_new(fd, f->scratch);
    if (t != NULL) {
        place_bind(place, t);
        frontend_adopt(f, config, t, peer);
        return;
    }
    place_give_back(place);
    count(f, COUNTER_CONNECTIONS_ACCEPTED);
    count(f, COUNTER_CONNECTIONS_CLOSED);
}

/* --- reload and drain */

/* Ending an idle TLS connection takes a record and some system calls: thousands of them at once
 * would hold everybody else up for a quarter of a second. */
static void on_drain(struct deferred *d)
{
    struct frontend *f = CONTAINER_OF(d, struct frontend, drain);
    for (unsigned i = 0; i < DRAINS && !list_empty(&f->to_drain); i++)
        tell_drain(CONTAINER_OF(f->to_drain.next, struct client_conn, in_drain));
    if (!list_empty(&f->to_drain))
        loop_defer(f->proxy->loop, &f->drain);
}

static void client_conn_drain(struct client_conn *cc)
{
    struct frontend *f = cc->frontend;
    bool known = cc->drain;
    cc->drain = true;
    if (cc->codec == NULL || known)
        return;
    list_append(&f->to_drain, &cc->in_drain);
    loop_defer(f->proxy->loop, &f->drain);
}

static const struct config_hold *newest_of(const struct client_conn *cc)
{
    return cc->newer.listener != NULL ? &cc->newer : &cc->config;
}

static void client_conn_take(struct client_conn *cc, const struct config_hold *to)
{
    struct config_hold *held = cc->codec != NULL ? &cc->config : &cc->newer;
    struct config_hold old = *held;
    hold(held, to);
    if (cc->codec != NULL)
        h1_set_conf(cc->codec, &to->listener->h1);
    let_go(&old);
}

static bool may_follow(const struct config_hold *from, const struct config_hold *to)
{
    return (from->listener->sni != NULL) == (to->listener->sni != NULL);
}

void frontend_replace_config(struct frontend *f,
                             bool (*find)(void *user, const struct config_hold *from,
                                          struct config_hold *ret_to),
                             void *user)
{
    LIST_EACH (&f->conns, at) {
        struct client_conn *cc = CONTAINER_OF(at, struct client_conn, link);
        const struct config_hold *from = newest_of(cc);
        struct config_hold to;
        if (is_closed(cc) || cc->drain)
            continue;
        if (find(user, from, &to) && may_follow(from, &to))
            client_conn_take(cc, &to);
        else
            client_conn_drain(cc);
    }
}

void frontend_drain(struct frontend *f)
{
    f->draining = true;
    LIST_EACH (&f->conns, at) {
        struct client_conn *cc = CONTAINER_OF(at, struct client_conn, link);
        if (!is_closed(cc))
            client_conn_drain(cc);
    }
}
