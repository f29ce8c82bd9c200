/* SPDX-License-Identifier: Apache-2.0 */
#include "http/h1_out.h"

#include "wire.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

/* Two parts of a body are sent, then its end. */
static const struct {
    const char *why;
    enum body_kind body;
    uint64_t length;
    bool mute;
    const char *one, *two, *sent;
    bool ended, broken;
} cases[] = {
    { "by length", BODY_LENGTH, 5, false, "ab", "cde", "abcde", true, false },
    { "too short", BODY_LENGTH, 6, false, "ab", "cde", "abcde", false, true },
    { "too long", BODY_LENGTH, 4, false, "ab", "cde", "ab", false, true },
    { "chunked", BODY_CHUNKED, 0, false, "ab", "0123456789abcdef",
      "2\r\nab\r\n10\r\n0123456789abcdef\r\n0\r\n\r\n", true, false },
    { "an empty part is no last chunk", BODY_CHUNKED, 0, false, "", "c", "1\r\nc\r\n0\r\n\r\n",
      true, false },
    { "to the end", BODY_TO_END, 0, false, "ab", "cde", "abcde", true, false },
    { "none", BODY_NONE, 0, false, "", "", "", true, false },
    { "none, but bytes", BODY_NONE, 0, false, "a", "", "", false, true },
    { "an answer without one", BODY_LENGTH, 9, true, "ab", "cde", "", true, false },
    { "an answer without one, chunked", BODY_CHUNKED, 0, true, "ab", "cde", "", true, false },
};

static void test_cases(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct wire w;
        struct h1_out o;
        wire_init(&w);
        h1_out_begin(&o, cases[i].body, cases[i].length, cases[i].mute);
        size_t n = h1_out_body(&o, w.conn, slice_str(cases[i].one), false);
        n += h1_out_body(&o, w.conn, slice_str(cases[i].two), true);
        h1_out_body(&o, w.conn, SLICE("late"), true); /* after the end: nothing */
        wire_turn(&w);
        struct slice sent = fake_sent(w.fake);
        if (!slice_eq(sent, slice_str(cases[i].sent)) || o.ended != cases[i].ended ||
            o.broken != cases[i].broken || n > strlen(cases[i].one) + strlen(cases[i].two))
            fail_msg("%s: %.*s", cases[i].why, SLICE_ARG(sent));
        conn_abort(w.conn);
        wire_done(&w);
    }
}

/* While the peer takes nothing, parts gather into one chunk instead of waiting as one each. */
static void test_small_parts_to_a_slow_peer(void **state)
{
    (void)state;
    struct wire w;
    struct h1_out o;
    wire_init(&w);
    w.fake->window = 0;
    h1_out_begin(&o, BODY_CHUNKED, 0, false);
    h1_out_body(&o, w.conn, SLICE("first"), false);
    wire_turn(&w);
    assert_int_equal(conn_backlog(w.conn), strlen("5\r\nfirst\r\n"));
    for (int i = 0; i < 5000; i++)
        h1_out_body(&o, w.conn, SLICE("xy"), false);
    assert_true(conn_backlog(w.conn) + buf_len(&w.fake->gathered) < 9000);
    h1_out_body(&o, w.conn, SLICE("z"), true);
    wire_drain(&w, SIZE_MAX);
    struct slice sent = fake_sent(w.fake);
    assert_true(slice_starts(sent, SLICE("5\r\nfirst\r\n2000\r\nxyxy")));
    assert_true(slice_ends(sent, SLICE("xyz\r\n0\r\n\r\n")));
    assert_int_equal(sent.len, strlen("5\r\nfirst\r\n") + strlen("2000\r\n\r\n") + 8192 +
                                   strlen("711\r\n\r\n") + 1809 + strlen("0\r\n\r\n"));
    conn_abort(w.conn);
    wire_done(&w);
}

static void test_held_parts_stay_in_front_of_a_large_one(void **state)
{
    (void)state;
    static char large[9000];
    struct wire w;
    struct h1_out o;
    wire_init(&w);
    memset(large, 'L', sizeof(large));
    w.fake->window = 0;
    h1_out_begin(&o, BODY_LENGTH, 4 + sizeof(large), false);
    h1_out_body(&o, w.conn, SLICE("01"), false);
    wire_turn(&w);
    h1_out_body(&o, w.conn, SLICE("23"), false);
    h1_out_body(&o, w.conn, slice_of(large, sizeof(large)), true);
    assert_true(o.ended);
    wire_drain(&w, SIZE_MAX);
    assert_true(slice_starts(fake_sent(w.fake), SLICE("0123LL")));
    assert_int_equal(fake_sent(w.fake).len, 4 + sizeof(large));
    h1_out_done(&o);
    conn_abort(w.conn);
    wire_done(&w);
}

static void test_held_parts_go_when_the_peer_takes(void **state)
{
    (void)state;
    struct wire w;
    struct h1_out o;
    wire_init(&w);
    w.fake->window = 3;
    h1_out_begin(&o, BODY_LENGTH, 10, false);
    h1_out_body(&o, w.conn, SLICE("01234"), false);
    wire_turn(&w);
    h1_out_body(&o, w.conn, SLICE("56"), false);
    assert_int_equal(buf_len(&o.held), 2);
    wire_drain(&w, SIZE_MAX);
    h1_out_flush(&o, w.conn);
    wire_turn(&w);
    assert_true(slice_eq(fake_sent(w.fake), SLICE("0123456")));
    h1_out_done(&o);
    conn_abort(w.conn);
    wire_done(&w);
}

static void test_nothing_before_the_head(void **state)
{
    (void)state;
    struct h1_out o = { 0 };
    assert_int_equal(h1_out_body(&o, NULL, SLICE("a"), true), 0);
    assert_false(o.ended);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_cases),
        cmocka_unit_test(test_small_parts_to_a_slow_peer),
        cmocka_unit_test(test_held_parts_stay_in_front_of_a_large_one),
        cmocka_unit_test(test_held_parts_go_when_the_peer_takes),
        cmocka_unit_test(test_nothing_before_the_head),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
