/* SPDX-License-Identifier: Apache-2.0 */
/* Chunked requests. The head goes upstream before the chunks are there, so what is refused later
 * ends the upstream connection too, in the middle of a message. */
#include "rows.h"

#include "base/buf.h"

#define POST(fields) "POST / HTTP/1.1\r\n" HOST fields
#define CHUNKED      "Transfer-Encoding: chunked\r\n\r\n"
#define SMUGGLED     "GET /" CANARY " HTTP/1.1\r\n" HOST "\r\n"
/* `good` of the body may have gone upstream. */
#define BAD(why_, chunks, good, words)                                                             \
    {                                                                                              \
        .why = why_, .sent = BYTES(POST(MARK CHUNKED) chunks SMUGGLED), .status = 400,             \
        .refused = words, .upstream = POST(MARK OURS CHUNKED) good, .aborts = true,                \
        .discards = true                                                                           \
    }
#define GOOD(why, chunks, wanted) PASSES(why, POST(CHUNKED) chunks, POST(OURS CHUNKED) wanted)
#define END                       "0\r\n\r\n"

static void test_h41_chunk_sizes(void **state)
{
    static const struct row rows[] = {
        BAD("0x in front", "0x3\r\nabc\r\n" END, "", "chunk"),
        BAD("plus", "+3\r\nabc\r\n" END, "", "chunk"),
        BAD("minus", "-3\r\nabc\r\n" END, "", "chunk"),
        BAD("minus nothing", "-0\r\n\r\n", "", "chunk"),
        BAD("a space in front", " 3\r\nabc\r\n" END, "", "chunk"),
        BAD("a space behind", "3 \r\nabc\r\n" END, "", "chunk"),
        BAD("a tab behind", "3\t\r\nabc\r\n" END, "", "chunk"),
        BAD("a space inside", "3 0\r\nabc\r\n" END, "", "chunk"),
        BAD("an underscore", "3_0\r\nabc\r\n" END, "", "chunk"),
        BAD("nothing", "\r\nabc\r\n" END, "", "chunk"),
        BAD("nothing but an extension", ";a\r\nabc\r\n" END, "", "chunk"),
        BAD("no hexadecimal digit", "g\r\nabc\r\n" END, "", "chunk"),
        BAD("a digit, then none", "3g\r\nabc\r\n" END, "", "chunk"),
        BAD("a fraction", "3.0\r\nabc\r\n" END, "", "chunk"),
        BAD("a comma", "3,3\r\nabc\r\n" END, "", "chunk"),
        BAD("a NUL behind", "3\0\r\nabc\r\n" END, "", "chunk"),
        BAD("a vertical tab behind", "3\v\r\nabc\r\n" END, "", "chunk"),
        BAD("17 digits", "00000000000000003\r\nabc\r\n" END, "", "chunk"),
        BAD("17 digits that wrap to 3", "10000000000000003\r\nabc\r\n" END, "", "chunk"),
        BAD("all that 16 digits hold", "ffffffffffffffff\r\nabc\r\n" END, "", "chunk"),
        BAD("2^63", "8000000000000000\r\nabc\r\n" END, "", "chunk"),
        BAD("a bare LF behind", "3\nabc\r\n" END, "", "LF"),
        BAD("a bare CR behind", "3\rabc\r\n" END, "", "CR"),
        BAD("two CR behind", "3\r\r\nabc\r\n" END, "", "CR"),
        BAD("a second one that is bad", "3\r\nabc\r\n0x3\r\ndef\r\n" END, "abc", "chunk"),
        BAD("a last one that is bad", "3\r\nabc\r\n0x0\r\n\r\n", "abc", "chunk"),
        GOOD("16 digits", "0000000000000003\r\nabc\r\n" END, "abc"),
        GOOD("upper and lower case", "A\r\n0123456789\r\na\r\n0123456789\r\n" END,
             "01234567890123456789"),
        GOOD("several zeros are the last", "3\r\nabc\r\n000\r\n\r\n", "abc"),
        GOOD("nothing at all", END, ""),
    };
    ROWS_RUN(state, rows);
}

static void test_h42_chunk_extensions(void **state)
{
    static const struct row rows[] = {
        BAD("a bare LF", "3;a\nabc\r\n" END, "", "LF"),
        BAD("a bare LF behind the semicolon", "3;\nabc\r\n" END, "", ""),
        BAD("a bare LF inside", "3;a=b\nc\r\nabc\r\n" END, "", "LF"),
        BAD("a bare LF in quotes", "3;a=\"\n\"\r\nabc\r\n" END, "", ""),
        BAD("a bare LF on the last chunk", "3\r\nabc\r\n0;a\n\r\n", "abc", "LF"),
        BAD("a bare CR", "3;a\rb\r\nabc\r\n" END, "", "CR"),
        BAD("a bare CR in quotes", "3;a=\"\r\"\r\nabc\r\n" END, "", ""),
        BAD("a NUL", "3;a\0\r\nabc\r\n" END, "", "extension"),
        BAD("a NUL in quotes", "3;a=\"\0\"\r\nabc\r\n" END, "", "extension"),
        BAD("no name", "3;\r\nabc\r\n" END, "", "extension"),
        BAD("no name, a value", "3;=b\r\nabc\r\n" END, "", "extension"),
        BAD("no value", "3;a=\r\nabc\r\n" END, "", "extension"),
        BAD("a space", "3;a b\r\nabc\r\n" END, "", "extension"),
        BAD("a space in front", "3 ;a\r\nabc\r\n" END, "", "chunk"),
        BAD("no end of quotes", "3;a=\"b\r\nabc\r\n" END, "", "extension"),
        BAD("bytes behind the quotes", "3;a=\"b\"c\r\nabc\r\n" END, "", "extension"),
        BAD("DEL", "3;a=\"\x7f\"\r\nabc\r\n" END, "", "extension"),
        GOOD("dropped", "3;a\r\nabc\r\n0;b\r\n\r\n", "abc"),
        GOOD("with values", "3;a=b;c=\"d\"\r\nabc\r\n" END, "abc"),
        GOOD("quoted bytes are no framing", "3;a=\"\\\";0 5\"\r\nabc\r\n" END, "abc"),
        GOOD("bytes over 0x7F in quotes", "3;a=\"\xFF\"\r\nabc\r\n" END, "abc"),
    };
    ROWS_RUN(state, rows);
}

/* `len` bytes behind the size, the semicolon among them. */
static struct slice with_extension(struct buf *b, size_t len)
{
    buf_init(b);
    buf_add(b, POST(MARK CHUNKED) "3;");
    for (size_t i = 1; i < len; i++)
        buf_add(b, "x");
    buf_add(b, "\r\nabc\r\n" END);
    return buf_view(b);
}

static void test_h42_long_chunk_extensions(void **state)
{
    struct buf b[3];
    const struct row rows[] = {
        { "256 bytes", .sent = with_extension(&b[0], 256),
          .upstream = POST(MARK OURS CHUNKED) "abc" },
        { "257 bytes", .sent = with_extension(&b[1], 257), .status = 400, .refused = "extension",
          .upstream = POST(MARK OURS CHUNKED), .aborts = true, .discards = true },
        { "no end", .sent = with_extension(&b[2], 5000), .status = 400, .refused = "extension",
          .upstream = POST(MARK OURS CHUNKED), .aborts = true, .discards = true },
    };
    ROWS_RUN(state, rows);
    for (size_t i = 0; i < 3; i++)
        buf_done(&b[i]);
}

static void test_h43_ends_of_chunks(void **state)
{
    static const struct row rows[] = {
        BAD("a byte more", "3\r\nabcd\r\n" END, "abc", "chunk"),
        BAD("the next size in the place of CRLF", "3\r\nabc3\r\ndef\r\n" END, "abc", "chunk"),
        BAD("a bare LF", "3\r\nabc\n" END, "abc", "chunk"),
        BAD("a bare CR", "3\r\nabc\r0\r\n\r\n", "abc", "CR"),
        BAD("two CR", "3\r\nabc\r\r\n" END, "abc", "CR"),
        BAD("a byte less", "4\r\nabc\r\n" END, "abc\r", "chunk"),
        BAD("the last: LF, LF", "0\n\n", "", "LF"),
        BAD("the last: CRLF, LF", "0\r\n\n", "", "LF"),
        BAD("the last: CRLF, CR", "0\r\n\rX", "", "CR"),
        BAD("the last: LF, CRLF", "0\n\r\n", "", "LF"),
        BAD("the last: a space before CRLF", "0\r\n \r\n", "", "space"),
        BAD("the last behind a chunk: LF, LF", "3\r\nabc\r\n0\n\n", "abc", "LF"),
    };
    ROWS_RUN(state, rows);
}

static void test_h44_trailers(void **state)
{
    static const struct row rows[] = {
        GOOD("none of them reaches an origin", "3\r\nabc\r\n0\r\nX: 1\r\nY: 2\r\n\r\n", "abc"),
        GOOD("framing", "3\r\nabc\r\n0\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n",
             "abc"),
        GOOD("routing", "3\r\nabc\r\n0\r\nHost: other.test\r\n\r\n", "abc"),
        GOOD("authentication",
             "3\r\nabc\r\n0\r\nAuthorization: x\r\nCookie: y\r\nX-Forwarded-For: 1.2.3.4\r\n\r\n",
             "abc"),
        GOOD("announced ones", "0\r\nX: 1\r\n\r\n", ""),
        BAD("a space before the colon", "0\r\nX : 1\r\n\r\n", "", "space"),
        BAD("folded", "0\r\nX: 1\r\n 2\r\n\r\n", "", "space"),
        BAD("a NUL", "0\r\nX: \0\r\n\r\n", "", "NUL"),
        BAD("a bare LF", "0\r\nX: 1\n\r\n", "", "LF"),
        BAD("no colon", "0\r\nX\r\n\r\n", "", "colon"),
        BAD("a request in their place", "0\r\n", "", ""),
        { "what follows them is the next request",
          .sent = BYTES(POST(CHUNKED) "0\r\nX: 1\r\n\r\nGET /2 HTTP/1.1\r\n" HOST "\r\n"),
          .records = 2, .upstream = POST(OURS CHUNKED) "GET /2 HTTP/1.1\r\n" HOST OURS "\r\n",
          .heard = "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n/HTTP/1.1 200 "
                   "OK\r\nContent-Length: 2\r\n\r\n/2" },
    };
    ROWS_RUN(state, rows);
}

static void test_h44_too_many_trailers(void **state)
{
    struct buf b;
    buf_init(&b);
    buf_add(&b, POST(MARK CHUNKED) "0\r\n");
    for (unsigned i = 0; i < 21; i++)
        buf_add(&b, "X: 1\r\n");
    buf_add(&b, "\r\n");
    const struct row rows[] = {
        { "21 of them", .sent = buf_view(&b), .status = 431, .refused = "",
          .upstream = POST(MARK OURS CHUNKED), .aborts = true, .discards = true },
    };
    ROWS_RUN(state, rows);
    buf_done(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_h41_chunk_sizes),
        cmocka_unit_test(test_h42_chunk_extensions),
        cmocka_unit_test(test_h42_long_chunk_extensions),
        cmocka_unit_test(test_h43_ends_of_chunks),
        cmocka_unit_test(test_h44_trailers),
        cmocka_unit_test(test_h44_too_many_trailers),
    };
    return cmocka_run_group_tests(tests, rows_set_up, rows_tear_down);
}
