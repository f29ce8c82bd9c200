/* SPDX-License-Identifier: Apache-2.0 */
/* Sockets: the system calls with their options, as 0-or-errno functions. Every descriptor made here
 * is non-blocking and close-on-exec; the caller owns and closes it. */
#ifndef EVENT_SOCK_H
#define EVENT_SOCK_H

#include "event/addr.h"

#include <stddef.h>

/* Bytes that may wait in the kernel before the first of them is sent (tcp(7), TCP_NOTSENT_LOWAT);
 * the kernel alone would let megabytes wait. What is sent and not acknowledged does not count, so a
 * long line is used as well as ever. Half of it free makes a socket writable again. */
#define SOCK_UNSENT_BYTES (64 * 1024)

/* A listening TCP socket with SO_REUSEADDR, SO_REUSEPORT, IPV6_V6ONLY, TCP_DEFER_ACCEPT (1 s) and,
 * for accepted sockets to inherit, TCP_NODELAY and the bound above; or a unix socket, whose path
 * must not exist. 0 or -errno. */
int sock_listen(const struct addr *at, int backlog, int *ret_fd);
/* The same in two steps. A socket that is only bound holds its address, and is not told of anybody
 * who connects. */
int sock_bind(const struct addr *at, int *ret_fd);
int sock_begin_listen(int fd, int backlog); /* harmless when it listens already */
/* Nobody new reaches a listening TCP socket from now on: who connects is refused, or comes to
 * another one that has the address too. Those that have begun to connect, or wait in its queue, are
 * not touched. 0 or -errno. */
int sock_refuse_new(int fd);
#define SOCK_NOWHERE 0x7fffffff /* the interface that it is bound to then: none has that number */
/* Begins to connect, with TCP_NODELAY and the same bound. 0: connected; -EINPROGRESS: it goes on
 * (watch for writability, then sock_error); *ret_fd is set for both. Else -errno. */
int sock_connect(const struct addr *to, int *ret_fd);
int sock_error(int fd); /* SO_ERROR as 0 or -errno; clears it */
int sock_accept(int fd, int *ret_fd, struct addr *ret_peer); /* 0, -EAGAIN, -EMFILE, ... */
int sock_local(int fd, struct addr *ret_addr);               /* 0 or -errno */
void sock_set_nodelay(int fd); /* best effort; ignored on unix sockets */
/* Close sends RST at once and drops what is unsent. */
void sock_set_abortive(int fd);
/* Has the peer closed its side, seen without reading (TCP_INFO; poll for unix)? For connections
 * whose reads are paused; bytes may still wait to be read. *ret_by_reset is set when it has. */
bool sock_peer_closed(int fd, bool *ret_by_reset);
/* Anything waiting to be read, data or end (one MSG_PEEK)? */
bool sock_readable_now(int fd);

#endif
