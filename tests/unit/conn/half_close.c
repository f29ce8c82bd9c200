/* SPDX-License-Identifier: Apache-2.0 */
/* A connection whose two directions end apart. */
#include "conn/plain.h"
#include "conn_fixture.h"
#include "fake_transport.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

static void allow(struct owner *o)
{
    owner_start(o);
    conn_allow_half_close(o->conn);
}

static void say(int fd, const char *text)
{
    assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
}

static void reads_on_after_its_own_end(void **state)
{
    struct owner o;
    int error;
    owner_init(&o);
    int peer = owner_take_pair(&o);
    allow(&o);
    conn_write(o.conn, SLICE("all"));
    conn_end_output(o.conn);
    conn_end_output(o.conn); /* harmless */
    owner_wait_for(&o, 'f');
    assert_int_equal(peer_read_to_end(peer, &error), 3);
    assert_int_equal(error, 0);

    say(peer, "later");
    owner_wait_for(&o, 'd');
    assert_true(slice_eq(buf_view(&o.got), SLICE("later")));
    close(peer);
    owner_wait_for(&o, 'e');
    assert_string_equal(o.trace, "ofde");
    assert_int_equal(o.how, CONN_END_FIN);
    owner_close(&o);
    owner_done(&o);
}

static void writes_on_after_the_peers_end(void **state)
{
    struct owner o;
    int error;
    owner_init(&o);
    int peer = owner_take_pair(&o);
    allow(&o);
    say(peer, "all");
    shutdown(peer, SHUT_WR);
    owner_wait_for(&o, 'e');
    assert_string_equal(o.trace, "ode");
    for (int i = 0; i < 2; i++) {
        conn_write(o.conn, SLICE("more"));
        owner_pass_ms(&o, 5);
    }
    assert_string_equal(o.trace, "odeff"); /* each time */
    conn_end_output(o.conn);
    owner_pass_ms(&o, 5);
    assert_int_equal(peer_read_to_end(peer, &error), 8);
    owner_close(&o);
    owner_done(&o);
    close(peer);
}

struct fake_pair {
    struct owner owner;
    struct fake_transport *fake;
};

static void fake_pair_open(struct fake_pair *p)
{
    owner_init(&p->owner);
    p->fake = fake_new();
    owner_take(&p->owner, &p->fake->transport, "192.0.2.1:4711");
    allow(&p->owner);
    loop_turn(p->owner.loop, false);
}

static void fake_pair_done(struct fake_pair *p)
{
    owner_done(&p->owner);
    fake_free(p->fake);
}

static void a_failure_after_the_peers_end_is_told(void **state)
{
    struct fake_pair p;
    fake_pair_open(&p);
    fake_ends(p.fake, 0);
    fake_deliver(p.fake, p.owner.conn, p.owner.loop);
    assert_string_equal(p.owner.trace, "oe");
    p.fake->broken = -EPIPE;
    conn_write(p.owner.conn, SLICE("nobody there"));
    loop_turn(p.owner.loop, false);
    assert_string_equal(p.owner.trace, "oee");
    assert_int_equal(p.owner.how, CONN_END_RESET);
    fake_pair_done(&p);
}

static void what_waits_goes_before_the_end(void **state)
{
    struct fake_pair p;
    fake_pair_open(&p);
    fake_ends(p.fake, 0);
    fake_deliver(p.fake, p.owner.conn, p.owner.loop);
    p.fake->window = 2;
    assert_int_equal(conn_write(p.owner.conn, SLICE("abcd")), 0);
    conn_end_output(p.owner.conn);
    loop_turn(p.owner.loop, false);
    assert_int_equal(conn_backlog(p.owner.conn), 2);
    assert_string_equal(p.owner.trace, "oe");
    p.fake->window = SIZE_MAX;
    conn_on_ready(p.owner.conn, WATCH_WRITE);
    loop_turn(p.owner.loop, false);
    assert_string_equal(p.owner.trace, "oef");
    assert_true(p.fake->shut && slice_eq(fake_sent(p.fake), SLICE("abcd")));
    fake_pair_done(&p);
}

/* --- what only a real socket can show */

static int take_tcp(struct owner *o)
{
    struct addr at;
    int listening = peer_listen(&at);
    int client = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(connect(client, &at.sa, at.len), 0);
    owner_take(o, plain_new(peer_accept(listening), &o->scratch), "127.0.0.1:1");
    close(listening);
    return client;
}

static void pause_now(struct owner *o)
{
    conn_pause(o->conn);
}

static void a_fin_waits_until_it_is_read(void **state)
{
    struct owner o;
    owner_init(&o);
    int client = take_tcp(&o);
    o.on_data = pause_now;
    allow(&o);
    say(client, "first");
    owner_wait_for(&o, 'd');
    say(client, "unread");
    shutdown(client, SHUT_WR);
    owner_pass_ms(&o, 1500); /* a sweep goes by */
    assert_string_equal(o.trace, "od");
    o.on_data = NULL;
    conn_resume(o.conn);
    owner_wait_for(&o, 'e');
    assert_string_equal(o.trace, "odde");
    assert_true(slice_eq(buf_view(&o.got), SLICE("firstunread")));
    close(client);
    owner_done(&o);
}

/* Both sides have sent FIN: to the kernel it looks like an RST. */
static void a_fin_after_our_own_waits_too(void **state)
{
    struct owner o;
    owner_init(&o);
    int client = take_tcp(&o);
    o.on_data = pause_now;
    allow(&o);
    say(client, "first");
    owner_wait_for(&o, 'd');
    conn_end_output(o.conn);
    owner_pass_ms(&o, 10);
    say(client, "unread");
    shutdown(client, SHUT_WR);
    owner_pass_ms(&o, 1500);
    assert_string_equal(o.trace, "odf");
    o.on_data = NULL;
    conn_resume(o.conn);
    owner_wait_for(&o, 'e');
    assert_int_equal(o.how, CONN_END_FIN);
    assert_true(slice_eq(buf_view(&o.got), SLICE("firstunread")));
    close(client);
    owner_done(&o);
}

static void an_rst_behind_the_peers_end_is_noticed(void **state)
{
    struct owner o;
    owner_init(&o);
    int client = take_tcp(&o);
    allow(&o);
    shutdown(client, SHUT_WR);
    owner_wait_for(&o, 'e');
    owner_pass_ms(&o, 2500); /* sweeps go by, and go on */
    assert_string_equal(o.trace, "oe");
    sock_set_abortive(client);
    close(client);
    owner_pass_ms(&o, 1500);
    assert_string_equal(o.trace, "oee");
    assert_int_equal(o.how, CONN_END_RESET);
    owner_done(&o);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_on_after_its_own_end),
        cmocka_unit_test(writes_on_after_the_peers_end),
        cmocka_unit_test(a_failure_after_the_peers_end_is_told),
        cmocka_unit_test(what_waits_goes_before_the_end),
        cmocka_unit_test(a_fin_waits_until_it_is_read),
        cmocka_unit_test(a_fin_after_our_own_waits_too),
        cmocka_unit_test(an_rst_behind_the_peers_end_is_noticed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
