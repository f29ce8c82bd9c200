/* SPDX-License-Identifier: Apache-2.0 */
#include "base/json.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>

static void assert_written(struct buf *out, const char *want)
{
    buf_append(out, slice_of("", 1));
    assert_string_equal(buf_view(out).ptr, want);
    buf_done(out);
}

static void writes_every_kind(void **state)
{
    struct buf out;
    buf_init(&out);
    struct json j = json_to(&out);
    json_object(&j, NULL);
    json_text(&j, "text", SLICE("a"));
    json_text(&j, "empty", SLICE(""));
    json_text(&j, "none", slice_of(NULL, 0));
    json_word(&j, "word", "b");
    json_word(&j, "no_word", NULL);
    json_number(&j, "most", UINT64_MAX);
    json_signed(&j, "least", INT64_MIN);
    json_hash(&j, "hash", 0xabc);
    json_fraction(&j, "fraction", 1.0 / 3);
    json_bool(&j, "yes", true);
    json_bool(&j, "no", false);
    json_null(&j, "null");
    json_raw(&j, "raw", SLICE("[1,2]"));
    json_object_end(&j);
    assert_written(&out, "{\"text\":\"a\",\"empty\":\"\",\"none\":null,\"word\":\"b\","
                         "\"no_word\":null,\"most\":18446744073709551615,"
                         "\"least\":-9223372036854775808,\"hash\":\"0000000000000abc\","
                         "\"fraction\":0.333333333,\"yes\":true,\"no\":false,\"null\":null,"
                         "\"raw\":[1,2]}");
}

static void puts_commas_between(void **state)
{
    struct buf out;
    buf_init(&out);
    struct json j = json_to(&out);
    json_list(&j, NULL);
    json_list(&j, NULL);
    json_list_end(&j);
    json_object(&j, NULL);
    json_object_end(&j);
    json_number(&j, NULL, 1);
    json_object(&j, NULL);
    json_list(&j, "in");
    json_number(&j, NULL, 2);
    json_number(&j, NULL, 3);
    json_list_end(&j);
    json_number(&j, "behind", 4);
    json_object_end(&j);
    json_number(&j, NULL, 5);
    json_list_end(&j);
    assert_written(&out, "[[],{},1,{\"in\":[2,3],\"behind\":4},5]");
}

static void escapes_what_text_may_hold(void **state)
{
    static const struct {
        const char *why;
        struct slice in;
        const char *want;
    } rows[] = {
        { "quotes and backslashes", SLICE_INIT("a\"\\b"), "{\"a\\\"\\\\b\":\"a\\\"\\\\b\"}" },
        { "lines stay one", SLICE_INIT("a\r\nb"), "{\"a\\r\\nb\":\"a\\r\\nb\"}" },
        { "controls, NUL among them", SLICE_INIT("\0\033"),
          "{\"\\u0000\\u001b\":\"\\u0000\\u001b\"}" },
        { "what is no UTF-8", SLICE_INIT("\xff"), "{\"\\ufffd\":\"\\ufffd\"}" },
        { "nothing", SLICE_INIT(""), "{\"\":\"\"}" },
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct buf out;
        buf_init(&out);
        struct json j = json_to(&out);
        print_message("%s\n", rows[i].why);
        json_object(&j, NULL);
        json_key(&j, rows[i].in);
        json_text(&j, NULL, rows[i].in);
        json_object_end(&j);
        assert_written(&out, rows[i].want);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(writes_every_kind),
        cmocka_unit_test(puts_commas_between),
        cmocka_unit_test(escapes_what_text_may_hold),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
