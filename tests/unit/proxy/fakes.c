/* SPDX-License-Identifier: Apache-2.0 */
#include "fakes.h"

#include <assert.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>

struct fake_world world;

/* --- streams */

static void did(struct fake_stream *s, const char *format, ...)
{
    size_t len = strlen(s->did);
    va_list args;
    assert(!s->over);
    va_start(args, format);
    vsnprintf(s->did + len, sizeof s->did - len, format, args);
    va_end(args);
}

static const char *gap(const struct fake_stream *s)
{
    return s->did[0] != '\0' ? " " : "";
}

static int fake_send_head(struct stream *base, const struct message *m, enum head_kind kind,
                          bool end)
{
    struct fake_stream *s = (struct fake_stream *)base;
    static const char *const kinds[] = { "interim", "head", "tunnel" };
    if (s->head_result < 0)
        return s->head_result;
    if (kind == HEAD_TUNNEL && m->upgrade.len == 0)
        return -EINVAL;
    const char *point = end ? "." : "";
    if (m->status == 0)
        did(s, "%s%.*s%s", gap(s), SLICE_ARG(m->method), point);
    else
        did(s, "%s%s=%u%s", gap(s), kinds[kind], m->status, point);
    s->last = *m;
    s->sent.count = 0;
    for (size_t i = 0; i < m->fields.count; i++)
        fields_add(&s->sent, arena_copy(&s->arena, m->fields.list[i].name),
                   arena_copy(&s->arena, m->fields.list[i].value));
    return 0;
}

static size_t fake_send_body(struct stream *base, struct slice bytes, bool end)
{
    struct fake_stream *s = (struct fake_stream *)base;
    did(s, "%sbody=%.*s%s", gap(s), SLICE_ARG(bytes), end ? "." : "");
    base->bytes_out += bytes.len;
    return s->waiting;
}

static int fake_send_trailers(struct stream *base, const struct fields *f)
{
    struct fake_stream *s = (struct fake_stream *)base;
    if (s->trailers_result < 0)
        return s->trailers_result;
    did(s, "%strailers=%zu.", gap(s), f->count);
    return 0;
}

static void fake_grant(struct stream *base, size_t bytes)
{
    struct fake_stream *s = (struct fake_stream *)base;
    assert(!s->over);
    s->granted += bytes;
}

static void fake_reset(struct stream *base, enum reset_reason why, uint32_t wire_code)
{
    struct fake_stream *s = (struct fake_stream *)base;
    did(s, "%sreset", gap(s));
    s->over = true;
}

static struct conn *fake_conn(const struct stream *s)
{
    return NULL;
}

static enum refusal fake_refusal(const struct stream *s)
{
    return ((const struct fake_stream *)s)->odd;
}

static const struct stream_ops fake_ops = {
    .send_head = fake_send_head,
    .send_body = fake_send_body,
    .send_trailers = fake_send_trailers,
    .grant = fake_grant,
    .reset = fake_reset,
    .conn = fake_conn,
    .refusal = fake_refusal,
};

void fake_stream_init(struct fake_stream *s)
{
    *s = (struct fake_stream){ .base.ops = &fake_ops, .odd = REFUSAL_CHUNK_SIZE_NOT_HEX };
    arena_init(&s->arena, NULL);
    fields_init(&s->sent, &s->arena);
}

void fake_stream_done(struct fake_stream *s)
{
    arena_done(&s->arena);
}

/* --- conn */

const struct addr *conn_peer(const struct conn *c)
{
    return &world.peer;
}

const char *conn_why(const struct conn *c)
{
    return "bad_record_mac";
}

const struct tls_info *conn_tls(const struct conn *c)
{
    return world.tls;
}

/* --- TLS */

char fake_shop_tls, fake_api_tls;

struct tls_ctx *tls_sni_find(const struct tls_sni *s, struct slice name)
{
    if (slice_eq(name, SLICE("shop.test")))
        return (struct tls_ctx *)&fake_shop_tls;
    return slice_eq(name, SLICE("api.test")) ? (struct tls_ctx *)&fake_api_tls : NULL;
}

struct tls_ctx *tls_sni_first(const struct tls_sni *s)
{
    return (struct tls_ctx *)&fake_shop_tls;
}

bool tls_ctx_same_policy(const struct tls_ctx *a, const struct tls_ctx *b)
{
    return a == b || world.same_policy;
}

/* --- pool */

void fake_lend_now(struct lend *l, enum fake_lend how)
{
    static const enum lend_failure failures[] = {
        [FAKE_REFUSED] = LEND_REFUSED,
        [FAKE_TIMEOUT] = LEND_TIMEOUT,
        [FAKE_NO_FD] = LEND_NO_DESCRIPTOR,
    };
    l->pool = NULL;
    if (how == FAKE_NEW || how == FAKE_REUSED) {
        struct fake_stream *s = &world.up[world.up_count++];
        fake_stream_init(s);
        l->on_stream(l, &s->base, how == FAKE_REUSED);
    } else {
        l->on_failed(l, failures[how], -ECONNREFUSED);
    }
}

void pool_lend(struct pool *p, struct lend *l, struct server *s, const struct cluster_conf *conf,
               bool fresh, bool peek)
{
    assert(world.lend_at < world.lend_count);
    enum fake_lend how = world.lends[world.lend_at++];
    size_t len = strlen(world.tried);
    snprintf(world.tried + len, sizeof world.tried - len, "%s%.*s", len > 0 ? "," : "",
             SLICE_ARG(s->id));
    world.asked_fresh = fresh;
    world.asked_peek = peek;
    l->pool = (struct pool *)&world; /* running */
    if (how == FAKE_LATER)
        world.waiting = l;
    else
        fake_lend_now(l, how);
}

void pool_cancel(struct lend *l)
{
    if (l->pool == NULL)
        return;
    l->pool = NULL;
    world.waiting = NULL;
    world.cancelled = true;
}

bool pool_lend_running(const struct lend *l)
{
    return l->pool != NULL;
}

/* --- cluster: a, b, c in that order whatever the key */

static struct server servers[FAKE_SERVERS] = {
    { .id = { "a", 1 } },
    { .id = { "b", 1 } },
    { .id = { "c", 1 } },
};

struct slice cluster_name(const struct cluster *c)
{
    return SLICE("app");
}

const struct cluster_conf *cluster_conf(const struct cluster *c)
{
    static struct cluster_conf conf = { .key = { .kind = KEY_URI } };
    conf.retry = world.retry;
    return &conf;
}

struct retry_budget *cluster_retry_budget(const struct cluster *c)
{
    return &world.budget;
}

void cluster_walk_start(struct cluster_walk *w, const struct cluster *c, struct slice key,
                        struct arena *a)
{
    *w = (struct cluster_walk){ .cluster = c, .key = key };
}

struct server *cluster_walk_next(struct cluster_walk *w, size_t *ret_index)
{
    if (w->walk.given == world.servers)
        return NULL;
    *ret_index = w->walk.given++;
    return &servers[*ret_index];
}

const char *cluster_skip_reason(const struct cluster *c, size_t index)
{
    return world.skip[index];
}
