/* SPDX-License-Identifier: Apache-2.0 */
#include "server/descriptors.h"

#include "base/log.h"
#include "proxy/door.h"

#include <errno.h>
#include <limits.h>
#include <sys/resource.h>

/* Logs, epoll sets, the channel, shared memory, and some for idle connections to servers. */
#define BESIDES 128

void descriptors_raise(void)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) < 0 || limit.rlim_cur == limit.rlim_max)
        return;
    limit.rlim_cur = limit.rlim_max;
    if (setrlimit(RLIMIT_NOFILE, &limit) < 0)
        log_warn("cannot raise the limit of descriptors: %s", strerror(errno));
}

static uint64_t addresses(const struct config *c)
{
    uint64_t count = 0;
    for (size_t i = 0; i < c->listener_count; i++)
        count += c->listeners[i].addr_count;
    return count;
}

/* Its own, and those of a fallen neighbour. */
static uint64_t listening(const struct config *c)
{
    return 2 * addresses(c);
}

uint64_t descriptors_needed(const struct config *c)
{
    if (c->caps.all == 0)
        return 0;
    uint64_t share = (c->caps.all + c->workers - 1) / c->workers;
    return 2 * share + listening(c) + DOOR_LINGER_MAX + BESIDES;
}

unsigned descriptors_client_room(const struct config *c)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) < 0 || limit.rlim_cur > UINT_MAX)
        return UINT_MAX;
    uint64_t eighth = limit.rlim_cur / 8;
    uint64_t besides = listening(c) + (eighth < BESIDES ? eighth : BESIDES);
    return limit.rlim_cur > besides + 2 ? (unsigned)((limit.rlim_cur - besides) / 2) : 1;
}

void descriptors_warn(const struct config *c)
{
    struct rlimit limit;
    uint64_t needed = descriptors_needed(c);
    if (getrlimit(RLIMIT_NOFILE, &limit) < 0 || needed <= limit.rlim_cur)
        return;
    log_warn("limit connections=%llu needs about %llu descriptors in each worker, but a process "
             "may open %llu: raise that limit (ulimit -n, LimitNOFILE=) or lower this one",
             (unsigned long long)c->caps.all, (unsigned long long)needed,
             (unsigned long long)limit.rlim_cur);
}
