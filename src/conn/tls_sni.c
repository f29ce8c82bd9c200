/* SPDX-License-Identifier: Apache-2.0 */
#include "conn/tls_sni.h"

#include "base/map.h"
#include "base/mem.h"
#include "conn/tls_hello.h"

#include <errno.h>
#include <openssl/ssl.h>
#include <stdint.h>

struct tls_sni {
    struct map contexts;      /* name -> struct tls_ctx; names are owned, contexts referenced */
    struct tls_ctx *fallback; /* referenced; NULL: refuse */
};

/* --- the table */
struct tls_sni *tls_sni_new(void)
{
    struct tls_sni *s = mem_zalloc(sizeof(*s));
    map_init(&s->contexts, 0); /* names come from the configuration: nobody can make them collide */
    return s;
}

void tls_sni_free(struct tls_sni *s)
{
    if (s == NULL)
        return;
    for (size_t i = 0; i < s->contexts.count; i++) {
        mem_free((char *)(uintptr_t)s->contexts.entries[i].key.ptr);
        tls_ctx_unref(s->contexts.entries[i].value);
    }
    map_done(&s->contexts);
    tls_ctx_unref(s->fallback);
    mem_free(s);
}

static int on_hello(SSL *ssl, int *ret_alert, void *unused);

/* The name as the table holds it: lower case, no trailing dot, "*." kept in front. */
static bool table_key(struct slice name, char ret_key[static TLS_NAME_ROOM + 2])
{
    if (!slice_starts(name, SLICE("*.")))
        return tls_name_normalize(name, ret_key);
    ret_key[0] = '*';
    ret_key[1] = '.';
    return tls_name_normalize(slice_from(name, 2), ret_key + 2);
}

int tls_sni_add(struct tls_sni *s, struct slice name, struct tls_ctx *ctx)
{
    char key[TLS_NAME_ROOM + 2];
    if (!table_key(name, key))
        return -EINVAL;
    if (map_get(&s->contexts, slice_str(key)) != NULL)
        return -EEXIST;
    struct slice own = slice_str(mem_text(slice_str(key)));
    map_add(&s->contexts, own, tls_ctx_ref(ctx));
    SSL_CTX_set_client_hello_cb(tls_ctx_ssl(ctx), on_hello, NULL);
    return 0;
}

void tls_sni_set_default(struct tls_sni *s, struct tls_ctx *ctx)
{
    struct tls_ctx *old = s->fallback;
    s->fallback = ctx != NULL ? tls_ctx_ref(ctx) : NULL;
    if (ctx != NULL)
        SSL_CTX_set_client_hello_cb(tls_ctx_ssl(ctx), on_hello, NULL);
    tls_ctx_unref(old);
}

/* Turns a.b.c into *.b.c, then *.c, in place: the longest wildcard first. */
static struct tls_ctx *find_wildcard(const struct tls_sni *s, struct slice name, char *text)
{
    for (size_t i = 1; i < name.len; i++) {
        if (text[i] != '.')
            continue;
        text[i - 1] = '*';
        struct tls_ctx *ctx = map_get(&s->contexts, slice_of(text + i - 1, name.len - i + 1));
        if (ctx != NULL)
            return ctx;
    }
    return NULL;
}

struct tls_ctx *tls_sni_find(const struct tls_sni *s, struct slice name)
{
    char text[TLS_NAME_ROOM];
    if (!tls_name_normalize(name, text))
        return s->fallback;
    struct slice key = slice_str(text);
    struct tls_ctx *ctx = map_get(&s->contexts, key);
    if (ctx == NULL)
        ctx = find_wildcard(s, key, text);
    return ctx != NULL ? ctx : s->fallback;
}

struct tls_ctx *tls_sni_first(const struct tls_sni *s)
{
    if (s->fallback != NULL)
        return s->fallback;
    return s->contexts.count > 0 ? s->contexts.entries[0].value : NULL;
}

/* --- the choice */
static struct tls_ctx *choose(struct tls_choice *c, SSL *ssl)
{
    char name[TLS_NAME_ROOM];
    enum tls_name kind = tls_hello_name(ssl, name);
    if (kind != TLS_NAME_ABSENT)
        c->name = mem_text(slice_str(name));
    return kind == TLS_NAME_GOOD ? tls_sni_find(c->hosts, slice_str(name)) : c->hosts->fallback;
}

/* SSL_CTX_set_client_hello_cb(3). Comes once more for the hello that follows a HelloRetryRequest:
 * the first choice stands, whatever the second hello names. */
static int on_hello(SSL *ssl, int *ret_alert, void *unused)
{
    struct tls_choice *c = SSL_get_app_data(ssl);
    if (c->ctx != NULL)
        return SSL_CLIENT_HELLO_SUCCESS;
    struct tls_ctx *ctx = choose(c, ssl);
    if (ctx == NULL) {
        c->refused = true;
        *ret_alert = SSL_AD_UNRECOGNIZED_NAME;
        return SSL_CLIENT_HELLO_ERROR;
    }
    if (!tls_ctx_apply(ctx, ssl)) {
        *ret_alert = SSL_AD_INTERNAL_ERROR;
        return SSL_CLIENT_HELLO_ERROR;
    }
    c->ctx = tls_ctx_ref(ctx);
    return SSL_CLIENT_HELLO_SUCCESS;
}

void tls_choice_done(struct tls_choice *c)
{
    mem_free(c->name);
    tls_ctx_unref(c->ctx);
    *c = (struct tls_choice){ 0 };
}
