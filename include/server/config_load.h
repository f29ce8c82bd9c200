/* SPDX-License-Identifier: Apache-2.0 */
/* A configuration from a bundle, built in slices. Neither the bundle nor any copy of its contents
 * outlives this: what was built from them stays. */
#ifndef SERVER_CONFIG_LOAD_H
#define SERVER_CONFIG_LOAD_H

#include "base/err.h"
#include "server/bundle.h"
#include "server/config.h"
#include "upstream/server.h"

struct config_load_setup {
    int bundle_fd;               /* taken, also when it fails */
    struct servers *registry;    /* borrowed, like what follows, until the end */
    struct tls_tickets *tickets; /* used on if the bundle has their secret; may be NULL */
    const struct config *former; /* what it has alike is shared; may be NULL */
};
struct config_load;
/* 0, or -errno with words in `e`. */
int config_load_new(const struct config_load_setup *setup, struct config_load **ret_load,
                    struct err *e);
/* Works for about budget_us. False: there is no more to do. */
bool config_load_step(struct config_load *l, uint64_t budget_us);
struct config_loaded {
    struct config *config;       /* a reference, the caller's; not in use yet (config_use) */
    struct tls_tickets *tickets; /* likewise: what its TLS contexts make tickets with */
    struct identity identity;    /* that the bundle asks for */
};
/* What came of it, once there is no more to do. 0, or -EINVAL with words in `e`. Frees the load. */
int config_load_end(struct config_load *l, struct config_loaded *ret_loaded, struct err *e);
void config_load_free(struct config_load *l); /* abandons it; NULL is fine */

#endif
