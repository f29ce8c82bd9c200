/* SPDX-License-Identifier: Apache-2.0 */
#include "server/listen_set.h"

#include "event/sock.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

static struct addr loopback(uint16_t port)
{
    struct addr a = { .len = sizeof(a.in) };
    a.in.sin_family = AF_INET;
    a.in.sin_port = htons(port);
    a.in.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return a;
}

/* A port that was free a moment ago. */
static struct addr free_addr(void)
{
    struct addr any = loopback(0), got;
    int fd;
    assert_int_equal(sock_listen(&any, 1, &fd), 0);
    assert_int_equal(sock_local(fd, &got), 0);
    close(fd);
    return got;
}

struct fixture { /* a configuration of one listen block with two addresses */
    struct addr addrs[2];
    struct span places[2];
    const struct span *spans[1];
    struct listener_conf listener;
    struct config config;
};

static void fixture_init(struct fixture *f)
{
    *f = (struct fixture){ .addrs = { free_addr(), free_addr() } };
    f->places[0] = (struct span){ .file = "test.conf", .line = 1 };
    f->places[1] = (struct span){ .file = "test.conf", .line = 2 };
    f->spans[0] = f->places;
    f->listener = (struct listener_conf){ .addrs = f->addrs, .addr_count = 2 };
    f->config.listeners = &f->listener;
    f->config.listener_count = 1;
    f->config.addr_spans = f->spans;
}

static void a_socket_for_each_worker_and_address(void **state)
{
    struct fixture f;
    struct listen_set *s;
    struct span at;
    struct err e = { 0 };
    fixture_init(&f);
    assert_int_equal(listen_set_open(&f.config, 3, &s, &at, &e), 0);
    assert_int_equal(listen_set_addresses(s), 2);
    for (unsigned w = 0; w < 3; w++) {
        for (size_t i = 0; i < 2; i++) {
            struct addr bound;
            assert_int_equal(sock_local(listen_set_of(s, w)[i], &bound), 0);
            assert_true(addr_eq(&bound, &f.addrs[i]));
        }
    }
    listen_set_close(s);
}

/* Holds the address in another process for hold_ms: the kernel would share it. */
static pid_t squat(const struct addr *at, int hold_ms)
{
    int ready[2];
    assert_int_equal(pipe(ready), 0);
    pid_t pid = fork();
    if (pid == 0) {
        int fd;
        const struct timespec pause = { hold_ms / 1000, hold_ms % 1000 * 1000000L };
        if (sock_listen(at, 1, &fd) == 0 && write(ready[1], "x", 1) == 1)
            nanosleep(&pause, NULL);
        _exit(0);
    }
    char x;
    assert_int_equal(read(ready[0], &x, 1), 1);
    close(ready[0]);
    close(ready[1]);
    return pid;
}

static void names_the_place_and_the_holder(void **state)
{
    struct fixture f;
    struct listen_set *s;
    struct span at = { 0 };
    struct err e = { 0 };
    fixture_init(&f);
    pid_t pid = squat(&f.addrs[1], 5000);
    assert_int_equal(listen_set_open(&f.config, 2, &s, &at, &e), -EADDRINUSE);
    assert_int_equal(at.line, 2);
    char text[ADDR_TEXT_MAX];
    assert_non_null(strstr(e.text, addr_text(&f.addrs[1], text)));
    assert_non_null(strstr(e.text, "in use by"));
    kill(pid, SIGKILL);
    assert_int_equal(waitpid(pid, NULL, 0), pid);
}

static void waits_for_a_dying_signet(void **state)
{
    struct fixture f;
    struct listen_set *s;
    struct span at;
    struct err e = { 0 };
    fixture_init(&f);
    assert_int_equal(prctl(PR_SET_NAME, "signet"), 0); /* the child inherits it */
    pid_t pid = squat(&f.addrs[0], 300);
    assert_int_equal(listen_set_open(&f.config, 1, &s, &at, &e), 0);
    listen_set_close(s);
    assert_int_equal(waitpid(pid, NULL, 0), pid);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_socket_for_each_worker_and_address),
        cmocka_unit_test(names_the_place_and_the_holder),
        cmocka_unit_test(waits_for_a_dying_signet),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
