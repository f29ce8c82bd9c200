/* SPDX-License-Identifier: Apache-2.0 */
#include "pipeline.h"

#include "../unit/server/config_fixture.h"
#include "base/mem.h"
#include "conn/conn.h"
#include "proxy/frontend.h"
#include "reading.h"
#include "server/config_build.h"
#include "transcript.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#define QUIET_TURNS 6 /* without a byte moving: more than any chain of deferred work is long */

struct pipeline {
    struct fixture fixture;
    struct loop *loop;
    struct scratch scratch;
    struct arena_recycler arenas;
    struct counters counters;
    struct proxy proxy;
    struct frontend *frontend;
    struct config_hold *entrances; /* one a listener */
    struct link origins;
    bool mute, bodies;
    uint64_t moved; /* grows with every byte and every end: see progress() */
    int log_fd;
    struct buf records;
};

/* --- life */

static struct conn *dial(void *user, const struct addr *to, const struct conn_conf *conf)
{
    struct pipeline *p = user;
    struct peer *origin = mem_zalloc(sizeof *origin);
    origin->pipeline = p;
    origin->fake = fake_new();
    origin->conn = conn_new_connected(p->loop, &p->scratch, &origin->fake->transport, to, conf);
    list_append(&p->origins, &origin->link);
    p->moved++;
    return origin->conn;
}

static void hold_ref(void *owner)
{
    config_ref(owner);
}

static void hold_unref(void *owner)
{
    config_unref(owner);
}

static const struct config_hold_ops hold_ops = { hold_ref, hold_unref };

static void build(struct pipeline *p, const char *configuration)
{
    fixture_open(&p->fixture);
    fixture_build(&p->fixture, configuration);
    struct config *c = p->fixture.config;
    if (c == NULL) {
        fprintf(stderr, "configuration: %s\n", fixture_first(&p->fixture, DIAG_ERROR));
        abort();
    }
    config_use(c);
    p->entrances = mem_array(c->listener_count, sizeof *p->entrances);
    for (size_t i = 0; i < c->listener_count; i++)
        p->entrances[i] =
            (struct config_hold){ &c->listeners[i], &c->listeners[i].addrs[0], c, &hold_ops };
    config_use(c);
}

struct pipeline *pipeline_new(const char *configuration)
{
    struct pipeline *p = mem_zalloc(sizeof *p);
    build(p, configuration);
    list_init(&p->origins);
    p->bodies = true;
    p->log_fd = memfd_create("records", MFD_CLOEXEC);
    p->loop = loop_new();
    scratch_init(&p->scratch);
    arena_recycler_init(&p->arenas, 64);
    p->proxy = (struct proxy){
        .loop = p->loop,
        .arenas = &p->arenas,
        .pool = pool_new(p->loop, &p->scratch, &p->arenas, &p->counters),
        .access_log = access_log_new(p->loop, p->log_fd, ACCESS_JSON, &p->counters),
        .counters = &p->counters,
    };
    pool_set_dial(p->proxy.pool, dial, p);
    p->frontend = frontend_new(&p->proxy, &p->scratch);
    return p;
}

static void turn_out(struct pipeline *p)
{
    for (unsigned i = 0; i < QUIET_TURNS; i++)
        loop_turn(p->loop, false);
}

void pipeline_free(struct pipeline *p)
{
    frontend_free(p->frontend);
    turn_out(p);
    pool_free(p->proxy.pool);
    turn_out(p);
    origins_forget(p);
    assert(list_empty(&p->origins));
    access_log_free(p->proxy.access_log);
    arena_recycler_done(&p->arenas);
    scratch_done(&p->scratch);
    loop_free(p->loop);
    mem_free(p->entrances);
    fixture_close(&p->fixture);
    buf_done(&p->records);
    close(p->log_fd);
    mem_free(p);
}

/* --- peers */

static void peer_free(struct peer *peer)
{
    list_remove(&peer->link);
    fake_free(peer->fake);
    mem_free(peer);
}

struct peer *client_open(struct pipeline *p, unsigned entrance)
{
    struct peer *client = mem_zalloc(sizeof *client);
    struct addr from;
    addr_parse(SLICE(TRANSCRIPT_CLIENT ":4711"), &from);
    assert(entrance < p->fixture.config->listener_count);
    list_init(&client->link);
    client->pipeline = p;
    client->fake = fake_new();
    client->conn =
        frontend_adopt(p->frontend, &p->entrances[entrance], &client->fake->transport, &from);
    return client;
}

static void make_ready(struct peer *peer)
{
    if (!peer->fake->freed)
        conn_on_ready(peer->conn, WATCH_READ);
}

void peer_say(struct peer *peer, struct slice bytes)
{
    fake_says(peer->fake, bytes);
    make_ready(peer);
    pipeline_turn(peer->pipeline);
}

void peer_end(struct peer *peer, int how)
{
    fake_ends(peer->fake, how);
    make_ready(peer);
    pipeline_turn(peer->pipeline);
}

struct slice peer_heard(const struct peer *peer)
{
    return fake_sent(peer->fake);
}

bool peer_gone(const struct peer *peer)
{
    return peer->fake->freed;
}

bool peer_cut(const struct peer *peer)
{
    return peer->fake->freed && !peer->fake->shut;
}

void client_close(struct peer *client)
{
    struct pipeline *p = client->pipeline;
    if (!peer_gone(client))
        peer_end(client, 0);
    pipeline_settle(p);
    assert(peer_gone(client));
    peer_free(client);
}

/* --- origins */

static void answer(struct peer *origin, const struct reading *asked)
{
    struct buf text;
    buf_init(&text);
    size_t len = origin->pipeline->bodies ? asked->target.len : 0;
    buf_printf(&text, "HTTP/1.1 200 OK\r\nContent-Length: %zu\r\n\r\n", len);
    if (!slice_eq(asked->method, SLICE("HEAD")))
        buf_append(&text, slice_first(asked->target, len));
    fake_says(origin->fake, buf_view(&text));
    buf_done(&text);
    make_ready(origin);
}

/* One request at a time: the codec sends the next when it has the answer. */
static void serve(struct peer *origin)
{
    struct slice news = slice_from(peer_heard(origin), origin->answered);
    struct reading r;
    if (news.len == 0 || peer_gone(origin))
        return;
    reading_request(&r, news);
    if (r.end == READING_WHOLE) {
        origin->answered += r.used;
        answer(origin, &r);
    }
    reading_done(&r);
}

struct peer *origin_first(struct pipeline *p)
{
    return list_empty(&p->origins) ? NULL : CONTAINER_OF(p->origins.next, struct peer, link);
}

struct peer *origin_next(struct pipeline *p, const struct peer *origin)
{
    const struct link *next = origin->link.next;
    return next != &p->origins ? CONTAINER_OF(next, struct peer, link) : NULL;
}

void pipeline_set_origins(struct pipeline *p, bool mute, bool bodies)
{
    for (struct peer *o = origin_first(p); o != NULL && p->mute; o = origin_next(p, o))
        o->answered = peer_heard(o).len;
    p->mute = mute;
    p->bodies = bodies;
}

void origins_forget(struct pipeline *p)
{
    LIST_EACH (&p->origins, at) {
        struct peer *origin = CONTAINER_OF(at, struct peer, link);
        fake_forget_sent(origin->fake);
        origin->answered = 0;
        if (peer_gone(origin))
            peer_free(origin);
    }
}

void pipeline_close_idle(struct pipeline *p)
{
    pool_close_idle(p->proxy.pool);
    pipeline_settle(p);
}

/* --- turning */

void pipeline_turn(struct pipeline *p)
{
    loop_turn(p->loop, false);
    for (struct peer *o = origin_first(p); o != NULL && !p->mute; o = origin_next(p, o))
        serve(o);
}

/* Anything that can be seen from outside; every turn that does something changes it sooner or
 * later. */
static uint64_t progress(struct pipeline *p)
{
    uint64_t sum = p->moved + frontend_connections(p->frontend) + p->proxy.in_flight;
    for (struct peer *o = origin_first(p); o != NULL; o = origin_next(p, o))
        sum += peer_heard(o).len + o->fake->freed + o->answered;
    return sum;
}

void pipeline_settle(struct pipeline *p)
{
    uint64_t before = progress(p);
    for (unsigned quiet = 0; quiet < QUIET_TURNS; quiet++) {
        pipeline_turn(p);
        uint64_t now = progress(p);
        if (now != before)
            quiet = 0;
        before = now;
    }
}

/* --- what is left */

const char *pipeline_records(struct pipeline *p)
{
    access_log_flush(p->proxy.access_log);
    buf_clear(&p->records);
    off_t len = lseek(p->log_fd, 0, SEEK_CUR);
    char *text = buf_reserve(&p->records, (size_t)len + 1);
    ssize_t n = pread(p->log_fd, text, (size_t)len, 0);
    assert(n == len);
    text[n] = '\0';
    if (lseek(p->log_fd, 0, SEEK_SET) < 0 || ftruncate(p->log_fd, 0) < 0)
        abort();
    return text;
}

uint64_t pipeline_alive(const struct pipeline *p)
{
    const struct config *c = p->fixture.config;
    uint64_t sum = frontend_connections(p->frontend) + p->proxy.in_flight;
    for (size_t i = 0; i < c->cluster_count; i++) {
        struct cluster_walk w;
        struct arena a;
        arena_init(&a, NULL);
        cluster_walk_start(&w, c->clusters[i], SLICE(""), &a);
        for (struct server *s; (s = cluster_walk_next(&w, NULL)) != NULL;)
            sum += s->in_flight;
        arena_done(&a);
    }
    return sum;
}

uint64_t pipeline_count(const struct pipeline *p, enum counter which)
{
    return counter_read(&p->counters, which);
}
