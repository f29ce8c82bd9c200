/* SPDX-License-Identifier: Apache-2.0 */
#include "base/log.h"
#include "server/explain.h"

#include <inttypes.h>

/* --- for people */

static void put(struct buf *out, struct slice text)
{
    size_t room = text.len * 6;
    buf_commit(out, log_escape(buf_reserve(out, room), room, text, ESCAPE_LINE));
}

/* The name of a step, its arrow and what it came to. */
static void put_step(struct buf *out, const char *name, struct slice text)
{
    buf_printf(out, "  -> %-11s ", name);
    put(out, text);
}

static void put_listener(struct buf *out, const struct explanation *e)
{
    char text[ADDR_TEXT_MAX];
    put_step(out, "listener", slice_str(addr_text(e->listener_addr, text)));
    buf_printf(out, " (%s)\n", e->listener->sni != NULL ? "TLS" : "plain HTTP");
}

/* Which one of several is shown depends on what the client offers: all are named. */
static void put_certificates(struct buf *out, const struct tls_ctx *tls)
{
    for (size_t i = 0; i < tls_ctx_cert_count(tls); i++) {
        const struct tls_cert_info *info = tls_ctx_cert(tls, i);
        buf_add(out, i > 0 ? ", " : "");
        put(out, slice_str(info->subject));
        buf_printf(out, " (%s)", info->key_type);
    }
}

static void put_host(struct buf *out, const struct explanation *e)
{
    bool is_default = e->host_name.len == 0;
    put_step(out, "host", is_default ? e->host->names[0] : e->host_name);
    buf_add(out, is_default ? " (unknown_host default)\n" : "\n");
}

static void put_pool(struct buf *out, const struct explanation *e)
{
    const struct cluster_conf *conf = cluster_conf(e->cluster);
    put_step(out, "pool", conf->name);
    buf_printf(out, " (%s, fingerprint %016" PRIx64 ")\n", conf->balance->name,
               cluster_fingerprint(e->cluster));
    put_step(out, "key", e->key);
    buf_printf(out, " (%.*s%s)\n", SLICE_ARG(conf->key.text),
               e->key_fallback ? " is missing: the client address stands in" : "");
    put_step(out, "key hash", slice_of(NULL, 0));
    buf_printf(out, "%016" PRIx64 "\n", e->key_hash);
    put_step(out, "point", slice_of(NULL, 0));
    buf_printf(out, "%016" PRIx64 "\n", e->point);
}

static void put_server(struct buf *out, const char *name, const struct explain_server *s)
{
    put_step(out, name, s->conf->id);
    if (!slice_eq(s->conf->id, s->conf->address)) {
        buf_add(out, " at ");
        put(out, s->conf->address);
    }
    if (s->conf->backup)
        buf_add(out, " (backup)");
    if (s->skipped != NULL) {
        buf_add(out, ": ");
        put(out, slice_str(s->skipped));
    }
    buf_add(out, "\n");
}

static void put_servers(struct buf *out, const struct explanation *e)
{
    for (size_t i = 0; i < e->order_count; i++) {
        const struct explain_server *s = &e->order[i];
        put_server(out, s->skipped != NULL ? "passed over" : i == e->chosen ? "server" : "else", s);
    }
}

void explain_print(const struct explanation *e, struct buf *out)
{
    put(out, e->url);
    buf_add(out, "\n");
    if (e->listener != NULL)
        put_listener(out, e);
    if (e->tls != NULL) {
        put_step(out, "certificate", slice_of(NULL, 0));
        put_certificates(out, e->tls);
        buf_add(out, "\n");
    }
    if (e->host != NULL)
        put_host(out, e);
    if (e->route != NULL) {
        put_step(out, "route", e->route->text);
        buf_add(out, "\n");
    }
    if (e->cluster != NULL) {
        put_pool(out, e);
        put_servers(out, e);
    }
    if (e->end != NULL) {
        put_step(out, "answer", slice_str(e->end));
        buf_add(out, "\n");
    }
}

/* --- for machines */

static void put_string(struct buf *out, struct slice text)
{
    size_t room = text.len * 6;
    buf_add(out, "\"");
    buf_commit(out, log_escape(buf_reserve(out, room), room, text, ESCAPE_JSON));
    buf_add(out, "\"");
}

/* "name":"text", or null when there is none. */
static void put_text(struct buf *out, const char *name, bool known, struct slice text)
{
    buf_printf(out, "\"%s\":", name);
    if (known)
        put_string(out, text);
    else
        buf_add(out, "null");
    buf_add(out, ",");
}

static void put_hash(struct buf *out, const char *name, bool known, uint64_t value)
{
    if (known)
        buf_printf(out, "\"%s\":\"%016" PRIx64 "\"", name, value);
    else
        buf_printf(out, "\"%s\":null", name);
}

static void put_fallbacks(struct buf *out, const struct explanation *e)
{
    const char *between = "";
    buf_add(out, "\"fallbacks\":[");
    for (size_t i = 0; i < e->order_count; i++) {
        if (i == e->chosen)
            continue;
        const struct explain_server *s = &e->order[i];
        buf_printf(out, "%s{\"server\":", between);
        put_string(out, s->conf->id);
        buf_add(out, ",\"skipped\":");
        if (s->skipped != NULL)
            put_string(out, slice_str(s->skipped));
        else
            buf_add(out, "null");
        buf_add(out, "}");
        between = ",";
    }
    buf_add(out, "],");
}

static void put_json_certificate(struct buf *out, const struct explanation *e)
{
    struct buf names;
    buf_init(&names);
    if (e->tls != NULL)
        put_certificates(&names, e->tls);
    put_text(out, "certificate", e->tls != NULL, buf_view(&names));
    buf_done(&names);
}

void explain_print_json(const struct explanation *e, struct buf *out)
{
    char listener[ADDR_TEXT_MAX] = "";
    if (e->listener != NULL)
        addr_text(e->listener_addr, listener);
    bool pooled = e->cluster != NULL;
    bool served = pooled && e->chosen < e->order_count;
    struct slice nothing = slice_of(NULL, 0);

    buf_add(out, "{");
    put_text(out, "listener", e->listener != NULL, slice_str(listener));
    put_json_certificate(out, e);
    put_text(out, "host", e->host != NULL,
             e->host != NULL && e->host_name.len == 0 ? e->host->names[0] : e->host_name);
    put_text(out, "route", e->route != NULL, e->route != NULL ? e->route->text : nothing);
    put_text(out, "pool", pooled, pooled ? cluster_name(e->cluster) : nothing);
    put_text(out, "key", pooled, e->key);
    put_hash(out, "key_hash", pooled, e->key_hash);
    buf_add(out, ",");
    put_hash(out, "point", pooled, e->point);
    buf_add(out, ",");
    put_text(out, "server", served, served ? e->order[e->chosen].conf->id : nothing);
    put_fallbacks(out, e);
    put_hash(out, "fingerprint", pooled, pooled ? cluster_fingerprint(e->cluster) : 0);
    buf_add(out, "}\n");
}
