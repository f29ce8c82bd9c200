/* SPDX-License-Identifier: Apache-2.0 */
#include "event/sock_diag.h"

#include "event/sock.h"

#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

/* A process that listens, with SO_REUSEPORT like a second instance would. */
struct other {
    pid_t pid;
    uint16_t port;
};

enum socket { ORDINARY, DUAL_STACK, CLOSING };

static struct other other_start(const char *ip, enum socket which)
{
    int pipe_fds[2];
    assert_int_equal(pipe(pipe_fds), 0);
    struct other o = { .pid = fork() };
    if (o.pid == 0) {
        struct addr at;
        int fd = -1, off = 0;
        bool ok = addr_parse_ip(slice_str(ip), &at) == 0;
        if (which == DUAL_STACK) {
            fd = socket(AF_INET6, SOCK_STREAM, 0);
            ok = ok && setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof off) == 0 &&
                 bind(fd, &at.sa, at.len) == 0 && listen(fd, 1) == 0;
        } else {
            ok = ok && sock_listen(&at, 1, &fd) == 0;
        }
        if (which == CLOSING)
            ok = ok && sock_refuse_new(fd) == 0;
        ok = ok && sock_local(fd, &at) == 0;
        uint16_t port = ok ? addr_port(&at) : 0;
        if (write(pipe_fds[1], &port, sizeof port) == sizeof port)
            pause();
        _exit(0);
    }
    assert_int_equal(read(pipe_fds[0], &o.port, sizeof o.port), sizeof o.port);
    assert_true(o.port != 0);
    close(pipe_fds[0]);
    close(pipe_fds[1]);
    return o;
}

static void other_stop(struct other o)
{
    kill(o.pid, SIGKILL);
    assert_int_equal(waitpid(o.pid, NULL, 0), o.pid);
}

static int check(const char *ip, uint16_t port, struct sock_holder *holder, struct err *e)
{
    struct addr at;
    assert_int_equal(addr_parse_ip(slice_str(ip), &at), 0);
    addr_set_port(&at, port);
    return sock_check_free(&at, holder, e);
}

static void foreign_sockets_are_found(void **state)
{
    static const struct {
        const char *why, *theirs, *ours;
        enum socket socket;
        int other_port, want;
    } rows[] = {
        { "the same address", "127.0.0.1", "127.0.0.1", ORDINARY, 0, -EADDRINUSE },
        { "another port", "127.0.0.1", "127.0.0.1", ORDINARY, 1, 0 },
        { "another address", "127.0.0.1", "127.0.0.2", ORDINARY, 0, 0 },
        { "the same address, about to close", "127.0.0.1", "127.0.0.1", CLOSING, 0, 0 },
        { "IPv6, about to close", "::", "::1", CLOSING, 0, 0 },
        { "their wildcard", "0.0.0.0", "127.0.0.1", ORDINARY, 0, -EADDRINUSE },
        { "our wildcard", "127.0.0.1", "0.0.0.0", ORDINARY, 0, -EADDRINUSE },
        { "IPv6", "::1", "::1", ORDINARY, 0, -EADDRINUSE },
        { "IPv6 wildcard", "::", "::1", ORDINARY, 0, -EADDRINUSE },
        { "IPv6 only: IPv4 is free", "::", "127.0.0.1", ORDINARY, 0, 0 },
        { "both stacks: IPv4 is not", "::", "127.0.0.1", DUAL_STACK, 0, -EADDRINUSE },
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct other o = other_start(rows[i].theirs, rows[i].socket);
        struct err e = { 0 };
        struct sock_holder holder;
        int r = check(rows[i].ours, (uint16_t)(o.port + rows[i].other_port), &holder, &e);
        if (r != rows[i].want)
            fail_msg("%s: %d %s", rows[i].why, r, e.text);
        other_stop(o);
    }
}

static void the_holder_is_named(void **state)
{
    struct other o = other_start("127.0.0.1", ORDINARY);
    struct err e = { 0 };
    char pid[32];
    struct sock_holder holder;
    assert_int_equal(check("127.0.0.1", o.port, &holder, &e), -EADDRINUSE);
    assert_int_equal(holder.pid, o.pid);
    assert_memory_equal(holder.name, "unit_event_sock", 15); /* comm is cut there */
    snprintf(pid, sizeof pid, ", pid %d", (int)o.pid);
    assert_non_null(strstr(e.text, "in use by unit_event_sock"));
    assert_non_null(strstr(e.text, pid));
    other_stop(o);
    assert_int_equal(check("127.0.0.1", o.port, &holder, &e), 0);
}

static void our_own_are_not_foreign(void **state)
{
    struct addr at;
    struct sock_holder holder;
    struct err e = { 0 };
    int fd;
    assert_int_equal(addr_parse_ip(SLICE("127.0.0.1"), &at), 0);
    assert_int_equal(sock_listen(&at, 1, &fd), 0);
    assert_int_equal(sock_local(fd, &at), 0);
    assert_int_equal(sock_check_free(&at, &holder, &e), 0);
    close(fd);
    assert_int_equal(addr_parse(SLICE("unix:/tmp/x"), &at), 0);
    assert_int_equal(sock_check_free(&at, &holder, NULL), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(foreign_sockets_are_found),
        cmocka_unit_test(the_holder_is_named),
        cmocka_unit_test(our_own_are_not_foreign),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
