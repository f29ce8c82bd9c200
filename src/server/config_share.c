/* SPDX-License-Identifier: Apache-2.0 */
#include "server/config_share.h"

#include "server/config.h"
#include "server/config_own.h"

void config_share_init(struct config_share *s, const struct config *former, struct config *into)
{
    *s = (struct config_share){ .into = into };
    map_init(&s->contexts, 0); /* nobody chooses a SHA-256, nor who writes the configuration */
    map_init(&s->clusters, 0);
    if (former == NULL)
        return;
    for (size_t i = 0; i < former->own->context_count; i++) {
        struct tls_ctx *ctx = former->own->contexts[i];
        map_add(&s->contexts, tls_ctx_digest(ctx), ctx);
    }
    for (size_t i = 0; i < former->cluster_count; i++)
        map_add(&s->clusters, cluster_name(former->clusters[i]), former->clusters[i]);
}

void config_share_done(struct config_share *s)
{
    map_done(&s->contexts);
    map_done(&s->clusters);
}

static struct tls_ctx *find_context(const struct config_share *s, const struct tls_conf *conf)
{
    unsigned char digest[TLS_DIGEST_BYTES];
    if (tls_conf_digest(conf, digest) < 0)
        return NULL;
    return map_get(&s->contexts, slice_of((const char *)digest, sizeof(digest)));
}

int config_share_context(struct config_share *s, const struct tls_conf *conf,
                         struct tls_ctx **ret_ctx, struct err *e, size_t *ret_bad)
{
    struct tls_ctx *ctx = find_context(s, conf);
    if (ctx != NULL) {
        config_keep_context(s->into, ctx);
        *ret_ctx = ctx;
        return 0;
    }
    int r = tls_ctx_new(conf, &ctx, e, ret_bad);
    if (r < 0)
        return r;
    config_keep_context(s->into, ctx);
    tls_ctx_unref(ctx); /* the configuration's alone */
    map_add(&s->contexts, tls_ctx_digest(ctx), ctx);
    *ret_ctx = ctx;
    return 0;
}

const struct cluster *config_share_cluster(const struct config_share *s, struct slice name)
{
    return map_get(&s->clusters, name);
}
