/* SPDX-License-Identifier: Apache-2.0 */
#include "proxy/door.h"

#include "base/log.h"
#include "base/mem.h"
#include "conn/plain.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#define ADDRESSES 16

struct bench {
    struct loop *loop;
    struct scratch scratch;
    struct counters counters;
    void *memory;
    struct census *census;
    struct door door;
    struct listener_conf listener;
    struct addr_block trusted;
    int log_fd;
};

static void bench_open(struct bench *b, struct census_caps caps)
{
    *b = (struct bench){ .loop = loop_new(), .log_fd = memfd_create("log", MFD_CLOEXEC) };
    b->listener.caps = caps;
    b->memory = aligned_alloc(64, census_bytes(1, ADDRESSES));
    memset(b->memory, 0, census_bytes(1, ADDRESSES));
    b->census = census_new(b->memory, 1, ADDRESSES, 1);
    scratch_init(&b->scratch);
    door_open(&b->door, b->loop, &b->scratch, b->census, &b->counters);
    log_open(b->log_fd, LOG_INFO, "test");
}

static void bench_close(struct bench *b)
{
    door_close(&b->door);
    loop_turn(b->loop, false);
    scratch_done(&b->scratch);
    assert_int_equal(b->door.lingering, 0);
    census_free(b->census);
    free(b->memory);
    loop_free(b->loop);
    log_open(STDERR_FILENO, LOG_INFO, "test");
    close(b->log_fd);
}

/* A client from this address: 0 and its place, or -EUSERS. *ret_fd is the client's end. */
static int come(struct bench *b, const char *from, struct place **ret_place, int *ret_fd)
{
    int pair[2];
    struct addr peer;
    assert_int_equal(addr_parse(slice_str(from), &peer), 0);
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair), 0);
    int r = door_admit(&b->door, &b->listener, pair[0], &peer, ret_place);
    if (r == 0)
        close(pair[0]);
    *ret_fd = pair[1];
    return r;
}

/* The same where nothing is to be heard. */
static int knock(struct bench *b, const char *from, struct place **ret_place)
{
    int fd, r = come(b, from, ret_place, &fd);
    loop_turn(b->loop, false);
    close(fd);
    loop_turn(b->loop, false);
    return r;
}

static const char *hear(int fd, char *buf, size_t room)
{
    ssize_t n = read(fd, buf, room - 1);
    buf[n > 0 ? n : 0] = '\0';
    return n == 0 ? "EOF" : buf;
}

static void assert_logged(struct bench *b, const char *part)
{
    char text[4096];
    ssize_t n = pread(b->log_fd, text, sizeof text - 1, 0);
    text[n > 0 ? n : 0] = '\0';
    if (strstr(text, part) == NULL)
        fail_msg("no \"%s\" in \"%s\"", part, text);
}

static void who_counts_as_one(void **state)
{
    static const struct {
        const char *why, *first, *second;
        bool same;
    } rows[] = {
        { "one address, two ports", "192.0.2.1:1", "192.0.2.1:2", true },
        { "neighbours", "192.0.2.1:1", "192.0.2.2:1", false },
        { "one /64", "[2001:db8:1:2::1]:1", "[2001:db8:1:2:ffff::9]:1", true },
        { "the next /64", "[2001:db8:1:2::1]:1", "[2001:db8:1:3::1]:1", false },
        { "IPv4 through an IPv6 socket", "[::ffff:192.0.2.1]:1", "192.0.2.1:1", true },
        { "two of those", "[::ffff:192.0.2.1]:1", "[::ffff:192.0.2.2]:1", false },
        { "a unix socket has no address", "unix:/run/s", "unix:/run/s", false },
        { "a trusted proxy stands for many", "10.1.2.3:1", "10.1.2.3:2", false },
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct bench b;
        struct place *first, *second;
        bench_open(&b, (struct census_caps){ .each = 1 });
        assert_int_equal(addr_block_parse(SLICE("10.0.0.0/8"), &b.trusted), 0);
        b.listener.trusted = &b.trusted;
        b.listener.trusted_count = 1;
        assert_int_equal(knock(&b, rows[i].first, &first), 0);
        int r = knock(&b, rows[i].second, &second);
        if (r != (rows[i].same ? -EUSERS : 0))
            fail_msg("%s: %d", rows[i].why, r);
        place_give_back(first);
        place_give_back(second); /* NULL is fine */
        assert_int_equal(census_count(b.census), 0);
        bench_close(&b);
    }
}

static void the_cap_over_all_counts_everybody(void **state)
{
    struct bench b;
    struct place *places[3], *none;
    bench_open(&b, (struct census_caps){ .all = 3, .each = 2 });
    assert_int_equal(addr_block_parse(SLICE("10.0.0.0/8"), &b.trusted), 0);
    b.listener.trusted = &b.trusted;
    b.listener.trusted_count = 1;
    assert_int_equal(knock(&b, "10.0.0.1:1", &places[0]), 0);
    assert_int_equal(knock(&b, "unix:/run/s", &places[1]), 0);
    assert_int_equal(knock(&b, "192.0.2.1:1", &places[2]), 0);
    assert_int_equal(knock(&b, "10.0.0.1:1", &none), -EUSERS);
    assert_null(none);
    assert_int_equal(counter_read(&b.counters, COUNTER_CONNECTIONS_REFUSED), 1);
    assert_int_equal(counter_read(&b.counters, COUNTER_CONNECTIONS_REFUSED_PER_IP), 0);
    for (int i = 0; i < 3; i++)
        place_give_back(places[i]);
    bench_close(&b);
}

static void says_why_on_a_plain_listener(void **state)
{
    struct bench b;
    struct place *place, *none;
    int fd;
    char buf[1024];
    bench_open(&b, (struct census_caps){ .each = 1 });
    assert_int_equal(knock(&b, "192.0.2.1:1", &place), 0);
    assert_int_equal(come(&b, "192.0.2.1:2", &none, &fd), -EUSERS);
    loop_turn(b.loop, false);
    assert_string_equal(hear(fd, buf, sizeof buf),
                        "HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n"
                        "Connection: close\r\nRetry-After: 1\r\n"
                        "Proxy-Status: signet; error=proxy_internal_response; "
                        "details=\"too many connections from this address\"\r\n\r\n");
    assert_string_equal(hear(fd, buf, sizeof buf), "EOF");
    assert_int_equal(b.door.lingering, 1); /* until the client goes */
    close(fd);
    loop_turn(b.loop, false);
    assert_int_equal(b.door.lingering, 0);
    assert_int_equal(counter_read(&b.counters, COUNTER_CONNECTIONS_REFUSED_PER_IP), 1);
    place_give_back(place);
    bench_close(&b);
}

static void says_so_in_an_alert_on_tls(void **state)
{
    struct bench b;
    struct place *place, *none;
    int fd;
    char buf[1024];
    static const unsigned char fatal_internal_error[] = { 21, 3, 3, 0, 2, 2, 80 };
    bench_open(&b, (struct census_caps){ .all = 1 });
    b.listener.sni = tls_sni_new();
    assert_int_equal(knock(&b, "192.0.2.1:1", &place), 0);
    assert_int_equal(come(&b, "192.0.2.2:2", &none, &fd), -EUSERS);
    loop_turn(b.loop, false);
    assert_int_equal(read(fd, buf, sizeof buf), sizeof fatal_internal_error);
    assert_memory_equal(buf, fatal_internal_error, sizeof fatal_internal_error);
    assert_string_equal(hear(fd, buf, sizeof buf), "EOF");
    close(fd);
    tls_sni_free(b.listener.sni);
    place_give_back(place);
    bench_close(&b);
}

static void so_many_are_told_the_others_just_go(void **state)
{
    struct bench b;
    struct place *place, *none;
    int fds[DOOR_LINGER_MAX + 5];
    char buf[1024];
    bench_open(&b, (struct census_caps){ .all = 1 });
    assert_int_equal(knock(&b, "192.0.2.1:1", &place), 0);
    for (int i = 0; i < DOOR_LINGER_MAX + 5; i++)
        assert_int_equal(come(&b, "192.0.2.2:2", &none, &fds[i]), -EUSERS);
    loop_turn(b.loop, false);
    assert_int_equal(b.door.lingering, DOOR_LINGER_MAX);
    for (int i = 0; i < DOOR_LINGER_MAX + 5; i++) {
        bool told = strncmp(hear(fds[i], buf, sizeof buf), "HTTP/1.1 503", 12) == 0;
        assert_int_equal(told, i < DOOR_LINGER_MAX);
        close(fds[i]);
    }
    loop_turn(b.loop, false);
    loop_turn(b.loop, false);
    assert_int_equal(counter_read(&b.counters, COUNTER_CONNECTIONS_REFUSED), DOOR_LINGER_MAX + 5);
    place_give_back(place);
    bench_close(&b);
}

static void the_log_gets_one_line_with_the_number(void **state)
{
    struct bench b;
    struct place *place, *none;
    bench_open(&b, (struct census_caps){ .all = 2, .each = 1 });
    assert_int_equal(knock(&b, "192.0.2.1:1", &place), 0);
    assert_int_equal(knock(&b, "192.0.2.1:2", &none), -EUSERS);
    b.listener.caps.all = 1;
    for (int i = 0; i < 120; i++)
        assert_int_equal(knock(&b, "192.0.2.9:1", &none), -EUSERS);
    assert_true(timer_running(&b.door.report));
    assert_int_equal(lseek(b.log_fd, 0, SEEK_END), 0); /* nothing before its second is over */
    door_close(&b.door);
    assert_logged(&b, "refused 120 connections: limit connections=1, the last one from 192.0.2.9");
    assert_logged(&b, "refused 1 connection: limit per_ip=1, the last one from 192.0.2.1");
    off_t said = lseek(b.log_fd, 0, SEEK_END);
    door_close(&b.door); /* once */
    assert_int_equal(lseek(b.log_fd, 0, SEEK_END), said);
    place_give_back(place);
    bench_close(&b);
}

static void a_place_is_held_until_the_descriptor_is_closed(void **state)
{
    struct bench b;
    struct place *place;
    int pair[2];
    struct addr peer;
    bench_open(&b, (struct census_caps){ .all = 5, .each = 5 });
    assert_int_equal(addr_parse(SLICE("192.0.2.1:1"), &peer), 0);
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair), 0);
    assert_int_equal(door_admit(&b.door, &b.listener, pair[0], &peer, &place), 0);
    struct transport *t = plain_new(pair[0], &b.scratch);
    place_bind(place, t);
    assert_int_equal(census_count(b.census), 1);
    transport_free(t);
    assert_int_equal(fcntl(pair[0], F_GETFD), -1);
    assert_int_equal(census_count(b.census), 0);
    close(pair[1]);
    bench_close(&b);
}

/* Descriptors bound all who hold a socket, whether they were let in or are told that they may not
 * come in; and those take a quarter at most. */
static void room_is_what_descriptors_allow(void **state)
{
    struct bench b;
    struct place *place, *none;
    int fds[4];
    bench_open(&b, (struct census_caps){ .all = 1 });
    assert_int_equal(door_room(&b.door), UINT_MAX);
    b.door.room = 8;
    assert_int_equal(door_room(&b.door), 8);
    assert_int_equal(knock(&b, "192.0.2.1:1", &place), 0);
    assert_int_equal(door_room(&b.door), 7);
    for (int i = 0; i < 4; i++)
        assert_int_equal(come(&b, "192.0.2.2:2", &none, &fds[i]), -EUSERS);
    loop_turn(b.loop, false);
    assert_int_equal(b.door.lingering, 2);
    assert_int_equal(door_room(&b.door), 5);
    b.door.room = 3;
    assert_int_equal(door_room(&b.door), 0);
    for (int i = 0; i < 4; i++)
        close(fds[i]);
    loop_turn(b.loop, false);
    place_give_back(place);
    assert_int_equal(door_room(&b.door), 3);
    bench_close(&b);
}

static void no_census_no_caps(void **state)
{
    struct bench b;
    struct place *place;
    bench_open(&b, (struct census_caps){ .all = 1, .each = 1 });
    b.door.census = NULL;
    for (int i = 0; i < 3; i++) {
        assert_int_equal(knock(&b, "192.0.2.1:1", &place), 0);
        assert_null(place);
    }
    bench_close(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(who_counts_as_one),
        cmocka_unit_test(the_cap_over_all_counts_everybody),
        cmocka_unit_test(says_why_on_a_plain_listener),
        cmocka_unit_test(says_so_in_an_alert_on_tls),
        cmocka_unit_test(so_many_are_told_the_others_just_go),
        cmocka_unit_test(the_log_gets_one_line_with_the_number),
        cmocka_unit_test(a_place_is_held_until_the_descriptor_is_closed),
        cmocka_unit_test(room_is_what_descriptors_allow),
        cmocka_unit_test(no_census_no_caps),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
