/* SPDX-License-Identifier: Apache-2.0 */
#include "server/syscall_filter.h"

#include "server/syscall_table.h"

#include <errno.h>
#include <linux/seccomp.h>
#include <seccomp.h>
#include <sys/syscall.h>
#include <unistd.h>

#define BINARY_TREE 2 /* SCMP_FLTATR_CTL_OPTIMIZE: a handful of steps instead of one a row */

bool syscall_filter_there(void)
{
    const uint32_t action = SECCOMP_RET_KILL_PROCESS; /* 4.14 */
    return syscall(SYS_seccomp, SECCOMP_GET_ACTION_AVAIL, 0, &action) == 0;
}

static int add_row(scmp_filter_ctx filter, const struct syscall_row *row)
{
    int number = seccomp_syscall_resolve_name(row->name);
    if (number == __NR_SCMP_ERROR || number < 0) /* negative: another machine's */
        return 0;
    struct scmp_arg_cmp args[SYSCALL_ARGS_MAX + 1];
    unsigned count = 0;
    for (size_t i = 0; i < SYSCALL_ARGS_MAX && row->args[i].mask != 0; i++)
        args[count++] = (struct scmp_arg_cmp){ row->args[i].index, SCMP_CMP_MASKED_EQ,
                                               row->args[i].mask, row->args[i].value };
    if (row->own_pid)
        args[count++] =
            (struct scmp_arg_cmp){ 0, SCMP_CMP_MASKED_EQ, UINT32_MAX, (uint32_t)getpid() };
    uint32_t action = row->refusal == 0 ? SCMP_ACT_ALLOW : SCMP_ACT_ERRNO((uint32_t)row->refusal);
    return seccomp_rule_add_array(filter, action, number, count, args);
}

/* Where calls are only logged, those that would be refused are too: they happen, as far as the rest
 * of the sandbox lets them. */
static int add_rows(scmp_filter_ctx filter, const struct syscall_row *table, bool log_only)
{
    for (const struct syscall_row *row = table; row->name != NULL; row++) {
        int r = row->refusal != 0 && log_only ? 0 : add_row(filter, row);
        if (r < 0)
            return r;
    }
    return 0;
}

int syscall_filter_enter(bool log_only)
{
    scmp_filter_ctx filter = seccomp_init(log_only ? SCMP_ACT_LOG : SCMP_ACT_KILL_PROCESS);
    if (filter == NULL)
        return -ENOMEM;
    int r = add_rows(filter, syscall_table, log_only);
    if (r == 0)
        r = add_rows(filter, syscall_table_sanitizer, log_only);
    if (r == 0)
        r = seccomp_attr_set(filter, SCMP_FLTATR_CTL_OPTIMIZE, BINARY_TREE);
    if (r == 0)
        r = seccomp_load(filter);
    seccomp_release(filter);
    return r;
}
