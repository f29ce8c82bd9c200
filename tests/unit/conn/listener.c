/* SPDX-License-Identifier: Apache-2.0 */
#include "conn/listener.h"

#include "base/log.h"
#include "event/sock.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cmocka.h>

struct door {
    struct loop *loop;
    struct listeners *listeners;
    struct addr at[2];
    int fds[2];
    unsigned accepted[2];
    bool close_on_accept;
    unsigned room;
};

static void on_accept(void *user, void *tag, int fd, const struct addr *peer)
{
    struct door *d = user;
    d->accepted[tag == &d->at[1]]++;
    assert_int_equal(peer->sa.sa_family, AF_INET);
    assert_true(fcntl(fd, F_GETFL) & O_NONBLOCK);
    close(fd);
    if (d->close_on_accept)
        listeners_close_all(d->listeners);
}

static unsigned room(void *user)
{
    const struct door *d = user;
    return d->room;
}

static void open_door(struct door *d)
{
    static const struct listeners_events events = { .on_accept = on_accept, .room = room };
    *d = (struct door){ .loop = loop_new(), .room = 1000 };
    d->listeners = listeners_new(d->loop, &events, d);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(addr_parse_ip(SLICE("127.0.0.1"), &d->at[i]), 0);
        assert_int_equal(sock_listen(&d->at[i], 128, &d->fds[i]), 0);
        assert_int_equal(sock_local(d->fds[i], &d->at[i]), 0);
        assert_int_equal(listeners_add(d->listeners, d->fds[i], &d->at[i]), 0);
    }
}

static void shut_door(struct door *d)
{
    listeners_free(d->listeners);
    loop_free(d->loop);
}

/* Connects and says a byte, for which TCP_DEFER_ACCEPT waits. */
static int knock(const struct addr *at)
{
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(connect(fd, &at->sa, at->len), 0);
    assert_int_equal(write(fd, "x", 1), 1);
    return fd;
}

static void turn_until(struct door *d, unsigned total)
{
    for (int turns = 0; d->accepted[0] + d->accepted[1] < total && turns < 100; turns++)
        loop_turn(d->loop, true);
}

static void accepts_with_the_tag(void **state)
{
    struct door d;
    open_door(&d);
    int clients[3] = { knock(&d.at[0]), knock(&d.at[1]), knock(&d.at[1]) };
    turn_until(&d, 3);
    assert_int_equal(d.accepted[0], 1);
    assert_int_equal(d.accepted[1], 2);
    for (int i = 0; i < 3; i++)
        close(clients[i]);
    shut_door(&d);
}

static void removed_while_accepting(void **state)
{
    struct door d;
    open_door(&d);
    d.close_on_accept = true;
    int clients[3] = { knock(&d.at[0]), knock(&d.at[0]), knock(&d.at[1]) };
    turn_until(&d, 1);
    loop_turn(d.loop, false);
    assert_int_equal(d.accepted[0] + d.accepted[1], 1);
    assert_int_equal(listeners_failures(d.listeners), 0);
    listeners_remove(d.listeners, d.fds[0]); /* gone already */
    for (int i = 0; i < 3; i++)
        close(clients[i]);
    shut_door(&d);
}

/* The master holds the socket too: what arrives after the removal must not wake this process. */
static void on_bell(struct timer *t)
{
}

static void removed_but_open_elsewhere(void **state)
{
    struct door d;
    open_door(&d);
    int master = dup(d.fds[0]);
    listeners_remove(d.listeners, d.fds[0]);
    int client = knock(&d.at[0]);
    struct timer bell;
    unsigned turns = 0;
    timer_init(&bell, on_bell);
    timer_start(&bell, d.loop, 30);
    for (; timer_running(&bell); turns++)
        loop_turn(d.loop, true);
    assert_true(turns < 5); /* nothing woke it all the time */
    assert_int_equal(d.accepted[0], 0);
    close(client);
    close(master);
    shut_door(&d);
}

static void out_of_descriptors(void **state)
{
    struct door d;
    struct rlimit before, none;
    open_door(&d);
    int client = knock(&d.at[0]), quiet = open("/dev/null", O_WRONLY | O_CLOEXEC);
    log_open(quiet, LOG_ERROR, "test");
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
    none = (struct rlimit){ .rlim_cur = 3, .rlim_max = before.rlim_max };
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
    loop_turn(d.loop, true);
    uint64_t start_ms = loop_now_ms(d.loop);
    assert_int_equal(listeners_failures(d.listeners), 1);
    loop_turn(d.loop, false);
    loop_turn(d.loop, false);
    assert_int_equal(listeners_failures(d.listeners), 1); /* it pauses, it does not spin */
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
    turn_until(&d, 1);
    assert_int_equal(d.accepted[0], 1);
    assert_true(loop_now_ms(d.loop) >= start_ms + 100);
    log_open(STDERR_FILENO, LOG_ERROR, "test");
    close(quiet);
    close(client);
    shut_door(&d);
}

/* So many at once, and none for a while where there is no room. */
static void as_many_as_have_room(void **state)
{
    struct door d;
    int clients[5], quiet = open("/dev/null", O_WRONLY | O_CLOEXEC);
    open_door(&d);
    log_open(quiet, LOG_ERROR, "test");
    for (int i = 0; i < 5; i++)
        clients[i] = knock(&d.at[0]);
    d.room = 2;
    loop_turn(d.loop, true);
    assert_int_equal(d.accepted[0], 2);
    d.room = 0;
    loop_turn(d.loop, true);
    uint64_t start_ms = loop_now_ms(d.loop);
    assert_int_equal(listeners_failures(d.listeners), 1);
    loop_turn(d.loop, false);
    loop_turn(d.loop, false);
    assert_int_equal(listeners_failures(d.listeners), 1); /* it pauses, it does not spin */
    assert_int_equal(d.accepted[0], 2);
    d.room = 1;
    turn_until(&d, 5);
    assert_int_equal(d.accepted[0], 5);
    assert_in_range(loop_now_ms(d.loop), start_ms + 100, start_ms + 1000);
    log_open(STDERR_FILENO, LOG_ERROR, "test");
    close(quiet);
    for (int i = 0; i < 5; i++)
        close(clients[i]);
    shut_door(&d);
}

static void refuses_what_cannot_be_watched(void **state)
{
    struct door d;
    open_door(&d);
    assert_int_equal(listeners_add(d.listeners, -1, NULL), -EBADF);
    assert_int_equal(listeners_add(d.listeners, d.fds[0], NULL), -EEXIST);
    shut_door(&d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(accepts_with_the_tag),
        cmocka_unit_test(removed_while_accepting),
        cmocka_unit_test(removed_but_open_elsewhere),
        cmocka_unit_test(out_of_descriptors),
        cmocka_unit_test(as_many_as_have_room),
        cmocka_unit_test(refuses_what_cannot_be_watched),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
