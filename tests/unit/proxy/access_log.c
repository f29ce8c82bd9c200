/* SPDX-License-Identifier: Apache-2.0 */
#include "proxy/access_log.h"

#include "base/log.h"

#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

struct bench {
    struct loop *loop;
    struct counters counters;
    struct access_log *log;
};

static void bench_open(struct bench *b, int fd)
{
    *b = (struct bench){ .loop = loop_new() };
    b->log = access_log_new(b->loop, fd, ACCESS_COMBINED, &b->counters);
}

static void bench_close(struct bench *b)
{
    access_log_free(b->log);
    loop_free(b->loop);
}

static void write_records(struct bench *b, size_t count)
{
    static const struct access_record r = { .status = 200,
                                            .method = SLICE_INIT("GET"),
                                            .target =
                                                SLICE_INIT("/0123456789012345678901234567890") };
    for (size_t i = 0; i < count; i++)
        access_log_write(b->log, &r);
}

static uint64_t dropped(struct bench *b)
{
    return counter_read(&b->counters, COUNTER_LOG_RECORDS_DROPPED);
}

static size_t size_of(int fd)
{
    return (size_t)lseek(fd, 0, SEEK_END);
}

static void test_gathers(void **state)
{
    struct bench b;
    int fd = memfd_create("log", MFD_CLOEXEC), other = memfd_create("other", MFD_CLOEXEC);
    bench_open(&b, fd);
    write_records(&b, 3);
    assert_int_equal(size_of(fd), 0); /* waits for a second, or 64 kB */
    write_records(&b, 1000);
    assert_in_range(size_of(fd), 64 * 1024, 128 * 1024);
    size_t at_once = size_of(fd);
    access_log_flush(b.log);
    assert_true(size_of(fd) > at_once);

    size_t before = size_of(fd);
    write_records(&b, 1);
    access_log_reopen(b.log, other, ACCESS_JSON);
    assert_true(size_of(fd) > before); /* what waited went to the old one */
    write_records(&b, 1);
    bench_close(&b);
    char first = '\0';
    assert_int_equal(pread(other, &first, 1, 0), 1);
    assert_int_equal(first, '{');
    assert_int_equal(dropped(&b), 0);
    assert_int_equal(counter_read(&b.counters, COUNTER_LOG_RECORDS), 1005);
    close(fd);
    close(other);
}

static void test_after_a_second(void **state)
{
    struct bench b;
    int fd = memfd_create("log", MFD_CLOEXEC);
    bench_open(&b, fd);
    write_records(&b, 1);
    for (int i = 0; i < 30 && size_of(fd) == 0; i++) {
        usleep(100 * 1000);
        loop_turn(b.loop, false);
    }
    assert_true(size_of(fd) > 0);
    bench_close(&b);
    close(fd);
}

static void test_off(void **state)
{
    struct bench b;
    bench_open(&b, -1);
    write_records(&b, 2000);
    access_log_flush(b.log);
    bench_close(&b);
    assert_int_equal(dropped(&b), 0);
}

static void test_full_disk(void **state)
{
    struct bench b;
    int fd = open("/dev/full", O_WRONLY | O_CLOEXEC);
    assert_true(fd >= 0);
    bench_open(&b, fd);
    int said = memfd_create("error log", MFD_CLOEXEC);
    log_open(said, LOG_INFO, "worker 0");
    write_records(&b, 7);
    access_log_flush(b.log);
    assert_int_equal(dropped(&b), 7);
    size_t once = size_of(said);
    char text[256] = "";
    assert_true(once < sizeof text && pread(said, text, once, 0) == (ssize_t)once);
    assert_non_null(strstr(text, "access log: 7 records dropped: No space left on device\n"));
    write_records(&b, 2);
    access_log_flush(b.log);
    assert_int_equal(dropped(&b), 9);
    assert_int_equal(size_of(said), once); /* not again within a minute */
    bench_close(&b);
    log_open(STDERR_FILENO, LOG_INFO, "test");
    close(said);
    close(fd);
}

static void test_dead_pipe(void **state)
{
    struct bench b;
    int fds[2];
    assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
    close(fds[0]);
    bench_open(&b, fds[1]);
    write_records(&b, 5);
    access_log_flush(b.log);
    assert_int_equal(dropped(&b), 5);
    bench_close(&b);
    close(fds[1]);
}

static size_t lines_of(const char *text, size_t len)
{
    size_t lines = 0;
    for (size_t i = 0; i < len; i++)
        lines += text[i] == '\n';
    return lines;
}

/* Nobody reads for a while: it never blocks, what does not fit is dropped as whole records, and
 * what comes out in the end is whole lines. */
static void test_blocked_pipe(void **state)
{
    enum { RECORDS = 4000 };
    static char text[512 * 1024];
    struct bench b;
    int fds[2];
    size_t len = 0;
    assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
    bench_open(&b, fds[1]);
    write_records(&b, RECORDS);
    access_log_flush(b.log);
    assert_true(dropped(&b) > 0);

    fcntl(fds[0], F_SETFL, O_NONBLOCK);
    for (ssize_t n = 1; n > 0;) {
        n = read(fds[0], text + len, sizeof text - len);
        len += n > 0 ? (size_t)n : 0;
        access_log_flush(b.log);
    }
    bench_close(&b);
    close(fds[1]);
    for (ssize_t n = 1; n > 0;) {
        n = read(fds[0], text + len, sizeof text - len);
        len += n > 0 ? (size_t)n : 0;
    }
    close(fds[0]);
    assert_int_equal(lines_of(text, len) + dropped(&b), RECORDS);
    size_t line = (size_t)((char *)memchr(text, '\n', len) - text) + 1;
    assert_int_equal(len % line, 0); /* all alike: none was torn */
}

int main(void)
{
    signal(SIGPIPE, SIG_IGN);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_gathers),   cmocka_unit_test(test_after_a_second),
        cmocka_unit_test(test_off),       cmocka_unit_test(test_full_disk),
        cmocka_unit_test(test_dead_pipe), cmocka_unit_test(test_blocked_pipe),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
