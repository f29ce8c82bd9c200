/* SPDX-License-Identifier: Apache-2.0 */
/* Who listens where, asked of the kernel by sock_diag(7). SO_REUSEPORT would let a second instance
 * bind the same address silently and take half of the traffic. */
#ifndef EVENT_SOCK_DIAG_H
#define EVENT_SOCK_DIAG_H

#include "base/err.h"
#include "event/addr.h"

#include <sys/types.h>

struct sock_holder {
    pid_t pid;     /* 0: /proc does not tell */
    char name[32]; /* the program's, as in /proc/PID/comm */
};

/* Does a socket listen there that this process does not hold? Wildcards of the same family conflict
 * with every address of that port, and [::] without IPV6_V6ONLY with those of IPv4 too. 0 when
 * free, also for unix addresses, which the kernel guards itself; -EADDRINUSE with the holder in
 * *ret_holder and in words ("in use by nginx, pid 42"); another -errno when the kernel could not be
 * asked. */
int sock_check_free(const struct addr *at, struct sock_holder *ret_holder, struct err *e);

#endif
