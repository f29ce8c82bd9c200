/* SPDX-License-Identifier: Apache-2.0 */
#include "server/logs.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static struct config config_of(const char *error_log, const char *access_log)
{
    return (struct config){ .error_log.path = slice_str(error_log),
                            .access_log.path = slice_str(access_log) };
}

static void files_are_appended_to(void **state)
{
    char folder[] = "/tmp/signet-logs-XXXXXX", path[64];
    assert_non_null(mkdtemp(folder));
    snprintf(path, sizeof(path), "%s/access.log", folder);
    struct config c = config_of("stderr", path);
    const struct log_conf *bad;
    for (int i = 0; i < 2; i++) {
        struct logs l;
        assert_int_equal(logs_open(&c, &l, &bad, NULL), 0);
        assert_int_equal(fcntl(l.access_fd, F_GETFD), FD_CLOEXEC);
        assert_int_not_equal(l.error_fd, STDERR_FILENO);
        assert_int_equal(write(l.access_fd, "line\n", 5), 5);
        logs_close(&l);
    }
    struct stat st;
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_size, 10);
    assert_int_equal(st.st_mode & 07137, 0); /* 0640 at most, whatever the umask */
    assert_int_equal(unlink(path), 0);
    assert_int_equal(rmdir(folder), 0);
}

static void off_is_no_descriptor(void **state)
{
    struct config c = config_of("stderr", "off");
    const struct log_conf *bad;
    struct logs l;
    assert_int_equal(logs_open(&c, &l, &bad, NULL), 0);
    assert_int_equal(l.access_fd, -1);
    logs_close(&l);
}

/* Of a reload: what is open and goes on is not opened again, and closing one set leaves the other.
 */
static void the_next_opens_what_is_new(void **state)
{
    char folder[] = "/tmp/signet-logs-XXXXXX", path[64];
    assert_non_null(mkdtemp(folder));
    snprintf(path, sizeof(path), "%s/access.log", folder);
    struct config now = config_of("stderr", "stdout"), next = config_of("stderr", path);
    struct config bad = config_of("stderr", "/nowhere/access.log"),
                  none = config_of("stderr", "off");
    const struct log_conf *fault;
    struct logs open, more;
    assert_int_equal(logs_open(&now, &open, &fault, NULL), 0);
    assert_int_equal(logs_open_next(&now, &open, &bad, &more, &fault, NULL), -ENOENT);
    assert_ptr_equal(fault, &bad.access_log);
    assert_int_equal(logs_check_next(&now, &bad, &fault, NULL), -ENOENT);
    assert_int_equal(logs_check_next(&bad, &bad, &fault, NULL), 0); /* it is open */
    assert_int_equal(logs_open_next(&now, &open, &none, &more, &fault, NULL), 0);
    assert_int_equal(more.access_fd, -1);
    assert_int_equal(logs_open_next(&now, &open, &next, &more, &fault, NULL), 0);
    assert_int_equal(more.error_fd, open.error_fd);
    assert_int_not_equal(more.access_fd, open.access_fd);
    int former = open.access_fd, stays = open.error_fd;
    logs_close_but(&open, &more);
    assert_int_equal(fcntl(former, F_GETFD), -1);
    assert_int_equal(fcntl(stays, F_GETFD), FD_CLOEXEC);
    logs_close(&more);
    assert_int_equal(fcntl(stays, F_GETFD), -1);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(rmdir(folder), 0);
}

static void check_makes_no_file(void **state)
{
    char folder[] = "/tmp/signet-logs-XXXXXX", path[64];
    assert_non_null(mkdtemp(folder));
    const struct {
        const char *why, *name;
        int want;
    } cases[] = {
        { "it could be made", "access.log", 0 },
        { "a folder is no file", "", -EISDIR },
        { "its folder is missing", "none/access.log", -ENOENT },
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        snprintf(path, sizeof(path), "%s/%s", folder, cases[i].name);
        struct config c = config_of("stderr", path);
        const struct log_conf *bad = NULL;
        if (logs_check(&c, &bad, NULL) != cases[i].want || bad != &c.access_log)
            fail_msg("%s", cases[i].why);
    }
    assert_int_equal(rmdir(folder), 0);
}

static void names_what_cannot_be_opened(void **state)
{
    const struct log_conf *bad = NULL;
    struct logs l;
    struct err e = { 0 };
    struct config c = config_of("/nowhere/error.log", "stdout");
    assert_int_equal(logs_open(&c, &l, &bad, &e), -ENOENT);
    assert_ptr_equal(bad, &c.error_log);
    assert_string_equal(e.text,
                        "cannot open the log /nowhere/error.log: No such file or directory");
    c = config_of("stderr", "/nowhere/access.log");
    assert_int_equal(logs_open(&c, &l, &bad, &e), -ENOENT);
    assert_ptr_equal(bad, &c.access_log);
}

static void a_pipe_without_a_reader_does_not_hang(void **state)
{
    char folder[] = "/tmp/signet-logs-XXXXXX", path[64];
    assert_non_null(mkdtemp(folder));
    snprintf(path, sizeof(path), "%s/pipe", folder);
    assert_int_equal(mkfifo(path, 0600), 0);
    struct config c = config_of("stderr", path);
    const struct log_conf *bad;
    struct logs l;
    assert_int_equal(logs_open(&c, &l, &bad, NULL), -ENXIO);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(rmdir(folder), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(files_are_appended_to),
        cmocka_unit_test(off_is_no_descriptor),
        cmocka_unit_test(the_next_opens_what_is_new),
        cmocka_unit_test(check_makes_no_file),
        cmocka_unit_test(names_what_cannot_be_opened),
        cmocka_unit_test(a_pipe_without_a_reader_does_not_hang),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
