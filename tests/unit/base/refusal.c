/* SPDX-License-Identifier: Apache-2.0 */
#include "base/refusal.h"

#include <ctype.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static const char *const names[] = { "none",
#define X(name, status, label, words) #name,
                                     REFUSALS(X)
#undef X
};

/* Whoever reads a label in metrics finds the enumerator by it. */
static bool is_label_of(const char *label, const char *name)
{
    size_t i = 0;
    while (name[i] != '\0' && label[i] == (char)tolower((unsigned char)name[i]))
        i++;
    return name[i] == '\0' && label[i] == '\0';
}

static bool is_status(unsigned status)
{
    static const unsigned known[] = { 400, 404, 405, 408, 413, 414, 417, 421, 431, 501, 502, 505 };
    for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
        if (known[i] == status)
            return true;
    return false;
}

static void each_says_what_it_is(void **state)
{
    for (int i = REFUSAL_NONE + 1; i < REFUSAL_COUNT; i++) {
        enum refusal why = (enum refusal)i;
        if (!is_label_of(refusal_label(why), names[i]))
            fail_msg("%s: label %s", names[i], refusal_label(why));
        if (!is_status(refusal_status(why)))
            fail_msg("%s: status %u", names[i], refusal_status(why));
        assert_true(strlen(refusal_text(why)) > 8);
        assert_string_equal(strchr(refusal_text_of_answer(why), ':') + 2, refusal_text(why));
        for (int k = 0; k < i; k++)
            assert_string_not_equal(refusal_text((enum refusal)k), refusal_text(why));
    }
}

static void nothing_refused_says_nothing(void **state)
{
    assert_int_equal(refusal_status(REFUSAL_NONE), 0);
    assert_string_equal(refusal_label(REFUSAL_NONE), "");
    assert_string_equal(refusal_text(REFUSAL_NONE), "");
    assert_string_equal(refusal_text_of_answer(REFUSAL_NONE), "");
}

static void the_words_people_look_for(void **state)
{
    assert_string_equal(refusal_text(REFUSAL_TWO_CONTENT_LENGTHS), "Content-Length appears twice");
    assert_string_equal(refusal_text_of_answer(REFUSAL_TWO_CONTENT_LENGTHS),
                        "the server's answer: Content-Length appears twice");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_says_what_it_is),
        cmocka_unit_test(nothing_refused_says_nothing),
        cmocka_unit_test(the_words_people_look_for),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
