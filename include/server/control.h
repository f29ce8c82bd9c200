/* SPDX-License-Identifier: Apache-2.0 */
/* The control socket: HTTP/1.1 and JSON on a unix socket, served by the master. What it may be
 * asked is a table; what the answers need is handed down here. A caller that hangs, floods or
 * babbles costs a connection out of a few, for a bounded time, and never waits inside the master.
 */
#ifndef SERVER_CONTROL_H
#define SERVER_CONTROL_H

#include "server/children.h"
#include "server/holdings.h"
#include "server/reload.h"

struct control_setup { /* all borrowed; outlives the control */
    struct loop *loop;
    const char *config_path;
    const struct holdings *held; /* as it is at the moment of each question */
    struct children *children;
    struct reload *reload;
    void (*stop)(void *user, bool at_once);
    /* New log files. 0, or -errno with words in `e`. */
    int (*reopen)(void *user, struct err *e);
    void *user;
};
struct control;
/* Listens nowhere yet. */
struct control *control_new(const struct control_setup *setup);
void control_free(struct control *c); /* cuts what is open, removes the socket; NULL is fine */
/* Listens there from now on, and no longer where it did; what is being answered goes on. A stale
 * socket that nobody listens on is replaced, a living one is -EADDRINUSE with its holder in words.
 * 0, or -errno with words in `e`, and it listens where it did. `conf` is copied. */
struct control_conf;
int control_listen(struct control *c, const struct control_conf *conf, struct err *e);

/* --- what happens to the program from other sides too, for `status` */
void control_note_reload(struct control *c, const struct reload_outcome *o);
void control_note_stop(struct control *c); /* it is ending: asks for a reload are refused */

#endif
