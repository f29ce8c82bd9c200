/* SPDX-License-Identifier: Apache-2.0 */
/* The workers of a master: started, replaced when they fall (with back-off) or fall silent, told to
 * drain, to end, to change logs and to change the configuration. While one is down or silent, its
 * listening sockets are lent to a neighbour; those of a number that is no more, for good. */
#ifndef SERVER_CHILDREN_H
#define SERVER_CHILDREN_H

#include "event/loop.h"
#include "server/listen_set.h"
#include "server/logs.h"
#include "server/shm.h"

#define CHILDREN_PREPARE_MS 10000
struct children_setup { /* all borrowed; outlives the children */
    struct loop *loop;
    unsigned count;
    uint32_t generation; /* of the bundle */
    int program, bundle; /* descriptors */
    struct shm *shm;
    const struct logs *logs;
    const struct listen_set *sockets;
    uint64_t prepare_ms;            /* how long to wait for who prepares: CHILDREN_PREPARE_MS */
    void (*on_serving)(void *user); /* all are ready for the first time */
    void (*on_hopeless)(void *user, const char *why); /* not one could start */
    void (*on_gone)(void *user, bool orderly);        /* after drain or stop: the last has ended */
    void *user;
};
struct children;
struct children *children_new(const struct children_setup *setup);
void children_free(struct children *c); /* kills and reaps what still runs; NULL is fine */
void children_start(struct children *c);
void children_reap(struct children *c); /* on SIGCHLD */
/* From here on nobody is replaced, and what is being prepared is forgotten. on_gone follows,
 * perhaps inside the call. */
void children_drain(struct children *c);
void children_stop(struct children *c);
void children_kill(struct children *c);   /* for those who obey nothing */
void children_reopen(struct children *c); /* setup->logs has new descriptors */

/* --- a new configuration, in two phases. One at a time. */

/* Every worker, and whoever starts meanwhile, builds `bundle` (borrowed until commit or forget)
 * beside what it serves with. on_prepared follows once, never inside the call: `why` NULL when all
 * have it, else why one cannot or fell over it, borrowed for the call; it then has to be forgotten.
 * One that says nothing for prepare_ms has no veto: it is replaced at the commit. */
void children_prepare(struct children *c, uint32_t generation, int bundle,
                      void (*on_prepared)(void *user, const char *why), void *user);
struct children_next { /* borrowed from here on, in place of what the setup named */
    unsigned count;    /* more: they start; fewer: the last ones drain, their sockets are lent */
    int bundle;        /* as prepared */
    const struct logs *logs;
    const struct listen_set *sockets; /* what it has that the former set lacks is sent at once */
};
/* All change over; the former set and logs may be closed after it. */
void children_commit(struct children *c, const struct children_next *next);
void children_forget(struct children *c); /* also while they still prepare: on_prepared is off */

/* --- for `signet status` */
struct child_info {
    unsigned number;
    int pid;           /* 0: none at the moment */
    const char *state; /* "ready", "starting", "down", "silent", "draining" */
    unsigned row;      /* in shared memory; valid when pid is not 0 */
    int lent_to;       /* who accepts for it, -1: nobody has to */
    uint64_t age_ms;   /* since its start */
    uint64_t falls;    /* of this number, since the program began */
};
/* In order of number; those that drain beside a successor follow theirs. */
void children_each(const struct children *c, void (*see)(void *user, const struct child_info *i),
                   void *user);

#endif
