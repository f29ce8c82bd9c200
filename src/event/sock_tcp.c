/* SPDX-License-Identifier: Apache-2.0 */
#include "event/sock_tcp.h"

#include <errno.h>
#include <linux/tcp.h>
#include <netinet/in.h>
#include <sys/socket.h>

/* 64 kB on their way each 250 us are 2 Gbit/s on one connection. */
#define NEAR_USEC 250

static int tcp_facts(int fd, struct tcp_info *ret_info)
{
    socklen_t len = sizeof *ret_info;
    return getsockopt(fd, IPPROTO_TCP, TCP_INFO, ret_info, &len) < 0 ? -errno : 0;
}

int sock_acked(int fd, uint64_t *ret_bytes)
{
    struct tcp_info info;
    int r = tcp_facts(fd, &info);
    if (r == 0)
        *ret_bytes = info.tcpi_bytes_acked;
    return r;
}

/* The kernel takes twice of it, as room for the packets around the bytes (socket(7)). */
static void set_receive(int fd, int bytes)
{
    setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &bytes, sizeof bytes);
}

bool sock_bound_receive(int fd)
{
    struct tcp_info info;
    if (tcp_facts(fd, &info) < 0 || info.tcpi_rtt > NEAR_USEC)
        return false;
    set_receive(fd, SOCK_NEAR_RECEIVE_BYTES); /* what it begins with, kept from growing */
    return true;
}

void sock_widen_receive(int fd)
{
    int most = 8 * SOCK_NEAR_RECEIVE_BYTES; /* the window follows the buffer only up to its clamp */
    set_receive(fd, 4 * SOCK_NEAR_RECEIVE_BYTES);
    setsockopt(fd, IPPROTO_TCP, TCP_WINDOW_CLAMP, &most, sizeof most);
}
