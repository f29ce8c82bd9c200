/* SPDX-License-Identifier: Apache-2.0 */
/* What conn_close() leaves behind, seen by the peer. */
#include "conn/linger.h"

#include "base/mem.h"
#include "conn/plain.h"
#include "conn_fixture.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <unistd.h>

#include <cmocka.h>

static void on_closed(void *user)
{
    ++*(int *)user;
}

/* An accepted TCP connection; the client's end is returned, non-blocking. *closed counts how often
 * the end of the descriptor was told. */
static int take_counted_tcp(struct owner *o, int *closed)
{
    struct addr at;
    int client, listening = peer_listen(&at);
    int r = sock_connect(&at, &client);
    assert_true(r == 0 || r == -EINPROGRESS);
    struct transport *t = plain_new(peer_accept(listening), &o->scratch);
    t->on_closed = closed != NULL ? on_closed : NULL;
    t->closed_user = closed;
    close(listening);
    owner_take(o, t, "192.0.2.1:1");
    owner_start(o);
    return client;
}

static int take_tcp(struct owner *o)
{
    return take_counted_tcp(o, NULL);
}

static bool lingers(const struct owner *o)
{
    return !list_empty(&o->scratch.orphans);
}

static void answer_survives_unread_bytes(void **state)
{
    struct owner o;
    char got[16];
    int error;
    owner_init(&o);
    int client = take_tcp(&o);
    assert_int_equal(write(client, "unread", 6), 6);
    conn_write(o.conn, SLICE("413"));
    owner_close(&o);
    owner_pass_ms(&o, 20);
    assert_int_equal(write(client, "more", 4), 4);
    owner_pass_ms(&o, 20);
    assert_int_equal(write(client, "and more", 8), 8);
    assert_int_equal(read(client, got, sizeof got), 3);
    assert_int_equal(peer_read_to_end(client, &error), 0);
    assert_int_equal(error, 0); /* FIN, no RST */
    assert_true(lingers(&o));
    close(client);
    owner_pass_ms(&o, 20);
    assert_false(lingers(&o));
    owner_done(&o);
}

static void silence_ends_it_after_two_seconds(void **state)
{
    struct owner o;
    owner_init(&o);
    int client = take_tcp(&o);
    owner_close(&o);
    owner_pass_ms(&o, LINGER_MS - 200);
    assert_true(lingers(&o));
    owner_pass_ms(&o, 400);
    assert_false(lingers(&o));
    close(client);
    owner_done(&o);
}

static void flood_ends_it(void **state)
{
    struct owner o;
    static const char bytes[65536];
    owner_init(&o);
    int client = take_tcp(&o);
    owner_close(&o);
    size_t sent = 0;
    ssize_t n = 0;
    for (int turns = 0; turns < 1000 && lingers(&o); turns++) {
        n = write(client, bytes, sizeof bytes);
        sent += n > 0 ? (size_t)n : 0;
        loop_turn(o.loop, false);
    }
    assert_false(lingers(&o));
    assert_true(sent > LINGER_BYTES);
    close(client);
    owner_done(&o);
}

static void nothing_to_wait_for_after_the_peers_end(void **state)
{
    struct owner o;
    owner_init(&o);
    int client = take_tcp(&o);
    shutdown(client, SHUT_WR);
    owner_wait_for(&o, 'e');
    conn_write(o.conn, SLICE("answer"));
    owner_close(&o);
    loop_turn(o.loop, false);
    assert_false(lingers(&o));
    int error;
    assert_int_equal(peer_read_to_end(client, &error), 6);
    assert_int_equal(error, 0);
    close(client);
    owner_done(&o);
}

#define LARGE_BYTES ((size_t)8 * 1024 * 1024)

static void what_waits_is_sent_first(void **state)
{
    struct owner o;
    owner_init(&o);
    o.conf.send_ms = 5000;
    int client = take_tcp(&o);
    char *bytes = mem_zalloc(LARGE_BYTES);
    conn_write(o.conn, slice_of(bytes, LARGE_BYTES));
    assert_true(conn_backlog(o.conn) > 0);
    owner_close(&o);
    size_t got = 0;
    ssize_t n;
    do {
        loop_turn(o.loop, false);
        n = read(client, bytes, LARGE_BYTES);
        got += n > 0 ? (size_t)n : 0;
    } while (n > 0 || (n < 0 && errno == EAGAIN));
    assert_int_equal(n, 0);
    assert_int_equal(got, LARGE_BYTES);
    mem_free(bytes);
    close(client);
    owner_done(&o);
}

static void a_peer_that_takes_nothing_is_given_up(void **state)
{
    struct owner o;
    owner_init(&o);
    o.conf.send_ms = 50;
    int client = take_tcp(&o);
    char *bytes = mem_zalloc(LARGE_BYTES);
    conn_write(o.conn, slice_of(bytes, LARGE_BYTES));
    mem_free(bytes);
    owner_close(&o);
    owner_pass_ms(&o, 20);
    assert_true(lingers(&o));
    owner_pass_ms(&o, 200);
    assert_false(lingers(&o));
    close(client);
    owner_done(&o);
}

static void a_peer_that_takes_a_little_is_waited_for(void **state)
{
    struct owner o;
    owner_init(&o);
    o.conf.send_ms = 200;
    int client = take_tcp(&o);
    char *bytes = mem_zalloc(2 * LARGE_BYTES);
    conn_write(o.conn, slice_of(bytes, 2 * LARGE_BYTES));
    owner_close(&o);
    for (int i = 0; i < 5; i++) {
        owner_pass_ms(&o, 100);
        assert_true(lingers(&o));
        assert_true(read(client, bytes, LARGE_BYTES) > 0);
    }
    mem_free(bytes);
    close(client);
    owner_done(&o);
}

static void abort_does_not_linger(void **state)
{
    struct owner o;
    char got[16];
    owner_init(&o);
    int client = take_tcp(&o);
    conn_write(o.conn, SLICE("half an answ"));
    owner_abort(&o);
    loop_turn(o.loop, false);
    assert_false(lingers(&o));
    assert_int_equal(read(client, got, sizeof got), 12);
    assert_int_equal(read(client, got, sizeof got), 0);
    close(client);
    owner_done(&o);
}

static void who_counts_descriptors_is_told_when_it_is_closed(void **state)
{
    struct owner o;
    int closed = 0;
    owner_init(&o);
    int client = take_counted_tcp(&o, &closed);
    owner_close(&o);
    owner_pass_ms(&o, 50);
    assert_true(lingers(&o));
    assert_int_equal(closed, 0);
    close(client);
    owner_pass_ms(&o, 50);
    assert_false(lingers(&o));
    assert_int_equal(closed, 1);
    owner_done(&o);
    assert_int_equal(closed, 1);
}

static void is_told_without_lingering_too(void **state)
{
    struct owner o;
    int closed = 0;
    owner_init(&o);
    int client = take_counted_tcp(&o, &closed);
    conn_abort(o.conn);
    owner_pass_ms(&o, 20);
    assert_int_equal(closed, 1);
    o.conn = NULL;
    close(client);
    owner_done(&o);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(answer_survives_unread_bytes),
        cmocka_unit_test(silence_ends_it_after_two_seconds),
        cmocka_unit_test(flood_ends_it),
        cmocka_unit_test(nothing_to_wait_for_after_the_peers_end),
        cmocka_unit_test(what_waits_is_sent_first),
        cmocka_unit_test(a_peer_that_takes_nothing_is_given_up),
        cmocka_unit_test(a_peer_that_takes_a_little_is_waited_for),
        cmocka_unit_test(abort_does_not_linger),
        cmocka_unit_test(who_counts_descriptors_is_told_when_it_is_closed),
        cmocka_unit_test(is_told_without_lingering_too),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
