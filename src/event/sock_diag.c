/* SPDX-License-Identifier: Apache-2.0 */
#include "event/sock_diag.h"

#include "event/sock.h"

#include <dirent.h>
#include <errno.h>
#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <linux/sock_diag.h>
#include <netinet/tcp.h>
#include <stdalign.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define DUMP_BYTES 32768 /* the kernel fills at most this much of a netlink answer at once */

/* --- the kernel's list */

static int ask_for_listeners(int netlink, sa_family_t family)
{
    struct {
        struct nlmsghdr header;
        struct inet_diag_req_v2 request;
    } ask = {
        .header = { .nlmsg_len = sizeof ask,
                    .nlmsg_type = SOCK_DIAG_BY_FAMILY,
                    .nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP },
        .request = { .sdiag_family = (unsigned char)family,
                     .sdiag_protocol = IPPROTO_TCP,
                     .idiag_states = 1u << TCP_LISTEN },
    };
    return send(netlink, &ask, sizeof ask, 0) < 0 ? -errno : 0;
}

static bool is_v6_only(const struct nlmsghdr *h, const struct inet_diag_msg *socket)
{
    const struct rtattr *a = (const struct rtattr *)(socket + 1);
    unsigned left = (unsigned)NLMSG_PAYLOAD(h, sizeof *socket);
    for (; RTA_OK(a, left); a = RTA_NEXT(a, left)) {
        if (a->rta_type == INET_DIAG_SKV6ONLY && RTA_PAYLOAD(a) >= 1)
            return *(const unsigned char *)RTA_DATA(a) != 0;
    }
    return false;
}

static struct addr bound_to(const struct inet_diag_msg *socket)
{
    struct addr a = { 0 };
    if (socket->idiag_family == AF_INET6) {
        a.len = sizeof a.in6;
        a.in6.sin6_family = AF_INET6;
        memcpy(&a.in6.sin6_addr, socket->id.idiag_src, sizeof a.in6.sin6_addr);
    } else {
        a.len = sizeof a.in;
        a.in.sin_family = AF_INET;
        memcpy(&a.in.sin_addr, socket->id.idiag_src, sizeof a.in.sin_addr);
    }
    addr_set_port(&a, ntohs(socket->id.idiag_sport));
    return a;
}

static bool is_wildcard(const struct addr *a)
{
    if (a->sa.sa_family == AF_INET6)
        return IN6_IS_ADDR_UNSPECIFIED(&a->in6.sin6_addr);
    return a->in.sin_addr.s_addr == htonl(INADDR_ANY);
}

/* One that takes in nobody new (sock_refuse_new) is in nobody's way: a worker still empties it
 * after its address is gone, and the address may come back meanwhile. */
static bool conflicts(const struct addr *at, const struct nlmsghdr *h)
{
    const struct inet_diag_msg *socket = NLMSG_DATA(h);
    struct addr other = bound_to(socket);
    if (addr_port(&other) != addr_port(at) || socket->id.idiag_if == SOCK_NOWHERE)
        return false;
    if (other.sa.sa_family != at->sa.sa_family)
        return other.sa.sa_family == AF_INET6 && is_wildcard(&other) && !is_v6_only(h, socket);
    return is_wildcard(&other) || is_wildcard(at) ||
           (at->sa.sa_family == AF_INET6
                ? IN6_ARE_ADDR_EQUAL(&other.in6.sin6_addr, &at->in6.sin6_addr)
                : other.in.sin_addr.s_addr == at->in.sin_addr.s_addr);
}

/* --- who holds a socket: /proc knows descriptors by inode */

static bool holds(const char *pid, unsigned inode)
{
    char path[300], want[32], target[32];
    snprintf(path, sizeof path, "/proc/%s/fd", pid);
    snprintf(want, sizeof want, "socket:[%u]", inode);
    DIR *dir = opendir(path);
    if (dir == NULL)
        return false;
    bool found = false;
    for (struct dirent *e; !found && (e = readdir(dir)) != NULL;) {
        ssize_t n = readlinkat(dirfd(dir), e->d_name, target, sizeof target);
        found = n > 0 && slice_eq(slice_of(target, (size_t)n), slice_str(want));
    }
    closedir(dir);
    return found;
}

static void read_holder(const char *pid, struct sock_holder *h)
{
    char path[300];
    snprintf(path, sizeof path, "/proc/%s/comm", pid);
    FILE *f = fopen(path, "re");
    size_t n = f != NULL ? fread(h->name, 1, sizeof h->name - 1, f) : 0;
    if (f != NULL)
        fclose(f);
    h->name[slice_find(slice_of(h->name, n), '\n')] = '\0';
    h->pid = (pid_t)strtol(pid, NULL, 10);
}

static void find_holder(unsigned inode, struct sock_holder *ret_holder)
{
    DIR *proc = opendir("/proc");
    *ret_holder = (struct sock_holder){ 0 };
    for (struct dirent *d; proc != NULL && (d = readdir(proc)) != NULL;) {
        if (d->d_name[0] < '1' || d->d_name[0] > '9' || !holds(d->d_name, inode))
            continue;
        read_holder(d->d_name, ret_holder);
        break;
    }
    if (proc != NULL)
        closedir(proc);
}

/* --- both together */

/* What is asked, and where the answer goes. */
struct question {
    const struct addr *at;
    struct sock_holder *holder;
    struct err *e;
};

static int cannot_ask(const struct question *q, int code)
{
    return err_set(q->e, code, "cannot ask who listens: %s", strerror(-code));
}

static int check_socket(const struct question *q, const struct nlmsghdr *h)
{
    const struct inet_diag_msg *socket = NLMSG_DATA(h);
    if (!conflicts(q->at, h) || holds("self", socket->idiag_inode))
        return 0;
    find_holder(socket->idiag_inode, q->holder);
    if (q->holder->pid == 0)
        return err_set(q->e, -EADDRINUSE, "in use by another process");
    return err_set(q->e, -EADDRINUSE, "in use by %s, pid %d", q->holder->name, (int)q->holder->pid);
}

/* One datagram of the dump. 0: all of it is free, more follows; 1: the dump is over; or -errno. */
static int check_datagram(const struct question *q, const struct nlmsghdr *h, unsigned len)
{
    for (; NLMSG_OK(h, len); h = NLMSG_NEXT(h, len)) {
        if (h->nlmsg_type == NLMSG_DONE)
            return 1;
        if (h->nlmsg_type == NLMSG_ERROR)
            return cannot_ask(q, ((const struct nlmsgerr *)NLMSG_DATA(h))->error);
        int r = check_socket(q, h);
        if (r < 0)
            return r;
    }
    return 0;
}

static int check_family(const struct question *q, sa_family_t family)
{
    int netlink = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_SOCK_DIAG);
    if (netlink < 0)
        return cannot_ask(q, -errno);
    int r = ask_for_listeners(netlink, family);
    if (r < 0)
        cannot_ask(q, r);
    while (r == 0) {
        alignas(struct nlmsghdr) char dump[DUMP_BYTES];
        ssize_t n = recv(netlink, dump, sizeof dump, 0);
        if (n < 0 && errno == EINTR)
            continue;
        r = n < 0 ? cannot_ask(q, -errno)
                  : check_datagram(q, (const struct nlmsghdr *)dump, (unsigned)n);
    }
    close(netlink);
    return r < 0 ? r : 0;
}

int sock_check_free(const struct addr *at, struct sock_holder *ret_holder, struct err *e)
{
    const struct question q = { at, ret_holder, e };
    if (at->sa.sa_family == AF_UNIX)
        return 0;
    int r = check_family(&q, at->sa.sa_family);
    if (r < 0 || at->sa.sa_family == AF_INET6)
        return r;
    r = check_family(&q, AF_INET6);
    return r == -ENOENT ? 0 : r; /* a kernel without IPv6 */
}
