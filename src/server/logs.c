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

/* Opens what `kept` has not open yet (-1). */
static int open_missing(const struct config *c, struct logs kept, struct logs *ret_logs,
                        const struct log_conf **ret_bad, struct err *e)
{
    struct logs logs = kept;
    int r = logs.error_fd < 0 ? open_log(&c->error_log, &logs.error_fd, e) : 0;
    *ret_bad = &c->error_log;
    if (r == 0 && logs.access_fd < 0 && has_access_log(c)) {
        r = open_log(&c->access_log, &logs.access_fd, e);
        *ret_bad = &c->access_log;
    }
    if (r < 0) {
        logs_close_but(&logs, &kept);
        return r;
    }
    *ret_logs = logs;
    return 0;
}

int logs_open(const struct config *c, struct logs *ret_logs, const struct log_conf **ret_bad,
              struct err *e)
{
    return open_missing(c, (struct logs){ -1, -1 }, ret_logs, ret_bad, e);
}

int logs_open_next(const struct config *running, const struct logs *open, const struct config *c,
                   struct logs *ret_logs, const struct log_conf **ret_bad, struct err *e)
{
    const struct logs kept = {
        .error_fd = slice_eq(running->error_log.path, c->error_log.path) ? open->error_fd : -1,
        .access_fd = slice_eq(running->access_log.path, c->access_log.path) ? open->access_fd : -1,
    };
    return open_missing(c, kept, ret_logs, ret_bad, e);
}

/* Whether the logs that `running` (may be NULL) has not can be opened. */
static int check_missing(const struct config *running, const struct config *c,
                         const struct log_conf **ret_bad, struct err *e)
{
    bool same = running != NULL && slice_eq(running->error_log.path, c->error_log.path);
    *ret_bad = &c->error_log;
    int r = same ? 0 : check_log(&c->error_log, e);
    same = running != NULL && slice_eq(running->access_log.path, c->access_log.path);
    if (r < 0 || same || !has_access_log(c))
        return r;
    *ret_bad = &c->access_log;
    return check_log(&c->access_log, e);
}

int logs_check(const struct config *c, const struct log_conf **ret_bad, struct err *e)
{
    return check_missing(NULL, c, ret_bad, e);
}

int logs_check_next(const struct config *running, const struct config *c,
                    const struct log_conf **ret_bad, struct err *e)
{
    return check_missing(running, c, ret_bad, e);
}

static void close_but(int *fd, int kept)
{
    if (*fd >= 0 && *fd != kept)
        close(*fd);
    *fd = -1;
}

void logs_close_but(struct logs *l, const struct logs *kept)
{
    close_but(&l->error_fd, kept->error_fd);
    close_but(&l->access_fd, kept->access_fd);
}

void logs_close(struct logs *l)
{
    logs_close_but(l, &(struct logs){ -1, -1 });
}
