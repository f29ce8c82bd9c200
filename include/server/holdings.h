/* SPDX-License-Identifier: Apache-2.0 */
/* Everything the master reads and opens before the first worker starts, and what the workers then
 * live on. A second one can be made beside the first without disturbing it. */
#ifndef SERVER_HOLDINGS_H
#define SERVER_HOLDINGS_H

#include "conf/diag.h"
#include "server/config.h"
#include "server/listen_set.h"
#include "server/logs.h"
#include "server/shm.h"

struct holdings { /* owns all */
    struct sources *sources;
    struct servers *registry;
    struct tls_tickets *tickets;
    struct config *config;
    struct logs logs;
    struct listen_set *sockets;
    struct shm *shm;
    int bundle;          /* descriptor */
    uint32_t generation; /* of the configuration: 1 at first, one more with each reload */
};

/* Reads, checks and opens all. What is wrong with the configuration, a port in use included, goes
 * to `d` with its place: -EINVAL. When the system refuses something: another -errno, with words in
 * `e`. */
int holdings_open(const char *config_path, struct holdings *ret_h, struct diags *d, struct err *e);
void holdings_close(struct holdings *h);

#endif
