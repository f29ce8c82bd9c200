/* SPDX-License-Identifier: Apache-2.0 */
#include "http/h1_chunk.h"

#include "base/buf.h"
#include "wire.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#define X64  "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
#define X255 X64 X64 X64 "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"

/* `framing`: what the parser is shown. */
static const struct {
    const char *why;
    struct slice in;
    const char *data, *framing;
    enum refusal refusal;
} cases[] = {
#define ROW(why, in, data, framing)                                                                \
    {                                                                                              \
        why, { in, sizeof(in) - 1 }, data, framing, REFUSAL_NONE                                   \
    }
#define BAD(why, in, refusal)                                                                      \
    {                                                                                              \
        why, { in, sizeof(in) - 1 }, NULL, NULL, REFUSAL_##refusal                                 \
    }
    ROW("a chunk", "5\r\nhello\r\n0\r\n", "hello", "5\r\n\r\n0\r\n"),
    ROW("chunks", "1\r\na\r\nA\r\n0123456789\r\n0\r\n", "a0123456789", "1\r\n\r\nA\r\n\r\n0\r\n"),
    ROW("zeros in front", "000000000000000a\r\n0123456789\r\n00\r\n", "0123456789",
        "000000000000000a\r\n\r\n00\r\n"),
    ROW("nothing", "0\r\n", "", "0\r\n"),
    ROW("extensions are dropped", "1;a;b=c;d=\"e \\\" ;f\"\r\nx\r\n0;z\r\n", "x", "1\r\n\r\n0\r\n"),
    ROW("the longest extension", "1;" X255 "\r\nx\r\n0\r\n", "x", "1\r\n\r\n0\r\n"),
    ROW("data may hold anything", "4\r\n\r\n\0;\r\n0\r\n", "\r\n", "4\r\n\r\n0\r\n"),

    BAD("0x", "0x5\r\n", CHUNK_SIZE_NOT_HEX),
    BAD("a sign", "+5\r\n", CHUNK_SIZE_NOT_HEX),
    BAD("a minus", "-5\r\n", CHUNK_SIZE_NOT_HEX),
    BAD("a space in front", " 5\r\n", CHUNK_SIZE_NOT_HEX),
    BAD("a space behind", "5 \r\n", CHUNK_SIZE_NOT_HEX),
    BAD("a tab behind", "5\t\r\n", CHUNK_SIZE_NOT_HEX),
    BAD("a space before an extension", "5 ;a\r\n", CHUNK_SIZE_NOT_HEX),
    BAD("an underscore", "1_0\r\n", CHUNK_SIZE_NOT_HEX),
    BAD("no digit", "\r\n", CHUNK_SIZE_EMPTY),
    BAD("an extension without a size", ";a\r\n", CHUNK_SIZE_EMPTY),
    BAD("seventeen digits", "00000000000000001\r\n", CHUNK_SIZE_TOO_LARGE),
    BAD("2^63", "8000000000000000\r\n", CHUNK_SIZE_TOO_LARGE),
    BAD("bare LF behind the size", "5\nhello", CHUNK_BARE_LF),
    BAD("bare CR behind the size", "5\rh", CHUNK_BARE_CR),
    BAD("data beyond the chunk", "5\r\nhello!\r\n", CHUNK_TOO_LONG),
    BAD("no CRLF behind the data", "5\r\nhello0\r\n", CHUNK_TOO_LONG),
    BAD("bare LF behind the data", "5\r\nhello\n0\r\n", CHUNK_BARE_LF),
    BAD("bare CR behind the data", "5\r\nhello\r0\r\n", CHUNK_BARE_CR),
    BAD("the last chunk ended by bare LF", "0\n\n", CHUNK_BARE_LF),
    BAD("an extension too long", "1;" X255 "x\r\n", EXTENSION_TOO_LONG),
    BAD("all extensions together too long", "1;" X255 ";x\r\n", EXTENSION_TOO_LONG),
    BAD("bare LF in an extension", "1;a\nx", EXTENSION_BARE_LF),
    BAD("bare CR in an extension", "1;a\rx", CHUNK_BARE_CR),
    BAD("NUL in an extension", "1;a\0b\r\n", EXTENSION_CONTROL),
    BAD("LF in a quoted value", "1;a=\"\n\"\r\n", EXTENSION_BARE_LF),
    BAD("CR in a quoted value", "1;a=\"\r\n\"\r\n", EXTENSION_MALFORMED),
    BAD("escaped LF in a quoted value", "1;a=\"\\\n\"\r\n", EXTENSION_BARE_LF),
    BAD("an extension without a name", "1;\r\n", EXTENSION_MALFORMED),
    BAD("an extension without a name, with a value", "1;=a\r\n", EXTENSION_MALFORMED),
    BAD("an extension without its value", "1;a=\r\n", EXTENSION_MALFORMED),
    BAD("a quoted value that goes on", "1;a=\"b\"c\r\n", EXTENSION_MALFORMED),
    BAD("space in an extension", "1; a\r\n", EXTENSION_MALFORMED),
#undef ROW
#undef BAD
};

struct decoding {
    struct h1_chunk chunk;
    struct buf data, framing;
    size_t room;
    bool refused;
};

static void decode(void *user, struct slice part)
{
    struct decoding *d = user;
    while (part.len > 0 && !d->refused && !h1_chunk_at_trailers(&d->chunk)) {
        struct slice run;
        enum chunk_part kind = h1_chunk_next(&d->chunk, part, d->room, &run);
        assert_true(run.len > 0 || kind == CHUNK_REFUSED); /* it never stands still */
        if (kind == CHUNK_DATA)
            buf_append(&d->data, run);
        else if (kind == CHUNK_FRAMING)
            buf_append(&d->framing, run);
        d->refused = kind == CHUNK_REFUSED;
        part = slice_from(part, run.len);
    }
}

static void check(size_t i, unsigned round, const struct decoding *d)
{
    if (d->chunk.refusal != cases[i].refusal)
        fail_msg("%s (round %u): %s", cases[i].why, round, refusal_text(d->chunk.refusal));
    assert_int_equal(d->refused, cases[i].refusal != REFUSAL_NONE);
    if (d->refused)
        return;
    assert_true(h1_chunk_at_trailers(&d->chunk));
    struct slice data = buf_view(&d->data), framing = buf_view(&d->framing);
    bool same = slice_starts(data, slice_str(cases[i].data)) && d->chunk.data == data.len;
    if (!same || !slice_eq(framing, slice_str(cases[i].framing)))
        fail_msg("%s (round %u): %.*s, %.*s", cases[i].why, round, SLICE_ARG(data),
                 SLICE_ARG(framing));
}

static void test_cases(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        for (unsigned round = 0; round < WIRE_ROUNDS; round++) {
            struct decoding d = { .room = 1 + round };
            h1_chunk_init(&d.chunk);
            wire_split(cases[i].in, round, decode, &d);
            check(i, round, &d);
            buf_done(&d.data);
            buf_done(&d.framing);
        }
    }
}

static void test_no_room(void **state)
{
    (void)state;
    struct h1_chunk c;
    struct slice run;
    h1_chunk_init(&c);
    assert_int_equal(h1_chunk_next(&c, SLICE("2\r\nab"), 0, &run), CHUNK_FRAMING);
    assert_int_equal(run.len, 3);
    assert_int_equal(h1_chunk_next(&c, SLICE("ab"), 0, &run), CHUNK_DATA);
    assert_int_equal(run.len, 0);
    assert_int_equal(h1_chunk_next(&c, SLICE("ab"), 1, &run), CHUNK_DATA);
    assert_int_equal(run.len, 1);
    assert_int_equal(c.left, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_cases),
        cmocka_unit_test(test_no_room),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
