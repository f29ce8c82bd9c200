/* SPDX-License-Identifier: Apache-2.0 */
#include "server/logs.h"

#include "base/mem.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

/* A descriptor of our own even for the standard streams, so that closing needs no exception. */
static int open_path(const char *path)
{
    if (strcmp(path, "stdout") == 0)
        return fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 0);
    if (strcmp(path, "stderr") == 0)
        return fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 0);
    /* Non-blocking for the sake of named pipes: opening one that nobody reads must not hang. */
    return open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NONBLOCK | O_NOCTTY, 0640);
}

static int open_log(const struct log_conf *conf, int *ret_fd, struct err *e)
{
    char *path = mem_text(conf->path);
    int r = 0, fd = open_path(path);
    if (fd < 0)
        r = err_set(e, -errno, "cannot open the log %s: %s", path, strerror(errno));
    else
        *ret_fd = fd;
    mem_free(path);
    return r;
}

int logs_open(const struct config *c, struct logs *ret_logs, const struct log_conf **ret_bad,
              struct err *e)
{
    struct logs logs = { -1, -1 };
    int r = open_log(&c->error_log, &logs.error_fd, e);
    if (r < 0) {
        *ret_bad = &c->error_log;
        return r;
    }
    if (!slice_eq(c->access_log.path, SLICE("off")))
        r = open_log(&c->access_log, &logs.access_fd, e);
    if (r < 0) {
        *ret_bad = &c->access_log;
        logs_close(&logs);
        return r;
    }
    *ret_logs = logs;
    return 0;
}

void logs_close(struct logs *l)
{
    if (l->error_fd >= 0)
        close(l->error_fd);
    if (l->access_fd >= 0)
        close(l->access_fd);
    *l = (struct logs){ -1, -1 };
}
