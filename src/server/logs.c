/* SPDX-License-Identifier: Apache-2.0 */
#include "server/logs.h"

#include "base/mem.h"
#include "base/sink.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

/* -1 with errno. */
static int open_standard(int fd)
{
    int r = sink_open(fd);
    if (r < 0)
        errno = -r;
    return r < 0 ? -1 : r;
}

/* A descriptor of our own even for the standard streams, so that closing needs no exception. */
static int open_path(const char *path, int create)
{
    if (strcmp(path, "stdout") == 0)
        return open_standard(STDOUT_FILENO);
    if (strcmp(path, "stderr") == 0)
        return open_standard(STDERR_FILENO);
    /* Non-blocking for the sake of named pipes: opening one that nobody reads must not hang. */
    return open(path, O_WRONLY | O_APPEND | create | O_CLOEXEC | O_NONBLOCK | O_NOCTTY, 0640);
}

static int cannot_open(const char *path, struct err *e)
{
    return err_set(e, -errno, "cannot open the log %s: %s", path, strerror(errno));
}

static int open_log(const struct log_conf *conf, int *ret_fd, struct err *e)
{
    char *path = mem_text(conf->path);
    int r = 0, fd = open_path(path, O_CREAT);
    if (fd < 0)
        r = cannot_open(path, e);
    else
        *ret_fd = fd;
    mem_free(path);
    return r;
}

/* Could a file be made at `path`? 0, or -1 with errno. */
static int try_folder(const char *path)
{
    struct slice whole = slice_str(path);
    size_t slash = slice_find_last(whole, '/');
    char *folder = mem_text(slash == whole.len ? SLICE(".") : slice_first(whole, slash + 1));
    int r = faccessat(AT_FDCWD, folder, W_OK | X_OK, AT_EACCESS);
    mem_free(folder);
    return r;
}

static int check_log(const struct log_conf *conf, struct err *e)
{
    char *path = mem_text(conf->path);
    int r = 0, fd = open_path(path, 0);
    if (fd >= 0)
        close(fd);
    else if (errno != ENOENT || try_folder(path) < 0)
        r = cannot_open(path, e);
    mem_free(path);
    return r;
}

static bool has_access_log(const struct config *c)
{
    return !slice_eq(c->access_log.path, SLICE("off"));
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
    if (has_access_log(c))
        r = open_log(&c->access_log, &logs.access_fd, e);
    if (r < 0) {
        *ret_bad = &c->access_log;
        logs_close(&logs);
        return r;
    }
    *ret_logs = logs;
    return 0;
}

int logs_check(const struct config *c, const struct log_conf **ret_bad, struct err *e)
{
    *ret_bad = &c->error_log;
    int r = check_log(&c->error_log, e);
    if (r < 0 || !has_access_log(c))
        return r;
    *ret_bad = &c->access_log;
    return check_log(&c->access_log, e);
}

void logs_close(struct logs *l)
{
    if (l->error_fd >= 0)
        close(l->error_fd);
    if (l->access_fd >= 0)
        close(l->access_fd);
    *l = (struct logs){ -1, -1 };
}
