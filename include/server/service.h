/* SPDX-License-Identifier: Apache-2.0 */
/* What a worker serves with, built from a bundle: the configuration, the accepting side, the
 * upstream connections and the records. */
#ifndef SERVER_SERVICE_H
#define SERVER_SERVICE_H

#include "base/census.h"
#include "base/counter.h"
#include "base/err.h"
#include "event/loop.h"
#include "server/config.h"

struct service_setup { /* the bundle is taken, all else borrowed */
    struct loop *loop;
    int bundle_fd;
    int access_fd; /* -1: none */
    struct counters *counters;
    struct census *census; /* joined */
};
struct service;
/* Builds all, becomes the bundle's identity and locks the process in: nothing a client sends is
 * read before. 0, or -errno with words in `e`. */
int service_new(const struct service_setup *setup, struct service **ret_service, struct err *e);
void service_free(struct service *s); /* ends every connection at once; NULL is fine */

/* Accept for worker `owner` from now on. Takes the socket. 0, or -errno with words in `e`. */
int service_lend(struct service *s, unsigned owner, int fd, struct err *e);
void service_take_back(struct service *s, unsigned owner); /* no longer */
/* A new configuration beside the one that serves, from a bundle whose descriptor is taken. It is
 * built in slices of a few milliseconds, one a loop turn, reusing what did not change. on_built
 * follows once, never inside the call: `why` NULL, or why it cannot be, borrowed for the call. One
 * at a time. */
void service_prepare(struct service *s, int bundle_fd,
                     void (*on_built)(void *user, const char *why), void *user);
/* What was built is in force: the next request on every connection uses it. Connections to an
 * address that it lacks end in order; its listening sockets accept what is queued for a second. */
void service_commit(struct service *s);
void service_forget(struct service *s); /* drops what is built or being built; harmless if none */
/* Accept no more; what is in flight goes on until service_idle() or the worker's patience ends. */
void service_drain(struct service *s);
bool service_idle(const struct service *s);                   /* no client connection is left */
const struct config *service_config(const struct service *s); /* borrowed */
/* What waits goes to the old descriptor, which is then the caller's to close. */
void service_reopen(struct service *s, int access_fd);
/* Now and then: counts what others only know as a sum, and says when access records are lost. */
void service_tick(struct service *s);

#endif
