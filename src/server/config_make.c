/* SPDX-License-Identifier: Apache-2.0 */
/* Nothing here can fail: every bound was checked when the draft was read. All bytes are copied but
 * those of places, for a worker's sources go once its configuration is built. */
#include "server/config_make.h"

#include "base/mem.h"
#include "server/config_own.h"

#define DISCARD_MAX (256 * 1024) /* unread request body thrown away to keep a connection */

static struct slice copy(struct config *c, struct slice s)
{
    return s.len > 0 ? arena_copy(&c->own->arena, s) : slice_of(NULL, 0);
}

static void *zalloc(struct config *c, size_t count, size_t bytes)
{
    return count > 0 ? arena_zalloc(&c->own->arena, count * bytes) : NULL;
}

/* --- pools */

void config_make_pool(struct config *c, struct pool_draft *pool, struct servers *registry,
                      const struct cluster *former)
{
    struct server_conf *servers = mem_array(pool->server_count, sizeof(*servers));
    size_t n = 0;
    for (const struct server_draft *s = pool->servers; s != NULL; s = s->next)
        servers[n++] = s->conf;
    pool->conf.servers = servers;
    pool->conf.server_count = n;
    pool->cluster = cluster_begin(&pool->conf, registry, former);
    c->own->clusters[c->cluster_count++] = pool->cluster;
    mem_free(servers);
}

/* --- routes */

/* The host's edits, then the route's own: the later one wins. */
static void make_edits(struct config *c, const struct host_draft *host,
                       const struct route_draft *route, struct route_conf *made)
{
    const struct edit_draft *lists[] = { host != NULL ? host->edits : NULL, route->edits };
    size_t count = 0;
    for (size_t i = 0; i < 2; i++)
        for (const struct edit_draft *e = lists[i]; e != NULL; e = e->next)
            count++;
    struct header_edit *edits = zalloc(c, count, sizeof(*edits));
    for (size_t i = 0; i < 2; i++)
        for (const struct edit_draft *e = lists[i]; e != NULL; e = e->next)
            edits[made->edit_count++] =
                (struct header_edit){ copy(c, e->edit.name), copy(c, e->edit.value),
                                      e->edit.unset };
    made->edits = edits;
}

static struct timeouts route_timeouts(const struct route_draft *route)
{
    struct timeouts t = route->scope.timeouts;
    const struct pool_draft *pool = route->pool;
    if (pool != NULL && span_set(&pool->connect_at))
        t.connect = pool->conf.connect_ms;
    if (pool != NULL && span_set(&pool->response_at))
        t.response = pool->conf.response_ms;
    return t;
}

static void make_route(struct config *c, const struct host_draft *host,
                       const struct route_draft *route, struct route_conf *made)
{
    *made = route->conf;
    made->text = copy(c, route->conf.text);
    made->path = copy(c, route->conf.path);
    made->cluster = route->pool != NULL ? route->pool->cluster : NULL;
    made->strip_prefix = copy(c, route->conf.strip_prefix);
    made->body = copy(c, route->conf.body);
    made->location = copy(c, route->conf.location);
    made->timeouts = route_timeouts(route);
    made->body_max = route->scope.body_max;
    make_edits(c, host, route, made);
}

/* --- hosts */

static const struct slice *make_cert_files(struct config *c, const struct host_draft *host)
{
    struct slice *files = zalloc(c, host->cert_count, sizeof(*files));
    size_t n = 0;
    for (const struct cert_draft *cert = host->certs; cert != NULL; cert = cert->next)
        files[n++] = copy(c, cert->path);
    return files;
}

void config_make_host(struct config *c, const struct listen_draft *listen, struct host_draft *host)
{
    struct slice *names = zalloc(c, host->name_count, sizeof(*names));
    for (size_t i = 0; i < host->name_count; i++) {
        names[i] = copy(c, host->names[i]);
        if (listen->made->sni != NULL)
            tls_sni_add(listen->made->sni, names[i], host->tls);
    }
    struct route_conf *routes = zalloc(c, host->route_count, sizeof(*routes));
    size_t n = 0;
    for (const struct route_draft *r = host->routes; r != NULL; r = r->next)
        make_route(c, host, r, &routes[n++]);
    *host->made = (struct host_conf){
        .names = names,
        .name_count = host->name_count,
        .tls = host->tls,
        .cert_files = make_cert_files(c, host),
        .routes = routes,
        .route_count = n,
    };
    listen->made->host_count++;
}

/* --- listeners */

/* The file's name may live in the draft's arena; the copy lives as long as `c`. The text stays the
 * sources'. */
static struct span copy_span(struct config *c, struct span span)
{
    if (span.file != NULL)
        span.file = copy(c, slice_str(span.file)).ptr;
    return span;
}

static struct h1_conf make_h1(const struct listen_draft *listen)
{
    const struct scope *scope = &listen->scope;
    return (struct h1_conf){
        .head_max = scope->head_max,
        .fields_max = scope->fields_max,
        .target_max = scope->target_max,
        .header_ms = scope->timeouts.header,
        .idle_ms = scope->timeouts.idle,
        .requests_max = scope->requests_max,
        .discard_max = DISCARD_MAX,
        .underscore = (enum underscore)listen->underscore,
    };
}

static struct slice make_text(struct config *c, const struct listen_draft *listen)
{
    struct buf text;
    buf_init(&text);
    for (size_t i = 0; i < listen->addr_count; i++) {
        char one[ADDR_TEXT_MAX];
        buf_printf(&text, "%s%s", i > 0 ? " " : "", addr_text(&listen->addrs[i], one));
    }
    struct slice kept = copy(c, buf_view(&text));
    buf_done(&text);
    return kept;
}

static const struct route_conf *make_redirect(struct config *c, const struct route_draft *redirect)
{
    if (redirect == NULL)
        return NULL;
    struct route_conf *made = zalloc(c, 1, sizeof(*made));
    make_route(c, NULL, redirect, made);
    return made;
}

static void make_addresses(struct config *c, const struct listen_draft *listen,
                           struct listener_conf *made, const struct span **ret_spans)
{
    struct addr *addrs = zalloc(c, listen->addr_count, sizeof(*addrs));
    struct span *spans = zalloc(c, listen->addr_count, sizeof(*spans));
    for (size_t i = 0; i < listen->addr_count; i++) {
        addrs[i] = listen->addrs[i];
        spans[i] = copy_span(c, listen->addr_spans[i]);
    }
    made->text = make_text(c, listen);
    made->addrs = addrs;
    made->addr_count = listen->addr_count;
    *ret_spans = spans;
}

/* Room for the hosts, to be filled one by one. */
static void make_room(struct config *c, const struct listen_draft *listen,
                      struct listener_conf *made)
{
    struct host_conf *hosts = zalloc(c, listen->host_count, sizeof(*hosts));
    for (struct host_draft *h = listen->hosts; h != NULL; h = h->next)
        h->made = hosts++;
    made->hosts = listen->hosts != NULL ? listen->hosts->made : NULL;
    if (listen->speaks_tls)
        made->sni = tls_sni_new();
}

void config_make_listener(struct config *c, struct listen_draft *listen)
{
    struct listener_conf *made = listen->made;
    make_addresses(c, listen, made, &c->own->addr_spans[c->listener_count]);
    make_room(c, listen, made);
    struct addr_block *trusted = zalloc(c, listen->trusted_count, sizeof(*trusted));
    for (size_t i = 0; i < listen->trusted_count; i++)
        trusted[i] = listen->trusted[i];
    made->trusted = trusted;
    made->trusted_count = listen->trusted_count;
    made->catch_all = make_redirect(c, listen->redirect);
    made->timeouts = listen->scope.timeouts;
    made->caps = c->caps;
    made->body_max = listen->scope.body_max;
    made->min_rate = listen->scope.min_rate;
    made->window = (size_t)listen->scope.window;
    made->h1 = make_h1(listen);
    c->listener_count++;
}

void config_make_tables(const struct listen_draft *listen)
{
    struct listener_conf *made = listen->made;
    made->default_host = listen->default_host != NULL ? listen->default_host->made : NULL;
    made->table = host_table_new(made->hosts, made->host_count);
    if (made->sni != NULL && made->default_host != NULL)
        tls_sni_set_default(made->sni, made->default_host->tls);
}

/* --- all of it */

static struct log_conf make_log(struct config *c, const struct log_conf *log)
{
    struct log_conf made = *log;
    made.path = copy(c, log->path);
    made.span = copy_span(c, log->span);
    return made;
}

static struct control_conf make_control(struct config *c, const struct control_conf *control)
{
    struct control_conf made = *control;
    made.path = copy(c, control->path);
    made.span = copy_span(c, control->span);
    return made;
}

/* Room for the pools and listeners, to be filled one by one. */
static void make_room_at_root(struct config *c, const struct draft *draft)
{
    struct listener_conf *listeners = zalloc(c, draft->listen_count, sizeof(*listeners));
    c->listeners = listeners;
    for (struct listen_draft *l = draft->listens; l != NULL; l = l->next)
        l->made = listeners++;
    c->own->addr_spans = zalloc(c, draft->listen_count, sizeof(*c->own->addr_spans));
    c->addr_spans = c->own->addr_spans;
    c->own->clusters = zalloc(c, draft->pool_count, sizeof(struct cluster *));
    c->clusters = c->own->clusters;
}

void config_make_root(struct config *c, const struct draft *draft)
{
    c->workers = draft->workers;
    c->user = copy(c, draft->user);
    c->group = copy(c, draft->group);
    c->sandbox = (enum sandbox_mode)draft->sandbox;
    c->access_log = make_log(c, &draft->access_log);
    c->error_log = make_log(c, &draft->error_log);
    c->control = make_control(c, &draft->control);
    c->drain_ms = draft->drain_ms;
    c->timeouts = draft->scope.timeouts;
    c->caps = draft->caps;
    make_room_at_root(c, draft);
}
