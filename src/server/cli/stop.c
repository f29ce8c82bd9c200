/* SPDX-License-Identifier: Apache-2.0 */
/* `signet stop`: the running signet ends, and the command with it. */
#include "server/cli.h"
#include "server/cli/remote.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>

#define PROGRESS_MS 10000 /* between two signs of life */

static int wait_for_end(const struct control_reply *reply)
{
    struct pollfd p = { .fd = reply->process, .events = POLLIN };
    if (reply->process < 0) {
        printf("it is told to end; nobody can see from here when it has\n");
        return EXIT_GOOD;
    }
    unsigned waited_ms = 0;
    for (int r; (r = poll(&p, 1, PROGRESS_MS)) <= 0;) {
        if (r < 0 && errno == EINTR)
            continue;
        waited_ms += PROGRESS_MS;
        printf("pid %d is still there after %u s\n", reply->pid, waited_ms / 1000);
        fflush(stdout);
    }
    printf("pid %d has ended\n", reply->pid);
    return EXIT_GOOD;
}

int cli_stop(int argc, char **argv)
{
    struct remote r;
    struct control_reply reply;
    bool now = false;
    if (remote_args(&r, argc, argv, false, "now", &now) != 0)
        return EXIT_USAGE;
    struct slice target = now ? SLICE("/v1/stop?now=1") : SLICE("/v1/stop");
    int result = remote_ask(&r, "POST", target, REMOTE_ANSWER_MS, &reply);
    if (result != 0)
        return result;
    result = remote_print(&reply);
    fflush(stdout);
    if (result == EXIT_GOOD)
        result = wait_for_end(&reply);
    control_reply_done(&reply);
    return result;
}
