/* SPDX-License-Identifier: Apache-2.0 */
/* Sockets: the system calls with their options, as 0-or-errno functions. Every descriptor made here
 * is non-blocking and close-on-exec; the caller owns and closes it. */
#ifndef EVENT_SOCK_H
#define EVENT_SOCK_H

#include "event/addr.h"

#include <stddef.h>

/* A listening TCP socket with SO_REUSEADDR, SO_REUSEPORT, IPV6_V6ONLY, TCP_DEFER_ACCEPT (1 s) and
 * TCP_NODELAY, which accepted sockets inherit; or a unix socket, whose path must not exist. 0 or
 * -errno. */
int sock_listen(const struct addr *at, int backlog, int *ret_fd);
/* Begins to connect, with TCP_NODELAY. 0: connected; -EINPROGRESS: it goes on (watch for
 * writability, then sock_error); *ret_fd is set for both. Else -errno. */
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
/* Bytes that the kernel holds because the peer has not acknowledged them. */
size_t sock_unsent(int fd);
/* Anything waiting to be read, data or end (one MSG_PEEK)? */
bool sock_readable_now(int fd);

#endif
