/* SPDX-License-Identifier: Apache-2.0 */
/* The other end of the control socket: one request to a running signet, waited for. */
#ifndef SERVER_CLI_CONTROL_CLIENT_H
#define SERVER_CLI_CONTROL_CLIENT_H

#include "base/buf.h"
#include "base/err.h"

#include <stdbool.h>
#include <stdint.h>

struct control_question { /* borrowed */
    struct slice socket;  /* path */
    const char *method;   /* "GET", "POST" */
    struct slice target;
    bool json;        /* else text for people */
    uint64_t wait_ms; /* for the whole of it */
};
struct control_reply {
    unsigned status;
    struct buf body;
    int pid, process; /* who answered, and a pidfd_open(2) of it; 0 and -1: nobody could tell */
};

/* 0, and *ret_reply is to be given back. -ENOENT, -ECONNREFUSED: nobody listens there; -ETIMEDOUT,
 * -EPROTO, another -errno: with words in `e`. */
int control_ask(const struct control_question *q, struct control_reply *ret_reply, struct err *e);
void control_reply_done(struct control_reply *r);

#endif
