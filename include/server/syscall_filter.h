/* SPDX-License-Identifier: Apache-2.0 */
/* The table of system calls, enforced by the kernel (seccomp(2)). */
#ifndef SERVER_SYSCALL_FILTER_H
#define SERVER_SYSCALL_FILTER_H

#include <stdbool.h>

bool syscall_filter_there(void); /* the running kernel has it */
/* From here on a call that is not in the table ends the process with SIGSYS, or, with log_only,
 * happens and is logged by the kernel. no_new_privs is set. 0 or -errno. */
int syscall_filter_enter(bool log_only);

#endif
