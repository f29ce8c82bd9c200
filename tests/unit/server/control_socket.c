/* SPDX-License-Identifier: Apache-2.0 */
/* The control socket as a file, in a folder of its own. */
#include "server/control_socket.h"

#include "event/sock.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include <cmocka.h>

struct place {
    char folder[64], path[96];
    struct control_conf conf;
    struct control_socket socket;
    struct err e;
};

static int set_up(void **state)
{
    struct place *p = calloc(1, sizeof(*p));
    snprintf(p->folder, sizeof(p->folder), "/tmp/control_socket.XXXXXX");
    assert_non_null(mkdtemp(p->folder));
    snprintf(p->path, sizeof(p->path), "%s/run/s.sock", p->folder);
    p->conf = (struct control_conf){ .path = slice_str(p->path), .mode = 0600 };
    p->socket.fd = -1;
    *state = p;
    return 0;
}

static int tear_down(void **state)
{
    struct place *p = *state;
    char run[96];
    control_socket_close(&p->socket);
    unlink(p->path);
    snprintf(run, sizeof(run), "%s/run", p->folder);
    rmdir(p->path);
    rmdir(run);
    assert_int_equal(rmdir(p->folder), 0);
    free(p);
    return 0;
}

static unsigned mode_of(const char *path)
{
    struct stat st;
    assert_int_equal(lstat(path, &st), 0);
    return st.st_mode & 07777;
}

static bool exists(const char *path)
{
    struct stat st;
    return lstat(path, &st) == 0;
}

static void has_its_mode_whatever_the_umask(void **state)
{
    static const struct {
        const char *why;
        mode_t mask, mode;
    } rows[] = {
        { "the usual", 022, 0600 },
        { "more than the mask lets through", 077, 0666 },
        { "no mask at all", 0, 0600 },
    };
    struct place *p = *state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        print_message("%s\n", rows[i].why);
        mode_t before = umask(rows[i].mask);
        p->conf.mode = rows[i].mode;
        assert_int_equal(control_socket_open(&p->conf, &p->socket, &p->e), 0);
        assert_int_equal(umask(before), rows[i].mask); /* it is as it was */
        assert_int_equal(mode_of(p->path), rows[i].mode);
        control_socket_close(&p->socket);
        assert_false(exists(p->path));
    }
}

static void leaves_a_living_one_alone(void **state)
{
    struct place *p = *state;
    struct control_socket second = { .fd = -1 };
    char want[160];
    assert_int_equal(control_socket_open(&p->conf, &p->socket, &p->e), 0);
    assert_int_equal(control_socket_open(&p->conf, &second, &p->e), -EADDRINUSE);
    snprintf(want, sizeof(want), "%s is in use by pid %d", p->path, getpid());
    assert_string_equal(p->e.text, want);
    assert_int_equal(second.fd, -1);
    assert_true(control_socket_keep(&p->socket, &p->conf));
    assert_int_equal(control_socket_check(&p->conf, &p->e), 0); /* `check` beside a running one */
}

static void replaces_a_dead_one(void **state)
{
    struct place *p = *state;
    assert_int_equal(control_socket_open(&p->conf, &p->socket, &p->e), 0);
    close(p->socket.fd); /* as a killed process leaves it */
    p->socket.fd = -1;
    assert_true(exists(p->path));
    assert_int_equal(control_socket_open(&p->conf, &p->socket, &p->e), 0);
    assert_true(control_socket_keep(&p->socket, &p->conf));
}

static void touches_nothing_that_is_no_socket(void **state)
{
    struct place *p = *state;
    char run[96];
    snprintf(run, sizeof(run), "%s/run", p->folder);
    assert_int_equal(mkdir(run, 0755), 0);
    int fd = open(p->path, O_CREAT | O_WRONLY, 0600);
    assert_true(fd >= 0);
    close(fd);
    assert_int_equal(control_socket_open(&p->conf, &p->socket, &p->e), -EEXIST);
    assert_int_equal(control_socket_check(&p->conf, &p->e), -EEXIST);
    assert_true(exists(p->path));
}

static void removes_only_its_own(void **state)
{
    struct place *p = *state;
    struct control_socket first = { .fd = -1 };
    assert_int_equal(control_socket_open(&p->conf, &first, &p->e), 0);
    assert_int_equal(unlink(p->path), 0);
    assert_false(control_socket_keep(&first, &p->conf));
    assert_int_equal(control_socket_open(&p->conf, &p->socket, &p->e), 0);
    control_socket_close(&first);
    assert_true(exists(p->path));
}

static void keeps_what_is_the_same(void **state)
{
    struct place *p = *state;
    assert_int_equal(control_socket_open(&p->conf, &p->socket, &p->e), 0);
    struct control_conf other = { .path = SLICE("/tmp/other.sock"), .mode = 0600 };
    assert_false(control_socket_keep(&p->socket, &other));
    p->conf.mode = 0640;
    assert_true(control_socket_keep(&p->socket, &p->conf));
    assert_int_equal(mode_of(p->path), 0640);
}

static void says_why_it_cannot_be(void **state)
{
    struct place *p = *state;
    char deep[128], file[96];
    snprintf(deep, sizeof(deep), "%s/no/such/s.sock", p->folder);
    p->conf.path = slice_str(deep);
    assert_int_equal(control_socket_open(&p->conf, &p->socket, &p->e), -ENOENT);
    assert_non_null(strstr(p->e.text, "cannot make the folder"));
    assert_int_equal(control_socket_check(&p->conf, &p->e), -ENOENT);
    snprintf(file, sizeof(file), "%s/run", p->folder); /* a file where the folder should be */
    int fd = open(file, O_CREAT | O_WRONLY, 0600);
    close(fd);
    p->conf.path = slice_str(p->path);
    assert_int_equal(control_socket_open(&p->conf, &p->socket, &p->e), -ENOTDIR);
    assert_true(control_socket_check(&p->conf, &p->e) < 0);
    unlink(file);
    p->conf.path =
        SLICE("/0123456789012345678901234567890123456789012345678901234567890123456789012345"
              "67890123456789012345678901234567890");
    assert_int_equal(control_socket_open(&p->conf, &p->socket, &p->e), -ENAMETOOLONG);
}

static void a_lock_that_is_held_for_ever_stops_nobody(void **state)
{
    struct place *p = *state;
    assert_int_equal(control_socket_open(&p->conf, &p->socket, &p->e), 0);
    control_socket_close(&p->socket);
    char run[96];
    snprintf(run, sizeof(run), "%s/run", p->folder);
    int holder = open(run, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    assert_int_equal(flock(holder, LOCK_EX), 0);
    assert_int_equal(control_socket_open(&p->conf, &p->socket, &p->e), 0);
    close(holder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define EACH(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
        EACH(has_its_mode_whatever_the_umask),
        EACH(leaves_a_living_one_alone),
        EACH(replaces_a_dead_one),
        EACH(touches_nothing_that_is_no_socket),
        EACH(removes_only_its_own),
        EACH(keeps_what_is_the_same),
        EACH(says_why_it_cannot_be),
        EACH(a_lock_that_is_held_for_ever_stops_nobody),
#undef EACH
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
