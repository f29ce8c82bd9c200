/* SPDX-License-Identifier: Apache-2.0 */
/* One message with descriptors over a unix SOCK_SEQPACKET socket (SCM_RIGHTS, unix(7)). */
#ifndef EVENT_FDPASS_H
#define EVENT_FDPASS_H

#include <stddef.h>
#include <stdint.h>

#define FDPASS_MAX 253 /* descriptors one message may carry (SCM_MAX_FD) */

/* Sends bytes and a borrowed list of descriptors as one message. 0 or -errno (-EAGAIN: the queue is
 * full). */
int fdpass_send(int sock, const void *bytes, size_t len, const int *fds, size_t fd_count);
/* Receives one message. Returns its length, 0 at the end of the stream, or -errno. Descriptors
 * arrive close-on-exec and are the caller's; *ret_fd_count says how many, or FDPASS_LOST: some or
 * all of them found no room in this process (RLIMIT_NOFILE), and it has none. A cut message is
 * -EMSGSIZE, its descriptors closed. */
#define FDPASS_LOST SIZE_MAX
long fdpass_recv(int sock, void *bytes, size_t room, int *fds, size_t fd_room,
                 size_t *ret_fd_count);

#endif
