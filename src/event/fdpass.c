/* SPDX-License-Identifier: Apache-2.0 */
#include "event/fdpass.h"

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* Room for the control message, aligned as the CMSG macros want it. */
union control {
    struct cmsghdr header;
    char bytes[CMSG_SPACE(FDPASS_MAX * sizeof(int))];
};

int fdpass_send(int sock, const void *bytes, size_t len, const int *fds, size_t fd_count)
{
    if (fd_count > FDPASS_MAX || len == 0) /* an empty message would read as the end */
        return -EINVAL;
    union control control = { 0 };
    struct iovec part = { .iov_base = (void *)(uintptr_t)bytes, .iov_len = len };
    struct msghdr m = { .msg_iov = &part, .msg_iovlen = 1 };
    if (fd_count > 0) {
        m.msg_control = control.bytes;
        m.msg_controllen = CMSG_SPACE(fd_count * sizeof(int));
        struct cmsghdr *c = CMSG_FIRSTHDR(&m);
        c->cmsg_level = SOL_SOCKET;
        c->cmsg_type = SCM_RIGHTS;
        c->cmsg_len = CMSG_LEN(fd_count * sizeof(int));
        memcpy(CMSG_DATA(c), fds, fd_count * sizeof(int));
    }
    ssize_t n;
    do
        n = sendmsg(sock, &m, MSG_NOSIGNAL);
    while (n < 0 && errno == EINTR);
    return n < 0 ? -errno : 0;
}

static void close_all(const int *fds, size_t count)
{
    for (size_t i = 0; i < count; i++)
        close(fds[i]);
}

/* Copies the descriptors of every control message out; those beyond `room` are closed. True when
 * all found room. */
static bool take_fds(struct msghdr *m, int *fds, size_t room, size_t *ret_count)
{
    bool all = true;
    size_t count = 0;
    for (struct cmsghdr *c = CMSG_FIRSTHDR(m); c != NULL; c = CMSG_NXTHDR(m, c)) {
        if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
            continue;
        size_t arrived = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
        for (size_t i = 0; i < arrived; i++) {
            int fd;
            memcpy(&fd, CMSG_DATA(c) + i * sizeof fd, sizeof fd);
            if (count < room) {
                fds[count++] = fd;
            } else {
                close(fd);
                all = false;
            }
        }
    }
    *ret_count = count;
    return all;
}

long fdpass_recv(int sock, void *bytes, size_t room, int *fds, size_t fd_room, size_t *ret_fd_count)
{
    union control control;
    struct iovec part = { .iov_base = bytes, .iov_len = room };
    struct msghdr m = { .msg_iov = &part,
                        .msg_iovlen = 1,
                        .msg_control = control.bytes,
                        .msg_controllen = sizeof control.bytes };
    *ret_fd_count = 0;
    ssize_t n;
    do
        n = recvmsg(sock, &m, MSG_CMSG_CLOEXEC);
    while (n < 0 && errno == EINTR);
    if (n < 0)
        return -errno;

    size_t count;
    bool all = take_fds(&m, fds, fd_room, &count);
    bool lost = (m.msg_flags & MSG_CTRUNC) != 0; /* `control` has room for all that can be sent */
    bool cut = !all || (m.msg_flags & MSG_TRUNC);
    if (cut || lost)
        close_all(fds, count);
    if (cut)
        return -EMSGSIZE;
    *ret_fd_count = lost ? FDPASS_LOST : count;
    return n;
}
