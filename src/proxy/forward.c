/* SPDX-License-Identifier: Apache-2.0 */
#include "proxy/forward.h"

#include "http/octet.h"

#define FIELDS_OURS 8 /* how many forward_request() adds at most, edits aside */

/* A copy with room for `more`, so that adding ours does not move the list. */
static void fields_copy(struct fields *to, const struct fields *from, size_t more, struct arena *a)
{
    fields_init(to, a);
    to->cap = from->count + more;
    to->list = arena_alloc(a, (to->cap > 0 ? to->cap : 1) * sizeof *to->list);
    if (from->count > 0)
        memcpy(to->list, from->list, from->count * sizeof *to->list);
    to->count = from->count;
}

/* --- what a client may not say of itself */

static bool starts_nocase(struct slice s, struct slice prefix)
{
    return slice_eq_nocase(slice_first(s, prefix.len), prefix);
}

/* Fields in which upstreams look for a client certificate that a proxy has verified: Client-Cert
 * and Client-Cert-Chain (RFC 9440), and what other proxies use. */
static bool is_identity(struct slice name)
{
    static const struct slice prefixes[] = {
        SLICE_INIT("Client-Cert"),         SLICE_INIT("SSL-Client-"),
        SLICE_INIT("X-Client-Cert"),       SLICE_INIT("X-Client-Verify"),
        SLICE_INIT("X-Client-DN"),         SLICE_INIT("X-SSL-"),
        SLICE_INIT("X-Forwarded-Client-"), SLICE_INIT("X-TLS-"),
        SLICE_INIT("X-Forwarded-TLS-"),
    };
    char first = name.len > 0 ? (char)(name.ptr[0] | 0x20) : '\0';
    if (first != 'x' && first != 'c' && first != 's')
        return false; /* most names */
    for (size_t i = 0; i < sizeof prefixes / sizeof prefixes[0]; i++)
        if (starts_nocase(name, prefixes[i]))
            return true;
    return false;
}

static bool is_ours(enum field_id id)
{
    switch (id) { /* set below, whatever was received */
    case FIELD_FORWARDED:
    case FIELD_VIA:
    case FIELD_X_FORWARDED_FOR:
    case FIELD_X_FORWARDED_HOST:
    case FIELD_X_FORWARDED_PROTO:
    case FIELD_X_REAL_IP:
    case FIELD_X_REQUEST_ID:
        return true;
    default:
        return false;
    }
}

/* May it stand in a name that is told apart everywhere? */
static bool is_plain(char c)
{
    return octet_is(c, OCTET_HOST) && c != '.' && c != '_';
}

/* Upstreams that make CGI-like variables of names cannot tell "_" from "-", some (lighttpd) no
 * punctuation at all, so a name is judged by its form with hyphens. */
static struct slice hyphenated(struct slice name, char *buf, size_t room)
{
    bool plain = true;
    for (size_t i = 0; i < name.len && plain; i++)
        plain = is_plain(name.ptr[i]);
    if (plain || name.len > room)
        return name;
    for (size_t i = 0; i < name.len; i++)
        buf[i] = is_plain(name.ptr[i]) ? name.ptr[i] : '-';
    return slice_of(buf, name.len);
}

static bool is_dropped(const struct field *f, bool trusted)
{
    switch (f->id) {
    case FIELD_OTHER:
        break;
    case FIELD_TRAILER: /* a server cannot ask for trailers: they are not forwarded */
    case FIELD_HOST:    /* stands in the message itself, like Expect */
    case FIELD_EXPECT:
        return true;
    default:
        return is_ours(f->id);
    }

    char buf[64];
    struct slice name = hyphenated(f->name, buf, sizeof buf);
    if (name.ptr == buf) {
        enum field_id id = field_id(name);
        if (is_ours(id) || field_is_hop_by_hop(id) || id == FIELD_CONTENT_LENGTH)
            return true;
    }
    return is_identity(name) || (!trusted && starts_nocase(name, SLICE("X-Forwarded-")));
}

static void drop_claims(struct fields *f, bool trusted)
{
    size_t kept = 0;
    for (size_t i = 0; i < f->count; i++)
        if (!is_dropped(&f->list[i], trusted))
            f->list[kept++] = f->list[i];
    f->count = kept;
}

/* --- what Signet says of the client */

/* All parts in a row. */
static struct slice join(struct arena *a, const struct slice *parts, size_t count)
{
    size_t len = 0;
    for (size_t i = 0; i < count; i++)
        len += parts[i].len;
    char *text = arena_alloc(a, len), *at = text;
    for (size_t i = 0; i < count; i++) {
        if (parts[i].len > 0)
            memcpy(at, parts[i].ptr, parts[i].len);
        at += parts[i].len;
    }
    return slice_of(text, len);
}

/* What trusted proxies listed under `id`, all lines in order, then `item`. */
static struct slice append_to_list(const struct forward *f, enum field_id id, struct slice item,
                                   struct arena *a)
{
    const struct fields *received = &f->received->fields;
    unsigned lines = f->client->trusted ? fields_count(received, id) : 0;
    if (lines == 0)
        return item;
    struct slice *parts = arena_alloc(a, (2 * lines + 1) * sizeof *parts);
    size_t count = 0;
    for (size_t i = 0; i < received->count; i++) {
        struct slice value = received->list[i].value;
        if (received->list[i].id != id || value.len == 0)
            continue;
        parts[count++] = value;
        parts[count++] = SLICE(", ");
    }
    parts[count++] = item;
    return join(a, parts, count);
}

/* What a trusted proxy says, or our own word. */
static struct slice kept_or(const struct forward *f, enum field_id id, struct slice ours)
{
    const struct field *said = f->client->trusted ? fields_find(&f->received->fields, id) : NULL;
    return said != NULL && said->value.len > 0 ? said->value : ours;
}

static bool is_unix(const struct client *c)
{
    return slice_eq(c->peer, SLICE("unix"));
}

/* One element of Forwarded (RFC 7239 4). An IPv6 address needs brackets and quotes, a host with a
 * port quotes. */
static struct slice forwarded_element(const struct forward *f, struct slice host,
                                      struct slice scheme, struct arena *a)
{
    struct slice peer = is_unix(f->client) ? SLICE("unknown") : f->client->peer;
    bool v6 = slice_find(peer, ':') < peer.len;
    struct slice quote = slice_find(host, ':') < host.len ? SLICE("\"") : SLICE("");
    struct slice parts[] = {
        v6 ? SLICE("for=\"[") : SLICE("for="),
        peer,
        v6 ? SLICE("]\"") : SLICE(""),
        SLICE(";host="),
        quote,
        host,
        quote,
        SLICE(";proto="),
        scheme,
    };
    return join(a, parts, sizeof parts / sizeof parts[0]);
}

static void add_claims(const struct forward *f, struct slice host, struct arena *a,
                       struct fields *to)
{
    const struct client *c = f->client;
    struct slice scheme = c->tls != NULL ? SLICE("https") : SLICE("http");
    struct slice via = f->received->version == HTTP_1_0 ? SLICE("1.0 signet") : SLICE("1.1 signet");
    struct slice peer = is_unix(c) ? SLICE("unknown") : c->peer;
    struct slice element = forwarded_element(f, host, scheme, a);

    fields_add_known(to, FIELD_X_FORWARDED_FOR, append_to_list(f, FIELD_X_FORWARDED_FOR, peer, a));
    fields_add_known(to, FIELD_X_FORWARDED_PROTO, kept_or(f, FIELD_X_FORWARDED_PROTO, scheme));
    fields_add_known(to, FIELD_X_FORWARDED_HOST, kept_or(f, FIELD_X_FORWARDED_HOST, host));
    fields_add_known(to, FIELD_FORWARDED, append_to_list(f, FIELD_FORWARDED, element, a));
    fields_add_known(to, FIELD_VIA, append_to_list(f, FIELD_VIA, via, a));
    fields_add_known(to, FIELD_X_REQUEST_ID, f->request_id);
    if (fields_find(&f->received->fields, FIELD_X_REAL_IP) != NULL)
        fields_add_known(to, FIELD_X_REAL_IP, c->remote);
}

/* --- the request */

static void apply_edits(const struct route_conf *r, struct fields *f)
{
    for (size_t i = 0; i < r->edit_count; i++) {
        const struct header_edit *e = &r->edits[i];
        fields_remove_name(f, e->name);
        if (!e->unset)
            fields_add(f, e->name, e->value);
    }
}

void forward_request(const struct forward *f, struct arena *a, struct message *ret_sent)
{
    const struct message *m = f->received;
    *ret_sent = *m;
    ret_sent->arena = a;
    ret_sent->version = HTTP_1_1;
    ret_sent->close = false;
    ret_sent->uri.path = route_forward_path(f->route, m->uri.path, a);
    if (m->authority.len == 0)
        ret_sent->authority = f->host;

    fields_copy(&ret_sent->fields, &m->fields, FIELDS_OURS + f->route->edit_count, a);
    fields_remove_hop_by_hop(&ret_sent->fields);
    drop_claims(&ret_sent->fields, f->client->trusted);
    add_claims(f, ret_sent->authority, a, &ret_sent->fields);
    apply_edits(f->route, &ret_sent->fields);
}

/* --- the response */

void forward_response(const struct message *received, bool trailers_welcome, struct slice date,
                      struct arena *a, struct message *ret_sent)
{
    *ret_sent = *received;
    ret_sent->arena = a;
    ret_sent->close = false; /* the upstream's connection is not the client's */
    if (received->body == BODY_TO_END)
        ret_sent->body = BODY_CHUNKED;

    fields_copy(&ret_sent->fields, &received->fields, 1, a);
    fields_remove_hop_by_hop(&ret_sent->fields);
    if (!trailers_welcome)
        fields_remove(&ret_sent->fields, FIELD_TRAILER);
    if (date.len > 0 && fields_find(&ret_sent->fields, FIELD_DATE) == NULL)
        fields_add_known(&ret_sent->fields, FIELD_DATE, date);
}
