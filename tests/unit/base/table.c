/* SPDX-License-Identifier: Apache-2.0 */
#include "base/table.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>

static void check(const char *const *cells, unsigned columns, unsigned indent, const char *want)
{
    struct table t;
    struct buf out;
    buf_init(&out);
    table_init(&t, columns);
    for (; *cells != NULL; cells++)
        table_cell(&t, "%s", *cells);
    table_print(&t, indent, &out);
    buf_append(&out, slice_of("", 1));
    assert_string_equal(buf_view(&out).ptr, want);
    buf_done(&out);
    table_done(&t);
}

static void aligns_columns(void **state)
{
    static const char *const rows[] = { "a", "bbb", "c", "aaaa", "b", "cc", NULL };
    check(rows, 3, 0, "a     bbb  c\naaaa  b    cc\n");
    check(rows, 3, 2, "  a     bbb  c\n  aaaa  b    cc\n");
    check(rows, 1, 0, "a\nbbb\nc\naaaa\nb\ncc\n");
}

static void leaves_no_blanks_at_the_end(void **state)
{
    static const char *const rows[] = { "a", "", "b", "x", "", "", NULL };
    check(rows, 2, 1, " a\n b  x\n\n");
}

static void makes_cells_printable(void **state)
{
    static const char *const rows[] = { "\033[2J\n", "x", "\xc3\xa4", "y", NULL };
    check(rows, 2, 0, "\\x1b[2J\\x0a  x\n\xc3\xa4            y\n");
}

static void holds_nothing(void **state)
{
    static const char *const rows[] = { NULL };
    check(rows, 2, 0, "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(aligns_columns),
        cmocka_unit_test(leaves_no_blanks_at_the_end),
        cmocka_unit_test(makes_cells_printable),
        cmocka_unit_test(holds_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
