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

static void listener_done(const struct listener_conf *l)
{
    host_table_free(l->table);
    tls_sni_free(l->sni);
    for (size_t i = 0; i < l->host_count; i++)
        tls_ctx_unref(l->hosts[i].tls);
}

void config_unref(struct config *c)
{
    if (c == NULL || --c->refs > 0)
        return;
    for (size_t i = 0; i < c->listener_count; i++)
        listener_done(&c->listeners[i]);
    for (size_t i = 0; i < c->cluster_count; i++)
        cluster_free(c->clusters[i]);
    arena_done(&c->own->arena);
    mem_free(c->own);
    mem_free(c);
}
