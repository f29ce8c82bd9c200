/* SPDX-License-Identifier: Apache-2.0 */
#include "http/query.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>

/* What comes of a query, as "name=value;" for each, "!" where it is malformed. */
static void read_all(struct slice query, struct buf *out)
{
    struct arena a;
    struct slice name, value;
    int r;
    arena_init(&a, NULL);
    while ((r = query_next(&query, &a, &name, &value)) == 1) {
        buf_append(out, name);
        buf_add(out, "=");
        buf_append(out, value);
        buf_add(out, ";");
    }
    assert_true(r == 0 || r == -EINVAL);
    buf_append(out, r < 0 ? slice_of("!", 2) : slice_of("", 1));
    arena_done(&a);
}

static void takes_parameters_apart(void **state)
{
    static const struct {
        const char *why, *in, *want;
    } rows[] = {
        { "nothing", "", "" },
        { "one", "now=1", "now=1;" },
        { "two", "a=1&b=2", "a=1;b=2;" },
        { "twice the same, in order", "a=1&a=2", "a=1;a=2;" },
        { "no value", "now", "now=;" },
        { "an empty one", "now=", "now=;" },
        { "only the first equals sign parts", "a=b=c", "a=b=c;" },
        { "empty parameters are none", "&&a=1&", "a=1;" },
        { "decoded", "%6eow=%2F%2f", "now=//;" },
        { "a decoded separator separates nothing", "a=1%262%3D", "a=1&2=;" },
        { "a plus is a blank", "a=1+2", "a=1 2;" },
        { "one that is encoded is a plus", "a=1%2b2", "a=1+2;" },
        { "a percent sign at the end", "a=%", "!" },
        { "with one digit", "a=%2", "!" },
        { "with what is no digit", "a=%2g", "!" },
        { "a sign is no digit", "a=%+2", "!" },
        { "good ones before a bad one count", "a=1&b=%", "a=1;!" },
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct buf out;
        buf_init(&out);
        print_message("%s\n", rows[i].why);
        read_all(slice_str(rows[i].in), &out);
        assert_string_equal(buf_view(&out).ptr, rows[i].want);
        buf_done(&out);
    }
}

static void gives_back_what_was_escaped(void **state)
{
    char all[256];
    for (size_t i = 0; i < sizeof(all); i++)
        all[i] = (char)i;
    struct buf text;
    struct arena a;
    struct slice name, value;
    buf_init(&text);
    arena_init(&a, NULL);
    buf_add(&text, "x=");
    query_escape(&text, slice_of(all, sizeof(all)));
    struct slice rest = buf_view(&text);
    assert_int_equal(query_next(&rest, &a, &name, &value), 1);
    assert_true(slice_eq(value, slice_of(all, sizeof(all))));
    assert_int_equal(query_next(&rest, &a, &name, &value), 0);
    arena_done(&a);
    buf_done(&text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(takes_parameters_apart),
        cmocka_unit_test(gives_back_what_was_escaped),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
