/* SPDX-License-Identifier: Apache-2.0 */
#include "base/sink.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#define LINE "0123456789012345678\n" /* 20 bytes */

static struct slice many_lines(void)
{
    static char text[64 * 1024];
    for (size_t at = 0; at + sizeof(LINE) - 1 <= sizeof(text); at += sizeof(LINE) - 1)
        memcpy(text + at, LINE, sizeof(LINE) - 1);
    return slice_of(text, sizeof(text) / (sizeof(LINE) - 1) * (sizeof(LINE) - 1));
}

static bool waits(int fd)
{
    return !(fcntl(fd, F_GETFL) & O_NONBLOCK);
}

/* The write end of a pipe is shared with somebody who wants it to block. */
static void a_pipe_becomes_our_own(void **state)
{
    int ends[2];
    assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
    int own = sink_open(ends[1]);
    assert_true(own >= 0 && !waits(own) && waits(ends[1]));
    assert_true(fcntl(own, F_GETFD) & FD_CLOEXEC);

    struct sink s = sink_of(own);
    struct slice all = many_lines();
    size_t done = 0;
    ssize_t n;
    while ((n = sink_write(&s, slice_from(all, done % all.len))) > 0) {
        assert_true((size_t)n <= PIPE_BUF && n % 20 == 0);
        done += (size_t)n;
    }
    assert_int_equal(n, -EAGAIN);
    assert_true(done > 4096);
    close(ends[0]);
    assert_int_equal(sink_write(&s, all), -EPIPE);
    close(own);
    close(ends[1]);
}

/* Two writers, one pipe with room for one of them: both would see room, one would wait. */
static void two_writers_never_wait(void **state)
{
    int ends[2];
    assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
    assert_true(fcntl(ends[1], F_SETPIPE_SZ, 4096) == 4096);
    int own = sink_open(ends[1]);
    struct sink first = sink_of(own), second = sink_of(own);
    assert_false(first.waits);
    assert_int_equal(sink_write(&first, slice_first(many_lines(), 4000)), 4000);
    assert_int_equal(sink_write(&second, slice_first(many_lines(), 200)), -EAGAIN);
    close(own);
    close(ends[0]);
    close(ends[1]);
}

/* A named pipe without a reader cannot be opened (fifo(7)): then all who share it do not wait. */
static void where_opening_is_refused(void **state)
{
    char folder[] = "/tmp/signet-sink-XXXXXX", path[64];
    assert_non_null(mkdtemp(folder));
    snprintf(path, sizeof(path), "%s/pipe", folder);
    assert_int_equal(mkfifo(path, 0600), 0);
    int reader = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    int shared = open(path, O_WRONLY | O_CLOEXEC);
    assert_true(reader >= 0 && shared >= 0 && waits(shared));
    close(reader);
    int own = sink_open(shared);
    assert_true(own >= 0 && !waits(own) && !waits(shared));
    struct sink s = sink_of(own);
    assert_int_equal(sink_write(&s, SLICE(LINE)), -EPIPE);
    close(own);
    close(shared);
    unlink(path);
    rmdir(folder);
}

static void what_never_waits_is_only_copied(void **state)
{
    int fd = memfd_create("log", MFD_CLOEXEC);
    int own = sink_open(fd);
    assert_true(own >= 0 && own != fd && waits(own));
    assert_int_equal(sink_of(own).kind, SINK_FILE);
    close(own);
    close(fd);
    assert_int_equal(sink_open(-1), -EBADF);
}

/* Before the logs are open, standard error is all there is. */
static void one_that_waits_is_asked_first(void **state)
{
    int ends[2];
    assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
    struct sink s = sink_of(ends[1]);
    assert_true(s.waits);
    ssize_t n;
    while ((n = sink_write(&s, many_lines())) > 0)
        ;
    assert_int_equal(n, -EAGAIN);
    close(ends[0]);
    assert_int_equal(sink_write(&s, many_lines()), -EPIPE);
    close(ends[1]);
}

static void a_socket(void **state)
{
    int ends[2];
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
    int own = sink_open(ends[1]);
    assert_true(own >= 0 && waits(ends[1]));
    struct sink s = sink_of(own);
    ssize_t n;
    while ((n = sink_write(&s, many_lines())) > 0)
        ;
    assert_int_equal(n, -EAGAIN);
    close(ends[0]);
    assert_int_equal(sink_write(&s, many_lines()), -EPIPE);
    close(own);
    close(ends[1]);
}

/* Room in a file for so many bytes of three lines. RLIMIT_FSIZE cuts a write as a full disk does.
 */
static void a_full_disk_cuts_no_line(void **state)
{
    static const struct {
        const char *why;
        size_t room;
        ssize_t want, size;
    } rows[] = {
        { "all fit", 60, 60, 60 },          { "one and a half", 30, 20, 20 },
        { "exactly two", 40, 40, 40 },      { "a byte too few", 59, 40, 40 },
        { "not even one", 19, -ENOSPC, 0 }, { "the first byte", 1, -ENOSPC, 0 },
        { "nothing at all", 0, -EFBIG, 0 },
    };
    struct rlimit before, room;
    signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        int fd = memfd_create("log", MFD_CLOEXEC);
        assert_int_equal(fcntl(fd, F_SETFL, O_APPEND), 0);
        struct sink s = sink_of(fd);
        room = (struct rlimit){ .rlim_cur = rows[i].room, .rlim_max = before.rlim_max };
        assert_int_equal(setrlimit(RLIMIT_FSIZE, &room), 0);
        ssize_t n = sink_write(&s, SLICE(LINE LINE LINE));
        off_t size = lseek(fd, 0, SEEK_END);
        assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
        print_message("%s\n", rows[i].why);
        assert_int_equal(n, rows[i].want);
        assert_int_equal(size, rows[i].size);
        close(fd);
    }
}

/* Standard output may be a file that was not opened for appending: the next line follows the last
 * one all the same. */
static void no_hole_where_a_line_was_taken_back(void **state)
{
    struct rlimit before, room;
    signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
    room = (struct rlimit){ .rlim_cur = 30, .rlim_max = before.rlim_max };
    int fd = memfd_create("log", MFD_CLOEXEC);
    struct sink s = sink_of(fd);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &room), 0);
    assert_int_equal(sink_write(&s, SLICE(LINE LINE)), 20);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
    assert_int_equal(sink_write(&s, SLICE(LINE)), 20);
    char got[64];
    assert_int_equal(pread(fd, got, sizeof(got), 0), 40);
    assert_memory_equal(got, LINE LINE, 40);
    close(fd);
}

static void none(void **state)
{
    struct sink s = sink_of(-1);
    assert_int_equal(sink_write(&s, SLICE(LINE)), -EBADF);
    assert_int_equal(sink_write(&s, SLICE("")), 0);
}

int main(void)
{
    signal(SIGPIPE, SIG_IGN);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_pipe_becomes_our_own),
        cmocka_unit_test(two_writers_never_wait),
        cmocka_unit_test(where_opening_is_refused),
        cmocka_unit_test(what_never_waits_is_only_copied),
        cmocka_unit_test(one_that_waits_is_asked_first),
        cmocka_unit_test(a_socket),
        cmocka_unit_test(a_full_disk_cuts_no_line),
        cmocka_unit_test(no_hole_where_a_line_was_taken_back),
        cmocka_unit_test(none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
