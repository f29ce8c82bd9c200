/* SPDX-License-Identifier: Apache-2.0 */
/* From a draft without errors to what serving uses, piece by piece, in this order: the root, each
 * pool, then each listener followed by its hosts and its tables. Nothing here can fail. */
#ifndef SERVER_CONFIG_MAKE_H
#define SERVER_CONFIG_MAKE_H

#include "server/config_draft.h"

/* All that is no block; room for the blocks. */
void config_make_root(struct config *c, const struct draft *draft);
/* Begins pool->cluster, to be grown by cluster_grow(). `former` may be NULL. */
void config_make_pool(struct config *c, struct pool_draft *pool, struct servers *registry,
                      const struct cluster *former);
void config_make_listener(struct config *c, struct listen_draft *listen); /* without its hosts */
void config_make_host(struct config *c, const struct listen_draft *listen, struct host_draft *host);
void config_make_tables(const struct listen_draft *listen); /* how its hosts are found */

#endif
