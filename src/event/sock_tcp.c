/* SPDX-License-Identifier: Apache-2.0 */
#include "event/sock_tcp.h"

#include <errno.h>
#include <linux/tcp.h>
#include <netinet/in.h>
#include <sys/socket.h>

/* 64 kB on their way each 250 us are 2 Gbit/s on one connection. */
#define NEAR_USEC 250
/* The kernel takes twice of it, as room for the packets around the bytes (socket(7)). That is what
 * a connection begins with, so it is only kept from growing. */
#define NEAR_RECEIVE_BYTES (64 * 1024)

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

void sock_bound_receive(int fd)
{
    struct tcp_info info;
    int bytes = NEAR_RECEIVE_BYTES;
    if (tcp_facts(fd, &info) == 0 && info.tcpi_rtt <= NEAR_USEC)
        setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &bytes, sizeof bytes);
}
