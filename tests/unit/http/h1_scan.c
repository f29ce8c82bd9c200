/* SPDX-License-Identifier: Apache-2.0 */
#include "http/h1_scan.h"

#include "wire.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static const struct h1_limits limits = { .head = 200, .target = 20, .fields = 3 };

/* `in` is read up to `at`: where a refusal must come (one past the bad byte), or the end of the
 * head. NONE: the head is complete; COUNT: it is not. */
#define R   "GET / HTTP/1.1\r\n"
#define S   "HTTP/1.1 200 OK\r\n"
#define M32 "ABCDEFGHIJKLMNOPQRSTUVWXYZ012345"
static const struct {
    const char *why;
    struct slice in;
    enum scan_kind kind;
    enum refusal refusal;
    size_t at;
} cases[] = {
#define ROW(why, in, kind, refusal, at)                                                            \
    {                                                                                              \
        why, { in, sizeof(in) - 1 }, SCAN_##kind, REFUSAL_##refusal, at                            \
    }
    ROW("a request", R "Host: a\r\n\r\n", REQUEST, NONE, 27),
    ROW("what follows is not looked at", R "\r\n\x01\x02", REQUEST, NONE, 18),
    ROW("HTTP/1.0", "GET / HTTP/1.0\r\n\r\n", REQUEST, NONE, 18),
    ROW("an empty line before it", "\r\n" R "\r\n", REQUEST, NONE, 20),
    ROW("values may hold tabs and bytes from 0x80", R "A:\t\x80\xff b\t\r\n\r\n", REQUEST, NONE,
        28),
    ROW("an empty value", R "A:\r\n\r\n", REQUEST, NONE, 22),
    ROW("the longest method", M32 " / HTTP/1.1\r\n\r\n", REQUEST, NONE, 47),
    ROW("the longest target", "GET /2345678901234567890 HTTP/1.1\r\n\r\n", REQUEST, NONE, 37),
    ROW("as many fields as may be", R "A:\r\nB:\r\nC:\r\n\r\n", REQUEST, NONE, 30),
    ROW("not complete", R "Host: a\r\n\r", REQUEST, COUNT, 26),
    ROW("nothing", "", REQUEST, COUNT, 0),

    ROW("two empty lines before it", "\r\n\r\n" R, REQUEST, EMPTY_LINES, 3),
    ROW("bare LF before it", "\n" R, REQUEST, BARE_LF, 1),
    ROW("bare CR before it", "\rG", REQUEST, BARE_CR, 2),
    ROW("space before it", " GET", REQUEST, LEADING_SPACE, 1),
    ROW("tab before it", "\tGET", REQUEST, LEADING_SPACE, 1),
    ROW("NUL", "\0GET", REQUEST, NUL, 1),
    ROW("TLS on the plain port", "\x16\x03\x01", REQUEST, TLS_HELLO, 1),
    ROW("a method that is no token", "GE(T /", REQUEST, METHOD_NOT_TOKEN, 3),
    ROW("a method too long", M32 "6 / HTTP/1.1\r\n", REQUEST, METHOD_TOO_LONG, 33),
    ROW("the preface of HTTP/2", "PRI * HTTP/2.0\r\n", REQUEST, HTTP2_PREFACE, 4),
    ROW("a tab behind the method", "GET\t/", REQUEST, METHOD_NOT_TOKEN, 4),
    ROW("no target", "GET\r\n", REQUEST, NO_TARGET, 4),
    ROW("two spaces", "GET  /", REQUEST, TWO_SPACES, 5),
    ROW("a tab in the target", "GET /\t", REQUEST, TARGET_CONTROL, 6),
    ROW("NUL in the target", "GET /\0", REQUEST, NUL, 6),
    ROW("a byte over 0x7F in the target", "GET /\xc3", REQUEST, TARGET_NOT_ASCII, 6),
    ROW("no version", "GET /\r\n", REQUEST, NO_VERSION, 6),
    ROW("no version, bare LF", "GET /\n", REQUEST, BARE_LF, 6),
    ROW("a target too long", "GET /23456789012345678901 HTTP/1.1\r\n", REQUEST, TARGET_TOO_LONG,
        25),
    ROW("two spaces before the version", "GET /  HTTP/1.1", REQUEST, VERSION_MALFORMED, 7),
    ROW("lower case", "GET / http/1.1", REQUEST, VERSION_MALFORMED, 7),
    ROW("HTTP/2.0", "GET / HTTP/2.0\r\n", REQUEST, VERSION_UNSUPPORTED, 12),
    ROW("HTTP/1.2", "GET / HTTP/1.2\r\n", REQUEST, VERSION_UNSUPPORTED, 14),
    ROW("HTTP/01.1", "GET / HTTP/01.1\r\n", REQUEST, VERSION_MALFORMED, 12),
    ROW("HTTP/0.9", "GET / HTTP/0.9\r\n", REQUEST, VERSION_MALFORMED, 12),
    ROW("HTTP/1.11", "GET / HTTP/1.11\r\n", REQUEST, AFTER_VERSION, 15),
    ROW("HTTP/1.", "GET / HTTP/1.\r\n", REQUEST, VERSION_MALFORMED, 14),
    ROW("a space behind the version", "GET / HTTP/1.1 \r\n", REQUEST, AFTER_VERSION, 15),
    ROW("bare LF behind the version", "GET / HTTP/1.1\n", REQUEST, BARE_LF, 15),
    ROW("bare CR behind the version", "GET / HTTP/1.1\rH", REQUEST, BARE_CR, 16),
    ROW("folding on the first line", R " Host: a\r\n", REQUEST, FIELD_FOLDED, 17),
    ROW("folding", R "A: b\r\n\tc\r\n", REQUEST, FIELD_FOLDED, 23),
    ROW("no name", R ": a\r\n", REQUEST, FIELD_NO_NAME, 17),
    ROW("space before the colon", R "Host : a\r\n", REQUEST, FIELD_NAME_SPACE, 21),
    ROW("tab before the colon", R "Host\t: a\r\n", REQUEST, FIELD_NAME_SPACE, 21),
    ROW("NUL in a name", R "Ho\0st: a\r\n", REQUEST, NUL, 19),
    ROW("a name that is no token", R "Ho(st: a\r\n", REQUEST, FIELD_NAME_NOT_TOKEN, 19),
    ROW("a byte over 0x7F in a name", R "\xc3: a\r\n", REQUEST, FIELD_NAME_NOT_TOKEN, 17),
    ROW("no colon", R "Host\r\n", REQUEST, FIELD_NO_COLON, 21),
    ROW("NUL in a value", R "A: \0\r\n", REQUEST, NUL, 20),
    ROW("a control byte in a value", R "A: \x0b\r\n", REQUEST, FIELD_VALUE_CONTROL, 20),
    ROW("DEL in a value", R "A: \x7f\r\n", REQUEST, FIELD_VALUE_CONTROL, 20),
    ROW("bare CR in a value", R "A: b\rc\r\n", REQUEST, BARE_CR, 22),
    ROW("bare LF behind a value", R "A: b\n", REQUEST, BARE_LF, 21),
    ROW("the head ended by bare LF", R "A: b\r\n\n", REQUEST, BARE_LF, 23),
    ROW("the head ended by bare CR", R "A: b\r\n\rX", REQUEST, BARE_CR, 24),
    ROW("one field too many", R "A:\r\nB:\r\nC:\r\nD:\r\n\r\n", REQUEST, FIELDS_TOO_MANY, 29),

    ROW("a response", S "A: b\r\n\r\n", RESPONSE, NONE, 25),
    ROW("a reason of many words", "HTTP/1.0 404 Not \xe9\tFound\r\n\r\n", RESPONSE, NONE, 28),
    ROW("no reason", "HTTP/1.1 200 \r\n\r\n", RESPONSE, NONE, 17),
    ROW("no reason and no space", "HTTP/1.1 200\r\n\r\n", RESPONSE, NONE, 16),
    ROW("an empty line before a response", "\r\n" S, RESPONSE, VERSION_MALFORMED, 1),
    ROW("two digits", "HTTP/1.1 99 X", RESPONSE, STATUS_MALFORMED, 12),
    ROW("four digits", "HTTP/1.1 1000 X", RESPONSE, STATUS_MALFORMED, 13),
    ROW("letters", "HTTP/1.1 abc", RESPONSE, STATUS_MALFORMED, 10),
    ROW("below 100", "HTTP/1.1 099", RESPONSE, STATUS_MALFORMED, 10),
    ROW("two spaces before the status", "HTTP/1.1  200", RESPONSE, STATUS_MALFORMED, 10),
    ROW("a control byte in the reason", "HTTP/1.1 200 O\x0b", RESPONSE, REASON_CONTROL, 15),
    ROW("NUL in the reason", "HTTP/1.1 200 O\0K", RESPONSE, NUL, 15),
    ROW("HTTP/2", "HTTP/2 200 OK", RESPONSE, VERSION_UNSUPPORTED, 6),
    ROW("bare LF behind the status", "HTTP/1.1 200\n", RESPONSE, BARE_LF, 13),

    ROW("no trailers", "\r\n", TRAILERS, NONE, 2),
    ROW("trailers", "A: b\r\nC: d\r\n\r\n", TRAILERS, NONE, 14),
    ROW("a folded trailer", "A: b\r\n c", TRAILERS, FIELD_FOLDED, 7),
    ROW("trailers ended by bare LF", "\n", TRAILERS, BARE_LF, 1),
#undef ROW
};

struct feeding {
    struct h1_scan scan;
    enum scan_verdict verdict;
    const char *from;
    size_t fed; /* bytes before the verdict stood, and those of the feed that made it */
};

static void feed(void *user, struct slice part)
{
    struct feeding *f = user;
    if (f->verdict != SCAN_MORE)
        return;
    f->fed += part.len;
    f->verdict = h1_scan_feed(&f->scan, slice_of(f->from, f->fed));
}

static enum scan_verdict wanted(enum refusal r)
{
    if (r == REFUSAL_COUNT)
        return SCAN_MORE;
    return r == REFUSAL_NONE ? SCAN_DONE : SCAN_REFUSED;
}

static void check(size_t i, unsigned round, const struct feeding *f)
{
    enum scan_verdict want = wanted(cases[i].refusal);
    if (f->verdict != want)
        fail_msg("%s (round %u): verdict %d, %s", cases[i].why, round, f->verdict,
                 refusal_text(f->scan.refusal));
    if (want == SCAN_REFUSED && f->scan.refusal != cases[i].refusal)
        fail_msg("%s: %s", cases[i].why, refusal_text(f->scan.refusal));
    if (want == SCAN_DONE && f->scan.at != cases[i].at)
        fail_msg("%s: ends at %zu", cases[i].why, f->scan.at);
    if (round == 1 && f->fed != cases[i].at) /* byte by byte: not one byte later */
        fail_msg("%s: noticed at %zu", cases[i].why, f->fed);
}

static void test_cases(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        for (unsigned round = 0; round < WIRE_ROUNDS; round++) {
            struct feeding f = { .from = cases[i].in.ptr, .verdict = SCAN_MORE };
            h1_scan_init(&f.scan, cases[i].kind, &limits);
            wire_split(cases[i].in, round, feed, &f);
            check(i, round, &f);
        }
    }
}

/* The head's limit counts all of it, and holds to the byte. */
static void test_head_limit(void **state)
{
    (void)state;
    char head[202];
    struct h1_scan scan;
    memset(head, 'x', sizeof(head));
    memcpy(head, R "A:", 18);
    memcpy(head + 196, "\r\n\r\n", 4);
    h1_scan_init(&scan, SCAN_REQUEST, &limits);
    assert_int_equal(h1_scan_feed(&scan, slice_of(head, 200)), SCAN_DONE);
    assert_int_equal(scan.at, 200);

    memcpy(head + 196, "x\r\n\r\n", 5);
    for (size_t from = 1; from <= 201; from += 200) { /* as it grows, and whole */
        h1_scan_init(&scan, SCAN_REQUEST, &limits);
        enum scan_verdict v = SCAN_MORE;
        for (size_t n = from; v == SCAN_MORE; n++)
            v = h1_scan_feed(&scan, slice_of(head, n));
        assert_int_equal(v, SCAN_REFUSED);
        assert_int_equal(scan.refusal, REFUSAL_HEAD_TOO_LONG);
    }
}

static void test_no_limits(void **state)
{
    (void)state;
    static const struct h1_limits none = { 0 };
    struct h1_scan scan;
    h1_scan_init(&scan, SCAN_REQUEST, &none);
    assert_int_equal(h1_scan_feed(&scan, SLICE(R "A:\r\nB:\r\nC:\r\nD:\r\n\r\n")), SCAN_DONE);
    assert_int_equal(scan.fields, 4);
}

static void test_what_it_notes(void **state)
{
    (void)state;
    struct h1_scan scan;
    h1_scan_init(&scan, SCAN_REQUEST, &limits);
    assert_false(h1_scan_begun(&scan));
    h1_scan_feed(&scan, SLICE("\r\n"));
    assert_false(h1_scan_begun(&scan));
    h1_scan_feed(&scan, SLICE("\r\nP"));
    assert_true(h1_scan_begun(&scan));
    h1_scan_feed(&scan, SLICE("\r\nPUT /a HTTP/1.1\r\nA:\r\n\r\n"));
    assert_int_equal(scan.lead, 2);
    assert_int_equal(scan.method.from, 2);
    assert_int_equal(scan.method.len, 3);
    assert_int_equal(scan.target.from, 6);
    assert_int_equal(scan.target.len, 2);
    assert_int_equal(scan.fields, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_cases),
        cmocka_unit_test(test_head_limit),
        cmocka_unit_test(test_no_limits),
        cmocka_unit_test(test_what_it_notes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
