/* SPDX-License-Identifier: Apache-2.0 */
/* Listening sockets of one worker. They belong to the master and live on in it, so they sit in an
 * epoll set of their own, which the loop watches: libev never deletes from its set, and a
 * descriptor closed here would haunt it. */
#ifndef CONN_LISTENER_H
#define CONN_LISTENER_H

#include "event/addr.h"
#include "event/loop.h"

struct listeners;
struct listeners_events {
    /* Takes the new descriptor; `tag` is what listeners_add was given with the socket. */
    void (*on_accept)(void *user, void *tag, int fd, const struct addr *peer);
    /* How many may come in now; 0: not one, for lack of descriptors. NULL: as many as come. */
    unsigned (*room)(void *user);
};
/* Borrows the events. */
struct listeners *listeners_new(struct loop *l, const struct listeners_events *ev, void *user);
void listeners_free(struct listeners *ls); /* closes all */
/* Takes the descriptor (closed by listeners_remove). 0, or -errno, and it stays the caller's. */
int listeners_add(struct listeners *ls, int fd, void *tag);
void listeners_remove(struct listeners *ls, int fd); /* harmless when it is not there */
void listeners_close_all(struct listeners *ls);      /* accepts no more, at once */
/* Without descriptors or room, accepting pauses for 100 ms instead of spinning, and the log says so
 * once a minute; the caller counts. Such failures so far: */
uint64_t listeners_failures(const struct listeners *ls);

#endif
