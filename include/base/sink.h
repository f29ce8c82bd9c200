/* SPDX-License-Identifier: Apache-2.0 */
/* Where the lines of a log go: a file, a pipe, a terminal, a socket. Writing never waits, whoever
 * else writes there, but for a regular file whose disk itself makes its writer wait. */
#ifndef BASE_SINK_H
#define BASE_SINK_H

#include "base/slice.h"

#include <sys/types.h>

enum sink_kind { SINK_FILE, SINK_PIPE, SINK_SOCKET };
struct sink {
    int fd; /* borrowed, -1: none */
    enum sink_kind kind;
    bool waits; /* somebody handed it in without O_NONBLOCK: it is asked for room first */
};

struct sink sink_of(int fd);
/* A descriptor of our own for what is behind `fd`, which stays the caller's. A pipe or a terminal
 * is opened once more, so that O_NONBLOCK is nobody else's business; where the system refuses that,
 * it is set for all who share it, as a worker that hangs would be worse. Close-on-exec. The
 * descriptor or -errno. */
int sink_open(int fd);
/* Writes from the front of `lines`, which are whole: all of it, or up to the end of a line. What a
 * file, a full disk say, took only a part of is taken back. The bytes written; or -errno: -EAGAIN
 * when its reader is slow, -EPIPE when there is none, -ENOSPC. Only if the last of them is not a
 * newline is a line torn, whose rest should follow: where taking back is not possible, and in lines
 * of more than PIPE_BUF bytes. */
ssize_t sink_write(const struct sink *s, struct slice lines);

#endif
