/* SPDX-License-Identifier: Apache-2.0 */
#include "server/child.h"

#include "server/channel.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/close_range.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define BACKOFF_FIRST_MS 100
#define BACKOFF_MAX_MS   5000
#define SYSCALL_HINT                                                                               \
    ": the sandbox does not know what it asked for; \"sandbox log\" has the kernel log it"

int child_open_program(int *ret_fd)
{
    int fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return -errno;
    int high = fcntl(fd, F_DUPFD_CLOEXEC, CHANNEL_FD + 1);
    int r = high < 0 ? -errno : 0;
    close(fd);
    if (r == 0)
        *ret_fd = high;
    return r;
}

/* Ignored ones stay ignored across exec, so there is no moment in which a Ctrl-C, which the
 * terminal sends to every process of the group, ends a worker. */
void child_leave_signals(void)
{
    static const int ignored[] = { SIGINT, SIGTERM, SIGHUP, SIGUSR1, SIGUSR2, SIGPIPE, SIGXFSZ };
    for (size_t i = 0; i < sizeof(ignored) / sizeof(ignored[0]); i++)
        signal(ignored[i], SIG_IGN);
    signal(SIGCHLD, SIG_DFL);
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
}

/* In the new process; only async-signal-safe calls. `number` makes it "signet: worker 0" in ps. */
static void become_worker(int program, int channel, char *number)
{
    child_leave_signals();
    if (channel == CHANNEL_FD)
        fcntl(CHANNEL_FD, F_SETFD, 0);
    else if (dup2(channel, CHANNEL_FD) < 0)
        _exit(126);
    /* What the shell or the supervisor left open without close-on-exec is not for workers either. A
     * kernel before 5.11 lacks this; they then keep it. */
    close_range(CHANNEL_FD + 1, ~0u, CLOSE_RANGE_CLOEXEC);
    char *argv[] = { (char[]){ "signet:" }, (char[]){ "worker" }, number, NULL };
    execveat(program, "", argv, environ, AT_EMPTY_PATH);
    _exit(127);
}

/* All signals wait while there are two of us, so that none runs the master's handler in the child.
 */
int child_fork(pid_t *ret_pid)
{
    sigset_t all, before;
    sigfillset(&all);
    sigprocmask(SIG_SETMASK, &all, &before);
    pid_t pid = fork();
    int r = pid < 0 ? -errno : 0;
    if (pid != 0)
        sigprocmask(SIG_SETMASK, &before, NULL);
    *ret_pid = pid;
    return r;
}

int child_spawn(int program, unsigned number, pid_t *ret_pid, int *ret_channel)
{
    char text[16];
    snprintf(text, sizeof(text), "%u", number);
    int ends[2];
    int r = channel_pair(ends);
    if (r < 0)
        return r;
    pid_t pid;
    r = child_fork(&pid);
    if (r == 0 && pid == 0)
        become_worker(program, ends[1], text);
    close(ends[1]);
    if (r < 0) {
        close(ends[0]);
        return r;
    }
    *ret_pid = pid;
    *ret_channel = ends[0];
    return 0;
}

const char *child_status_text(int status, char out[static CHILD_STATUS_MAX])
{
    if (WIFSIGNALED(status)) {
        const char *name = sigdescr_np(WTERMSIG(status));
        snprintf(out, CHILD_STATUS_MAX, "was killed by signal %d (%s)%s%s", WTERMSIG(status),
                 name != NULL ? name : "unknown", WCOREDUMP(status) ? ", core dumped" : "",
                 WTERMSIG(status) == SIGSYS ? SYSCALL_HINT : "");
    } else {
        snprintf(out, CHILD_STATUS_MAX, "ended with exit code %d", WEXITSTATUS(status));
    }
    return out;
}

uint64_t child_backoff_ms(unsigned falls)
{
    if (falls <= 1)
        return 0;
    unsigned doublings = falls - 2;
    if (doublings > 6)
        return BACKOFF_MAX_MS;
    uint64_t ms = (uint64_t)BACKOFF_FIRST_MS << doublings;
    return ms < BACKOFF_MAX_MS ? ms : BACKOFF_MAX_MS;
}
