/* SPDX-License-Identifier: Apache-2.0 */
/* The workers of a master: started, replaced when they fall (with back-off), told to drain, to end
 * and to change logs. While one is down, its listening sockets are lent to a neighbour. */
#ifndef SERVER_CHILDREN_H
#define SERVER_CHILDREN_H

#include "event/loop.h"
#include "server/listen_set.h"
#include "server/logs.h"
#include "server/shm.h"

struct children_setup { /* all borrowed; outlives the children */
    struct loop *loop;
    unsigned count;
    int program, bundle; /* descriptors */
    struct shm *shm;
    const struct logs *logs;
    const struct listen_set *sockets;
    void (*on_serving)(void *user);                   /* all are ready for the first time */
    void (*on_hopeless)(void *user, const char *why); /* not one could start */
    void (*on_gone)(void *user, bool orderly);        /* after drain or stop: the last has ended */
    void *user;
};
struct children;
struct children *children_new(const struct children_setup *setup);
void children_free(struct children *c); /* kills and reaps what still runs; NULL is fine */
void children_start(struct children *c);
void children_reap(struct children *c); /* on SIGCHLD */
/* From here on nobody is replaced. on_gone follows, perhaps inside the call. */
void children_drain(struct children *c);
void children_stop(struct children *c);
void children_kill(struct children *c);   /* for those who obey nothing */
void children_reopen(struct children *c); /* setup->logs has new descriptors */

#endif
