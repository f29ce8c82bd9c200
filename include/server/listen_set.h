/* SPDX-License-Identifier: Apache-2.0 */
/* The master's listening sockets: one per worker and address (SO_REUSEPORT), so that the kernel
 * spreads connections and no worker ever waits for another. They outlive the workers: what waits in
 * the queue of a fallen one is served by a neighbour. */
#ifndef SERVER_LISTEN_SET_H
#define SERVER_LISTEN_SET_H

#include "base/err.h"
#include "server/config.h"

struct listen_set;
/* Opens every address of the configuration for `workers` workers. An address that another program
 * holds is an error, though the kernel would share it; one that a dying signet still holds is
 * waited for, up to 2 s in all. 0, or -errno with the address and the reason in `e`, and where it
 * was asked for in *ret_at. */
int listen_set_open(const struct config *c, unsigned workers, struct listen_set **ret_set,
                    struct span *ret_at, struct err *e);
/* The set for another configuration: what `old` has too is shared (descriptors of its own, so each
 * set is closed on its own), what it lacks is bound, but nobody can connect to it before
 * listen_set_begin(). For fewer workers it keeps the sockets of those that are no more: connections
 * wait in their queues. `old` stays as it is. As listen_set_open(), but waits for nobody. */
int listen_set_next(const struct listen_set *old, const struct config *c, unsigned workers,
                    struct listen_set **ret_set, struct span *ret_at, struct err *e);
/* From now on all of it listens. What the kernel refuses at this late moment is logged. */
void listen_set_begin(const struct listen_set *s);
/* The configuration of `next` is in force and listens: sockets of addresses that it lacks take in
 * what has begun to connect, and nobody new. They are to be closed a second later, once they are
 * empty; what `next` has too is closed at once, or reloads in a row would add up. */
void listen_set_retire(struct listen_set *old, const struct listen_set *next);
void listen_set_close(struct listen_set *s);             /* closes all; NULL is fine */
size_t listen_set_addresses(const struct listen_set *s); /* sockets of each worker */
unsigned listen_set_workers(
    const struct listen_set *s); /* with sockets, those no more among them */
const int *listen_set_of(const struct listen_set *s, unsigned worker); /* borrowed */
/* Was this address, of those of each worker, added by listen_set_next()? */
bool listen_set_added(const struct listen_set *s, size_t address);

#endif
