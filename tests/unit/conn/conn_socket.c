/* SPDX-License-Identifier: Apache-2.0 */
/* A connection over real sockets: TCP on loopback and socketpairs. */
#include "conn/conn.h"

#include "base/mem.h"
#include "conn/plain.h"
#include "conn_fixture.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

/* An accepted TCP connection; the client's end is returned, blocking. */
static int take_tcp(struct owner *o)
{
    struct addr at, peer;
    int listening = peer_listen(&at);
    int client = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(connect(client, &at.sa, at.len), 0);
    int fd = peer_accept(listening);
    close(listening);
    assert_int_equal(sock_local(client, &peer), 0);
    char text[ADDR_TEXT_MAX];
    owner_take(o, plain_new(fd, &o->scratch), addr_text(&peer, text));
    return client;
}

static void say(int fd, const char *text)
{
    assert_int_equal(write(fd, text, strlen(text)), strlen(text));
}

static void bytes_go_both_ways(void **state)
{
    struct owner o;
    struct addr local, mine;
    char got[5] = "";
    owner_init(&o);
    int client = take_tcp(&o);
    o.answer = SLICE("pong");
    owner_start(&o);
    assert_string_equal(o.trace, "o");
    assert_true(conn_local(o.conn, &local));
    assert_int_equal(local.sa.sa_family, AF_INET);
    assert_int_equal(sock_local(client, &mine), 0);
    assert_true(addr_eq(conn_peer(o.conn), &mine));
    assert_false(conn_readable_now(o.conn));
    say(client, "ping");
    assert_true(conn_readable_now(o.conn));
    owner_wait_for(&o, 'f');
    assert_string_equal(o.trace, "odf");
    assert_int_equal(read(client, got, 4), 4);
    assert_string_equal(got, "pong");
    close(client);
    owner_wait_for(&o, 'e');
    assert_int_equal(o.how, CONN_END_FIN);
    owner_done(&o);
}

static void reset_is_told(void **state)
{
    struct owner o;
    owner_init(&o);
    int client = take_tcp(&o);
    owner_start(&o);
    sock_set_abortive(client);
    close(client);
    owner_wait_for(&o, 'e');
    assert_int_equal(o.how, CONN_END_RESET);
    assert_int_equal(o.error, -ECONNRESET);
    owner_done(&o);
}

/* --- output */

#define LARGE_BYTES ((size_t)4 * 1024 * 1024)

static void large_output_survives_a_slow_reader(void **state)
{
    static const struct {
        const char *why;
        size_t chunk;
    } rows[] = {
        { "gathered", 1000 },
        { "straight to the kernel", 64 * 1024 },
        { "in one", LARGE_BYTES },
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct owner o;
        owner_init(&o);
        int peer = owner_take_pair(&o);
        char *bytes = mem_alloc(LARGE_BYTES), *back = mem_alloc(LARGE_BYTES);
        for (size_t b = 0; b < LARGE_BYTES; b++)
            bytes[b] = (char)(b * 2654435761u >> 13);
        owner_start(&o);
        for (size_t at = 0; at < LARGE_BYTES; at += rows[i].chunk)
            conn_write(o.conn, slice_first(slice_of(bytes + at, LARGE_BYTES - at), rows[i].chunk));
        loop_turn(o.loop, false);
        assert_true(conn_backlog(o.conn) > 0);
        assert_string_equal(o.trace, "o");
        size_t got = 0;
        while (got < LARGE_BYTES) {
            ssize_t n = read(peer, back + got, LARGE_BYTES - got);
            got += n > 0 ? (size_t)n : 0;
            loop_turn(o.loop, false);
        }
        if (memcmp(bytes, back, LARGE_BYTES) != 0)
            fail_msg("%s", rows[i].why);
        owner_wait_for(&o, 'f');
        assert_int_equal(conn_backlog(o.conn), 0);
        assert_string_equal(o.trace, "of");
        mem_free(bytes);
        mem_free(back);
        close(peer);
        owner_done(&o);
    }
}

/* Two connections in one callback share the gather: neither's bytes get lost or mixed. */
static void two_connections_write_in_turns(void **state)
{
    struct owner a, b;
    char got[16] = "";
    owner_init(&a);
    int peer_a = owner_take_pair(&a);
    owner_init(&b);
    int fds[2];
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds), 0);
    struct addr peer = { .un.sun_family = AF_UNIX, .len = sizeof(sa_family_t) };
    struct conn *second =
        conn_new_accepted(a.loop, &a.scratch, plain_new(fds[0], &a.scratch), &peer, &a.conf);
    conn_set_events(second, &(struct conn_events){ 0 }, NULL);
    owner_start(&a);
    conn_start(second);
    for (int i = 0; i < 3; i++) {
        conn_write(a.conn, SLICE("a"));
        conn_write(second, SLICE("bb"));
    }
    loop_turn(a.loop, false);
    assert_int_equal(read(peer_a, got, sizeof got), 3);
    assert_memory_equal(got, "aaa", 3);
    assert_int_equal(read(fds[1], got, sizeof got), 6);
    assert_memory_equal(got, "bbbbbb", 6);
    conn_abort(second);
    close(peer_a);
    close(fds[1]);
    owner_done(&b);
    owner_done(&a);
}

static void send_deadline_on_a_real_socket(void **state)
{
    struct owner o;
    owner_init(&o);
    o.conf.send_ms = 50;
    int peer = owner_take_pair(&o);
    char *bytes = mem_zalloc(LARGE_BYTES);
    owner_start(&o);
    conn_write(o.conn, slice_of(bytes, LARGE_BYTES));
    owner_wait_for(&o, 'e');
    assert_int_equal(o.how, CONN_END_SEND_TIMEOUT);
    mem_free(bytes);
    close(peer);
    owner_done(&o);
}

/* Takes a little now and then, too little for the kernel to tell of room. */
static void slow_reader_on_a_real_socket(void **state)
{
    struct owner o;
    owner_init(&o);
    o.conf.send_ms = 200;
    int client = take_tcp(&o);
    char *bytes = mem_zalloc(4 * LARGE_BYTES);
    owner_start(&o);
    conn_write(o.conn, slice_of(bytes, 4 * LARGE_BYTES));
    for (int i = 0; i < 5; i++) {
        owner_pass_ms(&o, 100);
        assert_string_equal(o.trace, "o");
        assert_true(read(client, bytes, LARGE_BYTES / 8) > 0);
    }
    owner_wait_for(&o, 'e');
    assert_int_equal(o.how, CONN_END_SEND_TIMEOUT);
    mem_free(bytes);
    close(client);
    owner_done(&o);
}

/* --- paused */

static void pause_now(struct owner *o)
{
    conn_pause(o->conn);
}

static void paused_client_that_leaves_is_noticed(void **state)
{
    static const struct {
        const char *why;
        bool abortive;
        enum conn_end want;
    } rows[] = {
        { "FIN behind bytes nobody reads", false, CONN_END_FIN },
        { "RST", true, CONN_END_RESET },
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct owner o;
        owner_init(&o);
        int client = take_tcp(&o);
        o.on_data = pause_now;
        owner_start(&o);
        say(client, "first");
        owner_wait_for(&o, 'd');
        say(client, "unread");
        owner_pass_ms(&o, 20);
        assert_string_equal(o.trace, "od");
        if (rows[i].abortive)
            sock_set_abortive(client);
        close(client);
        owner_wait_for(&o, 'e');
        assert_string_equal(o.trace, "ode");
        if (o.how != rows[i].want)
            fail_msg("%s: %d", rows[i].why, o.how);
        owner_done(&o);
    }
}

/* However long it has been paused. */
static void sweeps_go_on_while_paused(void **state)
{
    struct owner o;
    owner_init(&o);
    int client = take_tcp(&o);
    owner_start(&o);
    conn_pause(o.conn);
    owner_pass_ms(&o, 2500);
    assert_string_equal(o.trace, "o");
    close(client);
    owner_wait_for(&o, 'e');
    owner_done(&o);
}

static void full_of_kept_bytes_it_stops_reading(void **state)
{
    struct owner o;
    owner_init(&o);
    o.conf.keep_max = 4;
    int client = take_tcp(&o);
    o.use = 0;
    owner_start(&o);
    say(client, "abcd");
    owner_wait_for(&o, 'd');
    say(client, "efgh");
    owner_pass_ms(&o, 20);
    assert_string_equal(o.trace, "od");
    o.use = SIZE_MAX;
    conn_resume(o.conn);
    owner_pass_ms(&o, 20);
    assert_true(slice_eq(buf_view(&o.got), SLICE("abcdefgh")));
    close(client);
    owner_done(&o);
}

/* --- dialing */

static void dials(void **state)
{
    struct owner o;
    struct addr at;
    owner_init(&o);
    o.conf.connect_ms = 5000;
    int listening = peer_listen(&at);
    owner_dial(&o, &at);
    assert_true(conn_connecting(o.conn));
    owner_start(&o);
    assert_string_equal(o.trace, "");
    owner_wait_for(&o, 'o');
    assert_false(conn_connecting(o.conn));
    int origin = peer_accept(listening);
    say(origin, "hello");
    owner_wait_for(&o, 'd');
    close(origin);
    owner_wait_for(&o, 'e');
    assert_int_equal(o.how, CONN_END_FIN);
    close(listening);
    owner_done(&o);
}

static void dials_unix(void **state)
{
    char dir[] = "/tmp/signet-conn-XXXXXX", text[64];
    struct addr at;
    struct owner o;
    int listening;
    assert_non_null(mkdtemp(dir));
    snprintf(text, sizeof text, "unix:%s/s", dir);
    assert_int_equal(addr_parse(slice_str(text), &at), 0);

    owner_init(&o);
    owner_dial(&o, &at); /* nobody there: known at once, told from the loop */
    owner_start(&o);
    assert_string_equal(o.trace, "");
    loop_turn(o.loop, false);
    assert_string_equal(o.trace, "e");
    assert_int_equal(o.how, CONN_END_REFUSED);
    assert_int_equal(o.error, -ENOENT);
    assert_null(conn_tls(o.conn));
    assert_true(conn_readable_now(o.conn));
    owner_done(&o);

    assert_int_equal(sock_listen(&at, 4, &listening), 0);
    owner_init(&o);
    owner_dial(&o, &at);
    owner_start(&o);
    assert_string_equal(o.trace, "");
    loop_turn(o.loop, false);
    assert_string_equal(o.trace, "o");
    owner_done(&o);
    close(listening);
    unlink(at.un.sun_path);
    rmdir(dir);
}

static void refused_dial(void **state)
{
    struct owner o;
    struct addr at;
    close(peer_listen(&at));
    owner_init(&o);
    owner_dial(&o, &at);
    owner_start(&o);
    owner_wait_for(&o, 'e');
    assert_string_equal(o.trace, "e");
    assert_int_equal(o.how, CONN_END_REFUSED);
    assert_int_equal(o.error, -ECONNREFUSED);
    assert_string_equal(conn_why(o.conn), "Connection refused");
    owner_done(&o);
}

/* A full accept queue answers no SYN: fills it, then dials. */
static void dial_that_hangs(void **state)
{
    struct owner o;
    struct addr at;
    int fill[4], listening = peer_listen(&at);
    for (int i = 0; i < 4; i++)
        sock_connect(&at, &fill[i]);
    owner_init(&o);
    o.conf = (struct conn_conf){ .connect_ms = 50, .send_ms = 1, .handshake_ms = 1 };
    owner_dial(&o, &at);
    owner_start(&o);
    uint64_t start_ms = loop_now_ms(o.loop);
    owner_wait_for(&o, 'e');
    assert_string_equal(o.trace, "e");
    assert_int_equal(o.how, CONN_END_CONNECT_TIMEOUT);
    assert_true(loop_now_ms(o.loop) >= start_ms + 50);
    for (int i = 0; i < 4; i++)
        close(fill[i]);
    close(listening);
    owner_done(&o);
}

static void dial_given_up(void **state)
{
    struct owner o;
    struct addr at;
    int listening = peer_listen(&at);
    owner_init(&o);
    owner_dial(&o, &at);
    owner_done(&o); /* never started */
    owner_init(&o);
    owner_dial(&o, &at);
    owner_start(&o);
    owner_close(&o); /* while connecting */
    owner_pass_ms(&o, 20);
    assert_string_equal(o.trace, "");
    owner_done(&o);
    close(listening);
}

struct dialed {
    struct owner owner;
    int listening, origin;
};

static void dial_origin(struct dialed *d)
{
    struct addr at;
    owner_init(&d->owner);
    d->listening = peer_listen(&at);
    owner_dial(&d->owner, &at);
    owner_start(&d->owner);
    d->origin = peer_accept(d->listening);
    owner_wait_for(&d->owner, 'o');
}

static void dialed_done(struct dialed *d)
{
    close(d->listening);
    owner_done(&d->owner);
}

/* A response is not cut short because its origin has closed while the client was slow. */
static void paused_origin_that_closed_is_read_to_its_end(void **state)
{
    struct dialed d;
    dial_origin(&d);
    d.owner.on_data = pause_now;
    say(d.origin, "head");
    owner_wait_for(&d.owner, 'd');
    say(d.origin, "body");
    close(d.origin);
    owner_pass_ms(&d.owner, 1500); /* a sweep goes by */
    assert_string_equal(d.owner.trace, "od");
    d.owner.on_data = NULL;
    conn_resume(d.owner.conn);
    owner_wait_for(&d.owner, 'e');
    assert_string_equal(d.owner.trace, "odde");
    assert_int_equal(d.owner.how, CONN_END_FIN);
    assert_true(slice_eq(buf_view(&d.owner.got), SLICE("headbody")));
    dialed_done(&d);
}

/* The origin answers before it has read the request and closes, which sends RST. */
static void early_answer_is_read_though_writing_fails(void **state)
{
    struct dialed d;
    dial_origin(&d);
    conn_write(d.owner.conn, SLICE("the request"));
    owner_wait_for(&d.owner, 'f');
    owner_pass_ms(&d.owner, 10);
    conn_pause(d.owner.conn); /* so that the answer is there when writing fails */
    say(d.origin, "413");
    close(d.origin); /* with unread bytes: RST */
    owner_pass_ms(&d.owner, 10);
    conn_write(d.owner.conn, SLICE("more of it"));
    loop_turn(d.owner.loop, false);
    assert_null(strchr(d.owner.trace, 'e'));
    conn_resume(d.owner.conn);
    owner_wait_for(&d.owner, 'e');
    assert_int_equal(d.owner.how, CONN_END_RESET);
    assert_true(slice_eq(buf_view(&d.owner.got), SLICE("413")));
    dialed_done(&d);
}

/* Whoever was told that bytes wait is told when they do not any more, also for want of a reader. */
static void what_waited_goes_when_writing_fails(void **state)
{
    struct dialed d;
    dial_origin(&d);
    char *bytes = mem_zalloc(4 * LARGE_BYTES);
    conn_pause(d.owner.conn);
    conn_write(d.owner.conn, slice_of(bytes, 4 * LARGE_BYTES));
    owner_pass_ms(&d.owner, 20);
    assert_true(conn_backlog(d.owner.conn) > 0);
    assert_string_equal(d.owner.trace, "o");
    close(d.origin); /* with unread bytes: RST */
    owner_wait_for(&d.owner, 'f');
    assert_int_equal(conn_backlog(d.owner.conn), 0);
    conn_resume(d.owner.conn);
    owner_wait_for(&d.owner, 'e');
    assert_string_equal(d.owner.trace, "ofe");
    mem_free(bytes);
    dialed_done(&d);
}

static void reset_is_no_fin(void **state)
{
    static const struct {
        void (*end)(struct conn *c);
        int want;
    } rows[] = { { conn_abort, 0 }, { conn_reset, -ECONNRESET } };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct owner o;
        int error = 0;
        owner_init(&o);
        int client = take_tcp(&o);
        owner_start(&o);
        conn_write(o.conn, SLICE("half"));
        rows[i].end(o.conn);
        o.conn = NULL;
        loop_turn(o.loop, false);
        peer_read_to_end(client, &error);
        assert_int_equal(error, rows[i].want);
        close(client);
        owner_done(&o);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bytes_go_both_ways),
        cmocka_unit_test(reset_is_told),
        cmocka_unit_test(large_output_survives_a_slow_reader),
        cmocka_unit_test(two_connections_write_in_turns),
        cmocka_unit_test(send_deadline_on_a_real_socket),
        cmocka_unit_test(slow_reader_on_a_real_socket),
        cmocka_unit_test(paused_client_that_leaves_is_noticed),
        cmocka_unit_test(sweeps_go_on_while_paused),
        cmocka_unit_test(full_of_kept_bytes_it_stops_reading),
        cmocka_unit_test(dials),
        cmocka_unit_test(dials_unix),
        cmocka_unit_test(refused_dial),
        cmocka_unit_test(dial_that_hangs),
        cmocka_unit_test(dial_given_up),
        cmocka_unit_test(paused_origin_that_closed_is_read_to_its_end),
        cmocka_unit_test(early_answer_is_read_though_writing_fails),
        cmocka_unit_test(what_waited_goes_when_writing_fails),
        cmocka_unit_test(reset_is_no_fin),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
