/* SPDX-License-Identifier: Apache-2.0 */
/* What a configuration owns besides its clusters and tables, and how it is taken apart. */
#ifndef SERVER_CONFIG_OWN_H
#define SERVER_CONFIG_OWN_H

#include "base/arena.h"

#include <stdbool.h>

struct cluster;
struct config;
struct span;
struct tls_ctx;
struct config_private {
    struct arena arena;        /* every array and text of the configuration */
    struct tls_ctx **contexts; /* of all hosts, in the arena; a reference each */
    size_t context_count, context_room;
    struct cluster **clusters;      /* config.clusters, to be filled */
    const struct span **addr_spans; /* config.addr_spans, to be filled */
    /* Who frees it once the last reference is gone; NULL: config_unref() itself, at once. */
    void (*on_unused)(struct config *c);
    struct config_grave *grave; /* on_unused's */
    struct config *next_buried;
};

struct config *config_new(void); /* empty, one reference */
/* Takes one reference on `ctx` that ends with the configuration. */
void config_keep_context(struct config *c, struct tls_ctx *ctx);
/* Where `c` goes without references is where `former` goes. */
void config_inherit_grave(struct config *c, const struct config *former);
/* Frees one thing of a configuration without references. False: it was the last, `c` is gone. */
bool config_free_step(struct config *c);

#endif
