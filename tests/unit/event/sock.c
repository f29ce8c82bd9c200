/* SPDX-License-Identifier: Apache-2.0 */
#include "event/sock.h"

#include <errno.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

/* A listening socket on a port the kernel chose. */
static int listen_on(const char *ip, struct addr *ret_at)
{
    int fd;
    assert_int_equal(addr_parse_ip(slice_str(ip), ret_at), 0);
    assert_int_equal(sock_listen(ret_at, 16, &fd), 0);
    assert_int_equal(sock_local(fd, ret_at), 0);
    assert_true(addr_port(ret_at) != 0);
    return fd;
}

static void wait_for(int fd, short events)
{
    struct pollfd p = { .fd = fd, .events = events };
    assert_int_equal(poll(&p, 1, 5000), 1);
}

struct joined {
    int listening, client, server;
};

static struct joined join(void)
{
    struct joined j;
    struct addr at, peer;
    j.listening = listen_on("127.0.0.1", &at);
    int r = sock_connect(&at, &j.client);
    assert_true(r == 0 || r == -EINPROGRESS);
    wait_for(j.client, POLLOUT);
    assert_int_equal(sock_error(j.client), 0);
    assert_int_equal(write(j.client, "x", 1), 1); /* TCP_DEFER_ACCEPT waits for it */
    wait_for(j.listening, POLLIN);
    assert_int_equal(sock_accept(j.listening, &j.server, &peer), 0);
    struct addr local;
    assert_int_equal(sock_local(j.client, &local), 0);
    assert_true(addr_eq(&peer, &local));
    return j;
}

static void part(struct joined j)
{
    close(j.listening);
    close(j.client);
    close(j.server);
}

static int option(int fd, int level, int name)
{
    int value = -1;
    socklen_t len = sizeof value;
    assert_int_equal(getsockopt(fd, level, name, &value, &len), 0);
    return value;
}

static void options_are_set_and_inherited(void **state)
{
    struct joined j = join();
    assert_int_equal(option(j.listening, SOL_SOCKET, SO_REUSEADDR), 1);
    assert_int_equal(option(j.listening, SOL_SOCKET, SO_REUSEPORT), 1);
    assert_true(option(j.listening, IPPROTO_TCP, TCP_DEFER_ACCEPT) >= 1);
    assert_int_not_equal(option(j.server, IPPROTO_TCP, TCP_NODELAY), 0);
    assert_int_not_equal(option(j.client, IPPROTO_TCP, TCP_NODELAY), 0);
    assert_int_equal(option(j.server, IPPROTO_TCP, TCP_NOTSENT_LOWAT), SOCK_UNSENT_BYTES);
    assert_int_equal(option(j.client, IPPROTO_TCP, TCP_NOTSENT_LOWAT), SOCK_UNSENT_BYTES);
    part(j);
}

static void v6_does_not_take_v4(void **state)
{
    struct addr at6, at4;
    int fd4, fd6 = listen_on("::", &at6);
    assert_int_equal(addr_parse_ip(SLICE("0.0.0.0"), &at4), 0);
    addr_set_port(&at4, addr_port(&at6));
    assert_int_equal(sock_listen(&at4, 16, &fd4), 0);
    close(fd4);
    close(fd6);
}

static void nothing_to_accept(void **state)
{
    struct addr at, peer;
    int fd, listening = listen_on("127.0.0.1", &at);
    assert_int_equal(sock_accept(listening, &fd, &peer), -EAGAIN);
    close(listening);
}

static void refused_is_told(void **state)
{
    struct addr at;
    int fd, listening = listen_on("127.0.0.1", &at);
    close(listening);
    int r = sock_connect(&at, &fd);
    if (r == -EINPROGRESS) {
        wait_for(fd, POLLOUT);
        r = sock_error(fd);
        assert_int_equal(sock_error(fd), 0); /* asking clears it */
        close(fd);
    }
    assert_int_equal(r, -ECONNREFUSED);
}

static void unix_sockets_too(void **state)
{
    char dir[] = "/tmp/signet-sock-XXXXXX", text[64];
    assert_non_null(mkdtemp(dir));
    snprintf(text, sizeof text, "unix:%s/s", dir);
    struct addr at, peer;
    int listening, client, server;
    assert_int_equal(addr_parse(slice_str(text), &at), 0);
    assert_int_equal(sock_connect(&at, &client), -ENOENT);
    assert_int_equal(sock_listen(&at, 16, &listening), 0);
    assert_int_equal(sock_connect(&at, &client), 0);
    assert_int_equal(sock_accept(listening, &server, &peer), 0);
    assert_int_equal(peer.sa.sa_family, AF_UNIX);

    bool reset;
    assert_false(sock_peer_closed(server, &reset));
    close(client);
    assert_true(sock_peer_closed(server, &reset));
    assert_false(reset);
    close(server);
    close(listening);
    unlink(at.un.sun_path);
    rmdir(dir);
}

static void end_is_seen_without_reading(void **state)
{
    static const struct {
        const char *why;
        bool abortive, want_reset;
    } rows[] = {
        { "FIN behind an unread byte", false, false },
        { "RST", true, true },
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct joined j = join();
        bool reset = !rows[i].want_reset;
        assert_false(sock_peer_closed(j.server, &reset));
        if (rows[i].abortive)
            sock_set_abortive(j.client);
        close(j.client);
        j.client = -1;
        if (!sock_peer_closed(j.server, &reset) || reset != rows[i].want_reset)
            fail_msg("%s", rows[i].why);
        part(j);
    }
}

static void looks_without_reading(void **state)
{
    struct joined j = join();
    char byte;
    assert_true(sock_readable_now(j.server));
    assert_true(sock_readable_now(j.server));
    assert_int_equal(read(j.server, &byte, 1), 1);
    assert_false(sock_readable_now(j.server));
    shutdown(j.client, SHUT_WR);
    assert_true(sock_readable_now(j.server)); /* the end counts */
    part(j);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(options_are_set_and_inherited),
        cmocka_unit_test(v6_does_not_take_v4),
        cmocka_unit_test(nothing_to_accept),
        cmocka_unit_test(refused_is_told),
        cmocka_unit_test(unix_sockets_too),
        cmocka_unit_test(end_is_seen_without_reading),
        cmocka_unit_test(looks_without_reading),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
