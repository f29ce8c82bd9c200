/* SPDX-License-Identifier: Apache-2.0 */
#include "upstream/pool.h"

#include "base/mem.h"
#include "conn/plain.h"

#include <assert.h>
#include <errno.h>

#define HEAD_MAX   65536 /* bytes of a response's head */
#define FIELDS_MAX 256   /* fields of a response */
#define REVIEWS    128   /* connections that one turn looks at, and perhaps closes */

struct pool {
    struct loop *loop;
    struct scratch *scratch;
    struct arena_recycler *arenas;
    struct counters *counters;
    struct link conns; /* every upstream_conn that is not freed yet */
    size_t count;      /* of them */
    size_t to_review;  /* the first so many of them are still to be looked at */
    struct deferred review;
    struct link idle; /* those of any server, the newest first */
    unsigned open;    /* connections, dials among them */
    unsigned room;    /* for them; 0: no bound */
    struct h1_conf h1;
    struct conn *(*dial)(void *user, const struct addr *to, const struct conn_conf *conf);
    void *dial_user;
};

static void on_review(struct deferred *d);

enum use { USE_LENT, USE_IDLE, USE_GONE };
struct upstream_conn { /* an open connection: its codec, and where it belongs */
    struct pool *pool;
    struct server *server; /* a reference: an idle connection outlives its configuration */
    struct codec *codec;
    enum use use;
    struct link in_pool, in_idle; /* in_idle: in server->idle while USE_IDLE */
    struct link in_rest;          /* the same, in pool->idle */
    struct timer idle_timer;
    struct deferred reap;
};

static struct transport *wrap_plain(void *user, int fd, struct scratch *s)
{
    (void)user;
    return plain_new(fd, s);
}

static struct conn *dial_plain(void *user, const struct addr *to, const struct conn_conf *conf)
{
    struct pool *p = user;
    return conn_new_dialed(p->loop, p->scratch, to, conf, wrap_plain, NULL);
}

struct pool *pool_new(struct loop *l, struct scratch *s, struct arena_recycler *r,
                      struct counters *c)
{
    struct pool *p = mem_zalloc(sizeof(*p));
    p->loop = l;
    p->scratch = s;
    p->arenas = r;
    p->counters = c;
    list_init(&p->conns);
    deferred_init(&p->review, on_review);
    list_init(&p->idle);
    pool_set_dial(p, dial_plain, p);
    /* Deadlines are the exchange's, idleness is ours: the codec has none of its own. */
    p->h1 = (struct h1_conf){ .head_max = HEAD_MAX, .fields_max = FIELDS_MAX };
    return p;
}

void pool_set_dial(struct pool *p,
                   struct conn *(*dial)(void *user, const struct addr *to,
                                        const struct conn_conf *conf),
                   void *user)
{
    p->dial = dial;
    p->dial_user = user;
}

/* --- the life of an upstream_conn */

static void leave_idle(struct upstream_conn *u)
{
    list_remove(&u->in_idle);
    list_remove(&u->in_rest);
    u->server->idle_count--;
    timer_stop(&u->idle_timer);
}

/* The one place where the use changes; keeps the server's counts in step. */
static void set_use(struct upstream_conn *u, enum use next)
{
    assert(u->use != USE_GONE);
    if (u->use == USE_IDLE)
        leave_idle(u);
    else if (next != USE_LENT)
        u->server->in_flight--; /* counted by pool_lend */
    u->use = next;
}

static void free_conn(struct upstream_conn *u)
{
    deferred_cancel(&u->reap);
    list_remove(&u->in_pool);
    u->pool->count--;
    server_unref(u->server);
    mem_free(u);
}

static void on_reap(struct deferred *d)
{
    free_conn(CONTAINER_OF(d, struct upstream_conn, reap));
}

static void retire(struct upstream_conn *u)
{
    set_use(u, USE_GONE);
    u->pool->open--;
    loop_defer(u->pool->loop, &u->reap);
}

static void on_codec_gone(struct codec *c)
{
    retire(c->user);
}

static void close_conn(struct upstream_conn *u)
{
    u->codec->ops->close(u->codec); /* no on_gone follows */
    retire(u);
}

static void on_idle_due(struct timer *t)
{
    close_conn(CONTAINER_OF(t, struct upstream_conn, idle_timer));
}

/* Does it lead where the server still is? */
static bool is_listed(const struct upstream_conn *u)
{
    const struct addr *to = conn_peer(u->codec->ops->conn(u->codec));
    const struct server *s = u->server;
    for (size_t i = 0; i < s->addr_count; i++) {
        if (addr_eq(&s->addrs[i], to))
            return true;
    }
    return false;
}

static bool may_rest(const struct upstream_conn *u)
{
    const struct keepalive_conf *k = &u->server->keepalive;
    return k->max > 0 && (k->requests == 0 || u->codec->requests < k->requests) && is_listed(u);
}

static void close_above_max(struct server *s)
{
    while (s->idle_count > s->keepalive.max)
        close_conn(CONTAINER_OF(s->idle.prev, struct upstream_conn, in_idle));
}

static void on_codec_idle(struct codec *c)
{
    struct upstream_conn *u = c->user;
    struct server *s = u->server;
    if (!may_rest(u)) {
        close_conn(u);
        return;
    }
    set_use(u, USE_IDLE);
    list_prepend(&s->idle, &u->in_idle);
    list_prepend(&u->pool->idle, &u->in_rest);
    s->idle_count++;
    if (s->keepalive.idle_ms > 0)
        timer_start(&u->idle_timer, u->pool->loop, s->keepalive.idle_ms);
    close_above_max(s);
}

/* Takes an open connection, lent. */
static struct upstream_conn *conn_adopt(struct lend *l, struct conn *c)
{
    static const struct codec_events events = { .on_idle = on_codec_idle,
                                                .on_gone = on_codec_gone };
    struct pool *p = l->pool;
    struct upstream_conn *u = mem_zalloc(sizeof(*u));
    u->pool = p;
    u->server = server_ref(l->server);
    u->use = USE_LENT;
    list_init(&u->in_idle);
    list_init(&u->in_rest);
    list_append(&p->conns, &u->in_pool);
    p->count++;
    timer_init(&u->idle_timer, on_idle_due);
    deferred_init(&u->reap, on_reap);
    u->codec = h1_client_new(c, &p->h1, p->arenas, &events, u);
    return u;
}

/* Never longer than it had left: reloads in a row keep nothing alive. */
static void bound_rest(struct upstream_conn *u)
{
    uint64_t idle_ms = u->server->keepalive.idle_ms;
    uint64_t due_ms = loop_now_ms(u->pool->loop) + idle_ms;
    if (idle_ms > 0 && (!timer_running(&u->idle_timer) || u->idle_timer.due_ms > due_ms))
        timer_start(&u->idle_timer, u->pool->loop, idle_ms);
}

static void review(struct upstream_conn *u)
{
    if (u->use != USE_IDLE)
        return;
    if (!may_rest(u)) {
        close_conn(u);
        return;
    }
    bound_rest(u);
    close_above_max(u->server);
}

static void on_review(struct deferred *d)
{
    struct pool *p = CONTAINER_OF(d, struct pool, review);
    for (unsigned i = 0; i < REVIEWS && p->to_review > 0 && !list_empty(&p->conns); i++) {
        struct upstream_conn *u = CONTAINER_OF(p->conns.next, struct upstream_conn, in_pool);
        list_remove(&u->in_pool);
        list_append(&p->conns, &u->in_pool); /* to the end: the next ones come to the front */
        p->to_review--;
        review(u);
    }
    if (p->to_review > 0 && !list_empty(&p->conns))
        loop_defer(p->loop, &p->review);
}

void pool_review(struct pool *p)
{
    p->to_review = p->count;
    loop_defer(p->loop, &p->review);
}

void pool_close_idle(struct pool *p)
{
    while (!list_empty(&p->idle))
        close_conn(CONTAINER_OF(p->idle.next, struct upstream_conn, in_rest));
}

void pool_set_room(struct pool *p, unsigned room)
{
    p->room = room;
}

void pool_free(struct pool *p)
{
    if (p == NULL)
        return;
    deferred_cancel(&p->review);
    LIST_EACH (&p->conns, at) {
        struct upstream_conn *u = CONTAINER_OF(at, struct upstream_conn, in_pool);
        if (u->use != USE_GONE)
            close_conn(u);
        free_conn(u);
    }
    mem_free(p);
}

/* --- the life of a wish */

bool pool_lend_running(const struct lend *l)
{
    return l->pool != NULL;
}

/* The caller may be freed inside the call: nothing touches `l` after it. */
static void succeed(struct lend *l, struct stream *s, bool reused)
{
    l->pool = NULL;
    l->on_stream(l, s, reused);
}

static void withdraw(struct lend *l)
{
    l->server->in_flight--;
    l->pool = NULL;
}

/* An event that this turn has still to tell is the end of an idle connection: bytes that were there
 * before the request must not be taken for its answer. What may have come since, only the kernel
 * knows. */
static bool is_dead(struct conn *c, bool peek)
{
    return conn_event_pending(c) || (peek && conn_readable_now(c));
}

/* A stream on the newest idle connection that is alive, or NULL. */
static struct stream *reuse_idle(struct lend *l, bool peek)
{
    struct link *idle = &l->server->idle;
    while (!list_empty(idle)) {
        struct upstream_conn *u = CONTAINER_OF(idle->next, struct upstream_conn, in_idle);
        const struct codec_ops *ops = u->codec->ops;
        bool dead = is_dead(ops->conn(u->codec), peek);
        struct stream *s = dead ? NULL : ops->open(u->codec);
        if (s != NULL) {
            set_use(u, USE_LENT);
            return s;
        }
        close_conn(u);
    }
    return NULL;
}

static void dial_next(struct lend *l, enum lend_failure last, int err);

static enum lend_failure failure_of(enum conn_end how, int err)
{
    if (how == CONN_END_CONNECT_TIMEOUT || how == CONN_END_HANDSHAKE_TIMEOUT)
        return LEND_TIMEOUT;
    switch (-err) {
    case EMFILE:
    case ENFILE:
        return LEND_NO_DESCRIPTOR;
    case ETIMEDOUT:
        return LEND_TIMEOUT;
    case ECONNREFUSED:
    case ECONNRESET:
    case ENOENT: /* no such socket file */
        return LEND_REFUSED;
    default:
        return LEND_UNREACHABLE;
    }
}

static void on_dial_open(struct conn *c)
{
    struct lend *l = conn_user(c);
    struct upstream_conn *u = conn_adopt(l, c);
    struct stream *s = u->codec->ops->open(u->codec);
    assert(s != NULL); /* a new codec carries a request */
    succeed(l, s, false);
}

static void on_dial_end(struct conn *c, enum conn_end how)
{
    struct lend *l = conn_user(c);
    int err = how == CONN_END_CONNECT_TIMEOUT ? -ETIMEDOUT : conn_errno(c);
    conn_abort(c);
    l->dialing = NULL;
    l->pool->open--;
    counter_add(l->pool->counters, COUNTER_UPSTREAM_DIALS_FAILED, 1);
    dial_next(l, failure_of(how, err), err);
}

static void close_oldest_idle(struct pool *p)
{
    if (!list_empty(&p->idle))
        close_conn(CONTAINER_OF(p->idle.prev, struct upstream_conn, in_rest));
}

static void make_room(struct pool *p)
{
    if (p->room > 0 && p->open >= p->room)
        close_oldest_idle(p);
}

static void dial(struct lend *l, const struct addr *to)
{
    static const struct conn_events events = { .on_open = on_dial_open, .on_end = on_dial_end };
    struct pool *p = l->pool;
    uint64_t connect_ms = l->connect_ms > 0 ? l->connect_ms : l->conf->connect_ms;
    const struct conn_conf conf = { .connect_ms = (unsigned)connect_ms,
                                    .send_ms = (unsigned)l->conf->send_ms,
                                    .keep_max = HEAD_MAX };
    counter_add(p->counters, COUNTER_UPSTREAM_DIALS, 1);
    make_room(p);
    p->open++;
    l->dialing = p->dial(p->dial_user, to, &conf);
    conn_set_events(l->dialing, &events, l);
    conn_start(l->dialing);
}

static void on_again(struct deferred *d)
{
    dial_next(CONTAINER_OF(d, struct lend, again), LEND_UNREACHABLE, -EHOSTUNREACH);
}

/* What has ended in this turn of the loop gives its descriptors back at the end of it. */
static void dial_again(struct lend *l)
{
    l->waited = true;
    l->addrs_tried--;
    close_oldest_idle(l->pool);
    loop_defer(l->pool->loop, &l->again);
}

/* Goes on to the next address; without one, fails for the reason that the last one gave. */
static void dial_next(struct lend *l, enum lend_failure last, int err)
{
    struct server *s = l->server;
    if (last == LEND_NO_DESCRIPTOR && !l->waited) {
        dial_again(l);
        return;
    }
    if (l->addrs_tried >= s->addr_count || last == LEND_NO_DESCRIPTOR) {
        withdraw(l);
        l->on_failed(l, last, err);
        return;
    }
    dial(l, &s->addrs[(l->first_addr + l->addrs_tried++) % s->addr_count]);
}

void pool_lend(struct pool *p, struct lend *l, struct server *s, const struct cluster_conf *conf,
               bool fresh, bool peek)
{
    assert(!pool_lend_running(l));
    l->pool = p;
    l->server = s;
    l->conf = conf;
    l->dialing = NULL;
    l->waited = false;
    deferred_init(&l->again, on_again);
    s->in_flight++;

    struct stream *reused = fresh ? NULL : reuse_idle(l, peek);
    if (reused != NULL) {
        counter_add(p->counters, COUNTER_UPSTREAM_REUSED, 1);
        succeed(l, reused, true);
        return;
    }
    l->addrs_tried = 0;
    l->first_addr = s->next_addr++;
    dial_next(l, LEND_UNREACHABLE, -EHOSTUNREACH);
}

void pool_cancel(struct lend *l)
{
    if (!pool_lend_running(l))
        return;
    deferred_cancel(&l->again);
    if (l->dialing != NULL) {
        conn_abort(l->dialing);
        l->dialing = NULL;
        l->pool->open--;
    }
    withdraw(l);
}
