/* SPDX-License-Identifier: Apache-2.0 */
/* Which system calls a worker may use once it is locked in, one row each with its reason. */
#ifndef SERVER_SYSCALL_TABLE_H
#define SERVER_SYSCALL_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Holds when (argument & mask) == value. A mask of 0 ends the list. The upper half of an int's
 * register means nothing, so its mask has 32 bits. */
struct syscall_arg {
    unsigned index;
    uint64_t mask, value;
};
#define SYSCALL_ARGS_MAX 3
struct syscall_row {
    const char *name; /* one that this machine or library does not know is skipped */
    const char *why;
    struct syscall_arg args[SYSCALL_ARGS_MAX]; /* all hold; rows of one name are alternatives */
    int refusal;                               /* 0: allowed; else the errno that it answers */
    bool own_pid;                              /* argument 0 is the process' own id */
};
/* Both end with a NULL name. The second is empty but in a program built with a sanitizer. */
extern const struct syscall_row syscall_table[], syscall_table_sanitizer[];

#endif
