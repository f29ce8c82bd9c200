/* SPDX-License-Identifier: Apache-2.0 */
#include "server/listen_set.h"

#include "event/sock.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
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

/* --- another configuration */

static struct listen_set *open_set(const struct fixture *f, unsigned workers)
{
    struct listen_set *s;
    struct span at;
    struct err e = { 0 };
    if (listen_set_open(&f->config, workers, &s, &at, &e) < 0)
        fail_msg("%s", e.text);
    return s;
}

static struct listen_set *next_set(const struct listen_set *old, const struct fixture *f,
                                   unsigned workers)
{
    struct listen_set *s;
    struct span at;
    struct err e = { 0 };
    if (listen_set_next(old, &f->config, workers, &s, &at, &e) < 0)
        fail_msg("%s", e.text);
    return s;
}

static uint64_t inode(int fd)
{
    struct stat st;
    assert_int_equal(fstat(fd, &st), 0);
    return st.st_ino;
}

static bool listens(int fd)
{
    int on = 0;
    socklen_t len = sizeof(on);
    assert_int_equal(getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &on, &len), 0);
    return on != 0;
}

static void shares_what_both_have(void **state)
{
    struct fixture f;
    fixture_init(&f);
    f.listener.addr_count = 1;
    struct listen_set *old = open_set(&f, 2);
    const struct addr first = f.addrs[0];
    f.listener.addr_count = 2; /* one added, before the one that stays */
    f.addrs[0] = f.addrs[1];
    f.addrs[1] = first;
    struct listen_set *next = next_set(old, &f, 3);
    assert_int_equal(listen_set_addresses(next), 2);
    assert_int_equal(listen_set_workers(next), 3);
    assert_true(listen_set_added(next, 0));
    assert_false(listen_set_added(next, 1));
    for (unsigned w = 0; w < 2; w++) {
        assert_int_equal(inode(listen_set_of(next, w)[1]), inode(listen_set_of(old, w)[0]));
        assert_int_not_equal(listen_set_of(next, w)[1], listen_set_of(old, w)[0]);
        assert_int_equal(fcntl(listen_set_of(next, w)[1], F_GETFD), FD_CLOEXEC);
    }
    listen_set_close(old);
    assert_true(listens(listen_set_of(next, 0)[1]));
    listen_set_close(next);
}

/* A reload may still be refused: until then nobody may wait in a queue that would be reset. */
static void what_is_new_listens_when_it_is_in_force(void **state)
{
    struct fixture f;
    fixture_init(&f);
    f.listener.addr_count = 1;
    struct listen_set *old = open_set(&f, 1);
    f.listener.addr_count = 2;
    struct listen_set *next = next_set(old, &f, 2);
    assert_false(listens(listen_set_of(next, 0)[1])); /* a new address */
    assert_false(listens(listen_set_of(next, 1)[0])); /* a new worker's, of the same group */
    int fd;
    assert_int_equal(sock_connect(&f.addrs[1], &fd), -EINPROGRESS);
    assert_int_equal(sock_error(fd), -ECONNREFUSED);
    close(fd);
    listen_set_begin(next);
    assert_true(listens(listen_set_of(next, 0)[1]) && listens(listen_set_of(next, 1)[0]));
    listen_set_close(next);
    listen_set_close(old);
}

static void keeps_the_queues_of_workers_that_are_no_more(void **state)
{
    struct fixture f;
    fixture_init(&f);
    f.listener.addr_count = 1;
    struct listen_set *old = open_set(&f, 3);
    struct listen_set *next = next_set(old, &f, 1);
    assert_int_equal(listen_set_workers(next), 3);
    assert_int_equal(inode(listen_set_of(next, 2)[0]), inode(listen_set_of(old, 2)[0]));
    listen_set_close(next);
    listen_set_close(old);
}

/* Many reloads in a second would else hold as many descriptors of every socket. */
static void of_a_former_set_only_what_is_no_more_stays_open(void **state)
{
    struct fixture f;
    fixture_init(&f);
    struct listen_set *old = open_set(&f, 2);
    f.listener.addr_count = 1; /* the second is no more */
    struct listen_set *next = next_set(old, &f, 2);
    listen_set_begin(next);
    listen_set_retire(old, next);
    for (unsigned w = 0; w < 2; w++) {
        assert_int_equal(listen_set_of(old, w)[0], -1);
        assert_true(listens(listen_set_of(old, w)[1]));
        assert_true(listens(listen_set_of(next, w)[0]));
    }
    listen_set_close(old);
    listen_set_close(next);
}

/* The kernel knows the sockets of the former configuration too: they are no stranger's. */
static void ourselves_are_in_nobody_s_way(void **state)
{
    struct fixture f;
    fixture_init(&f);
    f.listener.addr_count = 1;
    struct addr narrow = f.addrs[0], wide = narrow;
    wide.in.sin_addr.s_addr = htonl(INADDR_ANY);
    struct listen_set *old = open_set(&f, 2);
    f.addrs[0] = wide;
    struct listen_set *next = next_set(old, &f, 2);
    listen_set_begin(next);
    listen_set_retire(old, next);
    listen_set_close(old);
    f.addrs[0] = narrow;
    struct listen_set *third = next_set(next, &f, 2);
    listen_set_begin(third);
    listen_set_close(next);
    listen_set_close(third);
}

static void a_running_master_waits_for_nobody(void **state)
{
    struct fixture f;
    fixture_init(&f);
    f.listener.addr_count = 1;
    struct listen_set *old = open_set(&f, 1), *next = NULL;
    f.listener.addr_count = 2;
    struct span at = { 0 };
    struct err e = { 0 };
    struct timespec begin, end;
    pid_t pid = squat(&f.addrs[1], 5000); /* called signet, which might go soon */
    clock_gettime(CLOCK_MONOTONIC, &begin);
    assert_int_equal(listen_set_next(old, &f.config, 1, &next, &at, &e), -EADDRINUSE);
    clock_gettime(CLOCK_MONOTONIC, &end);
    assert_true(end.tv_sec - begin.tv_sec < 2);
    assert_int_equal(at.line, 2);
    assert_non_null(strstr(e.text, "in use by signet"));
    assert_null(next);
    assert_true(listens(listen_set_of(old, 0)[0]));
    kill(pid, SIGKILL);
    assert_int_equal(waitpid(pid, NULL, 0), pid);
    listen_set_close(old);
}

static int accepted_within(int fd, int ms)
{
    struct pollfd readable = { .fd = fd, .events = POLLIN };
    int conn;
    struct addr peer;
    if (poll(&readable, 1, ms) <= 0 || sock_accept(fd, &conn, &peer) < 0)
        return -1;
    return conn;
}

/* TCP_DEFER_ACCEPT leaves a connection half open on our side until the client says something. */
static void retired_it_knows_nobody_new(void **state)
{
    struct fixture f;
    fixture_init(&f);
    f.listener.addr_count = 1;
    struct listen_set *old = open_set(&f, 1);
    int waiting, half_open, late;
    sock_connect(&f.addrs[0], &waiting);
    struct pollfd writable = { .fd = waiting, .events = POLLOUT };
    assert_int_equal(poll(&writable, 1, 1000), 1);
    assert_int_equal(write(waiting, "a", 1), 1);
    sock_connect(&f.addrs[0], &half_open);
    writable.fd = half_open;
    assert_int_equal(poll(&writable, 1, 1000), 1);

    const struct addr gone = f.addrs[0];
    f.addrs[0] = f.addrs[1];
    struct listen_set *next = next_set(old, &f, 1);
    listen_set_retire(old, next);
    assert_int_equal(sock_connect(&gone, &late), -EINPROGRESS);
    assert_int_equal(sock_error(late), -ECONNREFUSED);
    assert_int_equal(write(half_open, "b", 1), 1);

    char said[2];
    for (int i = 0; i < 2; i++) {
        int conn = accepted_within(listen_set_of(old, 0)[0], 1000);
        assert_true(conn >= 0);
        struct pollfd readable = { .fd = conn, .events = POLLIN };
        assert_int_equal(poll(&readable, 1, 1000), 1);
        assert_int_equal(read(conn, &said[i], 1), 1);
        close(conn);
    }
    assert_memory_equal(said, "ab", 2);
    assert_int_equal(accepted_within(listen_set_of(old, 0)[0], 0), -1);
    close(waiting);
    close(half_open);
    close(late);
    listen_set_close(next);
    listen_set_close(old);
}

/* From one address to all of that port, and back: both listen for a while. Each connection comes to
 * a socket that is to stay. */
static void a_wildcard_and_its_address_change_places(void **state)
{
    struct fixture f;
    fixture_init(&f);
    f.listener.addr_count = 1;
    struct addr narrow = f.addrs[0], wide = narrow;
    wide.in.sin_addr.s_addr = htonl(INADDR_ANY);
    struct listen_set *sets[4] = { open_set(&f, 2) };
    for (int i = 1; i < 4; i++) { /* and back again, before the first has closed */
        f.addrs[0] = i % 2 == 1 ? wide : narrow;
        sets[i] = next_set(sets[i - 1], &f, 2);
        listen_set_begin(sets[i]);
        listen_set_retire(sets[i - 1], sets[i]);
        int accepted = 0, fds[16];
        for (int k = 0; k < 16; k++) {
            sock_connect(&narrow, &fds[k]);
            assert_int_equal(write(fds[k], "x", 1), 1);
        }
        for (unsigned w = 0; w < 2; w++)
            for (int fd; (fd = accepted_within(listen_set_of(sets[i], w)[0], 50)) >= 0; accepted++)
                close(fd);
        assert_int_equal(accepted, 16);
        for (int k = 0; k < 16; k++)
            close(fds[k]);
    }
    for (int i = 0; i < 4; i++)
        listen_set_close(sets[i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_socket_for_each_worker_and_address),
        cmocka_unit_test(names_the_place_and_the_holder),
        cmocka_unit_test(waits_for_a_dying_signet),
        cmocka_unit_test(shares_what_both_have),
        cmocka_unit_test(what_is_new_listens_when_it_is_in_force),
        cmocka_unit_test(keeps_the_queues_of_workers_that_are_no_more),
        cmocka_unit_test(of_a_former_set_only_what_is_no_more_stays_open),
        cmocka_unit_test(ourselves_are_in_nobody_s_way),
        cmocka_unit_test(a_running_master_waits_for_nobody),
        cmocka_unit_test(retired_it_knows_nobody_new),
        cmocka_unit_test(a_wildcard_and_its_address_change_places),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
