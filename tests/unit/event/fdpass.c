/* SPDX-License-Identifier: Apache-2.0 */
#include "event/fdpass.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

struct ends {
    int a, b;
};

static struct ends ends_open(void)
{
    int fds[2];
    assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds), 0);
    return (struct ends){ fds[0], fds[1] };
}

static void ends_close(struct ends e)
{
    close(e.a);
    close(e.b);
}

static int descriptors_open(void)
{
    int count = 0;
    DIR *dir = opendir("/proc/self/fd");
    while (readdir(dir) != NULL)
        count++;
    closedir(dir);
    return count;
}

static void bytes_and_descriptors_arrive(void **state)
{
    struct ends e = ends_open();
    int pipe_fds[2], got[FDPASS_MAX];
    size_t count;
    char text[16];
    assert_int_equal(pipe(pipe_fds), 0);
    assert_int_equal(fdpass_send(e.a, "hello", 5, pipe_fds, 2), 0);
    assert_int_equal(fdpass_recv(e.b, text, sizeof text, got, FDPASS_MAX, &count), 5);
    assert_int_equal(count, 2);
    assert_memory_equal(text, "hello", 5);
    assert_true(fcntl(got[0], F_GETFD) & FD_CLOEXEC);
    assert_int_equal(write(got[1], "x", 1), 1); /* it is the same pipe */
    assert_int_equal(read(pipe_fds[0], text, 1), 1);
    for (int i = 0; i < 2; i++) {
        close(pipe_fds[i]);
        close(got[i]);
    }
    ends_close(e);
}

/* A process that may open no more gets the bytes, and is told that the descriptors are lost. */
static void without_room_descriptors_are_lost(void **state)
{
    static const struct {
        const char *why;
        rlim_t room; /* for so many */
        size_t sent, want;
    } rows[] = {
        { "all fit", 3, 3, 3 },
        { "one too many", 2, 3, FDPASS_LOST },
        { "not one fits", 0, 1, FDPASS_LOST },
        { "none were sent", 0, 0, 0 },
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct ends e = ends_open();
        struct rlimit before, limit;
        int fds[3] = { e.a, e.b, e.a }, got[FDPASS_MAX], open_before = descriptors_open();
        size_t count;
        char text[8];
        assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
        int next = dup(e.a); /* the lowest that is free */
        close(next);
        limit = (struct rlimit){ (rlim_t)next + rows[i].room, before.rlim_max };
        assert_int_equal(fdpass_send(e.a, "hello", 5, fds, rows[i].sent), 0);
        assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
        long n = fdpass_recv(e.b, text, sizeof text, got, FDPASS_MAX, &count);
        assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
        print_message("%s\n", rows[i].why);
        assert_int_equal(n, 5);
        assert_memory_equal(text, "hello", 5);
        assert_int_equal(count, rows[i].want);
        size_t kept = count == FDPASS_LOST ? 0 : count;
        assert_int_equal(descriptors_open(), open_before + (int)kept);
        for (size_t k = 0; k < kept; k++)
            close(got[k]);
        ends_close(e);
    }
}

static void carries_none_and_the_most(void **state)
{
    static const size_t counts[] = { 0, 1, FDPASS_MAX };
    for (size_t i = 0; i < sizeof counts / sizeof *counts; i++) {
        struct ends e = ends_open();
        int fds[FDPASS_MAX], got[FDPASS_MAX];
        size_t count;
        char byte;
        for (size_t f = 0; f < FDPASS_MAX; f++)
            fds[f] = e.a;
        assert_int_equal(fdpass_send(e.a, "x", 1, fds, counts[i]), 0);
        assert_int_equal(fdpass_recv(e.b, &byte, 1, got, FDPASS_MAX, &count), 1);
        assert_int_equal(count, counts[i]);
        for (size_t f = 0; f < count; f++)
            close(got[f]);
        ends_close(e);
    }
}

static void refuses_what_does_not_fit(void **state)
{
    struct ends e = ends_open();
    int fds[FDPASS_MAX + 1] = { 0 };
    assert_int_equal(fdpass_send(e.a, "x", 1, fds, FDPASS_MAX + 1), -EINVAL);
    assert_int_equal(fdpass_send(e.a, "", 0, NULL, 0), -EINVAL);
    ends_close(e);
}

static void cut_message_leaks_nothing(void **state)
{
    static const struct {
        const char *why;
        size_t room, fd_room;
    } rows[] = {
        { "too few bytes", 2, 4 },
        { "too few places for descriptors", 8, 1 },
    };
    struct ends e = ends_open();
    int before = descriptors_open();
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        int fds[3] = { e.a, e.a, e.b }, got[4];
        size_t count;
        char text[8];
        assert_int_equal(fdpass_send(e.a, "hello", 5, fds, 3), 0);
        long n = fdpass_recv(e.b, text, rows[i].room, got, rows[i].fd_room, &count);
        if (n != -EMSGSIZE || count != 0 || descriptors_open() != before)
            fail_msg("%s: %ld, %zu", rows[i].why, n, count);
    }
    ends_close(e);
}

static void end_and_emptiness_differ(void **state)
{
    struct ends e = ends_open();
    size_t count;
    char byte;
    assert_int_equal(fdpass_recv(e.b, &byte, 1, NULL, 0, &count), -EAGAIN);
    close(e.a);
    assert_int_equal(fdpass_recv(e.b, &byte, 1, NULL, 0, &count), 0);
    assert_int_equal(fdpass_send(e.b, "x", 1, NULL, 0), -EPIPE);
    close(e.b);
}

static void full_queue_says_so(void **state)
{
    struct ends e = ends_open();
    int r;
    do
        r = fdpass_send(e.a, "x", 1, NULL, 0);
    while (r == 0);
    assert_int_equal(r, -EAGAIN);
    ends_close(e);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bytes_and_descriptors_arrive),
        cmocka_unit_test(carries_none_and_the_most),
        cmocka_unit_test(refuses_what_does_not_fit),
        cmocka_unit_test(cut_message_leaks_nothing),
        cmocka_unit_test(end_and_emptiness_differ),
        cmocka_unit_test(full_queue_says_so),
        cmocka_unit_test(without_room_descriptors_are_lost),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
