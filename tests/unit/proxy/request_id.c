/* SPDX-License-Identifier: Apache-2.0 */
#include "proxy/request_id.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static void test_received(void **state)
{
    static const struct {
        const char *why, *value;
        bool trusted, kept;
    } cases[] = {
        { "from a trusted proxy", "4f1c-09", true, true },
        { "from anyone else", "4f1c-09", false, false },
        { "empty", "", true, false },
        { "none", NULL, true, false },
        { "with a space", "a b", true, false },
        { "with a quote", "a\"b", true, false },
        { "a UUID", "123e4567-e89b-12d3-a456-426614174000", true, true },
        { "too long",
          "0123456789012345678901234567890123456789012345678901234567890123456789012345678901234567"
          "8901234567890123456789012345678901234567890",
          true, false },
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct arena a;
        struct fields f;
        struct client c = { .trusted = cases[i].trusted };
        arena_init(&a, NULL);
        fields_init(&f, &a);
        if (cases[i].value != NULL)
            fields_add_known(&f, FIELD_X_REQUEST_ID, slice_str(cases[i].value));
        if ((request_id_received(&c, &f).ptr != NULL) != cases[i].kept)
            fail_msg("%s", cases[i].why);
        arena_done(&a);
    }
}

static void test_made(void **state)
{
    const uint64_t seed[2] = { 0x0123456789abcdef, 7 };
    char one[REQUEST_ID_LEN], two[REQUEST_ID_LEN], again[REQUEST_ID_LEN];
    struct slice s = request_id_make(seed, 1, one);
    request_id_make(seed, 2, two);
    request_id_make(seed, 1, again);
    assert_int_equal(s.len, 32);
    assert_memory_equal(one, "0123456789abcdef", 16);
    assert_memory_equal(one, two, 16); /* the process */
    assert_memory_not_equal(one + 16, two + 16, 16);
    assert_memory_equal(one, again, 32);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_received),
        cmocka_unit_test(test_made),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
