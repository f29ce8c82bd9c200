/* SPDX-License-Identifier: Apache-2.0 */
/* A connection over the fake transport: order of events, kept bytes, output, ends. Sockets are in
 * conn_socket.c. */
#include "conn/conn.h"

#include "conn_fixture.h"
#include "fake_transport.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

struct pair {
    struct owner owner;
    struct fake_transport *fake;
};

static void pair_open_with(struct pair *p, const struct conn_conf *conf)
{
    owner_init(&p->owner);
    p->owner.conf = *conf;
    p->fake = fake_new();
    owner_take(&p->owner, &p->fake->transport, "192.0.2.1:4711");
}

static void pair_open(struct pair *p)
{
    pair_open_with(p, &(struct conn_conf){ 0 });
}

static void pair_start(struct pair *p)
{
    owner_start(&p->owner);
    loop_turn(p->owner.loop, false);
}

static void pair_done(struct pair *p)
{
    owner_done(&p->owner);
    assert_true(p->fake->freed);
    fake_free(p->fake);
}

static void deliver(struct pair *p)
{
    fake_deliver(p->fake, p->owner.conn, p->owner.loop);
}

static void writable(struct pair *p)
{
    conn_on_ready(p->owner.conn, WATCH_WRITE);
    loop_turn(p->owner.loop, false);
}

/* --- input */

static void reads_at_once_when_started(void **state)
{
    struct pair p;
    pair_open(&p);
    fake_says(p.fake, SLICE("hello"));
    owner_start(&p.owner);
    assert_string_equal(p.owner.trace, "od"); /* inside conn_start() */
    assert_true(slice_eq(buf_view(&p.owner.got), SLICE("hello")));
    assert_int_equal(addr_port(conn_peer(p.owner.conn)), 4711);
    assert_ptr_equal(conn_loop(p.owner.conn), p.owner.loop);
    assert_null(conn_tls(p.owner.conn));
    assert_false(conn_connecting(p.owner.conn));
    pair_done(&p);
}

static void any_split_gives_the_same_bytes(void **state)
{
    static const struct {
        const char *why;
        size_t piece, record, use;
    } rows[] = {
        { "all at once", 0, 0, SIZE_MAX },
        { "byte by byte", 1, 0, SIZE_MAX },
        { "small records inside one arrival", 0, 3, SIZE_MAX },
        { "one byte used of each offer", 4, 0, 1 },
        { "pieces, records and a slow user", 5, 2, 3 },
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct pair p;
        pair_open(&p);
        p.owner.use = rows[i].use;
        p.fake->piece = rows[i].piece;
        p.fake->record = rows[i].record;
        pair_start(&p);
        fake_says(p.fake, SLICE("the quick brown fox"));
        deliver(&p);
        for (int more = 0; more < 20 && buf_len(&p.owner.got) < 19; more++) {
            conn_resume(p.owner.conn); /* offers what was kept */
            loop_turn(p.owner.loop, false);
        }
        if (!slice_eq(buf_view(&p.owner.got), SLICE("the quick brown fox")))
            fail_msg("%s: %.*s", rows[i].why, SLICE_ARG(buf_view(&p.owner.got)));
        pair_done(&p);
    }
}

static void kept_bytes_come_with_the_next(void **state)
{
    struct pair p;
    pair_open(&p);
    pair_start(&p);
    p.owner.use = 0;
    fake_says(p.fake, SLICE("abc"));
    deliver(&p);
    assert_int_equal(p.owner.last_offer, 3);
    p.owner.use = 4;
    fake_says(p.fake, SLICE("def"));
    deliver(&p);
    assert_int_equal(p.owner.last_offer, 6);
    assert_string_equal(p.owner.trace, "odd");
    assert_true(slice_eq(buf_view(&p.owner.got), SLICE("abcd")));
    assert_true(conn_readable_now(p.owner.conn));
    pair_done(&p);
}

static void pending_is_read_turn_by_turn(void **state)
{
    struct pair p;
    pair_open(&p);
    pair_start(&p);
    p.fake->record = 2;
    fake_says(p.fake, SLICE("abcdef"));
    conn_on_ready(p.owner.conn, WATCH_READ);
    assert_string_equal(p.owner.trace, "od");
    loop_turn(p.owner.loop, true); /* does not wait: there is more inside */
    assert_string_equal(p.owner.trace, "odd");
    loop_turn(p.owner.loop, true);
    assert_string_equal(p.owner.trace, "oddd");
    pair_done(&p);
}

static void pause_in_on_data(struct owner *o)
{
    conn_pause(o->conn);
}

static void paused_and_resumed(void **state)
{
    struct pair p;
    pair_open(&p);
    pair_start(&p);
    p.owner.use = 1;
    p.owner.on_data = pause_in_on_data;
    p.fake->record = 3;
    fake_says(p.fake, SLICE("abcdef"));
    deliver(&p);
    deliver(&p);
    assert_string_equal(p.owner.trace, "od");

    conn_resume(p.owner.conn);
    assert_string_equal(p.owner.trace, "od"); /* never inside the call */
    loop_turn(p.owner.loop, true);
    assert_string_equal(p.owner.trace, "odd");
    assert_int_equal(p.owner.last_offer, 2); /* kept, and no more was read: it paused again */

    p.owner.on_data = NULL;
    p.owner.use = SIZE_MAX;
    conn_resume(p.owner.conn);
    loop_turn(p.owner.loop, true);
    loop_turn(p.owner.loop, false);
    assert_true(slice_eq(buf_view(&p.owner.got), SLICE("abcdef")));
    pair_done(&p);
}

static void reading_stops_at_keep_max(void **state)
{
    struct pair p;
    pair_open_with(&p, &(struct conn_conf){ .keep_max = 4 });
    p.owner.use = 0;
    p.fake->piece = 2;
    pair_start(&p);
    fake_says(p.fake, SLICE("abcdefgh"));
    deliver(&p);
    assert_int_equal(p.owner.last_offer, 4);
    p.owner.use = SIZE_MAX;
    conn_resume(p.owner.conn);
    loop_turn(p.owner.loop, false);
    deliver(&p);
    assert_true(slice_eq(buf_view(&p.owner.got), SLICE("abcdefgh")));
    pair_done(&p);
}

/* --- output */

static void writes_leave_together(void **state)
{
    struct pair p;
    pair_open(&p);
    pair_start(&p);
    unsigned before = p.fake->flushes;
    assert_int_equal(conn_write(p.owner.conn, SLICE("one ")), 0);
    assert_int_equal(conn_write(p.owner.conn, SLICE("two")), 0);
    assert_int_equal(fake_sent(p.fake).len, 0);
    assert_string_equal(p.owner.trace, "o");
    loop_turn(p.owner.loop, false);
    assert_true(slice_eq(fake_sent(p.fake), SLICE("one two")));
    assert_int_equal(p.fake->flushes, before + 1);
    assert_string_equal(p.owner.trace, "of");
    pair_done(&p);
}

static void answer_leaves_after_the_callback(void **state)
{
    struct pair p;
    pair_open(&p);
    pair_start(&p);
    p.owner.answer = SLICE("pong");
    fake_says(p.fake, SLICE("ping"));
    deliver(&p);
    assert_true(slice_eq(fake_sent(p.fake), SLICE("pong")));
    assert_string_equal(p.owner.trace, "odf");
    pair_done(&p);
}

static void slow_peer_makes_bytes_wait(void **state)
{
    struct pair p;
    pair_open(&p);
    pair_start(&p);
    p.fake->window = 3;
    conn_write(p.owner.conn, SLICE("abcdefgh"));
    loop_turn(p.owner.loop, false);
    assert_true(slice_eq(fake_sent(p.fake), SLICE("abc")));
    assert_int_equal(conn_backlog(p.owner.conn), 5);
    assert_int_equal(conn_write(p.owner.conn, SLICE("ij")), 5);
    p.fake->window = 5;
    writable(&p);
    assert_int_equal(conn_backlog(p.owner.conn), 2);
    assert_string_equal(p.owner.trace, "o");
    p.fake->window = 100;
    writable(&p);
    assert_string_equal(p.owner.trace, "of"); /* once, when all is gone */
    assert_true(slice_eq(fake_sent(p.fake), SLICE("abcdefghij")));
    pair_done(&p);
}

static void write_more_when_flushed(struct owner *o)
{
    if (o->answer.len > 0)
        conn_write(o->conn, o->answer);
    o->answer = SLICE("");
}

static void flushed_may_write(void **state)
{
    struct pair p;
    pair_open(&p);
    pair_start(&p);
    p.owner.on_flushed = write_more_when_flushed;
    p.owner.answer = SLICE(" last");
    conn_write(p.owner.conn, SLICE("first"));
    loop_turn(p.owner.loop, false);
    assert_true(slice_eq(fake_sent(p.fake), SLICE("first last")));
    assert_string_equal(p.owner.trace, "off");
    pair_done(&p);
}

static void failed_write_is_told_from_the_loop(void **state)
{
    struct pair p;
    pair_open(&p);
    pair_start(&p);
    p.fake->broken = -EPIPE;
    conn_write(p.owner.conn, SLICE("x"));
    assert_string_equal(p.owner.trace, "o");
    loop_turn(p.owner.loop, false);
    assert_string_equal(p.owner.trace, "oe");
    assert_int_equal(p.owner.how, CONN_END_RESET);
    assert_int_equal(p.owner.error, -EPIPE);
    assert_int_equal(conn_write(p.owner.conn, SLICE("dropped")), 0);
    assert_int_equal(conn_backlog(p.owner.conn), 0);
    pair_done(&p);
}

/* --- ends */

static void ends_are_told_apart(void **state)
{
    static struct tls_info tls = { .version = "TLSv1.3" };
    static const struct {
        const char *why;
        int end;
        bool tls;
        enum conn_end want;
        const char *text;
    } rows[] = {
        { "FIN", 0, false, CONN_END_FIN, "fin" },
        { "close_notify", 0, true, CONN_END_CLOSE_NOTIFY, "close_notify" },
        { "RST", -ECONNRESET, false, CONN_END_RESET, "reset" },
        { "keep-alive gave up", -ETIMEDOUT, false, CONN_END_RESET, "reset" },
        { "FIN without close_notify", -ENODATA, true, CONN_END_TRUNCATED, "truncated" },
        { "bad record", -EPROTO, true, CONN_END_PROTOCOL, "protocol" },
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct pair p;
        pair_open(&p);
        p.fake->tls = rows[i].tls ? &tls : NULL;
        pair_start(&p);
        fake_says(p.fake, SLICE("bye"));
        fake_ends(p.fake, rows[i].end);
        deliver(&p);
        if (strcmp(p.owner.trace, "ode") != 0 || p.owner.how != rows[i].want ||
            p.owner.error != rows[i].end)
            fail_msg("%s: \"%s\", %d, %d", rows[i].why, p.owner.trace, p.owner.how, p.owner.error);
        assert_string_equal(conn_end_text(p.owner.how), rows[i].text);
        pair_done(&p);
    }
}

static void after_fin_one_can_still_write(void **state)
{
    struct pair p;
    pair_open(&p);
    fake_ends(p.fake, 0);
    pair_start(&p);
    assert_string_equal(p.owner.trace, "oe");
    conn_write(p.owner.conn, SLICE("goodbye"));
    loop_turn(p.owner.loop, false);
    assert_true(slice_eq(fake_sent(p.fake), SLICE("goodbye")));
    p.fake->broken = -ECONNRESET;
    conn_write(p.owner.conn, SLICE("more"));
    loop_turn(p.owner.loop, false);
    assert_string_equal(p.owner.trace, "oe"); /* that was the last event */
    owner_close(&p.owner);
    pair_done(&p);
}

static void close_at_the_end(struct owner *o)
{
    owner_close(o);
}

static void abort_at_the_end(struct owner *o)
{
    owner_abort(o);
}

static void closed_inside_a_callback(void **state)
{
    static const struct {
        const char *why;
        void (*on_data)(struct owner *o), (*on_end)(struct owner *o),
            (*on_flushed)(struct owner *o);
        const char *trace;
        bool shut, sent;
    } rows[] = {
        { "close on data", close_at_the_end, NULL, NULL, "od", true, true },
        { "abort on data", abort_at_the_end, NULL, NULL, "od", false, true },
        { "close when flushed", NULL, NULL, close_at_the_end, "odf", true, true },
        { "abort when flushed", NULL, NULL, abort_at_the_end, "odf", false, true },
        { "close at the end", NULL, close_at_the_end, NULL, "odfe", true, true },
        { "abort at the end", NULL, abort_at_the_end, NULL, "odfe", false, true },
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct pair p;
        pair_open(&p);
        pair_start(&p);
        p.owner.answer = SLICE("answer");
        p.owner.on_data = rows[i].on_data;
        p.owner.on_end = rows[i].on_end;
        p.owner.on_flushed = rows[i].on_flushed;
        fake_says(p.fake, SLICE("x"));
        fake_ends(p.fake, 0);
        deliver(&p);
        loop_turn(p.owner.loop, false);
        bool sent = slice_eq(fake_sent(p.fake), SLICE("answer"));
        if (strcmp(p.owner.trace, rows[i].trace) != 0 || p.fake->shut != rows[i].shut ||
            sent != rows[i].sent || !p.fake->freed)
            fail_msg("%s: \"%s\" shut %d freed %d", rows[i].why, p.owner.trace, p.fake->shut,
                     p.fake->freed);
        pair_done(&p);
    }
}

/* --- handshake and deadlines */

static void open_comes_after_the_handshake(void **state)
{
    struct pair p;
    pair_open(&p);
    p.fake->rounds = 3;
    fake_says(p.fake, SLICE("request"));
    pair_start(&p);
    assert_string_equal(p.owner.trace, "");
    deliver(&p);
    assert_string_equal(p.owner.trace, "");
    deliver(&p);
    deliver(&p);
    assert_string_equal(p.owner.trace, "od");
    pair_done(&p);
}

static void failed_handshake(void **state)
{
    static const struct {
        const char *why;
        int end;
        enum conn_end want;
        bool shut;
    } rows[] = {
        { "no agreement: the alert is flushed, and lingered for", -EPROTO, CONN_END_PROTOCOL,
          true },
        { "the client left", -ENODATA, CONN_END_TRUNCATED, false },
        { "the client reset", -ECONNRESET, CONN_END_RESET, false },
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct pair p;
        pair_open(&p);
        p.fake->handshake_end = rows[i].end;
        p.fake->why = "no shared cipher";
        buf_add(&p.fake->gathered, "alert");
        owner_start(&p.owner);
        assert_string_equal(p.owner.trace, "e");
        assert_string_equal(conn_why(p.owner.conn), "no shared cipher");
        owner_close(&p.owner);
        loop_turn(p.owner.loop, false);
        if (p.owner.how != rows[i].want || p.fake->shut != rows[i].shut || !p.fake->freed)
            fail_msg("%s: %d", rows[i].why, p.owner.how);
        if (rows[i].shut && !slice_eq(fake_sent(p.fake), SLICE("alert")))
            fail_msg("%s: no alert", rows[i].why);
        pair_done(&p);
    }
}

static void handshake_has_a_deadline(void **state)
{
    struct pair p;
    pair_open_with(&p, &(struct conn_conf){ .handshake_ms = 20, .send_ms = 1 });
    p.fake->rounds = 1000;
    pair_start(&p);
    uint64_t start_ms = loop_now_ms(p.owner.loop);
    while (p.owner.trace[0] == '\0') {
        conn_on_ready(p.owner.conn, WATCH_READ); /* a byte at a time does not prolong it */
        owner_pass_ms(&p.owner, 5);
    }
    assert_string_equal(p.owner.trace, "e");
    assert_int_equal(p.owner.how, CONN_END_HANDSHAKE_TIMEOUT);
    assert_true(loop_now_ms(p.owner.loop) >= start_ms + 20);
    pair_done(&p);
}

static void slow_reader_is_ended(void **state)
{
    struct pair p;
    pair_open_with(&p, &(struct conn_conf){ .send_ms = 60 });
    pair_start(&p);
    p.fake->window = 0;
    conn_write(p.owner.conn, SLICE("abcdef"));
    loop_turn(p.owner.loop, false);
    uint64_t start_ms = loop_now_ms(p.owner.loop);
    for (int i = 0; i < 3; i++) { /* each byte taken counts */
        owner_pass_ms(&p.owner, 30);
        p.fake->window = 1;
        writable(&p);
        assert_string_equal(p.owner.trace, "o");
    }
    owner_wait_for(&p.owner, 'e');
    assert_int_equal(p.owner.how, CONN_END_SEND_TIMEOUT);
    assert_true(loop_now_ms(p.owner.loop) >= start_ms + 150);
    pair_done(&p);
}

static void the_time_to_send_can_change(void **state)
{
    static const struct {
        const char *why;
        unsigned before_ms, after_ms;
        bool ends, waiting; /* waiting: bytes do already */
    } rows[] = {
        { "shorter", 60000, 40, true },
        { "shorter for what waits", 60000, 40, true, true },
        { "none for what waits", 40, 0, false, true },
        { "from none", 0, 40, true },
        { "to none", 40, 0, false },
        { "longer", 40, 60000, false },
        { "the same", 40, 40, true },
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct pair p;
        print_message("%s\n", rows[i].why);
        pair_open_with(&p, &(struct conn_conf){ .send_ms = rows[i].before_ms });
        pair_start(&p);
        p.fake->window = 0;
        conn_write(p.owner.conn, SLICE("abcdef"));
        if (rows[i].waiting)
            loop_turn(p.owner.loop, false);
        conn_set_conf(p.owner.conn, &(struct conn_conf){ .send_ms = rows[i].after_ms });
        for (int turns = 0; turns < 20 && strchr(p.owner.trace, 'e') == NULL; turns++)
            owner_pass_ms(&p.owner, 10);
        assert_string_equal(p.owner.trace, rows[i].ends ? "oe" : "o");
        pair_done(&p);
    }
}

/* A byte now and then is alive, but not enough where a rate is asked for. */
static void trickling_reader_is_ended(void **state)
{
    struct pair p;
    pair_open_with(&p, &(struct conn_conf){ .send_ms = 60, .min_rate = 1000 });
    pair_start(&p);
    p.fake->window = 0;
    conn_write(p.owner.conn, SLICE("abcdefghijklmnopqrstuvwxyz"));
    loop_turn(p.owner.loop, false);
    for (int i = 0; i < 20 && strchr(p.owner.trace, 'e') == NULL; i++) {
        owner_pass_ms(&p.owner, 10);
        p.fake->window = 1;
        writable(&p);
    }
    assert_string_equal(p.owner.trace, "oe");
    assert_int_equal(p.owner.how, CONN_END_SEND_TIMEOUT);
    pair_done(&p);
}

static void reads_no_more_at_once_than_its_owner_wants(void **state)
{
    struct pair p;
    pair_open(&p);
    pair_start(&p);
    p.owner.use = 0;
    conn_read_at_most(p.owner.conn, 3);
    fake_says(p.fake, SLICE("abcdefgh"));
    conn_on_ready(p.owner.conn, WATCH_READ);
    assert_int_equal(p.owner.last_offer, 3);
    conn_read_at_most(p.owner.conn, SIZE_MAX);
    loop_turn(p.owner.loop, false);
    assert_int_equal(p.owner.last_offer, 8);
    pair_done(&p);
}

static void drained_backlog_has_no_deadline(void **state)
{
    struct pair p;
    pair_open_with(&p, &(struct conn_conf){ .send_ms = 20 });
    pair_start(&p);
    p.fake->window = 0;
    conn_write(p.owner.conn, SLICE("abc"));
    loop_turn(p.owner.loop, false);
    p.fake->window = 10;
    writable(&p);
    owner_pass_ms(&p.owner, 60);
    assert_string_equal(p.owner.trace, "of");
    pair_done(&p);
}

/* A backlog may also leave with the next write, before the loop tells of room. */
static void backlog_that_left_with_a_write_has_no_deadline(void **state)
{
    struct pair p;
    pair_open_with(&p, &(struct conn_conf){ .send_ms = 20 });
    pair_start(&p);
    p.fake->window = 0;
    conn_write(p.owner.conn, SLICE("abc"));
    loop_turn(p.owner.loop, false);
    p.fake->window = 10;
    conn_write(p.owner.conn, SLICE("def"));
    owner_pass_ms(&p.owner, 60);
    assert_string_equal(p.owner.trace, "of");
    pair_done(&p);
}

static void handshake_deadline_ends_with_it(void **state)
{
    struct pair p;
    pair_open_with(&p, &(struct conn_conf){ .handshake_ms = 20 });
    p.fake->window = 0; /* the last flight still waits */
    buf_add(&p.fake->gathered, "finished");
    pair_start(&p);
    owner_pass_ms(&p.owner, 60);
    assert_string_equal(p.owner.trace, "o");
    pair_done(&p);
}

static void rests_when_idle(void **state)
{
    struct pair p;
    pair_open(&p);
    pair_start(&p);
    unsigned before = p.fake->rests;
    conn_write(p.owner.conn, SLICE("x"));
    owner_pass_ms(&p.owner, 2300);
    assert_int_equal(p.fake->rests, before + 1);
    owner_pass_ms(&p.owner, 1200);
    assert_int_equal(p.fake->rests, before + 1); /* once is enough */
    conn_write(p.owner.conn, SLICE("x"));
    owner_pass_ms(&p.owner, 2300);
    assert_int_equal(p.fake->rests, before + 2);
    pair_done(&p);
}

/* Thousands of clients may shake hands and then say nothing. */
static void rests_at_once_when_nothing_came(void **state)
{
    struct pair p;
    pair_open(&p);
    pair_start(&p);
    assert_int_equal(p.fake->rests, 1);
    pair_done(&p);

    pair_open(&p);
    fake_says(p.fake, SLICE("GET"));
    pair_start(&p);
    assert_int_equal(p.fake->rests, 0);
    conn_rest(p.owner.conn); /* its owner may know better */
    assert_int_equal(p.fake->rests, 1);
    pair_done(&p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_at_once_when_started),
        cmocka_unit_test(any_split_gives_the_same_bytes),
        cmocka_unit_test(kept_bytes_come_with_the_next),
        cmocka_unit_test(pending_is_read_turn_by_turn),
        cmocka_unit_test(paused_and_resumed),
        cmocka_unit_test(reading_stops_at_keep_max),
        cmocka_unit_test(writes_leave_together),
        cmocka_unit_test(answer_leaves_after_the_callback),
        cmocka_unit_test(slow_peer_makes_bytes_wait),
        cmocka_unit_test(flushed_may_write),
        cmocka_unit_test(failed_write_is_told_from_the_loop),
        cmocka_unit_test(ends_are_told_apart),
        cmocka_unit_test(after_fin_one_can_still_write),
        cmocka_unit_test(closed_inside_a_callback),
        cmocka_unit_test(open_comes_after_the_handshake),
        cmocka_unit_test(failed_handshake),
        cmocka_unit_test(handshake_has_a_deadline),
        cmocka_unit_test(slow_reader_is_ended),
        cmocka_unit_test(the_time_to_send_can_change),
        cmocka_unit_test(trickling_reader_is_ended),
        cmocka_unit_test(reads_no_more_at_once_than_its_owner_wants),
        cmocka_unit_test(drained_backlog_has_no_deadline),
        cmocka_unit_test(backlog_that_left_with_a_write_has_no_deadline),
        cmocka_unit_test(handshake_deadline_ends_with_it),
        cmocka_unit_test(rests_when_idle),
        cmocka_unit_test(rests_at_once_when_nothing_came),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
