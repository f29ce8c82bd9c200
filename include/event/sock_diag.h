/* SPDX-License-Identifier: Apache-2.0 */
/* Who listens where, asked of the kernel by sock_diag(7). SO_REUSEPORT would let a second instance
 * bind the same address silently and take half of the traffic. */
#ifndef EVENT_SOCK_DIAG_H
#define EVENT_SOCK_DIAG_H

#include "base/err.h"
#include "event/addr.h"

/* Does a socket listen there that this process does not hold? Wildcards of the same family conflict
 * with every address of that port, and [::] without IPV6_V6ONLY with those of IPv4 too. 0 when
 * free, also for unix addresses, which the kernel guards itself; -EADDRINUSE with the holder named
 * in `e` where /proc tells it ("in use by nginx, pid 42"); another -errno when the kernel could not
 * be asked. */
int sock_check_free(const struct addr *at, struct err *e);

#endif
