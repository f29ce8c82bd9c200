/* SPDX-License-Identifier: Apache-2.0 */
#include "http/h1_framing.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static struct arena arena;

static int set_up(void **state)
{
    (void)state;
    arena_init(&arena, NULL);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    arena_done(&arena);
    return 0;
}

/* "Name: value\n..."; one space behind the colon goes, the rest of a value stays. */
static void make(struct message *m, enum http_version version, const char *fields)
{
    struct slice rest = slice_str(fields), line;
    message_init(m, &arena);
    m->version = version;
    while (slice_split(&rest, '\n', &line)) {
        size_t colon = slice_find(line, ':');
        if (colon < line.len)
            fields_add(&m->fields, slice_first(line, colon), slice_from(line, colon + 2));
    }
}

#define CHUNKED      (UINT64_MAX - 1)
#define NOTHING      (UINT64_MAX - 2)
#define REFUSED(why) (UINT64_MAX - 10 - REFUSAL_##why)
static const struct {
    const char *why, *fields;
    enum http_version version;
    uint64_t want; /* a length, CHUNKED, NOTHING, or REFUSED for a reason */
} cases[] = {
    { "nothing", "A: b", HTTP_1_1, NOTHING },
    { "a length", "Content-Length: 5", HTTP_1_1, 5 },
    { "zero", "content-LENGTH: 0", HTTP_1_0, 0 },
    { "the largest", "Content-Length: 9223372036854775807", HTTP_1_1, INT64_MAX },
    { "chunked", "Transfer-Encoding: chunked", HTTP_1_1, CHUNKED },
    { "chunked in any case", "transfer-encoding: ChUnKeD", HTTP_1_1, CHUNKED },

    { "both", "Content-Length: 5\nTransfer-Encoding: chunked", HTTP_1_1,
      REFUSED(LENGTH_AND_CODING) },
    { "both, the other way round", "Transfer-Encoding: chunked\nContent-Length: 0", HTTP_1_1,
      REFUSED(LENGTH_AND_CODING) },
    { "two lengths", "Content-Length: 5\nContent-Length: 6", HTTP_1_1,
      REFUSED(TWO_CONTENT_LENGTHS) },
    { "two equal lengths", "Content-Length: 5\nContent-Length: 5", HTTP_1_1,
      REFUSED(TWO_CONTENT_LENGTHS) },
    { "a list", "Content-Length: 5, 5", HTTP_1_1, REFUSED(CONTENT_LENGTH_LIST) },
    { "a plus", "Content-Length: +5", HTTP_1_1, REFUSED(CONTENT_LENGTH_SIGN) },
    { "a minus", "Content-Length: -5", HTTP_1_1, REFUSED(CONTENT_LENGTH_SIGN) },
    { "hexadecimal", "Content-Length: 0x5", HTTP_1_1, REFUSED(CONTENT_LENGTH_NOT_DIGITS) },
    { "an underscore", "Content-Length: 1_0", HTTP_1_1, REFUSED(CONTENT_LENGTH_NOT_DIGITS) },
    { "a space inside", "Content-Length: 1 0", HTTP_1_1, REFUSED(CONTENT_LENGTH_NOT_DIGITS) },
    { "a space behind", "Content-Length: 5 ", HTTP_1_1, REFUSED(CONTENT_LENGTH_NOT_DIGITS) },
    { "a tab in front", "Content-Length: \t5", HTTP_1_1, REFUSED(CONTENT_LENGTH_NOT_DIGITS) },
    { "empty", "Content-Length: ", HTTP_1_1, REFUSED(CONTENT_LENGTH_EMPTY) },
    { "a fraction", "Content-Length: 5.0", HTTP_1_1, REFUSED(CONTENT_LENGTH_NOT_DIGITS) },
    { "2^63", "Content-Length: 9223372036854775808", HTTP_1_1, REFUSED(CONTENT_LENGTH_TOO_LARGE) },
    { "2^64 and more", "Content-Length: 99999999999999999999999", HTTP_1_1,
      REFUSED(CONTENT_LENGTH_TOO_LARGE) },
    { "chunked in 1.0", "Transfer-Encoding: chunked", HTTP_1_0, REFUSED(CODING_IN_1_0) },
    { "chunked twice", "Transfer-Encoding: chunked, chunked", HTTP_1_1, REFUSED(CODING_LIST) },
    { "chunked on two lines", "Transfer-Encoding: chunked\nTransfer-Encoding: chunked", HTTP_1_1,
      REFUSED(TWO_TRANSFER_ENCODINGS) },
    { "chunked, then another", "Transfer-Encoding: chunked, gzip", HTTP_1_1, REFUSED(CODING_LIST) },
    { "chunked in the middle", "Transfer-Encoding: gzip, chunked, gzip", HTTP_1_1,
      REFUSED(CODING_LIST) },
    { "identity", "Transfer-Encoding: identity", HTTP_1_1, REFUSED(CODING_NOT_CHUNKED) },
    { "identity first", "Transfer-Encoding: identity, chunked", HTTP_1_1, REFUSED(CODING_LIST) },
    { "another alone", "Transfer-Encoding: gzip", HTTP_1_1, REFUSED(CODING_NOT_CHUNKED) },
    { "another first", "Transfer-Encoding: gzip, chunked", HTTP_1_1, REFUSED(CODING_UNKNOWN) },
    { "one nobody knows first", "Transfer-Encoding: x-y,Chunked", HTTP_1_1,
      REFUSED(CODING_UNKNOWN) },
    { "a parameter", "Transfer-Encoding: chunked;a=b", HTTP_1_1, REFUSED(CODING_NOT_CHUNKED) },
    { "quotes", "Transfer-Encoding: \"chunked\"", HTTP_1_1, REFUSED(CODING_NOT_CHUNKED) },
    { "a prefix", "Transfer-Encoding: xchunked", HTTP_1_1, REFUSED(CODING_NOT_CHUNKED) },
    { "a tab behind", "Transfer-Encoding: chunked\t", HTTP_1_1, REFUSED(CODING_NOT_CHUNKED) },
    { "a tab in front", "Transfer-Encoding: \tchunked", HTTP_1_1, REFUSED(CODING_NOT_CHUNKED) },
    { "a vertical tab in front", "Transfer-Encoding: \vchunked", HTTP_1_1,
      REFUSED(CODING_NOT_CHUNKED) },
    { "empty coding", "Transfer-Encoding: ", HTTP_1_1, REFUSED(CODING_NOT_CHUNKED) },
    { "only commas", "Transfer-Encoding: ,chunked", HTTP_1_1, REFUSED(CODING_LIST) },
};

static uint64_t read_as(const struct message *m)
{
    struct h1_framing f;
    enum refusal why = h1_framing_read(m, &f);
    if (why != REFUSAL_NONE)
        return UINT64_MAX - 10 - why;
    return f.chunked ? CHUNKED : f.has_length ? f.length : NOTHING;
}

static void test_reading(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct message m;
        make(&m, cases[i].version, cases[i].fields);
        uint64_t got = read_as(&m);
        if (got != cases[i].want)
            fail_msg("%s: %llx", cases[i].why, (unsigned long long)got);
    }
}

static const struct {
    const char *why;
    enum method request;
    unsigned status;
    const char *fields;
    enum body_kind body;
    uint64_t length;
    bool close;
} answers[] = {
    { "by length", METHOD_GET, 200, "Content-Length: 5", BODY_LENGTH, 5, false },
    { "chunked", METHOD_GET, 200, "Transfer-Encoding: chunked", BODY_CHUNKED, LENGTH_UNKNOWN,
      false },
    { "to the end", METHOD_GET, 200, "A: b", BODY_TO_END, LENGTH_UNKNOWN, true },
    { "HEAD", METHOD_HEAD, 200, "Content-Length: 5", BODY_NONE, 5, false },
    { "HEAD, nothing announced", METHOD_HEAD, 200, "A: b", BODY_NONE, LENGTH_UNKNOWN, false },
    { "HEAD, chunked announced", METHOD_HEAD, 200, "Transfer-Encoding: chunked", BODY_NONE,
      LENGTH_UNKNOWN, false },
    { "304 announces", METHOD_GET, 304, "Content-Length: 5", BODY_NONE, 5, false },
    { "204 must not", METHOD_GET, 204, "Content-Length: 5", BODY_NONE, LENGTH_UNKNOWN, true },
    { "nor chunks", METHOD_GET, 204, "Transfer-Encoding: chunked", BODY_NONE, LENGTH_UNKNOWN,
      true },
    { "none is harmless", METHOD_GET, 204, "Content-Length: 0", BODY_NONE, LENGTH_UNKNOWN, false },
    { "nor do interim ones", METHOD_GET, 103, "Content-Length: 5", BODY_NONE, LENGTH_UNKNOWN,
      false },
};

static void test_bodies_of_answers(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(answers) / sizeof(answers[0]); i++) {
        struct message m;
        struct h1_framing f;
        make(&m, HTTP_1_1, answers[i].fields);
        m.status = answers[i].status;
        assert_int_equal(h1_framing_read(&m, &f), 0);
        h1_framing_response_body(&m, &f, answers[i].request);
        if (m.body != answers[i].body || m.length != answers[i].length ||
            m.close != answers[i].close)
            fail_msg("%s", answers[i].why);
    }
}

static const struct {
    const char *why, *fields;
    enum http_version version;
    bool close;
    enum refusal refusal;
} persistence[] = {
    { "1.1 stays", "A: b", HTTP_1_1, false },
    { "1.1 that closes", "Connection: x, CLOSE", HTTP_1_1, true },
    { "1.0 closes", "A: b", HTTP_1_0, true },
    { "1.0 that stays", "Connection: Keep-Alive", HTTP_1_0, false },
    { "1.0 that says both", "Connection: keep-alive\nConnection: close", HTTP_1_0, true },
    { "1.1 that says both", "Connection: keep-alive, close", HTTP_1_1, true },
    { "a prefix", "Connection: closed", HTTP_1_1, false },
    { "names Host", "Connection: host", HTTP_1_1, false, REFUSAL_CONNECTION_NAMES_HOST },
};

static void test_connection(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(persistence) / sizeof(persistence[0]); i++) {
        struct message m;
        make(&m, persistence[i].version, persistence[i].fields);
        enum refusal why = h1_framing_connection(&m);
        if (why != persistence[i].refusal)
            fail_msg("%s: %s", persistence[i].why, refusal_text(why));
        if (why == REFUSAL_NONE && m.close != persistence[i].close)
            fail_msg("%s", persistence[i].why);
    }
}

static const struct {
    const char *why, *fields;
    enum http_version version;
    enum body_kind body;
    enum refusal refusal;
    bool expects;
} expectations[] = {
    { "none", "A: b", HTTP_1_1, BODY_CHUNKED, REFUSAL_NONE, false },
    { "100-continue", "Expect: 100-Continue", HTTP_1_1, BODY_CHUNKED, REFUSAL_NONE, true },
    { "without a body", "Expect: 100-continue", HTTP_1_1, BODY_NONE, REFUSAL_NONE, false },
    { "in HTTP/1.0", "Expect: 100-continue", HTTP_1_0, BODY_CHUNKED, REFUSAL_NONE, false },
    { "something else", "Expect: 200-ok", HTTP_1_1, BODY_NONE, REFUSAL_EXPECT_UNKNOWN, false },
    { "twice on one line", "Expect: 100-continue, 100-continue", HTTP_1_1, BODY_NONE,
      REFUSAL_EXPECT_MALFORMED, false },
    { "twice", "Expect: 100-continue\nExpect: 100-continue", HTTP_1_1, BODY_NONE,
      REFUSAL_EXPECT_TWICE, false },
    { "decorated", "Expect: 100-continue;a=b", HTTP_1_1, BODY_NONE, REFUSAL_EXPECT_MALFORMED,
      false },
    { "empty", "Expect: ", HTTP_1_1, BODY_NONE, REFUSAL_EXPECT_MALFORMED, false },
};

static void test_expect(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(expectations) / sizeof(expectations[0]); i++) {
        struct message m;
        make(&m, expectations[i].version, expectations[i].fields);
        m.body = expectations[i].body;
        enum refusal why = h1_framing_expect(&m);
        if (why != expectations[i].refusal || m.expect_continue != expectations[i].expects)
            fail_msg("%s: %s", expectations[i].why, refusal_text(why));
    }
}

/* Every difference counts. */
static void test_comparison(void **state)
{
    (void)state;
    const struct h1_framing one = { .has_length = true, .length = 5 };
    const struct h1_framing others[] = {
        { .has_length = true, .length = 6 },
        { .has_length = false, .length = 0 },
        { .chunked = true, .has_length = true, .length = 5 },
        { .has_length = true, .length = 5, .upgrade = true },
    };
    assert_true(h1_framing_eq(&one, &one));
    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
        assert_false(h1_framing_eq(&one, &others[i]));
}

static void test_upgrade(void **state)
{
    (void)state;
    struct message m;
    struct h1_framing f;
    make(&m, HTTP_1_1, "Connection: keep-alive, Upgrade\nUpgrade: websocket");
    h1_framing_read(&m, &f);
    assert_true(f.upgrade);
    m.status = 426; /* merely says what it could do */
    h1_framing_read(&m, &f);
    assert_false(f.upgrade);
    make(&m, HTTP_1_1, "Upgrade: websocket");
    h1_framing_read(&m, &f);
    assert_false(f.upgrade);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_reading),    cmocka_unit_test(test_bodies_of_answers),
        cmocka_unit_test(test_connection), cmocka_unit_test(test_expect),
        cmocka_unit_test(test_comparison), cmocka_unit_test(test_upgrade),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
