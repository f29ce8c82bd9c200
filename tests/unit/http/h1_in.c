/* SPDX-License-Identifier: Apache-2.0 */
#include "http/h1_in.h"

#include "http/h1_head.h"
#include "wire.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static const struct h1_conf usual = { .head_max = 512, .fields_max = 4, .target_max = 100 };

#define X64  "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
#define X512 X64 X64 X64 X64 X64 X64 X64 X64
#define L    "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\n"
#define C    "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"

/* The pieces of a body, "[...]" data, "end", the names of trailers; "!" and the label of a
 * refusal. What is left over stands behind "+". */
static const struct {
    const char *why, *in, *want;
} cases[] = {
    { "by length", L "hello", "[hello] end" },
    { "by length, more follows", L "hello!!", "[hello] end +2" },
    { "by length, not all there", L "hel", "[hel]" },
    { "chunked", C "5\r\nhello\r\n1;x=y\r\n!\r\n0\r\n\r\n", "[hello!] end" },
    { "chunked, more follows", C "0\r\n\r\nGET", "[] end +3" },
    { "trailers", C "1\r\na\r\n0\r\nA: b\r\nC: d\r\n\r\n", "[a] end A C" },
    { "trailers that are dropped", C "0\r\nHost: b\r\nA_B: c\r\n\r\n", "[] end" },
    { "framing fields are no exception",
      C "0\r\nTransfer-Encoding: gzip\r\nContent-Length: 1\r\nA:\r\n\r\n", "[] end A" },
    { "too many trailers", C "0\r\nA:\r\nA:\r\nA:\r\nA:\r\nA:\r\n\r\n", "[]!fields_too_many" },
    { "a folded trailer", C "0\r\nA: b\r\n c\r\n\r\n", "[]!field_folded" },
    { "trailers ended by bare LF", C "0\r\nA: b\n\n", "[]!bare_lf" },
    { "trailers larger than the limit", C "0\r\nA: " X512 "\r\n", "[]!trailers_too_long" },
    { "a bad size", C "1\r\na\r\ng\r\n", "[a]!chunk_size_not_hex" },
    { "data beyond the chunk", C "1\r\nab\r\n0\r\n\r\n", "[a]!chunk_too_long" },
};

struct reading {
    struct h1_in in;
    struct arena arena;
    struct message m;
    struct buf kept, data, notes;
    size_t room;
    bool refused;
};

static void read_head(struct reading *r)
{
    struct slice view = buf_view(&r->kept);
    if (h1_in_scan(&r->in, view) != SCAN_DONE)
        return;
    assert_int_equal(h1_head_request(&r->in, view, &r->m), 0);
    h1_in_start_body(&r->in, &r->m);
    buf_consume(&r->kept, r->in.scan.at);
}

/* One piece; false when there is none. */
static bool read_piece(struct reading *r)
{
    struct h1_piece piece;
    if (h1_in_take(&r->in, buf_view(&r->kept), r->room, &piece) < 0) {
        assert_int_not_equal(r->in.refusal, REFUSAL_NONE);
        r->refused = true;
        return false;
    }
    assert_true(piece.bytes.len <= r->room);
    buf_append(&r->data, piece.bytes);
    if (piece.end)
        buf_add(&r->notes, " end");
    for (size_t i = 0; piece.trailers != NULL && i < piece.trailers->count; i++)
        buf_printf(&r->notes, " %.*s", SLICE_ARG(piece.trailers->list[i].name));
    buf_consume(&r->kept, piece.used);
    return piece.used > 0;
}

static void read_some(void *user, struct slice part)
{
    struct reading *r = user;
    buf_append(&r->kept, part);
    if (r->in.state == H1_IN_HEAD)
        read_head(r);
    while (r->in.state != H1_IN_HEAD && r->in.state != H1_IN_DONE && !r->refused &&
           buf_len(&r->kept) > 0)
        if (!read_piece(r))
            break;
}

static void check(size_t i, unsigned round, struct reading *r)
{
    struct slice data = buf_view(&r->data), notes = buf_view(&r->notes), got;
    got = arena_printf(&r->arena, "[%.*s]%.*s%s%s", SLICE_ARG(data), SLICE_ARG(notes),
                       r->refused ? "!" : "", refusal_label(r->in.refusal));
    if (r->in.state == H1_IN_DONE && buf_len(&r->kept) > 0)
        got = arena_printf(&r->arena, "%.*s +%zu", SLICE_ARG(got), buf_len(&r->kept));
    if (!slice_eq(got, slice_str(cases[i].want)))
        fail_msg("%s (round %u): %.*s", cases[i].why, round, SLICE_ARG(got));
}

static void test_cases(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        for (unsigned round = 0; round < WIRE_ROUNDS; round++) {
            struct reading r = { .room = round == 0 ? SIZE_MAX : round };
            arena_init(&r.arena, NULL);
            message_init(&r.m, &r.arena);
            h1_in_init(&r.in, false, &usual, &r.arena);
            wire_split(slice_str(cases[i].in), round, read_some, &r);
            check(i, round, &r);
            buf_done(&r.kept);
            buf_done(&r.data);
            buf_done(&r.notes);
            arena_done(&r.arena);
        }
    }
}

/* The parser is not believed when it says that it saw something else. */
static void test_disagreement(void **state)
{
    (void)state;
    struct h1_piece piece;
    struct reading r = { .room = SIZE_MAX };
    arena_init(&r.arena, NULL);
    message_init(&r.m, &r.arena);
    h1_in_init(&r.in, false, &usual, &r.arena);
    buf_add(&r.kept, C "2\r\nab\r\n");
    read_head(&r);
    assert_int_equal(h1_in_take(&r.in, buf_view(&r.kept), SIZE_MAX, &piece), 0);
    r.in.parse.body++;
    assert_true(h1_in_take(&r.in, SLICE("ab"), SIZE_MAX, &piece) < 0);
    assert_int_equal(r.in.refusal, REFUSAL_CHUNK_DISAGREES);
    buf_done(&r.kept);
    arena_done(&r.arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_cases),
        cmocka_unit_test(test_disagreement),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
