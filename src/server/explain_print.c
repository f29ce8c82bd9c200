/* SPDX-License-Identifier: Apache-2.0 */
#include "base/json.h"
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

static void put_fallbacks(struct json *j, const struct explanation *e)
{
    json_list(j, "fallbacks");
    for (size_t i = 0; i < e->order_count; i++) {
        if (i == e->chosen)
            continue;
        json_object(j, NULL);
        json_text(j, "server", e->order[i].conf->id);
        json_word(j, "skipped", e->order[i].skipped);
        json_object_end(j);
    }
    json_list_end(j);
}

static void put_json_certificate(struct json *j, const struct explanation *e)
{
    struct buf names;
    buf_init(&names);
    if (e->tls != NULL)
        put_certificates(&names, e->tls);
    json_text(j, "certificate", buf_view(&names));
    buf_done(&names);
}

static void put_json_hash(struct json *j, const char *name, const struct explanation *e,
                          uint64_t value)
{
    if (e->cluster != NULL)
        json_hash(j, name, value);
    else
        json_null(j, name);
}

static struct slice host_of(const struct explanation *e)
{
    if (e->host == NULL)
        return slice_of(NULL, 0);
    return e->host_name.len == 0 ? e->host->names[0] : e->host_name;
}

void explain_print_json(const struct explanation *e, struct buf *out)
{
    char listener[ADDR_TEXT_MAX];
    const struct slice nothing = slice_of(NULL, 0);
    bool pooled = e->cluster != NULL;
    bool served = pooled && e->chosen < e->order_count;
    struct json j = json_to(out);

    json_object(&j, NULL);
    json_word(&j, "listener", e->listener != NULL ? addr_text(e->listener_addr, listener) : NULL);
    put_json_certificate(&j, e);
    json_text(&j, "host", host_of(e));
    json_text(&j, "route", e->route != NULL ? e->route->text : nothing);
    json_text(&j, "pool", pooled ? cluster_name(e->cluster) : nothing);
    json_text(&j, "key", pooled && e->key.len == 0 ? SLICE("") : e->key);
    put_json_hash(&j, "key_hash", e, e->key_hash);
    put_json_hash(&j, "point", e, e->point);
    json_text(&j, "server", served ? e->order[e->chosen].conf->id : nothing);
    put_fallbacks(&j, e);
    put_json_hash(&j, "fingerprint", e, pooled ? cluster_fingerprint(e->cluster) : 0);
    json_object_end(&j);
    buf_add(out, "\n");
}
