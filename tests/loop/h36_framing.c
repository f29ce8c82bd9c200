/* SPDX-License-Identifier: Apache-2.0 */
/* How long a request is: Content-Length and Transfer-Encoding. */
#include "rows.h"

#define POST(fields) "POST / HTTP/1.1\r\n" HOST fields
#define SMUGGLED     "GET /" CANARY " HTTP/1.1\r\n" HOST "\r\n"
/* What a reader that takes one of two lengths would read as a request of its own stands behind. */
#define BAD(why, fields, words) REFUSES(why, POST(MARK fields "\r\n0\r\n\r\n" SMUGGLED), 400, words)
#define LENGTH(why, value)                                                                         \
    REFUSES(why, POST(MARK "Content-Length:" value "\r\n\r\nabc" SMUGGLED), 400, "Content-Length")
#define CODING(why, value) BAD(why, "Transfer-Encoding:" value "\r\n", "Transfer-Encoding")

static void test_h36_both(void **state)
{
    static const struct row rows[] = {
        BAD("length first", "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n",
            "Content-Length"),
        BAD("length last", "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n", "Content-Length"),
        BAD("length 0", "Content-Length: 0\r\nTransfer-Encoding: chunked\r\n", "Content-Length"),
        BAD("far apart", "Content-Length: 5\r\nA: 1\r\nB: 2\r\nTransfer-Encoding: chunked\r\n",
            "Content-Length"),
        BAD("lower case", "content-length: 5\r\ntransfer-encoding: chunked\r\n", "Content-Length"),
        BAD("upper case", "TRANSFER-ENCODING: CHUNKED\r\nCONTENT-LENGTH: 5\r\n", "Content-Length"),
        BAD("an unknown coding", "Content-Length: 5\r\nTransfer-Encoding: x\r\n", ""),
        BAD("identity", "Content-Length: 5\r\nTransfer-Encoding: identity\r\n", ""),
        BAD("an empty coding", "Content-Length: 5\r\nTransfer-Encoding:\r\n", ""),
        BAD("an empty length", "Content-Length:\r\nTransfer-Encoding: chunked\r\n", ""),
        BAD("a length that is none", "Content-Length: x\r\nTransfer-Encoding: chunked\r\n", ""),
        REFUSES("in a GET",
                "GET / HTTP/1.1\r\n" HOST MARK
                "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
                400, ""),
    };
    ROWS_RUN(state, rows);
}

static void test_h37_two_lengths(void **state)
{
    static const struct row rows[] = {
        BAD("equal", "Content-Length: 5\r\nContent-Length: 5\r\n", "Content-Length"),
        BAD("different", "Content-Length: 5\r\nContent-Length: 0\r\n", "Content-Length"),
        BAD("in another case", "Content-Length: 5\r\ncontent-LENGTH: 5\r\n", "Content-Length"),
        BAD("far apart", "Content-Length: 5\r\nA: 1\r\nContent-Length: 6\r\n", "Content-Length"),
        BAD("one empty", "Content-Length: 5\r\nContent-Length:\r\n", "Content-Length"),
        BAD("a list of equals", "Content-Length: 5, 5\r\n", "Content-Length"),
        BAD("a list without spaces", "Content-Length: 5,5\r\n", "Content-Length"),
        BAD("a list of different ones", "Content-Length: 5,0\r\n", "Content-Length"),
        BAD("a comma behind", "Content-Length: 5,\r\n", "Content-Length"),
        BAD("a comma in front", "Content-Length: ,5\r\n", "Content-Length"),
        BAD("three", "Content-Length: 5\r\nContent-Length: 5\r\nContent-Length: 5\r\n",
            "Content-Length"),
    };
    ROWS_RUN(state, rows);
}

static void test_h38_lengths_that_are_no_number(void **state)
{
    static const struct row rows[] = {
        LENGTH("plus", " +3"),
        LENGTH("minus", " -3"),
        LENGTH("minus nothing", " -0"),
        LENGTH("hexadecimal", " 0x3"),
        LENGTH("a hexadecimal digit", " 3a"),
        LENGTH("an underscore", " 3_0"),
        LENGTH("a space inside", " 3 0"),
        LENGTH("a tab inside", " 3\t0"),
        LENGTH("a space behind", " 3 "),
        LENGTH("a tab behind", " 3\t"),
        LENGTH("a tab in front", "\t3"),
        LENGTH("empty", ""),
        LENGTH("a space alone", " "),
        LENGTH("a fraction", " 3.0"),
        LENGTH("an exponent", " 3e0"),
        LENGTH("quoted", " \"3\""),
        LENGTH("a parameter", " 3;a=b"),
        LENGTH("a semicolon", " 3;"),
        LENGTH("digits of another script", " \xD9\xA3"),
        LENGTH("a superscript in Latin-1", " \xB3"),
        LENGTH("infinity", " Infinity"),
        LENGTH("2^63", " 9223372036854775808"),
        LENGTH("2^64", " 18446744073709551616"),
        LENGTH("2^64 + 3", " 18446744073709551619"),
        LENGTH("2^128 + 3", " 340282366920938463463374607431768211459"),
        LENGTH("a hundred digits", " 10000000000000000000000000000000000000000000000000000000000000"
                                   "00000000000000000000000000000000000003"),
        REFUSES("a NUL behind", POST(MARK "Content-Length: 3\0\r\n\r\nabc"), 400, "NUL"),
        REFUSES("a vertical tab behind", POST(MARK "Content-Length: 3\v\r\n\r\nabc"), 400,
                "control"),
        REFUSES("2^63 - 1 is a number, and over every limit",
                POST(MARK "Content-Length: 9223372036854775807\r\n\r\nabc"), 413, "limit"),
        PASSES("a number", POST("Content-Length: 3\r\n\r\nabc"),
               POST(OURS "Content-Length: 3\r\n\r\nabc")),
        PASSES("no space before it", POST("Content-Length:3\r\n\r\nabc"),
               POST(OURS "Content-Length: 3\r\n\r\nabc")),
        PASSES("leading zeros are not sent on", POST("Content-Length: 003\r\n\r\nabc"),
               POST(OURS "Content-Length: 3\r\n\r\nabc")),
        PASSES("nothing", POST("Content-Length: 0\r\n\r\n"),
               POST(OURS "Content-Length: 0\r\n\r\n")),
    };
    ROWS_RUN(state, rows);
}

static void test_h39_codings(void **state)
{
    static const struct row rows[] = {
        CODING("chunked twice", " chunked, chunked"),
        CODING("chunked first", " chunked, gzip"),
        CODING("chunked in the middle", " gzip, chunked, gzip"),
        CODING("identity", " identity"),
        CODING("identity before", " identity, chunked"),
        CODING("identity behind", " chunked, identity"),
        CODING("a parameter", " chunked;q=1"),
        CODING("an empty parameter", " chunked;"),
        CODING("quoted", " \"chunked\""),
        CODING("quoted, half", " chunked\""),
        CODING("a letter more", " xchunked"),
        CODING("a letter behind", " chunkedx"),
        CODING("a letter less", " chunke"),
        CODING("a word behind", " chunked x"),
        CODING("a word in front", " x chunked"),
        CODING("a comma in front", " ,chunked"),
        CODING("a comma behind", " chunked,"),
        CODING("commas", " , ,"),
        CODING("empty", ""),
        CODING("a space alone", " "),
        CODING("a space behind", " chunked "),
        CODING("a tab behind", " chunked\t"),
        CODING("a tab in front", "\tchunked"),
        CODING("another alone", " gzip"),
        CODING("a coding with a parameter", " gzip;q=1, chunked"),
        CODING("a byte over 0x7F", " chunked\x80"),
        CODING("a dotless i, a long s: case folding of other scripts", " chun\xE2\x84\xAA"
                                                                       "ed"),
        BAD("two lines", "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n",
            "Transfer-Encoding"),
        BAD("two lines, one unknown", "Transfer-Encoding: chunked\r\nTransfer-Encoding: cow\r\n",
            "Transfer-Encoding"),
        BAD("two lines, the first unknown",
            "Transfer-Encoding: cow\r\ntransfer-encoding: chunked\r\n", "Transfer-Encoding"),
        BAD("two lines, one empty", "Transfer-Encoding:\r\nTransfer-Encoding: chunked\r\n",
            "Transfer-Encoding"),
        BAD("a vertical tab in front", "Transfer-Encoding: \vchunked\r\n", "control"),
        BAD("a form feed behind", "Transfer-Encoding: chunked\f\r\n", "control"),
        BAD("a NUL behind", "Transfer-Encoding: chunked\0\r\n", "NUL"),
        BAD("DEL behind", "Transfer-Encoding: chunked\x7f\r\n", "control"),
        BAD("a CR in front", "Transfer-Encoding: \rchunked\r\n", "CR"),
        REFUSES("an unknown coding before",
                POST(MARK "Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n"), 501, "coding"),
        REFUSES("an invented one", POST(MARK "Transfer-Encoding: cow,chunked\r\n\r\n0\r\n\r\n"),
                501, "coding"),
        REFUSES("two before", POST(MARK "Transfer-Encoding: gzip, br, Chunked\r\n\r\n0\r\n\r\n"),
                501, "coding"),
        PASSES("another case", POST("TRANSFER-encoding: cHuNkEd\r\n\r\n3\r\nabc\r\n0\r\n\r\n"),
               POST(OURS "Transfer-Encoding: chunked\r\n\r\nabc")),
        PASSES("no space before it", POST("Transfer-Encoding:chunked\r\n\r\n0\r\n\r\n"),
               POST(OURS "Transfer-Encoding: chunked\r\n\r\n")),
        PASSES(
            "a name that is alike",
            POST("X-Transfer-Encoding: x\r\nTransfer-Encodings: y\r\nContent-Length: 3\r\n\r\nabc"),
            POST("X-Transfer-Encoding: x\r\nTransfer-Encodings: y\r\n" OURS
                 "Content-Length: 3\r\n\r\nabc")),
    };
    ROWS_RUN(state, rows);
}

static void test_h40_coding_in_1_0(void **state)
{
    static const struct row rows[] = {
        REFUSES("chunked",
                "POST / HTTP/1.0\r\n" HOST MARK "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400,
                "1.0"),
        REFUSES("chunked and kept alive",
                "POST / HTTP/1.0\r\n" HOST MARK
                "Connection: keep-alive\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
                400, "1.0"),
        REFUSES("with a length",
                "POST / HTTP/1.0\r\n" HOST MARK
                "Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\nabc",
                400, ""),
        REFUSES("identity", "POST / HTTP/1.0\r\n" HOST MARK "Transfer-Encoding: identity\r\n\r\n",
                400, ""),
        REFUSES("an unknown one",
                "POST / HTTP/1.0\r\n" HOST MARK "Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
                400, ""),
        REFUSES("in a GET",
                "GET / HTTP/1.0\r\n" HOST MARK "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400,
                "1.0"),
    };
    ROWS_RUN(state, rows);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_h36_both),
        cmocka_unit_test(test_h37_two_lengths),
        cmocka_unit_test(test_h38_lengths_that_are_no_number),
        cmocka_unit_test(test_h39_codings),
        cmocka_unit_test(test_h40_coding_in_1_0),
    };
    return cmocka_run_group_tests(tests, rows_set_up, rows_tear_down);
}
