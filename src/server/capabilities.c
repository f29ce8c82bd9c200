/* SPDX-License-Identifier: Apache-2.0 */
#include "server/capabilities.h"

#include <errno.h>
#include <linux/capability.h>
#include <linux/securebits.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

/* What a change of user does to capabilities stays as it is (no SECBIT_NO_SETUID_FIXUP), but nobody
 * can change that later. */
#define BITS                                                                                       \
    (SECBIT_NOROOT | SECBIT_NOROOT_LOCKED | SECBIT_NO_SETUID_FIXUP_LOCKED |                        \
     SECBIT_KEEP_CAPS_LOCKED | SECBIT_NO_CAP_AMBIENT_RAISE | SECBIT_NO_CAP_AMBIENT_RAISE_LOCKED)

/* The kernel may know more of them than the headers: it says where they end. */
static int empty_bounding_set(void)
{
    for (unsigned long cap = 0; prctl(PR_CAPBSET_READ, cap, 0, 0, 0) >= 0; cap++)
        if (prctl(PR_CAPBSET_DROP, cap, 0, 0, 0) < 0)
            return -errno;
    return 0;
}

int capabilities_bar(void)
{
    int r = empty_bounding_set();
    if (r == 0 && prctl(PR_SET_SECUREBITS, BITS, 0, 0, 0) < 0)
        r = -errno;
    return r == -EPERM ? 0 : r;
}

int capabilities_drop(void)
{
    struct __user_cap_header_struct head = { .version = _LINUX_CAPABILITY_VERSION_3 };
    const struct __user_cap_data_struct none[_LINUX_CAPABILITY_U32S_3] = { 0 };
    if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) < 0 && errno != EINVAL)
        return -errno; /* EINVAL: before Linux 4.3 there is no such set */
    return syscall(SYS_capset, &head, none) < 0 ? -errno : 0;
}
