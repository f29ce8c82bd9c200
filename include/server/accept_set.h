/* SPDX-License-Identifier: Apache-2.0 */
/* The listening sockets that one worker accepts from: its own, and those of a fallen neighbour that
 * the master lent it. Each finds its `listen` block by the address it is bound to. */
#ifndef SERVER_ACCEPT_SET_H
#define SERVER_ACCEPT_SET_H

#include "base/err.h"
#include "proxy/frontend.h"
#include "server/config.h"

struct accept_set;
/* Borrows loop and frontend, which gets the accepted connections; references the configuration. */
struct accept_set *accept_set_new(struct loop *l, struct frontend *f, struct config *c);
void accept_set_free(struct accept_set *s); /* closes all; NULL is fine */
/* Takes a socket that belongs to worker `owner`. -EINVAL with words when no `listen` block has its
 * address; the descriptor is closed then. */
int accept_set_add(struct accept_set *s, unsigned owner, int fd, struct err *e);
/* All of that worker, but for those that are about to close. */
void accept_set_remove(struct accept_set *s, unsigned owner);
/* Another configuration is in force, for the sockets and for all connections of the frontend. A
 * socket whose address it lacks takes in who has come already, for one request each: it closes when
 * nobody came for a second, after ten at the latest. */
void accept_set_use(struct accept_set *s, struct config *c);
/* Takes in what has already connected, so that nobody is reset, then accepts no more. */
void accept_set_finish(struct accept_set *s);
uint64_t accept_set_failures(const struct accept_set *s); /* accepts that failed so far */

#endif
