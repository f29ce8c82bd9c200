/* SPDX-License-Identifier: Apache-2.0 */
/* HTTP/1.1 on the control socket: a few callers at a time, one request each, every step of theirs
 * within seconds. It knows nothing of what is asked; requests go up as calls. */
#ifndef SERVER_CONTROL_SERVER_H
#define SERVER_CONTROL_SERVER_H

#include "event/loop.h"
#include "http/stream.h"
#include "server/control_socket.h"

#include <sys/types.h>

/* One request, from its head to its answer. Lives in its own arena until the answer is gone or the
 * caller is. */
struct control_call {
    struct control_server *server;
    struct stream *stream;
    const struct message *request; /* without a body: those are refused */
    struct arena *arena;           /* for what shares its fate */
    pid_t pid;                     /* the caller's, 0: not known here */
    uid_t uid;
    /* He has left before he was answered: the last event. NULL: nobody has to know. */
    void (*on_gone)(struct control_call *c);
    void *user; /* of on_gone */
};
struct control_answer {
    unsigned status;
    const char *type;  /* Content-Type */
    const char *allow; /* methods, of a 405; else NULL */
    struct slice body; /* borrowed for the call */
};

struct control_server;
/* Listens nowhere yet. on_call has to answer, then or later, exactly once. */
struct control_server *control_server_new(struct loop *l,
                                          void (*on_call)(void *user, struct control_call *c),
                                          void *user);
/* Cuts what is open (on_gone is called), removes the socket. NULL is fine. */
void control_server_free(struct control_server *s);
/* As control_listen(): 0, or -errno with words in `e`, and it listens where it did. */
int control_server_listen(struct control_server *s, const struct control_conf *conf, struct err *e);
/* The call is over with it. */
void control_call_answer(struct control_call *c, const struct control_answer *a);

#endif
