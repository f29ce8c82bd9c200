/* SPDX-License-Identifier: Apache-2.0 */
#include "server/config.h"

#include "base/mem.h"
#include "server/config_own.h"

#include <stdlib.h>

const char *config_default_path(void)
{
    const char *path = getenv("SIGNET_CONFIG");
    return path != NULL && path[0] != '\0' ? path : "/etc/signet/signet.conf";
}

struct config *config_new(void)
{
    struct config *c = mem_zalloc(sizeof(*c));
    c->refs = 1;
    c->own = mem_zalloc(sizeof(*c->own));
    arena_init(&c->own->arena, NULL);
    return c;
}

struct config *config_ref(struct config *c)
{
    c->refs++;
    return c;
}

void config_forget_sources(struct config *c)
{
    c->addr_spans = NULL;
    c->access_log.span = c->error_log.span = c->control.span = (struct span){ 0 };
}

void config_keep_context(struct config *c, struct tls_ctx *ctx)
{
    struct config_private *own = c->own;
    own->contexts = arena_grow(&own->arena, own->contexts, own->context_count, &own->context_room,
                               sizeof(struct tls_ctx *));
    own->contexts[own->context_count++] = tls_ctx_ref(ctx);
}

void config_inherit_grave(struct config *c, const struct config *former)
{
    c->own->on_unused = former->own->on_unused;
    c->own->grave = former->own->grave;
}

static void listener_done(const struct listener_conf *l)
{
    host_table_free(l->table);
    tls_sni_free(l->sni);
}

bool config_free_step(struct config *c)
{
    struct config_private *own = c->own;
    if (c->listener_count > 0) {
        listener_done(&c->listeners[--c->listener_count]);
    } else if (own->context_count > 0) {
        tls_ctx_unref(own->contexts[--own->context_count]);
    } else if (c->cluster_count > 0) {
        cluster_free(c->clusters[--c->cluster_count]);
    } else {
        arena_done(&own->arena);
        mem_free(own);
        mem_free(c);
        return false;
    }
    return true;
}

void config_unref(struct config *c)
{
    if (c == NULL || --c->refs > 0)
        return;
    if (c->own->on_unused != NULL) {
        c->own->on_unused(c);
        return;
    }
    while (config_free_step(c))
        ;
}
