/* SPDX-License-Identifier: Apache-2.0 */
/* Built with a sanitizer, for tests: its run-time library lives in the same process. */
#include "server/syscall_table.h"

const struct syscall_row syscall_table_sanitizer[] = {
    { "sigaltstack", "the stack of its signal handlers" },
    { "sched_yield", "its locks" },
    { "prlimit64", "how large the stack is" },
    { "getrlimit", "the same" },
    { "getuid", "whether it may trust the environment" },
    { NULL },
};
