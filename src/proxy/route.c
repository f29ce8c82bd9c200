/* SPDX-License-Identifier: Apache-2.0 */
#include "proxy/route.h"

#include "base/map.h"
#include "base/mem.h"

/* --- hosts */

struct host_name { /* one configured name */
    struct slice text;
    const struct host_conf *host;
};
struct host_table {
    struct map exact;
    struct map wildcards; /* by what follows "*." */
    struct host_name *names;
};

static bool is_wildcard(struct slice name)
{
    return slice_starts(name, SLICE("*."));
}

static void table_add(struct host_table *t, struct host_name *n)
{
    if (is_wildcard(n->text))
        map_add(&t->wildcards, slice_from(n->text, 2), n);
    else
        map_add(&t->exact, n->text, n);
}

struct host_table *host_table_new(const struct host_conf *hosts, size_t count)
{
    struct host_table *t = mem_alloc(sizeof *t);
    map_init(&t->exact, 0); /* the names are the configuration's: nobody else can crowd the maps */
    map_init(&t->wildcards, 0);

    size_t total = 0, at = 0;
    for (size_t i = 0; i < count; i++)
        total += hosts[i].name_count;
    t->names = mem_array(total, sizeof *t->names);
    for (size_t i = 0; i < count; i++) {
        for (size_t k = 0; k < hosts[i].name_count; k++, at++) {
            t->names[at] = (struct host_name){ hosts[i].names[k], &hosts[i] };
            table_add(t, &t->names[at]);
        }
    }
    return t;
}

void host_table_free(struct host_table *t)
{
    if (t == NULL)
        return;
    map_done(&t->exact);
    map_done(&t->wildcards);
    mem_free(t->names);
    mem_free(t);
}

/* The name with the most labels that covers `host`: its first label goes, then the next. */
static const struct host_name *find_wildcard(const struct host_table *t, struct slice host)
{
    if (t->wildcards.count == 0)
        return NULL;
    for (size_t dot; (dot = slice_find(host, '.')) < host.len;) {
        if (dot == 0)
            return NULL; /* an empty label is no label */
        host = slice_from(host, dot + 1);
        const struct host_name *n = map_get(&t->wildcards, host);
        if (n != NULL)
            return n;
    }
    return NULL;
}

const struct host_conf *host_table_find(const struct host_table *t, struct slice host,
                                        struct slice *ret_name)
{
    const struct host_name *n = map_get(&t->exact, host);
    if (n == NULL)
        n = find_wildcard(t, host);
    if (n == NULL)
        return NULL;
    if (ret_name != NULL)
        *ret_name = n->text;
    return n->host;
}

const struct host_conf *route_host(const struct listener_conf *l, struct slice host,
                                   struct slice *ret_name)
{
    const struct host_conf *found = host_table_find(l->table, host, ret_name);
    if (found != NULL)
        return found;
    if (ret_name != NULL)
        *ret_name = slice_of(NULL, 0);
    return l->default_host;
}

/* --- routes */

static bool covers(const struct route_conf *r, struct slice path)
{
    return r->exact ? slice_eq(r->path, path) : uri_prefix_covers(r->path, path);
}

/* Both cover the path. Between equals the one before stays. */
static bool is_closer(const struct route_conf *a, const struct route_conf *b)
{
    if (a->exact != b->exact)
        return a->exact;
    return a->path.len > b->path.len;
}

const struct route_conf *route_find(const struct host_conf *h, struct slice path)
{
    const struct route_conf *best = NULL;
    if (slice_eq(path, SLICE("*")))
        path = SLICE("/");
    for (size_t i = 0; i < h->route_count; i++) {
        const struct route_conf *r = &h->routes[i];
        if (covers(r, path) && (best == NULL || is_closer(r, best)))
            best = r;
    }
    return best;
}

struct slice route_forward_path(const struct route_conf *r, struct slice path, struct arena *a)
{
    if (r->strip_prefix.len == 0 || !uri_prefix_covers(r->strip_prefix, path))
        return path;
    struct slice rest = slice_from(path, r->strip_prefix.len);
    if (rest.len > 0 && rest.ptr[0] == '/')
        return rest;
    /* "/v1/" stripped of "/v1/x" leaves "x"; its slash stands right before it */
    if (r->strip_prefix.ptr[r->strip_prefix.len - 1] == '/')
        return slice_from(path, r->strip_prefix.len - 1);
    return arena_copy(a, SLICE("/"));
}

/* --- keys */

/* The first cookie of that name (RFC 6265 4.2.1), ptr NULL when there is none. */
static struct slice find_cookie(const struct fields *f, struct slice name)
{
    for (size_t i = 0; i < f->count; i++) {
        if (f->list[i].id != FIELD_COOKIE)
            continue;
        struct slice rest = f->list[i].value, pair;
        while (slice_split(&rest, ';', &pair)) {
            pair = slice_trim(pair);
            size_t equals = slice_find(pair, '=');
            if (equals < pair.len && slice_eq(slice_first(pair, equals), name))
                return slice_of(pair.ptr + equals + 1, pair.len - equals - 1);
        }
    }
    return slice_of(NULL, 0);
}

static struct slice find_header(const struct message *m, struct slice name)
{
    if (slice_eq_nocase(name, SLICE("Host"))) /* lives outside the list in some versions of HTTP */
        return m->authority;
    const struct field *f = fields_find_name(&m->fields, name);
    if (f == NULL)
        return slice_of(NULL, 0);
    return f->value.ptr != NULL ? f->value : SLICE("");
}

struct slice route_key(const struct key_conf *key, const struct message *m, struct slice client,
                       struct arena *a, bool *ret_fallback)
{
    struct slice found;
    *ret_fallback = false;
    switch (key->kind) {
    case KEY_URI:
        return uri_path_and_query(&m->uri, a);
    case KEY_PATH:
        return m->uri.path;
    case KEY_HOST:
        return m->uri.host;
    case KEY_CLIENT:
        return client;
    case KEY_HEADER:
        found = find_header(m, key->name);
        break;
    default: /* KEY_COOKIE */
        found = find_cookie(&m->fields, key->name);
        break;
    }
    *ret_fallback = found.ptr == NULL;
    return *ret_fallback ? client : found;
}

/* --- redirects */

/* "https://", the host as it was asked for, and the port unless it is https' own. */
static struct slice https_origin(const struct route_conf *r, const struct message *m,
                                 struct arena *a)
{
    bool v6 = slice_find(m->uri.host, ':') < m->uri.host.len;
    const char *open = v6 ? "[" : "", *close = v6 ? "]" : "";
    if (r->https_port == 443 || r->https_port == 0)
        return arena_printf(a, "https://%s%.*s%s", open, SLICE_ARG(m->uri.host), close);
    return arena_printf(a, "https://%s%.*s%s:%u", open, SLICE_ARG(m->uri.host), close,
                        r->https_port);
}

struct slice route_location(const struct route_conf *r, const struct message *m, struct arena *a)
{
    if (r->location.len > 0 && r->location_has_path)
        return r->location;
    struct slice origin = r->location.len > 0 ? r->location : https_origin(r, m, a);
    struct slice tail = uri_path_and_query(&m->uri, a);
    if (slice_eq(tail, SLICE("*"))) /* OPTIONS * names no resource */
        tail = SLICE("/");
    return arena_printf(a, "%.*s%.*s", SLICE_ARG(origin), SLICE_ARG(tail));
}
