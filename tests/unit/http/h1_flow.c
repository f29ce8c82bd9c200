/* SPDX-License-Identifier: Apache-2.0 */
/* How much HTTP/1 reads: as much as was granted, and of what nobody wants a bounded part. */
#include "http/h1.h"

#include "base/mem.h"
#include "wire.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <unistd.h>

#include <cmocka.h>

#define H     "Host: a\r\n"
#define LARGE ((size_t)512 * 1024)

struct bench {
    struct wire wire;
    struct codec *codec;
    struct stream *stream; /* NULL: none, or over */
    uint64_t got;          /* body bytes */
    bool gone;
};

static void on_head(struct stream *s, struct message *m, enum head_kind kind, bool end)
{
}

static void on_body(struct stream *s, struct slice bytes, bool end)
{
    ((struct bench *)s->user)->got += bytes.len;
}

static void on_over(struct stream *s)
{
    ((struct bench *)s->user)->stream = NULL;
}

static void on_reset(struct stream *s, enum reset_reason why, uint32_t wire_code)
{
    on_over(s);
}

static void on_stream(struct codec *c, struct stream *s)
{
    static const struct stream_events events = {
        .on_head = on_head, .on_body = on_body, .on_done = on_over, .on_reset = on_reset
    };
    struct bench *b = c->user;
    s->events = &events;
    s->user = b;
    b->stream = s;
}

static void on_gone(struct codec *c)
{
    ((struct bench *)c->user)->gone = true;
}

static void open_bench(struct bench *b, uint64_t discard_max)
{
    static const struct codec_events events = { on_stream, NULL, on_gone };
    static struct h1_conf conf;
    conf = (struct h1_conf){ .head_max = 1024,
                             .fields_max = 8,
                             .target_max = 64,
                             .header_ms = 60,
                             .discard_max = discard_max };
    *b = (struct bench){ 0 };
    wire_init(&b->wire);
    b->codec = h1_server_new(b->wire.conn, &conf, &b->wire.arenas, &events, b);
}

static void close_bench(struct bench *b)
{
    if (!b->gone)
        b->codec->ops->close(b->codec);
    wire_done(&b->wire);
}

static void push_zeroes(struct bench *b, size_t bytes)
{
    char *zeroes = mem_zalloc(bytes);
    wire_push(&b->wire, slice_of(zeroes, bytes));
    mem_free(zeroes);
}

/* What the connection has not taken from its transport. */
static size_t unread(const struct bench *b)
{
    return buf_len(&b->wire.fake->wire) + buf_len(&b->wire.fake->inside);
}

/* A body of LARGE bytes comes at once and only so much of it is granted: what is read beyond that
 * is kept in memory, so little is. */
static void no_more_is_read_than_granted(void **state)
{
    static const struct {
        const char *why;
        size_t grant, read_max;
    } rows[] = {
        { "nothing granted: one small read", 0, 64 * 1024 },
        { "a little", 10, 64 * 1024 },
        { "a window", 128 * 1024, 192 * 1024 },
        { "more than one read brings", 400 * 1024, 464 * 1024 },
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct bench b;
        open_bench(&b, 0);
        wire_push(&b.wire, SLICE("POST / HTTP/1.1\r\n" H "Content-Length: 524288\r\n\r\n"));
        if (rows[i].grant > 0)
            b.stream->ops->grant(b.stream, rows[i].grant);
        push_zeroes(&b, LARGE);
        size_t taken = LARGE - unread(&b);
        if (b.got != rows[i].grant || taken < rows[i].grant || taken > rows[i].read_max)
            fail_msg("%s: got %zu, read %zu", rows[i].why, (size_t)b.got, taken);
        b.stream->ops->grant(b.stream, LARGE - rows[i].grant);
        wire_turn(&b.wire);
        conn_on_ready(b.wire.conn, WATCH_READ);
        wire_turn(&b.wire);
        assert_int_equal(b.got, LARGE); /* and the rest comes with the rest of the grant */
        close_bench(&b);
    }
}

/* All that was granted has come: what follows stays with the kernel. */
static void a_spent_grant_stops_reading(void **state)
{
    struct bench b;
    open_bench(&b, 0);
    wire_push(&b.wire, SLICE("POST / HTTP/1.1\r\n" H "Content-Length: 524288\r\n\r\n"));
    b.stream->ops->grant(b.stream, 1000);
    push_zeroes(&b, 1000);
    assert_int_equal(b.got, 1000);
    push_zeroes(&b, 1000);
    assert_int_equal(unread(&b), 1000);
    b.stream->ops->grant(b.stream, 500);
    conn_on_ready(b.wire.conn, WATCH_READ);
    wire_turn(&b.wire);
    assert_int_equal(b.got, 1500);
    close_bench(&b);
}

/* --- what is left of a request after its answer */

static void answer(struct bench *b)
{
    struct message m;
    message_init(&m, h1_stream_arena(b->stream));
    m.status = 200;
    assert_int_equal(b->stream->ops->send_head(b->stream, &m, HEAD_FINAL, true), 0);
    wire_turn(&b->wire);
}

/* Chunk lines count: a byte each would otherwise bring many times the bound. */
static void discarding_is_bounded_in_bytes(void **state)
{
    static const struct {
        const char *why, *piece;
        unsigned pieces;
        bool gone;
    } rows[] = {
        { "below the bound", "1\r\nx\r\n", 10, false },
        { "chunk lines beyond it", "1\r\nx\r\n", 20, true },
        { "extensions beyond it", "1;abcdefghijklmnopqrstuvwxyz\r\nx\r\n", 4, true },
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct bench b;
        open_bench(&b, 100);
        wire_push(&b.wire, SLICE("POST / HTTP/1.1\r\n" H "Transfer-Encoding: chunked\r\n\r\n"));
        answer(&b);
        for (unsigned k = 0; k < rows[i].pieces && !b.gone; k++)
            wire_push(&b.wire, slice_str(rows[i].piece));
        if (b.gone != rows[i].gone)
            fail_msg("%s", rows[i].why);
        close_bench(&b);
    }
}

/* In total: bytes that keep coming do not prolong it. */
static void discarding_is_bounded_in_time(void **state)
{
    struct bench b;
    open_bench(&b, 1000000);
    wire_push(&b.wire, SLICE("POST / HTTP/1.1\r\n" H "Content-Length: 1000000\r\n\r\n"));
    answer(&b);
    uint64_t start_ms = loop_now_ms(b.wire.loop), now_ms = start_ms;
    while (!b.gone && now_ms < start_ms + 5000) {
        wire_push(&b.wire, SLICE("x"));
        usleep(2000);
        loop_turn(b.wire.loop, false);
        now_ms = loop_now_ms(b.wire.loop);
    }
    assert_true(b.gone);
    assert_true(now_ms >= start_ms + 60);
    close_bench(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_more_is_read_than_granted),
        cmocka_unit_test(a_spent_grant_stops_reading),
        cmocka_unit_test(discarding_is_bounded_in_bytes),
        cmocka_unit_test(discarding_is_bounded_in_time),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
