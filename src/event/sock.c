/* SPDX-License-Identifier: Apache-2.0 */
#include "event/sock.h"

#include <errno.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <unistd.h>

#define SOCK_FLAGS (SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC)

static int set_option(int fd, int level, int name, int value)
{
    return setsockopt(fd, level, name, &value, sizeof value) < 0 ? -errno : 0;
}

/* What a listening TCP socket has; accepted sockets inherit TCP_NODELAY and TCP_NOTSENT_LOWAT. */
static int set_listen_options(int fd, int family)
{
    static const struct {
        int family, level, name, value;
    } options[] = {
        { AF_UNSPEC, SOL_SOCKET, SO_REUSEADDR, 1 },
        { AF_UNSPEC, SOL_SOCKET, SO_REUSEPORT, 1 },
        { AF_UNSPEC, IPPROTO_TCP, TCP_DEFER_ACCEPT, 1 /* second */ },
        { AF_UNSPEC, IPPROTO_TCP, TCP_NODELAY, 1 },
        { AF_UNSPEC, IPPROTO_TCP, TCP_NOTSENT_LOWAT, SOCK_UNSENT_BYTES },
        { AF_INET6, IPPROTO_IPV6, IPV6_V6ONLY, 1 },
    };
    for (size_t i = 0; i < sizeof options / sizeof *options; i++) {
        if (options[i].family != AF_UNSPEC && options[i].family != family)
            continue;
        int r = set_option(fd, options[i].level, options[i].name, options[i].value);
        if (r < 0)
            return r;
    }
    return 0;
}

int sock_bind(const struct addr *at, int *ret_fd)
{
    int fd = socket(at->sa.sa_family, SOCK_FLAGS, 0);
    if (fd < 0)
        return -errno;

    int r = at->sa.sa_family == AF_UNIX ? 0 : set_listen_options(fd, at->sa.sa_family);
    if (r == 0 && bind(fd, &at->sa, at->len) < 0)
        r = -errno;
    if (r < 0) {
        close(fd);
        return r;
    }
    *ret_fd = fd;
    return 0;
}

int sock_begin_listen(int fd, int backlog)
{
    return listen(fd, backlog) < 0 ? -errno : 0;
}

int sock_listen(const struct addr *at, int backlog, int *ret_fd)
{
    int fd = -1;
    int r = sock_bind(at, &fd);
    if (r < 0)
        return r;
    r = sock_begin_listen(fd, backlog);
    if (r < 0) {
        close(fd);
        return r;
    }
    *ret_fd = fd;
    return 0;
}

/* A listening socket that is bound to an interface is found for what arrives there alone
 * (compute_score() in net/ipv4/inet_hashtables.c), and nothing arrives at one that does not exist.
 * What it has been asked already is found by itself. */
int sock_refuse_new(int fd)
{
    return set_option(fd, SOL_SOCKET, SO_BINDTOIFINDEX, SOCK_NOWHERE);
}

int sock_connect(const struct addr *to, int *ret_fd)
{
    int fd = socket(to->sa.sa_family, SOCK_FLAGS, 0);
    if (fd < 0)
        return -errno;
    sock_set_nodelay(fd);
    set_option(fd, IPPROTO_TCP, TCP_NOTSENT_LOWAT, SOCK_UNSENT_BYTES);
    int r = connect(fd, &to->sa, to->len) < 0 ? -errno : 0;
    if (r < 0 && r != -EINPROGRESS) {
        close(fd);
        return r;
    }
    *ret_fd = fd;
    return r;
}

int sock_error(int fd)
{
    int error = 0;
    socklen_t len = sizeof error;
    if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &len) < 0)
        return -errno;
    return -error;
}

int sock_accept(int fd, int *ret_fd, struct addr *ret_peer)
{
    struct addr peer = { .len = sizeof peer.un };
    int r = accept4(fd, &peer.sa, &peer.len, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (r < 0)
        return -errno;
    *ret_fd = r;
    *ret_peer = peer;
    return 0;
}

int sock_local(int fd, struct addr *ret_addr)
{
    struct addr a = { .len = sizeof a.un };
    if (getsockname(fd, &a.sa, &a.len) < 0)
        return -errno;
    *ret_addr = a;
    return 0;
}

void sock_set_nodelay(int fd)
{
    set_option(fd, IPPROTO_TCP, TCP_NODELAY, 1);
}

void sock_set_abortive(int fd)
{
    struct linger l = { .l_onoff = 1, .l_linger = 0 };
    setsockopt(fd, SOL_SOCKET, SO_LINGER, &l, sizeof l);
}

static bool polled_closed(int fd, bool *ret_by_reset)
{
    struct pollfd p = { .fd = fd, .events = POLLRDHUP };
    if (poll(&p, 1, 0) <= 0)
        return false;
    *ret_by_reset = (p.revents & POLLERR) != 0;
    return true;
}

bool sock_peer_closed(int fd, bool *ret_by_reset)
{
    struct tcp_info info;
    socklen_t len = sizeof info;
    if (getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &len) < 0)
        return polled_closed(fd, ret_by_reset);
    switch (info.tcpi_state) {
    case TCP_CLOSE:
        *ret_by_reset = true;
        return true;
    case TCP_CLOSE_WAIT:
    case TCP_LAST_ACK:
    case TCP_CLOSING:
    case TCP_TIME_WAIT:
        *ret_by_reset = false;
        return true;
    default:
        return false;
    }
}

bool sock_readable_now(int fd)
{
    char byte;
    return recv(fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) >= 0 || errno != EAGAIN;
}
