/* SPDX-License-Identifier: Apache-2.0 */
#include "server/control_socket.h"

#include "event/sock.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/file.h>
#include <time.h>
#include <unistd.h>

#define PATH_BYTES sizeof(((struct sockaddr_un *)NULL)->sun_path)
#define BACKLOG    32 /* callers that wait while accepting is rationed */
#define LOCK_MS    10 /* between two tries to lock the folder */
#define LOCK_MOST  10 /* tries */

/* --- the folder */

static void folder_of(const char *path, char out[static PATH_BYTES])
{
    size_t slash = slice_find_last(slice_str(path), '/');
    size_t len = slash == 0 ? 1 : slash;
    memcpy(out, path, len);
    out[len] = '\0';
}

static int make_folder(const char *folder, struct err *e)
{
    if (mkdir(folder, 0755) == 0 || errno == EEXIST)
        return 0;
    return err_set(e, -errno, "cannot make the folder %s: %s", folder, strerror(errno));
}

/* Of two that start at once the second must see what the first has made. Whoever may read the
 * folder could hold its lock for ever, so it is only waited for a moment; -1 then. */
static int lock_folder(const char *folder)
{
    int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    for (int tries = 0; fd >= 0 && tries < LOCK_MOST; tries++) {
        if (flock(fd, LOCK_EX | LOCK_NB) == 0)
            return fd;
        nanosleep(&(struct timespec){ .tv_nsec = LOCK_MS * 1000000 }, NULL);
    }
    if (fd >= 0)
        close(fd);
    return -1;
}

/* --- what stands there already */

static int in_use(const char *path, int caller, struct err *e)
{
    struct ucred holder = { 0 };
    socklen_t len = sizeof(holder);
    if (caller >= 0 && getsockopt(caller, SOL_SOCKET, SO_PEERCRED, &holder, &len) == 0 &&
        holder.pid > 0)
        return err_set(e, -EADDRINUSE, "%s is in use by pid %d", path, (int)holder.pid);
    return err_set(e, -EADDRINUSE, "%s is in use", path);
}

/* 0: nobody listens there. */
static int call_at(const char *path, struct err *e)
{
    struct addr at = { .un = { .sun_family = AF_UNIX }, .len = sizeof(at.un) };
    memcpy(at.un.sun_path, path, strlen(path));
    int caller = -1;
    int r = sock_connect(&at, &caller);
    if (r == 0 || r == -EAGAIN) /* the latter: so many call that they wait */
        r = in_use(path, caller, e);
    else if (r == -ECONNREFUSED || r == -ENOENT)
        r = 0;
    else
        err_set(e, r, "cannot see who listens at %s: %s", path, strerror(-r));
    if (caller >= 0)
        close(caller);
    return r;
}

static int clear_place(const char *path, struct err *e)
{
    struct stat there;
    if (lstat(path, &there) < 0)
        return errno == ENOENT ? 0 : err_set(e, -errno, "%s: %s", path, strerror(errno));
    if (!S_ISSOCK(there.st_mode))
        return err_set(e, -EEXIST, "%s is there already, and no socket", path);
    int r = call_at(path, e);
    if (r == 0 && unlink(path) < 0 && errno != ENOENT)
        r = err_set(e, -errno, "cannot replace the old socket %s: %s", path, strerror(errno));
    return r;
}

/* --- the socket */

static int bind_with_mode(struct control_socket *s, struct err *e)
{
    struct addr at = { .un = { .sun_family = AF_UNIX }, .len = sizeof(at.un) };
    memcpy(at.un.sun_path, s->path, strlen(s->path));
    mode_t before = umask(0777 & ~s->mode);
    int r = sock_listen(&at, BACKLOG, &s->fd);
    umask(before);
    struct stat made = { 0 };
    if (r == 0 && lstat(s->path, &made) < 0)
        r = -errno;
    if (r < 0)
        return err_set(e, r, "cannot listen at %s: %s", s->path, strerror(-r));
    s->device = made.st_dev;
    s->inode = made.st_ino;
    return 0;
}

int control_socket_open(const struct control_conf *conf, struct control_socket *ret_socket,
                        struct err *e)
{
    struct control_socket s = { .fd = -1, .mode = conf->mode };
    if (conf->path.len >= sizeof(s.path))
        return err_set(e, -ENAMETOOLONG, "the path of a unix socket has at most %zu bytes",
                       sizeof(s.path) - 1);
    memcpy(s.path, conf->path.ptr, conf->path.len);
    char folder[PATH_BYTES];
    folder_of(s.path, folder);
    int r = make_folder(folder, e);
    if (r < 0)
        return r;
    int lock = lock_folder(folder);
    r = clear_place(s.path, e);
    if (r == 0)
        r = bind_with_mode(&s, e);
    if (lock >= 0)
        close(lock);
    if (r == 0)
        *ret_socket = s;
    else if (s.fd >= 0)
        close(s.fd);
    return r;
}

/* Without making anything; who listens there does not count. */
static int check_place(const char *path, struct err *e)
{
    char folder[PATH_BYTES], above[PATH_BYTES];
    struct stat there;
    folder_of(path, folder);
    folder_of(folder, above);
    if (stat(folder, &there) < 0) {
        if (errno != ENOENT || access(above, W_OK | X_OK) < 0)
            return err_set(e, -errno, "cannot make the folder %s: %s", folder, strerror(errno));
        return 0;
    }
    if (access(folder, W_OK | X_OK) < 0)
        return err_set(e, -errno, "cannot make a socket in %s: %s", folder, strerror(errno));
    if (lstat(path, &there) == 0 && !S_ISSOCK(there.st_mode))
        return err_set(e, -EEXIST, "%s is there already, and no socket", path);
    return 0;
}

int control_socket_check(const struct control_conf *conf, struct err *e)
{
    char path[PATH_BYTES];
    snprintf(path, sizeof(path), "%.*s", SLICE_ARG(conf->path));
    return conf->path.len > 0 ? check_place(path, e) : 0;
}

static bool is_ours(const struct control_socket *s)
{
    struct stat there;
    return s->fd >= 0 && lstat(s->path, &there) == 0 && there.st_dev == s->device &&
           there.st_ino == s->inode;
}

bool control_socket_keep(struct control_socket *s, const struct control_conf *conf)
{
    if (!slice_eq(slice_str(s->path), conf->path) || !is_ours(s))
        return false;
    if (s->mode != conf->mode && chmod(s->path, conf->mode) < 0)
        return false;
    s->mode = conf->mode;
    return true;
}

void control_socket_close(struct control_socket *s)
{
    if (s->fd < 0)
        return;
    char folder[PATH_BYTES];
    folder_of(s->path, folder);
    int lock = lock_folder(folder);
    if (is_ours(s))
        unlink(s->path);
    if (lock >= 0)
        close(lock);
    close(s->fd);
    *s = (struct control_socket){ .fd = -1 };
}
