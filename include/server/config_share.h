/* SPDX-License-Identifier: Apache-2.0 */
/* What a configuration that is being built need not build: contexts of the former one or of another
 * host, found by digest, and the former pools, found by name. Embedded by value. */
#ifndef SERVER_CONFIG_SHARE_H
#define SERVER_CONFIG_SHARE_H

#include "base/err.h"
#include "base/map.h"
#include "conn/tls_ctx.h"
#include "upstream/cluster.h"

struct config;
struct config_share {
    struct map contexts; /* digest to struct tls_ctx */
    struct map clusters; /* name to struct cluster */
    struct config *into; /* borrowed; keeps what is taken */
};
/* Borrows both; `former` may be NULL. */
void config_share_init(struct config_share *s, const struct config *former, struct config *into);
void config_share_done(struct config_share *s);
/* As tls_ctx_new(), but the context is borrowed from s->into and was perhaps there already. */
int config_share_context(struct config_share *s, const struct tls_conf *conf,
                         struct tls_ctx **ret_ctx, struct err *e, size_t *ret_bad);
const struct cluster *config_share_cluster(const struct config_share *s,
                                           struct slice name); /* NULL: none */

#endif
