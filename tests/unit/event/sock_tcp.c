/* SPDX-License-Identifier: Apache-2.0 */
#include "event/sock_tcp.h"

#include "event/sock.h"

#include <errno.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

struct joined {
    int listening, dialed, accepted;
};

static void wait_for(int fd, short events)
{
    struct pollfd p = { .fd = fd, .events = events };
    assert_int_equal(poll(&p, 1, 5000), 1);
}

static struct joined join(void)
{
    struct joined j;
    struct addr at, peer;
    assert_int_equal(addr_parse_ip(SLICE("127.0.0.1"), &at), 0);
    assert_int_equal(sock_listen(&at, 16, &j.listening), 0);
    assert_int_equal(sock_local(j.listening, &at), 0);
    int r = sock_connect(&at, &j.dialed);
    assert_true(r == 0 || r == -EINPROGRESS);
    wait_for(j.dialed, POLLOUT);
    assert_int_equal(write(j.dialed, "x", 1), 1); /* TCP_DEFER_ACCEPT waits for it */
    wait_for(j.listening, POLLIN);
    assert_int_equal(sock_accept(j.listening, &j.accepted, &peer), 0);
    return j;
}

static void part(struct joined j)
{
    close(j.listening);
    close(j.dialed);
    close(j.accepted);
}

/* Offers zeroes until the kernel takes no more; gives their number. */
static size_t fill(int fd)
{
    static const char zeroes[64 * 1024];
    size_t total = 0;
    ssize_t n;
    while ((n = send(fd, zeroes, sizeof zeroes, MSG_DONTWAIT | MSG_NOSIGNAL)) > 0)
        total += (size_t)n;
    assert_int_equal(errno, EAGAIN);
    return total;
}

static size_t drain(int fd, size_t most)
{
    static char room[256 * 1024];
    size_t total = 0;
    ssize_t n = 1;
    while (total < most && n > 0) {
        n = recv(fd, room, sizeof room, MSG_DONTWAIT);
        total += n > 0 ? (size_t)n : 0;
    }
    return total;
}

/* A peer that does not read: without the bounds it would be four megabytes. */
static void little_waits_for_a_peer_that_does_not_read(void **state)
{
    struct joined j = join();
    assert_true(fill(j.accepted) < 600 * 1024);
    part(j);
}

static int receive_buffer(int fd)
{
    int bytes;
    socklen_t len = sizeof bytes;
    assert_int_equal(getsockopt(fd, SOL_SOCKET, SO_RCVBUF, &bytes, &len), 0);
    return bytes;
}

static void pass_through(struct joined j, size_t bytes)
{
    for (size_t total = 0; total < bytes;) {
        fill(j.accepted);
        total += drain(j.dialed, SIZE_MAX);
    }
}

/* A receive buffer that was bounded does not grow, however much has passed through it. */
static void a_near_peer_cannot_send_much_unread(void **state)
{
    struct joined j = join();
    assert_true(sock_bound_receive(j.dialed));
    pass_through(j, 32 * 1024 * 1024);
    assert_int_equal(receive_buffer(j.dialed), 128 * 1024);
    sock_widen_receive(j.dialed);
    pass_through(j, 32 * 1024 * 1024);
    assert_int_equal(receive_buffer(j.dialed), 512 * 1024);
    part(j);
}

/* What arrives while nobody reads, by one large read. */
static size_t unread(struct joined j)
{
    for (int i = 0; i < 20; i++) {
        fill(j.accepted);
        usleep(5000);
    }
    return drain(j.dialed, 1);
}

/* How much a buffer holds is the kernel's secret; that the wider one holds more is not. */
static void a_wider_bound_takes_more(void **state)
{
    struct joined narrow = join(), wide = join();
    sock_bound_receive(narrow.dialed);
    sock_bound_receive(wide.dialed);
    sock_widen_receive(wide.dialed);
    pass_through(narrow, 1024 * 1024);
    pass_through(wide, 1024 * 1024);
    size_t little = unread(narrow), more = unread(wide);
    assert_true(more > little + little / 4);
    part(narrow);
    part(wide);
}

/* It is what the peer's kernel took, not what ours holds. */
static void acknowledged_bytes_are_what_the_peer_took(void **state)
{
    struct joined j = join();
    uint64_t before, full, after;
    assert_int_equal(sock_acked(j.accepted, &before), 0);
    size_t sent = fill(j.accepted);
    usleep(20000);
    assert_int_equal(sock_acked(j.accepted, &full), 0);
    assert_true(full > before);
    assert_true(full - before < sent);
    while (drain(j.dialed, SIZE_MAX) > 0 || (sock_acked(j.accepted, &after), after - before < sent))
        usleep(1000);
    assert_int_equal(after - before, sent);
    part(j);
}

static void there_is_no_tcp_on_a_unix_socket(void **state)
{
    int fds[2];
    uint64_t bytes;
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
    assert_true(sock_acked(fds[0], &bytes) < 0);
    assert_false(sock_bound_receive(fds[0]));
    close(fds[0]);
    close(fds[1]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(little_waits_for_a_peer_that_does_not_read),
        cmocka_unit_test(a_near_peer_cannot_send_much_unread),
        cmocka_unit_test(a_wider_bound_takes_more),
        cmocka_unit_test(acknowledged_bytes_are_what_the_peer_took),
        cmocka_unit_test(there_is_no_tcp_on_a_unix_socket),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
