/* SPDX-License-Identifier: Apache-2.0 */
/* By number instead of by <linux/landlock.h>: a program built on an older system uses what a newer
 * kernel has. The numbers are the kernel's interface and never change. */
#include "server/landlock.h"

#include <errno.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <unistd.h>

#define CREATE_RULESET_VERSION 1u

struct ruleset { /* landlock_ruleset_attr; older kernels accept a longer one that ends in zeroes */
    uint64_t handled_fs, handled_net, scoped;
};

/* What each version of the interface added. What is handled and granted nowhere is forbidden.
 * Connecting stays free: a ruleset cannot be widened, and a reload may bring upstreams. So do named
 * unix sockets (version 9), for upstreams again; nobody names abstract ones. */
static const struct {
    int abi;
    struct ruleset adds;
} versions[] = {
    { 1, { .handled_fs = 0x1fff } },        /* execute, read, write, list, make, remove */
    { 2, { .handled_fs = 1u << 13 } },      /* link or rename across directories */
    { 3, { .handled_fs = 1u << 14 } },      /* truncate */
    { 4, { .handled_net = 1u << 0 } },      /* bind TCP */
    { 5, { .handled_fs = 1u << 15 } },      /* ioctl on devices */
    { 6, { .scoped = 1u << 0 | 1u << 1 } }, /* abstract unix sockets, signals to others */
};

int landlock_abi(void)
{
    long abi = syscall(SYS_landlock_create_ruleset, NULL, 0, CREATE_RULESET_VERSION);
    return abi > 0 ? (int)abi : 0;
}

int landlock_enter(int abi)
{
    struct ruleset all = { 0 };
    for (size_t i = 0; i < sizeof(versions) / sizeof(versions[0]); i++) {
        if (abi < versions[i].abi)
            break;
        all.handled_fs |= versions[i].adds.handled_fs;
        all.handled_net |= versions[i].adds.handled_net;
        all.scoped |= versions[i].adds.scoped;
    }
    int fd = (int)syscall(SYS_landlock_create_ruleset, &all, sizeof(all), 0);
    if (fd < 0)
        return -errno;
    int r = syscall(SYS_landlock_restrict_self, fd, 0) < 0 ? -errno : 0;
    close(fd);
    return r;
}
