/* SPDX-License-Identifier: Apache-2.0 */
/* One worker process as the system sees it: made by fork and exec of the master's own program,
 * ended, told about in words. */
#ifndef SERVER_CHILD_H
#define SERVER_CHILD_H

#include <stdint.h>
#include <sys/types.h>

/* The program that runs now, opened so that a package upgrade underneath never mixes versions; the
 * descriptor is above CHANNEL_FD. 0 or -errno. */
int child_open_program(int *ret_fd);
/* Starts worker `number` from what child_open_program() opened. Its end of a new channel becomes
 * CHANNEL_FD; everything else but the standard streams closes. 0 or -errno. */
int child_spawn(int program, unsigned number, pid_t *ret_pid, int *ret_channel);
/* fork(2). In the new process *ret_pid is 0 and every signal is blocked. 0 or -errno. */
int child_fork(pid_t *ret_pid);
/* In the new process: signals are the master's, so those that it obeys are ignored and none is
 * blocked. */
void child_leave_signals(void);
/* "was killed by signal 9 (Killed)", "ended with exit code 1": from a waitpid(2) status. Of the
 * sandbox' signal it says how to find out more. */
#define CHILD_STATUS_MAX 160
const char *child_status_text(int status, char out[static CHILD_STATUS_MAX]);
/* How long to wait before the next start, when a process has fallen `falls` times in a row within
 * CHILD_SETTLED_MS of starting: none, then 100 ms doubling to 5 s. */
#define CHILD_SETTLED_MS 10000
uint64_t child_backoff_ms(unsigned falls);

#endif
