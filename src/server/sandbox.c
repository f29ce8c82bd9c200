/* SPDX-License-Identifier: Apache-2.0 */
#include "server/sandbox.h"

#include "base/log.h"
#include "conn/tls_ctx.h"
#include "server/landlock.h"
#include "server/syscall_filter.h"

#include <errno.h>
#include <string.h>
#include <sys/prctl.h>
#include <time.h>

/* What libraries open when they first need it. gmtime() reads the time zone's file too. */
static bool load_what_is_lazy(void)
{
    tzset();
    return tls_library_load();
}

int sandbox_enter(enum sandbox_mode mode, struct err *e)
{
    if (mode == SANDBOX_OFF)
        return 0;
    if (!load_what_is_lazy())
        return err_set(e, -EIO, "OpenSSL cannot be loaded");
    if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0)
        return err_set(e, -errno, "cannot keep its memory out of cores: %s", strerror(errno));
    int abi = landlock_abi();
    int r = abi > 0 ? landlock_enter(abi) : 0;
    if (r < 0)
        return err_set(e, r, "cannot give up the file system (Landlock): %s", strerror(-r));
    r = syscall_filter_there() ? syscall_filter_enter(mode == SANDBOX_LOG) : 0;
    if (r < 0)
        return err_set(e, r, "cannot give up system calls (seccomp): %s", strerror(-r));
    return 0;
}

/* An older Landlock is no lack: what it does not know, the filter of system calls refuses. */
static void warn_of_lacks(void)
{
    bool landlock = landlock_abi() > 0, filter = syscall_filter_there();
    if (landlock && filter)
        return;
    log_warn("sandbox: this kernel lacks %s%s%s; workers do without",
             landlock ? "" : "Landlock (files)", landlock || filter ? "" : " and ",
             filter ? "" : "seccomp (system calls)");
}

void sandbox_master(enum sandbox_mode mode)
{
    if (mode == SANDBOX_OFF)
        return;
    prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
    warn_of_lacks();
    if (mode == SANDBOX_LOG)
        log_warn("sandbox log: a worker that uses a system call it should not is logged by the "
                 "kernel and goes on");
}
