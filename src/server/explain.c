/* SPDX-License-Identifier: Apache-2.0 */
#include "server/explain.h"

#include "proxy/client.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>

/* Each step fills its part and says whether another follows. */
struct steps {
    const struct config *config;
    const struct explain_request *request;
    struct arena *arena;
    struct explanation *e;
};

static bool end(struct steps *s, const char *format, ...) __attribute__((format(printf, 2, 3)));
static bool end(struct steps *s, const char *format, ...)
{
    char text[512];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    s->e->end = arena_copy(s->arena, slice_str(text)).ptr;
    return false;
}

static bool malformed(struct steps *s, const char *why)
{
    s->e->malformed = why;
    return false;
}

const char *explain_add_field(struct fields *fields, struct slice line)
{
    size_t colon = slice_find(line, ':');
    struct slice name = slice_first(line, colon), value = slice_trim(slice_from(line, colon + 1));
    if (colon == 0 || colon == line.len)
        return "no header field; it is written 'Name: value'";
    if (field_id(name) == FIELD_HOST && fields_find(fields, FIELD_HOST) != NULL)
        return "one Host too many";
    fields_add(fields, name, value);
    return NULL;
}

/* --- the URL */

static bool take_scheme(struct slice *url, bool *ret_https)
{
    static const struct {
        const char *text;
        bool https;
    } schemes[] = { { "https://", true }, { "http://", false } };
    for (size_t i = 0; i < 2; i++) {
        struct slice scheme = slice_str(schemes[i].text);
        if (!slice_eq_nocase(slice_first(*url, scheme.len), scheme))
            continue;
        *url = slice_from(*url, scheme.len);
        *ret_https = schemes[i].https;
        return true;
    }
    return false;
}

/* Taken apart as a client does it: the fragment stays at home, an empty path is "/". */
static bool read_url(struct steps *s)
{
    struct explanation *e = s->e;
    struct slice rest = slice_trim(e->url);
    if (!take_scheme(&rest, &e->https))
        return malformed(s, "a URL begins with https:// or http://");
    rest = slice_first(rest, slice_find(rest, '#'));
    size_t slash = slice_find(rest, '/'), question = slice_find(rest, '?');
    size_t split = slash < question ? slash : question;
    enum refusal why = uri_parse_authority(slice_first(rest, split), s->arena, &e->at);
    if (why != REFUSAL_NONE)
        return malformed(s, refusal_text(why));
    if (e->at.port == 0)
        e->at.port = e->https ? 443 : 80;
    e->target = slash <= question
                    ? slice_from(rest, split)
                    : arena_printf(s->arena, "/%.*s", SLICE_ARG(slice_from(rest, split)));
    if (e->target.len == 0)
        e->target = SLICE("/");
    return true;
}

static bool read_message(struct steps *s)
{
    struct explanation *e = s->e;
    struct message *m = &e->message;
    message_init(m, s->arena);
    m->method = SLICE("GET");
    m->method_id = METHOD_GET;
    m->version = HTTP_1_1;
    m->target = e->target;
    struct slice authority;
    enum refusal why = uri_parse_target(e->target, false, s->arena, &m->uri, &authority);
    if (why != REFUSAL_NONE)
        return malformed(s, refusal_text(why));
    m->uri.host = e->at.host;
    m->uri.port = e->at.port;
    m->authority = e->at.host;
    for (size_t i = 0; i < s->request->fields->count; i++) {
        const struct field *f = &s->request->fields->list[i];
        fields_add(&m->fields, f->name, f->value);
        if (f->id != FIELD_HOST)
            continue;
        m->authority = f->value;
        m->uri.port = 0;
        why = uri_parse_authority(f->value, s->arena, &m->uri);
        if (why != REFUSAL_NONE)
            return malformed(s, refusal_text(why));
    }
    return true;
}

/* --- the listener */

static bool is_any(const struct addr *a)
{
    if (a->sa.sa_family == AF_INET)
        return a->in.sin_addr.s_addr == htonl(INADDR_ANY);
    return IN6_IS_ADDR_UNSPECIFIED(&a->in6.sin6_addr);
}

/* How well an address answers for the URL, 0 = not at all. A name in the URL may resolve to any of
 * this machine's addresses, so the best is a listener that knows the host. */
static unsigned fitness(const struct explanation *e, const struct listener_conf *l,
                        const struct addr *addr)
{
    if (addr_port(addr) != e->at.port)
        return 0;
    unsigned scheme = (l->sni != NULL) == e->https ? 8 : 0;
    struct addr ip;
    if (addr_parse_ip(e->at.host, &ip) == 0) {
        addr_set_port(&ip, e->at.port);
        if (addr_eq(&ip, addr))
            return scheme + 4; /* a specific address wins over 0.0.0.0 */
        return is_any(addr) && ip.sa.sa_family == addr->sa.sa_family ? scheme + 2 : 0;
    }
    return scheme + (host_table_find(l->table, e->at.host, NULL) != NULL ? 2 : 1);
}

static bool find_listener(struct steps *s)
{
    struct explanation *e = s->e;
    unsigned best = 0;
    for (size_t i = 0; i < s->config->listener_count; i++) {
        const struct listener_conf *l = &s->config->listeners[i];
        for (size_t k = 0; k < l->addr_count; k++) {
            unsigned fit = fitness(e, l, &l->addrs[k]);
            if (fit <= best)
                continue;
            best = fit;
            e->listener = l;
            e->listener_addr = &l->addrs[k];
        }
    }
    if (best == 0)
        return end(s, "no listener serves port %u", e->at.port);
    if ((e->listener->sni != NULL) != e->https)
        return end(s, e->https
                          ? "this listener speaks plain HTTP: a TLS handshake fails here"
                          : "this listener speaks TLS: plain HTTP is closed without an answer");
    return true;
}

/* --- TLS */

static bool shake_hands(struct steps *s)
{
    struct explanation *e = s->e;
    const struct tls_sni *sni = e->listener->sni;
    struct addr ip;
    if (sni == NULL)
        return true;
    /* An address is no server_name (RFC 6066 3): the client sends none. */
    bool is_name = addr_parse_ip(e->at.host, &ip) < 0;
    e->sni = is_name ? e->at.host : SLICE("");
    e->tls = tls_sni_find(sni, e->sni);
    if (e->tls != NULL)
        return true;
    return end(s, is_name ? "the handshake is refused: no host has this name "
                            "(alert unrecognized_name)"
                          : "the handshake is refused: the client names no host, and there is no "
                            "default (alert unrecognized_name)");
}

/* --- host and route */

static bool find_host(struct steps *s)
{
    struct explanation *e = s->e;
    e->host = route_host(e->listener, e->message.uri.host, &e->host_name);
    if (e->host == NULL)
        return end(s, "421: no host of this listener has the name \"%.*s\"",
                   SLICE_ARG(e->message.uri.host));
    if (e->tls != NULL && !tls_ctx_same_policy(e->tls, e->host->tls))
        return end(s, "421: the host's TLS policy is not the one of this connection");
    return true;
}

static bool answer_itself(struct steps *s)
{
    const struct route_conf *r = s->e->route;
    if (r->action == ACTION_REDIRECT)
        return end(s, "%u to %.*s", r->status,
                   SLICE_ARG(route_location(r, &s->e->message, s->arena)));
    return end(s, "%u with a text of %zu bytes", r->status, r->body.len);
}

static bool find_route(struct steps *s)
{
    struct explanation *e = s->e;
    e->route = e->listener->catch_all;
    if (e->route == NULL && !find_host(s))
        return false;
    if (e->route == NULL)
        e->route = route_find(e->host, e->message.uri.path);
    if (e->route == NULL)
        return end(s, "404: no route covers the path \"%.*s\"", SLICE_ARG(e->message.uri.path));
    return e->route->action == ACTION_PROXY ? true : answer_itself(s);
}

/* --- the server */

static bool make_key(struct steps *s)
{
    struct explanation *e = s->e;
    struct client client;
    client_init(&client, e->listener, s->request->client, NULL);
    client_believe(&client, e->listener, &e->message.fields, s->arena);
    e->client = arena_copy(s->arena, client.remote);
    e->cluster = e->route->cluster;
    e->key = route_key(&cluster_conf(e->cluster)->key, &e->message, e->client, s->arena,
                       &e->key_fallback);
    return true;
}

static bool walk(struct steps *s)
{
    struct explanation *e = s->e;
    const struct cluster_conf *conf = cluster_conf(e->cluster);
    struct cluster_walk w;
    cluster_walk_start(&w, e->cluster, e->key, s->arena);
    e->key_hash = w.walk.key_hash;
    e->point = w.walk.point;
    e->order = arena_alloc(s->arena, conf->server_count * sizeof(*e->order));
    for (size_t index; cluster_walk_next(&w, &index) != NULL; e->order_count++)
        e->order[e->order_count] =
            (struct explain_server){ &conf->servers[index],
                                     cluster_skip_reason(e->cluster, index) };
    while (e->chosen < e->order_count && e->order[e->chosen].skipped != NULL)
        e->chosen++;
    return e->chosen < e->order_count ? true : end(s, "503: no server is eligible");
}

int explain(const struct config *c, const struct explain_request *r, struct arena *a,
            struct explanation *ret_e)
{
    static bool (*const steps[])(struct steps *) = { read_url,    read_message, find_listener,
                                                     shake_hands, find_route,   make_key,
                                                     walk };
    *ret_e = (struct explanation){ .url = r->url };
    struct steps s = { c, r, a, ret_e };
    for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++)
        if (!steps[i](&s))
            break;
    return ret_e->malformed == NULL ? 0 : -EINVAL;
}
