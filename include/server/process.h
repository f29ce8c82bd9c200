/* SPDX-License-Identifier: Apache-2.0 */
/* One incarnation of a worker as the master knows it: its channel, its row in shared memory, what
 * it was asked and what it has answered. It ends when the system says so (process_reap); until then
 * it can only be told to, or killed. */
#ifndef SERVER_PROCESS_H
#define SERVER_PROCESS_H

#include "base/err.h"
#include "event/loop.h"
#include "server/channel.h"
#include "server/listen_set.h"
#include "server/logs.h"
#include "server/pulse.h"
#include "server/shm.h"

#include <sys/types.h>

/* A start reads and builds the whole configuration, in one go; it is over long before this. */
#define PROCESS_START_MAX_MS 60000

enum process_state { PROCESS_STARTING, PROCESS_READY, PROCESS_LEAVING };
/* Of the generation that is being prepared. */
enum process_consent { CONSENT_UNASKED, CONSENT_ASKED, CONSENT_GIVEN, CONSENT_REFUSED };

struct process;
struct process_events { /* none of them may free the process */
    void (*on_started)(struct process *p);
    void (*on_ready)(struct process *p); /* once */
    /* To a PREPARE; `cannot` NULL: it has it. */
    void (*on_answer)(struct process *p, uint32_t generation, const char *cannot);
};
struct process_means { /* all borrowed; what later starts get may change between two of them */
    struct loop *loop;
    int program, bundle; /* descriptors */
    uint32_t generation; /* of the bundle */
    struct shm *shm;
    const struct logs *logs;
    const struct listen_set *sockets;
    const struct process_events *events;
    void *user; /* of the events */
};
struct process {
    struct link link;                  /* in its owner's list */
    const struct process_means *means; /* borrowed */
    unsigned number;                   /* of the worker it is */
    enum process_state state;
    enum process_consent consent;
    pid_t pid;
    int channel; /* -1: it has closed its end */
    struct watch watch;
    unsigned row;
    uint64_t started_ms;
    struct pulse pulse;
    bool silent;                /* what the watchdog last made of the pulse */
    bool doomed;                /* killed, and not reaped yet */
    unsigned said;              /* kinds of what it says once in its life, as bits */
    unsigned owed;              /* answers that it may still give to PREPAREs */
    unsigned nonsense;          /* messages in a row that said nothing it had to say */
    char why[CHANNEL_TEXT_MAX]; /* it ended or will; empty: it has not said */
};

/* Starts worker `number` and hands it everything: it is STARTING. 0, or -errno with words in `e`.
 */
int process_start(const struct process_means *means, unsigned number, struct process **ret_process,
                  struct err *e);
/* Ended or stopped since? True: it has ended, *ret_status is of waitpid(2), it is to be freed. What
 * it said before is in `why`. */
bool process_reap(struct process *p, int *ret_status);
void process_free(struct process *p); /* kills and reaps it if it still runs; folds its row */

/* One that does not read what it is told is killed. */
void process_send(struct process *p, const struct channel_message *m);
void process_tell(struct process *p, enum channel_kind kind);
void process_reopen(struct process *p); /* means->logs has new descriptors */
/* The sockets of worker `owner`, all or those that the former set lacked. */
enum process_sockets { SOCKETS_ALL, SOCKETS_ADDED };
void process_lend(struct process *p, unsigned owner, enum process_sockets which);
void process_take_back(struct process *p, unsigned owner);
/* `how` is DRAIN or STOP: it is LEAVING. */
void process_leave(struct process *p, enum channel_kind how);
void process_kill(struct process *p);
bool process_serves(const struct process *p); /* NULL: no */

#endif
