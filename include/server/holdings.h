/* SPDX-License-Identifier: Apache-2.0 */
/* Everything the master reads and opens before the first worker starts, and what the workers then
 * live on. A second one can be made beside the first without disturbing it. */
#ifndef SERVER_HOLDINGS_H
#define SERVER_HOLDINGS_H

#include "conf/diag.h"
#include "server/config.h"
#include "server/identity.h"
#include "server/listen_set.h"
#include "server/logs.h"
#include "server/shm.h"

struct holdings { /* owns all */
    /* What lasts from start to end. */
    struct servers *registry;
    struct tls_tickets *tickets;
    struct identity identity;
    struct shm *shm;
    /* What a configuration brings. */
    struct sources *sources; /* without its keys: those are in the bundle */
    struct config *config;
    struct logs logs;
    struct listen_set *sockets;
    int bundle;          /* descriptor */
    uint32_t generation; /* of the configuration: 1 at first, more with each reload */
};

/* Reads, checks and opens all. What is wrong with the configuration, a port in use included, goes
 * to `d` with its place: -EINVAL. When the system refuses something: another -errno, with words in
 * `e`. */
int holdings_open(const char *config_path, struct holdings *ret_h, struct diags *d, struct err *e);
void holdings_close(struct holdings *h);

/* --- the next, beside one that is in use, for a reload; in this order */

/* With nothing but what lasts, which is shared: see holdings_forget(). */
struct holdings holdings_next(const struct holdings *h, uint32_t generation);
/* `next` has its sources and its configuration: opens the sockets and makes the bundle. As
 * holdings_open(); what was opened stays for holdings_forget(). */
int holdings_open_sockets(const struct holdings *h, struct holdings *next, const char *config_path,
                          struct diags *d, struct err *e);
/* What files could be replaced under meanwhile, so it comes last. -EINVAL, said in `d`. */
int holdings_open_logs(const struct holdings *h, struct holdings *next, struct diags *d);
/* `next` comes to nothing. */
void holdings_forget(const struct holdings *h, struct holdings *next);
/* `next` takes the place of *h; what only the former had is in *ret_former, to be closed by
 * holdings_forget(h, ret_former). */
void holdings_replace(struct holdings *h, struct holdings *next, struct holdings *ret_former);

#endif
