/* SPDX-License-Identifier: Apache-2.0 */
#include "base/sink.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

static enum sink_kind kind_of(int fd)
{
    struct stat st;
    if (fd < 0 || fstat(fd, &st) < 0)
        return SINK_PIPE;
    return S_ISREG(st.st_mode) ? SINK_FILE : S_ISSOCK(st.st_mode) ? SINK_SOCKET : SINK_PIPE;
}

struct sink sink_of(int fd)
{
    struct sink s = { .fd = fd, .kind = kind_of(fd) };
    if (s.kind == SINK_PIPE) {
        int flags = fcntl(fd, F_GETFL);
        s.waits = flags >= 0 && !(flags & O_NONBLOCK);
    }
    return s;
}

/* --- a description of our own */

/* Others hold it too: a shell, a supervisor, its other services. */
static bool may_block(int fd)
{
    struct stat st;
    return fstat(fd, &st) == 0 && (S_ISFIFO(st.st_mode) || isatty(fd));
}

static int reopen(int fd)
{
    char path[sizeof("/proc/self/fd/") + 11];
    snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
    return open(path, O_WRONLY | O_APPEND | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
}

int sink_open(int fd)
{
    if (may_block(fd)) {
        int own = reopen(fd);
        if (own >= 0)
            return own;
        /* It is another user's, nobody reads it at the moment, or there is no /proc. */
        int flags = fcntl(fd, F_GETFL);
        if (flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) < 0)
            return -errno;
    }
    int copy = fcntl(fd, F_DUPFD_CLOEXEC, 0);
    return copy < 0 ? -errno : copy;
}

/* --- writing */

static bool has_room(int fd)
{
    struct pollfd p = { .fd = fd, .events = POLLOUT };
    return poll(&p, 1, 0) == 1; /* room, or an error that the write tells */
}

/* The longest run of whole lines within `max` bytes; of a line that is longer, its first part. */
static struct slice whole_lines(struct slice lines, size_t max)
{
    if (lines.len <= max)
        return lines;
    struct slice part = slice_first(lines, max);
    size_t end = slice_find_last(part, '\n');
    return end < part.len ? slice_first(part, end + 1) : part;
}

static ssize_t write_once(const struct sink *s, struct slice bytes)
{
    ssize_t n;
    do {
        if (s->kind == SINK_SOCKET)
            n = send(s->fd, bytes.ptr, bytes.len, MSG_DONTWAIT | MSG_NOSIGNAL);
        else
            n = write(s->fd, bytes.ptr, bytes.len);
    } while (n < 0 && errno == EINTR);
    return n < 0 ? -errno : n;
}

/* A pipe takes up to PIPE_BUF bytes whole or not at all, and never mixes them with another
 * process' (pipe(7)). */
static ssize_t write_pipe(const struct sink *s, struct slice lines)
{
    if (s->waits && !has_room(s->fd))
        return -EAGAIN;
    return write_once(s, whole_lines(lines, PIPE_BUF));
}

/* -1 when the system does not say. */
static off_t size_of(int fd)
{
    struct stat st;
    return fstat(fd, &st) == 0 ? st.st_size : -1;
}

/* Cuts the line that the disk had no room for out of the file again, unless somebody else has
 * written behind it. Without that, another process' next line would stand in the middle of ours. */
static ssize_t take_back(const struct sink *s, struct slice written, off_t before)
{
    size_t end = slice_find_last(written, '\n');
    size_t whole = end < written.len ? end + 1 : 0;
    if (before < 0 || size_of(s->fd) != before + (off_t)written.len ||
        ftruncate(s->fd, before + (off_t)whole) < 0)
        return (ssize_t)written.len;
    lseek(s->fd, 0, SEEK_END); /* for a standard stream that was opened without O_APPEND */
    return whole > 0 ? (ssize_t)whole : -ENOSPC;
}

static ssize_t write_file(const struct sink *s, struct slice lines)
{
    off_t before = size_of(s->fd);
    ssize_t n = write_once(s, lines);
    if (n <= 0 || (size_t)n == lines.len || lines.ptr[n - 1] == '\n')
        return n;
    return take_back(s, slice_first(lines, (size_t)n), before);
}

ssize_t sink_write(const struct sink *s, struct slice lines)
{
    if (lines.len == 0)
        return 0;
    ssize_t n = s->kind == SINK_FILE   ? write_file(s, lines)
                : s->kind == SINK_PIPE ? write_pipe(s, lines)
                                       : write_once(s, lines);
    return n == 0 ? -ENOSPC : n;
}
