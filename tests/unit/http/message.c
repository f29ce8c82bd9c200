/* SPDX-License-Identifier: Apache-2.0 */
#include "http/message.h"

#include "http/status.h"
#include "http/stream.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static const struct {
    const char *method;
    enum method id;
    bool idempotent, content;
} methods[] = {
    { "GET", METHOD_GET, true, false },       { "HEAD", METHOD_HEAD, true, false },
    { "POST", METHOD_POST, false, true },     { "PUT", METHOD_PUT, true, true },
    { "DELETE", METHOD_DELETE, true, false }, { "OPTIONS", METHOD_OPTIONS, true, false },
    { "PATCH", METHOD_PATCH, false, true },   { "CONNECT", METHOD_CONNECT, false, false },
    { "TRACE", METHOD_TRACE, true, false },   { "BREW", METHOD_OTHER, false, false },
    { "get", METHOD_OTHER, false, false },    { "", METHOD_OTHER, false, false },
    { "GETS", METHOD_OTHER, false, false },
};

static void test_methods(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(methods) / sizeof(methods[0]); i++) {
        assert_int_equal(method_id(slice_str(methods[i].method)), methods[i].id);
        assert_int_equal(method_is_idempotent(methods[i].id), methods[i].idempotent);
        assert_int_equal(method_expects_content(methods[i].id), methods[i].content);
    }
}

static const struct {
    enum method method;
    unsigned status;
    bool may;
} bodies[] = {
    { METHOD_GET, 200, true },  { METHOD_HEAD, 200, false }, { METHOD_GET, 204, false },
    { METHOD_GET, 304, false }, { METHOD_GET, 100, false },  { METHOD_GET, 199, false },
    { METHOD_GET, 404, true },  { METHOD_OTHER, 500, true }, { METHOD_GET, 205, true },
};

static void test_bodies(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(bodies) / sizeof(bodies[0]); i++)
        assert_int_equal(message_may_have_body(bodies[i].method, bodies[i].status), bodies[i].may);
}

static void test_a_new_message_has_no_body(void **state)
{
    (void)state;
    struct message m;
    message_init(&m, NULL);
    assert_int_equal(m.body, BODY_NONE);
    assert_true(m.length == LENGTH_UNKNOWN);
    assert_int_equal(m.version, HTTP_1_1);
}

static void test_reasons(void **state)
{
    (void)state;
    assert_true(slice_eq(status_reason(200), SLICE("OK")));
    assert_true(slice_eq(status_reason(431), SLICE("Request Header Fields Too Large")));
    assert_int_equal(status_reason(299).len, 0);
    assert_int_equal(status_reason(0).len, 0);
}

static void test_reset_texts(void **state)
{
    (void)state;
    assert_string_equal(reset_text(RESET_FIN), "fin");
    assert_string_equal(reset_text(RESET_CLOSE_NOTIFY), "close_notify");
    assert_string_equal(reset_text(RESET_RST), "reset");
    assert_string_equal(reset_text((enum reset_reason)99), "unknown");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_methods),
        cmocka_unit_test(test_bodies),
        cmocka_unit_test(test_a_new_message_has_no_body),
        cmocka_unit_test(test_reasons),
        cmocka_unit_test(test_reset_texts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
