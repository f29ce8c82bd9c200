/* SPDX-License-Identifier: Apache-2.0 */
/* What origins answer. Whatever is wrong with it: no byte of it is sent on that is not understood,
 * the client sees that something failed, the connection to the origin is not used again. */
#include "rows.h"

#include "base/buf.h"

#include <errno.h>

#define GET       "GET / HTTP/1.1\r\n" HOST "\r\n"
#define GET_UP    "GET / HTTP/1.1\r\n" HOST OURS "\r\n"
#define HEAD      "HEAD / HTTP/1.1\r\n" HOST "\r\n"
#define HEAD_UP   "HEAD / HTTP/1.1\r\n" HOST OURS "\r\n"
#define S200      "HTTP/1.1 200 OK\r\n"
#define LENGTH(n) "Content-Length: " n "\r\n"
#define CHUNKED   "Transfer-Encoding: chunked\r\n"

/* Refused before anything went to the client. */
#define BAD(why_, bytes)                                                                           \
    {                                                                                              \
        .why = why_, .sent = BYTES(GET), .upstream = GET_UP, .answer = BYTES(bytes),               \
        .status = 502, .refused = "", .discards = true, .heard = "HTTP/1.1 502 Bad Gateway\r\n",   \
        .heard_begins = true                                                                       \
    }
/* The head went to the client; then it sees the cut. */
#define CUT(why_, bytes, heard_)                                                                   \
    {                                                                                              \
        .why = why_, .sent = BYTES(GET), .upstream = GET_UP, .answer = BYTES(bytes),               \
        .discards = true, .closes = true, .heard = heard_ "[cut]", .refused = "server's answer",   \
        .record = "\"abort_phase\":\"stream\" \"abort_by\":\"upstream\""                           \
    }
#define GOOD(why_, bytes, heard_)                                                                  \
    {                                                                                              \
        .why = why_, .sent = BYTES(GET), .upstream = GET_UP, .answer = BYTES(bytes),               \
        .heard = heard_                                                                            \
    }

static void test_h54_framing(void **state)
{
    static const struct row rows[] = {
        BAD("length and chunked", S200 LENGTH("2") CHUNKED "\r\n0\r\n\r\n"),
        BAD("chunked and length", S200 CHUNKED LENGTH("5") "\r\n0\r\n\r\n"),
        BAD("two lengths", S200 LENGTH("2") LENGTH("3") "\r\nabc"),
        BAD("two equal lengths", S200 LENGTH("2") LENGTH("2") "\r\nok"),
        BAD("a list of lengths", S200 LENGTH("2, 2") "\r\nok"),
        BAD("a length with a sign", S200 LENGTH("+2") "\r\nok"),
        BAD("a length that is none", S200 LENGTH("x") "\r\nok"),
        BAD("an empty length", S200 "Content-Length:\r\n\r\nok"),
        BAD("a length of 2^63", S200 LENGTH("9223372036854775808") "\r\nok"),
        BAD("a length with a space behind", S200 LENGTH("2 ") "\r\nok"),
        BAD("chunked with a tab behind", S200 "Transfer-Encoding: chunked\t\r\n\r\n0\r\n\r\n"),
        BAD("chunked with a space behind", S200 "Transfer-Encoding: chunked \r\n\r\n0\r\n\r\n"),
        BAD("chunked with a vertical tab in front",
            S200 "Transfer-Encoding: \vchunked\r\n\r\n0\r\n\r\n"),
        BAD("chunked quoted", S200 "Transfer-Encoding: \"chunked\"\r\n\r\n0\r\n\r\n"),
        BAD("chunked twice", S200 CHUNKED CHUNKED "\r\n0\r\n\r\n"),
        BAD("two codings", S200 "Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n"),
        BAD("chunked first", S200 "Transfer-Encoding: chunked, gzip\r\n\r\n0\r\n\r\n"),
        BAD("another coding", S200 "Transfer-Encoding: gzip\r\n\r\n"),
        BAD("identity", S200 "Transfer-Encoding: identity\r\n\r\nok"),
        BAD("chunked in 1.0", "HTTP/1.0 200 OK\r\n" CHUNKED "\r\n0\r\n\r\n"),
        BAD("Connection names the length", S200 LENGTH("2") "Connection: Content-Length\r\n\r\nok"),
        BAD("Connection names the coding",
            S200 CHUNKED "Connection: close, transfer-encoding\r\n\r\n0\r\n\r\n"),
        GOOD("a length", S200 LENGTH("2") "\r\nok", S200 LENGTH("2") "\r\nok"),
        GOOD("chunks", S200 CHUNKED "\r\n2;x\r\nok\r\n0\r\nX: 1\r\n\r\n", S200 CHUNKED "\r\nok"),
        GOOD("what the origin says of itself and the hop",
             S200
             "Server: x\r\nKeep-Alive: 5\r\nConnection: keep-alive, X-Hop\r\nX-Hop: 1\r\n" LENGTH(
                 "0") "\r\n",
             S200 "Server: x\r\n" LENGTH("0") "\r\n"),
    };
    ROWS_RUN(state, rows);
}

static void test_h54_chunks(void **state)
{
    static const struct row rows[] = {
        CUT("0x in front", S200 CHUNKED "\r\n0x2\r\nok\r\n0\r\n\r\n", S200 CHUNKED "\r\n"),
        CUT("no digit", S200 CHUNKED "\r\n\r\nok\r\n0\r\n\r\n", S200 CHUNKED "\r\n"),
        CUT("a space behind", S200 CHUNKED "\r\n2 \r\nok\r\n0\r\n\r\n", S200 CHUNKED "\r\n"),
        CUT("a bare LF behind", S200 CHUNKED "\r\n2\nok\r\n0\r\n\r\n", S200 CHUNKED "\r\n"),
        CUT("17 digits", S200 CHUNKED "\r\n00000000000000002\r\nok\r\n0\r\n\r\n",
            S200 CHUNKED "\r\n"),
        CUT("a bare LF in an extension", S200 CHUNKED "\r\n2;a\nok\r\n0\r\n\r\n",
            S200 CHUNKED "\r\n"),
        CUT("a byte more", S200 CHUNKED "\r\n2\r\nokk\r\n0\r\n\r\n", S200 CHUNKED "\r\nok"),
        CUT("a bad last one", S200 CHUNKED "\r\n2\r\nok\r\n0\n\n", S200 CHUNKED "\r\nok"),
        CUT("a folded trailer", S200 CHUNKED "\r\n2\r\nok\r\n0\r\nX: 1\r\n 2\r\n\r\n",
            S200 CHUNKED "\r\nok"),
        CUT("a NUL in a trailer", S200 CHUNKED "\r\n2\r\nok\r\n0\r\nX: \0\r\n\r\n",
            S200 CHUNKED "\r\nok"),
    };
    ROWS_RUN(state, rows);
}

static void test_h44_trailers_of_answers(void **state)
{
    static const struct row rows[] = {
        { "to a client that asked for them",
          .sent = BYTES("GET / HTTP/1.1\r\n" HOST "TE: trailers\r\nConnection: TE\r\n\r\n"),
          .upstream = "GET / HTTP/1.1\r\n" HOST OURS "TE: trailers\r\nConnection: TE\r\n\r\n",
          .answer = BYTES(S200 CHUNKED "Trailer: X\r\n\r\n2\r\nok\r\n0\r\nX: 1\r\n\r\n"),
          .heard = S200 "Trailer: X\r\n" CHUNKED "\r\nokX: 1\r\n\r\n" },
        { "but not what frames, routes or admits",
          .sent = BYTES("GET / HTTP/1.1\r\n" HOST "TE: trailers\r\n\r\n"),
          .upstream = "GET / HTTP/1.1\r\n" HOST OURS "TE: trailers\r\nConnection: TE\r\n\r\n",
          .answer = BYTES(
              S200 CHUNKED
              "\r\n2\r\nok\r\n0\r\nContent-Length: 9\r\nTransfer-Encoding: chunked\r\nHost: x\r\n"
              "Set-Cookie: a=b\r\nAuthorization: x\r\nContent-Type: x\r\nX: 1\r\n\r\n"),
          .heard = S200 CHUNKED "\r\nokX: 1\r\n\r\n" },
        GOOD("to a client that did not",
             S200 CHUNKED "Trailer: X\r\n\r\n2\r\nok\r\n0\r\nX: 1\r\n\r\n", S200 CHUNKED "\r\nok"),
    };
    ROWS_RUN(state, rows);
}

#define BEYOND(why_, bytes, heard_)                                                                \
    {                                                                                              \
        .why = why_, .sent = BYTES(GET), .upstream = GET_UP, .answer = BYTES(bytes),               \
        .heard = heard_, .discards = true                                                          \
    }

static void test_h55_bytes_beyond_the_answer(void **state)
{
    static const struct row rows[] = {
        BEYOND("a byte", S200 LENGTH("2") "\r\nokk", S200 LENGTH("2") "\r\nok"),
        BEYOND("an empty line", S200 LENGTH("2") "\r\nok\r\n", S200 LENGTH("2") "\r\nok"),
        BEYOND("another answer", S200 LENGTH("2") "\r\nok" S200 LENGTH("4") "\r\nevil",
               S200 LENGTH("2") "\r\nok"),
        BEYOND("another answer behind chunks",
               S200 CHUNKED "\r\n0\r\n\r\n" S200 LENGTH("4") "\r\nevil", S200 CHUNKED "\r\n"),
        BEYOND("an interim answer",
               S200 LENGTH("2") "\r\nok"
                                "HTTP/1.1 100 Continue\r\n\r\n",
               S200 LENGTH("2") "\r\nok"),
        BEYOND("a body where there is none", S200 LENGTH("0") "\r\nevil", S200 LENGTH("0") "\r\n"),
    };
    ROWS_RUN(state, rows);
}

/* `bytes` and an end arrive while nobody asks: the next request gets a connection of its own. */
static void disturb_idle(struct pipeline *p, const char *bytes, int how)
{
    pipeline_set_origins(p, false, true);
    pipeline_close_idle(p);
    origins_forget(p);
    struct peer *client = client_open(p, ENTER_USUAL);
    peer_say(client, SLICE(GET));
    pipeline_settle(p);
    struct peer *origin = origin_first(p);
    assert_false(peer_gone(origin));
    if (bytes[0] != '\0')
        peer_say(origin, slice_str(bytes));
    if (how != FAKE_STAYS)
        peer_end(origin, how);
    pipeline_settle(p);
    assert_true(peer_gone(origin));
    peer_say(client, SLICE("GET /2 HTTP/1.1\r\n" HOST "\r\n"));
    pipeline_settle(p);
    struct slice heard = peer_heard(client);
    assert_true(slice_ends(heard, SLICE("\r\n\r\n/2")));
    assert_null(memmem(heard.ptr, heard.len, "evil", 4));
    assert_non_null(origin_next(p, origin));
    client_close(client);
    assert_int_equal(pipeline_alive(p), 0);
}

static void test_h56_idle_connections(void **state)
{
    disturb_idle(*state, "x", FAKE_STAYS);
    disturb_idle(*state, S200 LENGTH("4") "\r\nevil", FAKE_STAYS);
    disturb_idle(*state, "HTTP/1.1 408 Request Timeout\r\nContent-Length: 4\r\n\r\nevil", 0);
    disturb_idle(*state, "", 0);
    disturb_idle(*state, "", -ECONNRESET);
}

static void test_h57_answers_without_a_body(void **state)
{
    static const struct row rows[] = {
        { "HEAD, and a body all the same", .sent = BYTES(HEAD), .upstream = HEAD_UP,
          .answer = BYTES(S200 LENGTH("4") "\r\nevil"), .heard = S200 LENGTH("4") "\r\n",
          .discards = true },
        { "HEAD, and chunks all the same", .sent = BYTES(HEAD), .upstream = HEAD_UP,
          .answer = BYTES(S200 CHUNKED "\r\n4\r\nevil\r\n0\r\n\r\n"), .heard = S200 "\r\n",
          .discards = true },
        { "HEAD", .sent = BYTES(HEAD), .upstream = HEAD_UP,
          .answer = BYTES(S200 LENGTH("4") "\r\n"), .heard = S200 LENGTH("4") "\r\n" },
        { "204 with a body", .sent = BYTES(GET), .upstream = GET_UP,
          .answer = BYTES("HTTP/1.1 204 No Content\r\n\r\nevil"), .status = 204,
          .heard = "HTTP/1.1 204 No Content\r\n\r\n", .discards = true },
        { "204 with a length", .sent = BYTES(GET), .upstream = GET_UP,
          .answer = BYTES("HTTP/1.1 204 No Content\r\n" LENGTH("4") "\r\nevil"), .status = 204,
          .heard = "HTTP/1.1 204 No Content\r\n\r\n", .discards = true },
        { "204 with the length of a body that is late, or never comes", .sent = BYTES(GET),
          .upstream = GET_UP, .answer = BYTES("HTTP/1.1 204 No Content\r\n" LENGTH("4") "\r\n"),
          .status = 204, .heard = "HTTP/1.1 204 No Content\r\n\r\n", .discards = true },
        { "204 with chunks that are late", .sent = BYTES(GET), .upstream = GET_UP,
          .answer = BYTES("HTTP/1.1 204 No Content\r\n" CHUNKED "\r\n"), .status = 204,
          .heard = "HTTP/1.1 204 No Content\r\n\r\n", .discards = true },
        { "304 with a body", .sent = BYTES(GET), .upstream = GET_UP,
          .answer = BYTES("HTTP/1.1 304 Not Modified\r\n" LENGTH("4") "\r\nevil"), .status = 304,
          .heard = "HTTP/1.1 304 Not Modified\r\n" LENGTH("4") "\r\n", .discards = true },
        { "304 with chunks", .sent = BYTES(GET), .upstream = GET_UP,
          .answer = BYTES("HTTP/1.1 304 Not Modified\r\n" CHUNKED "\r\n4\r\nevil\r\n0\r\n\r\n"),
          .status = 304, .heard = "HTTP/1.1 304 Not Modified\r\n\r\n", .discards = true },
    };
    ROWS_RUN(state, rows);
}

static void test_h58_status_lines(void **state)
{
    static const struct row rows[] = {
        BAD("two digits", "HTTP/1.1 99 X\r\n" LENGTH("0") "\r\n"),
        BAD("four digits", "HTTP/1.1 1000 X\r\n" LENGTH("0") "\r\n"),
        BAD("letters", "HTTP/1.1 abc X\r\n" LENGTH("0") "\r\n"),
        BAD("a leading zero", "HTTP/1.1 020 X\r\n" LENGTH("0") "\r\n"),
        BAD("a sign", "HTTP/1.1 +20 X\r\n" LENGTH("0") "\r\n"),
        BAD("no status", "HTTP/1.1\r\n" LENGTH("0") "\r\n"),
        BAD("no version", "200 OK\r\n" LENGTH("0") "\r\n"),
        BAD("another protocol", "ICY 200 OK\r\n" LENGTH("0") "\r\n"),
        BAD("2", "HTTP/2 200 OK\r\n" LENGTH("0") "\r\n"),
        BAD("1.2", "HTTP/1.2 200 OK\r\n" LENGTH("0") "\r\n"),
        BAD("lower case", "http/1.1 200 OK\r\n" LENGTH("0") "\r\n"),
        BAD("two spaces", "HTTP/1.1  200 OK\r\n" LENGTH("0") "\r\n"),
        BAD("a tab", "HTTP/1.1\t200 OK\r\n" LENGTH("0") "\r\n"),
        BAD("a space in front", " HTTP/1.1 200 OK\r\n" LENGTH("0") "\r\n"),
        BAD("an empty line in front", "\r\nHTTP/1.1 200 OK\r\n" LENGTH("0") "\r\n"),
        BAD("letters behind the digits", "HTTP/1.1 200OK\r\n" LENGTH("0") "\r\n"),
        BAD("a bare LF", "HTTP/1.1 200 OK\n" LENGTH("0") "\r\n"),
        BAD("bare LF everywhere", "HTTP/1.1 200 OK\nContent-Length: 0\n\n"),
        BAD("a bare CR", "HTTP/1.1 200 OK\rX\r\n" LENGTH("0") "\r\n"),
        BAD("a NUL in the reason", "HTTP/1.1 200 O\0K\r\n" LENGTH("0") "\r\n"),
        BAD("an escape in the reason", "HTTP/1.1 200 \x1b[1m\r\n" LENGTH("0") "\r\n"),
        BAD("HTML", "<html><body>200 OK</body></html>"),
        GOOD("no reason", "HTTP/1.1 200 \r\n" LENGTH("0") "\r\n", S200 LENGTH("0") "\r\n"),
        GOOD("no reason, nor its space", "HTTP/1.1 200\r\n" LENGTH("0") "\r\n",
             S200 LENGTH("0") "\r\n"),
        GOOD("another reason", "HTTP/1.1 200 Sure, \xFC\r\n" LENGTH("0") "\r\n",
             "HTTP/1.1 200 Sure, \xFC\r\n" LENGTH("0") "\r\n"),
        { "1.0", .sent = BYTES(GET), .upstream = GET_UP,
          .answer = BYTES("HTTP/1.0 200 OK\r\n" LENGTH("0") "\r\n"),
          .heard = S200 LENGTH("0") "\r\n", .discards = true },
        { "a status nobody knows", .sent = BYTES(GET), .upstream = GET_UP, .status = 799,
          .answer = BYTES("HTTP/1.1 799 X\r\n" LENGTH("0") "\r\n"),
          .heard = "HTTP/1.1 799 X\r\n" LENGTH("0") "\r\n" },
    };
    ROWS_RUN(state, rows);
}

#define I103    "HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n"
#define I103_4  I103 I103 I103 I103
#define I103_16 I103_4 I103_4 I103_4 I103_4
#define FINAL   S200 LENGTH("2") "\r\nok"

static void test_h59_interim_answers(void **state)
{
    static const struct row rows[] = {
        BAD("101 that nobody asked for", "HTTP/1.1 101 Switching Protocols\r\nConnection: "
                                         "Upgrade\r\nUpgrade: websocket\r\n\r\nevil"),
        BAD("101 without fields", "HTTP/1.1 101 Switching Protocols\r\n\r\n"),
        GOOD("16 of them", I103_16 FINAL, I103_16 FINAL),
        GOOD("100 and 102 that nobody waits for",
             "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 102 Processing\r\n\r\n" FINAL,
             "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 102 Processing\r\n\r\n" FINAL),
        GOOD("one with a length has no body",
             "HTTP/1.1 103 Early Hints\r\n" LENGTH("20") "\r\n" FINAL,
             "HTTP/1.1 103 Early Hints\r\n\r\n" FINAL),
        { "17 of them", .sent = BYTES(GET), .upstream = GET_UP, .answer = BYTES(I103_16 I103 FINAL),
          .status = 502, .refused = "", .discards = true,
          .heard = I103_16 "HTTP/1.1 502 Bad Gateway\r\n", .heard_begins = true },
        { "a bad one behind a good one", .sent = BYTES(GET), .upstream = GET_UP,
          .answer = BYTES(I103 "HTTP/1.1 103 X\nevil: 1\r\n\r\n" FINAL), .status = 502,
          .refused = "", .discards = true, .heard = I103 "HTTP/1.1 502 Bad Gateway\r\n",
          .heard_begins = true },
        { "a client of 1.0 gets none", .sent = BYTES("GET / HTTP/1.0\r\n" HOST "\r\n"),
          .answer = BYTES(I103 FINAL), .closes = true,
          .upstream =
              "GET / HTTP/1.1\r\n" HOST "X-Forwarded-For: 192.0.2.7\r\nX-Forwarded-Proto: http\r\n"
              "X-Forwarded-Host: shop.test\r\nForwarded: "
              "for=192.0.2.7;host=shop.test;proto=http\r\n"
              "Via: 1.0 signet\r\nX-Request-ID: [id]\r\n\r\n",
          .heard = S200 LENGTH("2") "Connection: close\r\n\r\nok" },
        { "an answer to HEAD is not begun by them", .sent = BYTES(HEAD), .upstream = HEAD_UP,
          .answer = BYTES(I103 S200 LENGTH("2") "\r\n"), .heard = I103 S200 LENGTH("2") "\r\n" },
    };
    ROWS_RUN(state, rows);
}

static void test_h60_fields(void **state)
{
    static const struct row rows[] = {
        BAD("a NUL in a value", S200 "X: \0\r\n" LENGTH("0") "\r\n"),
        BAD("a control byte in a value", S200 "X: \1\r\n" LENGTH("0") "\r\n"),
        BAD("a vertical tab in a value", S200 "X: \v\r\n" LENGTH("0") "\r\n"),
        BAD("DEL in a value", S200 "X: \x7f\r\n" LENGTH("0") "\r\n"),
        BAD("a CR in a value", S200 "X: a\rSet-Cookie: evil\r\n" LENGTH("0") "\r\n"),
        BAD("a bare LF in a value", S200 "X: a\nSet-Cookie: evil\r\n" LENGTH("0") "\r\n"),
        BAD("folded", S200 "X: a\r\n b\r\n" LENGTH("0") "\r\n"),
        BAD("folded with a tab", S200 "X: a\r\n\tb\r\n" LENGTH("0") "\r\n"),
        BAD("a space in front of the first", S200 " X: a\r\n" LENGTH("0") "\r\n"),
        BAD("a space before the colon", S200 "X : a\r\n" LENGTH("0") "\r\n"),
        BAD("a length with a space before the colon", S200 "Content-Length : 0\r\n\r\n"),
        BAD("a name that is no token", S200 "X(Y): a\r\n" LENGTH("0") "\r\n"),
        BAD("a name over 0x7F", S200 "X\xFC: a\r\n" LENGTH("0") "\r\n"),
        BAD("no name", S200 ": a\r\n" LENGTH("0") "\r\n"),
        BAD("no colon", S200 "X\r\n" LENGTH("0") "\r\n"),
        BAD("a bare LF as the empty line", S200 LENGTH("0") "\n"),
        BAD("a bare CR as the empty line", S200 LENGTH("0") "\rX"),
        GOOD("an underscore is an origin's own affair", S200 "X_Y: a\r\n" LENGTH("0") "\r\n",
             S200 "X_Y: a\r\n" LENGTH("0") "\r\n"),
        GOOD("a tab and bytes over 0x7F in a value", S200 "X: a\tb\xFC\r\n" LENGTH("0") "\r\n",
             S200 "X: a\tb\xFC\r\n" LENGTH("0") "\r\n"),
    };
    ROWS_RUN(state, rows);
}

static struct slice flood(struct buf *b, unsigned fields, size_t bytes)
{
    buf_init(b);
    buf_add(b, S200);
    for (unsigned i = 0; i < fields; i++)
        buf_add(b, "X: 1\r\n");
    buf_add(b, "Y: ");
    for (size_t i = 0; i < bytes; i++)
        buf_add(b, "y");
    buf_add(b, "\r\n" LENGTH("0") "\r\n");
    return buf_view(b);
}

static void test_h60_floods(void **state)
{
    struct buf b[2];
    struct row rows[] = { BAD("300 fields", ""), BAD("70 kB", "") };
    rows[0].answer = flood(&b[0], 300, 0);
    rows[1].answer = flood(&b[1], 0, 70000);
    ROWS_RUN(state, rows);
    buf_done(&b[0]);
    buf_done(&b[1]);
}

#define ENDED(why_, bytes, how, heard_)                                                            \
    {                                                                                              \
        .why = why_, .sent = BYTES(GET), .upstream = GET_UP, .answer = BYTES(bytes),               \
        .origin = how, .closes = true, .heard = heard_ "[cut]",                                    \
        .record = "\"abort_phase\":\"stream\" \"abort_by\":\"upstream\""                           \
    }
#define NO_ANSWER(why_, bytes, how)                                                                \
    {                                                                                              \
        .why = why_, .sent = BYTES(GET), .upstream = GET_UP, .answer = BYTES(bytes),               \
        .origin = how, .status = 502, .refused = "", .heard = "HTTP/1.1 502 Bad Gateway\r\n",      \
        .heard_begins = true                                                                       \
    }
/* A POST: what may be done twice would be repeated. */
#define NOTHING(why_, how)                                                                         \
    {                                                                                              \
        .why = why_, .sent = BYTES("POST / HTTP/1.1\r\n" HOST "\r\n"),                             \
        .upstream = "POST / HTTP/1.1\r\n" HOST OURS "Content-Length: 0\r\n\r\n", .origin = how,    \
        .status = 502, .refused = "", .heard = "HTTP/1.1 502 Bad Gateway\r\n",                     \
        .heard_begins = true                                                                       \
    }

static void test_h61_answers_that_break_off(void **state)
{
    static const struct row rows[] = {
        ENDED("a short body", S200 LENGTH("5") "\r\nok", ENDS, S200 LENGTH("5") "\r\nok"),
        ENDED("a short body, RST", S200 LENGTH("5") "\r\nok", RESETS, S200 LENGTH("5") "\r\nok"),
        ENDED("no body", S200 LENGTH("5") "\r\n", ENDS, S200 LENGTH("5") "\r\n"),
        ENDED("no chunk", S200 CHUNKED "\r\n", ENDS, S200 CHUNKED "\r\n"),
        ENDED("inside a chunk", S200 CHUNKED "\r\n5\r\nok", ENDS, S200 CHUNKED "\r\nok"),
        ENDED("no last chunk", S200 CHUNKED "\r\n2\r\nok\r\n", ENDS, S200 CHUNKED "\r\nok"),
        ENDED("inside the last chunk", S200 CHUNKED "\r\n2\r\nok\r\n0\r\n", ENDS,
              S200 CHUNKED "\r\nok"),
        ENDED("inside trailers", S200 CHUNKED "\r\n2\r\nok\r\n0\r\nX: 1\r\n", ENDS,
              S200 CHUNKED "\r\nok"),
        ENDED("no last chunk, RST", S200 CHUNKED "\r\n2\r\nok\r\n", RESETS, S200 CHUNKED "\r\nok"),
        ENDED("a body to the end, RST", S200 "\r\nok", RESETS, S200 CHUNKED "\r\nok"),
        NOTHING("nothing", ENDS),
        NOTHING("nothing, RST", RESETS),
        NO_ANSWER("inside the status line", "HTTP/1.1 20", ENDS),
        NO_ANSWER("inside the head", S200 "X: 1\r\n", ENDS),
        NO_ANSWER("before the empty line, RST", S200 LENGTH("0"), RESETS),
        NO_ANSWER("behind an interim answer", "HTTP/1.1 1", ENDS),
        { "a body to the end, FIN, is whole", .sent = BYTES(GET), .upstream = GET_UP,
          .answer = BYTES(S200 "\r\nok"), .origin = ENDS, .heard = S200 CHUNKED "\r\nok" },
        { "a client of 1.0 sees the cut too",
          .sent = BYTES("GET / HTTP/1.0\r\n" HOST "Via: x\r\n\r\n"), .origin = RESETS,
          .answer = BYTES(S200 CHUNKED "\r\n2\r\nok\r\n"), .closes = true,
          .upstream =
              "GET / HTTP/1.1\r\n" HOST "X-Forwarded-For: 192.0.2.7\r\nX-Forwarded-Proto: http\r\n"
              "X-Forwarded-Host: shop.test\r\nForwarded: "
              "for=192.0.2.7;host=shop.test;proto=http\r\n"
              "Via: 1.0 signet\r\nX-Request-ID: [id]\r\n\r\n",
          .heard = S200 "Connection: close\r\n\r\nok[cut]",
          .record = "\"abort_phase\":\"stream\" \"abort_by\":\"upstream\"" },
    };
    ROWS_RUN(state, rows);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_h54_framing),
        cmocka_unit_test(test_h54_chunks),
        cmocka_unit_test(test_h44_trailers_of_answers),
        cmocka_unit_test(test_h55_bytes_beyond_the_answer),
        cmocka_unit_test(test_h56_idle_connections),
        cmocka_unit_test(test_h57_answers_without_a_body),
        cmocka_unit_test(test_h58_status_lines),
        cmocka_unit_test(test_h59_interim_answers),
        cmocka_unit_test(test_h60_fields),
        cmocka_unit_test(test_h60_floods),
        cmocka_unit_test(test_h61_answers_that_break_off),
    };
    return cmocka_run_group_tests(tests, rows_set_up, rows_tear_down);
}
