/* SPDX-License-Identifier: Apache-2.0 */
/* The control socket as a file: it has its rights from its first moment, one that nobody listens on
 * any more is replaced, and it is removed only while it is still ours. */
#ifndef SERVER_CONTROL_SOCKET_H
#define SERVER_CONTROL_SOCKET_H

#include "base/err.h"
#include "server/config.h"

#include <sys/stat.h>
#include <sys/un.h>

struct control_socket { /* a value; zero it but for fd -1: listens nowhere */
    int fd;             /* owned */
    char path[sizeof(((struct sockaddr_un *)NULL)->sun_path)];
    mode_t mode;
    dev_t device; /* which file it made */
    ino_t inode;
};

/* Listens at conf->path, whose folder is made (0755) when it is missing and its own folder is
 * there. 0; -EADDRINUSE when somebody listens there, with his pid in `e`; -EEXIST when what stands
 * there is no socket; another -errno with words in `e`. */
int control_socket_open(const struct control_conf *conf, struct control_socket *ret_socket,
                        struct err *e);
/* Could it be made, as far as one can tell without making it? Who listens there now does not count.
 * 0, or -errno with words in `e`. */
int control_socket_check(const struct control_conf *conf, struct err *e);
/* False: `conf` asks for another path, or the file there does not lead to this socket any more.
 * Else all that may differ is the mode, which is set. */
bool control_socket_keep(struct control_socket *s, const struct control_conf *conf);
void control_socket_close(struct control_socket *s); /* harmless when it listens nowhere */

#endif
