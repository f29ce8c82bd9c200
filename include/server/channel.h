/* SPDX-License-Identifier: Apache-2.0 */
/* What the master and a worker say to each other, over a SOCK_SEQPACKET pair: one message a packet,
 * with descriptors where the kind carries them. The worker's end is descriptor CHANNEL_FD and lives
 * as long as the process, so its end tells the master's death to the worker and the worker's to the
 * master. Neither side trusts the other: what does not fit its kind is refused whole. */
#ifndef SERVER_CHANNEL_H
#define SERVER_CHANNEL_H

#include "base/err.h"
#include "base/slice.h"
#include "event/fdpass.h"

#include <stdint.h>

#define CHANNEL_FD       3 /* the worker's end */
#define CHANNEL_VERSION  1 /* of the messages; raised when a kind changes its meaning */
#define CHANNEL_TEXT_MAX 512

enum channel_kind {
    /* master to worker */
    CHANNEL_START = 1, /* worker, row, sockets; descriptors as in channel_start_fd */
    CHANNEL_LEND,      /* listening sockets of `worker`: your own behind START, or a neighbour's */
    CHANNEL_TAKE_BACK, /* accept no more for `worker`, which serves again */
    CHANNEL_DRAIN,     /* accept no more, finish what is in flight, end */
    CHANNEL_STOP,      /* end now */
    CHANNEL_REOPEN,    /* new logs; descriptors as in channel_reopen_fd */
    CHANNEL_PREPARE,   /* build the bundle of `generation` beside what you serve with; descriptor */
    CHANNEL_COMMIT,    /* from now on serve with `generation`, which you have prepared */
    CHANNEL_FORGET,    /* drop what you prepare or have prepared: it will not be */
    /* worker to master */
    CHANNEL_READY,    /* serving */
    CHANNEL_FAILED,   /* cannot serve, `text` says why; the process ends */
    CHANNEL_DRAINED,  /* nothing in flight any more; the process ends */
    CHANNEL_PREPARED, /* `generation` is built, commit changes one pointer */
    CHANNEL_CANNOT,   /* it cannot be built, `text` says why; all goes on as before */
};
enum channel_start_fd { START_BUNDLE, START_SHM, START_ERROR_LOG, START_ACCESS_LOG /* or none */ };
enum channel_reopen_fd { REOPEN_ERROR_LOG, REOPEN_ACCESS_LOG /* or none */ };
enum channel_side { CHANNEL_MASTER, CHANNEL_WORKER };

struct channel_message {
    enum channel_kind kind;
    uint32_t worker;     /* START: the receiver's number; LEND, TAKE_BACK: whose sockets */
    uint32_t row;        /* START: the receiver's row in shared memory */
    uint32_t sockets;    /* START: how many of its own sockets follow in LEND */
    uint32_t generation; /* START, PREPARE, COMMIT, PREPARED, CANNOT: of the configuration */
    char text[CHANNEL_TEXT_MAX]; /* FAILED, CANNOT; NUL-terminated */
    int fds[FDPASS_MAX];
    size_t fd_count;
};

/* A connected pair; both ends non-blocking and close-on-exec. 0 or -errno. */
int channel_pair(int ret_ends[static 2]);
/* The message as bytes, without its descriptors. Returns their number. */
#define CHANNEL_BYTES_MAX (20 + CHANNEL_TEXT_MAX)
size_t channel_format(const struct channel_message *m, char out[static CHANNEL_BYTES_MAX]);
/* The message in `bytes` from `sender`, which came with fd_count descriptors, or FDPASS_LOST;
 * ret_m->fds are left alone. 0, or -EPROTO with the reason in `e`. */
int channel_parse(struct slice bytes, size_t fd_count, enum channel_side sender,
                  struct channel_message *ret_m, struct err *e);
/* Sends; the descriptors stay the caller's. 0 or -errno; -EAGAIN: the other side does not read. */
int channel_send(int sock, const struct channel_message *m);
/* Receives; the descriptors are the caller's then. 1; 0 at the end; -EAGAIN; -EPROTO (said in `e`,
 * descriptors closed); -EMFILE: the message is there, but its descriptors found no room in this
 * process and are lost; another -errno. */
int channel_recv(int sock, enum channel_side sender, struct channel_message *ret_m, struct err *e);
void channel_close_fds(struct channel_message *m); /* what nobody took: a place of -1 is skipped */
const char *channel_kind_text(enum channel_kind kind);

#endif
