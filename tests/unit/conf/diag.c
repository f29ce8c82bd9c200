/* SPDX-License-Identifier: Apache-2.0 */
#include "conf/diag.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>

static void check_text(const struct diags *d, const char *outcome, const char *want)
{
    struct buf out;

    buf_init(&out);
    diags_print(d, false, outcome, &out);
    buf_append(&out, slice_of("", 1));
    assert_string_equal(buf_view(&out).ptr, want);
    buf_done(&out);
}

static void check_json(const struct diags *d, const char *want)
{
    struct buf out;

    buf_init(&out);
    diags_print_json(d, &out);
    buf_append(&out, slice_of("", 1));
    assert_string_equal(buf_view(&out).ptr, want);
    buf_done(&out);
}

static const struct span typo = {
    .file = "/etc/signet/signet.conf",
    .text = { "pool app {\n    helth GET\n}\n", 27 },
    .line = 2,
    .column = 5,
    .end_column = 10,
};

static void nothing_to_say(void **state)
{
    struct diags *d = diags_new();

    check_text(d, "unchanged", "");
    check_json(d, "[]\n");
    diags_remark(d, "belongs to nothing");
    diags_hint(d, NULL, "belongs to nothing");
    check_text(d, NULL, "");
    diags_free(d);
    diags_free(NULL);
}

static void the_form_of_the_page(void **state)
{
    struct diags *d = diags_new();

    diags_add(d, DIAG_ERROR, "unknown-directive", &typo, "unknown directive \"%s\" in pool \"app\"",
              "helth");
    diags_remark(d, "did you mean \"health\"?");
    diags_hint(d, NULL, "allowed here: balance, health");
    diags_add(d, DIAG_WARNING, "x", NULL, "no place");
    check_text(d, "the running configuration is unchanged",
               "error: unknown directive \"helth\" in pool \"app\"\n"
               "  --> /etc/signet/signet.conf:2:5\n"
               "2 |     helth GET\n"
               "  |     ^^^^^ did you mean \"health\"?\n"
               "  = allowed here: balance, health\n"
               "warning: no place\n"
               "1 error, 1 warning; the running configuration is unchanged\n");
    check_json(d, "[{\"severity\":\"error\",\"code\":\"unknown-directive\","
                  "\"message\":\"unknown directive \\\"helth\\\" in pool \\\"app\\\"\","
                  "\"file\":\"/etc/signet/signet.conf\",\"line\":2,\"column\":5,\"end_column\":10,"
                  "\"hint\":\"did you mean \\\"health\\\"?; allowed here: balance, health\"},"
                  "{\"severity\":\"warning\",\"code\":\"x\",\"message\":\"no place\",\"file\":null,"
                  "\"line\":null,\"column\":null,\"end_column\":null,\"hint\":null}]\n");
    assert_int_equal(diags_errors(d), 1);
    assert_int_equal(diags_warnings(d), 1);
    diags_free(d);
}

/* For a log: whatever a file's name or text holds, one a line. */
static void lines_for_a_log(void **state)
{
    struct diags *d = diags_new();
    struct buf out;

    diags_add(d, DIAG_ERROR, "unknown-directive", &typo, "unknown directive \"helth\"");
    diags_remark(d, "did you mean \"health\"?");
    diags_hint(d, NULL, "allowed here: balance");
    diags_add(d, DIAG_WARNING, "x", NULL, "a\nb");
    buf_init(&out);
    diags_print_lines(d, &out);
    buf_append(&out, slice_of("", 1));
    assert_string_equal(buf_view(&out).ptr, "error: /etc/signet/signet.conf:2:5: unknown directive "
                                            "\"helth\"; did you mean \"health\"?; "
                                            "allowed here: balance\n"
                                            "warning: a\\x0ab\n");
    buf_clear(&out);
    for (int i = 0; i < DIAG_MAX + 3; i++)
        diags_add(d, DIAG_ERROR, "x", NULL, "again");
    diags_print_lines(d, &out);
    assert_true(slice_ends(buf_view(&out), SLICE("error: 4 more of these are not shown\n")));
    buf_done(&out);
    diags_free(d);
}

static void both_places_are_shown(void **state)
{
    static const char text[] = "a\nb\nc\nd\ne\nf\ng\nh\ni\nj\nk\n";
    struct span first = { "f", { text, sizeof(text) - 1 }, 2, 1, 2 };
    struct span second = { "f", { text, sizeof(text) - 1 }, 11, 1, 2 };
    struct diags *d = diags_new();

    diags_add(d, DIAG_ERROR, "duplicate", &second, "set twice");
    diags_hint(d, &first, "the first one is here");
    check_text(d, NULL,
               "error: set twice\n"
               "  --> f:11:1\n"
               "11 | k\n"
               "   | ^\n"
               "   = the first one is here\n"
               "  --> f:2:1\n"
               " 2 | b\n"
               "   | ^\n"
               "1 error\n");
    diags_free(d);
}

static void carets_stand_under_the_word(void **state)
{
    static const struct {
        const char *why, *line;
        unsigned column, end_column;
        const char *want; /* the line and the carets */
    } rows[] = {
        { "tabs are shown as four blanks", "\t\tx y", 5, 6, "1 |         x y\n  |           ^\n" },
        { "a character of two bytes takes one column", "\xc3\xa9 x", 4, 5,
          "1 | \xc3\xa9 x\n  |   ^\n" },
        { "and one caret", "\xc3\xa9 x", 1, 3, "1 | \xc3\xa9 x\n  | ^\n" },
        { "controls are escaped and counted", "\x1b[2J x", 6, 7,
          "1 | \\x1b[2J x\n  |         ^\n" },
        { "the end of a file", "abc", 4, 5, "1 | abc\n  |    ^\n" },
        { "an end behind the line's end is cut", "abc", 2, 99, "1 | abc\n  |  ^^\n" },
        { "an empty span still has a caret", "abc", 2, 2, "1 | abc\n  |  ^\n" },
        { "CR LF", "abc\r", 1, 2, "1 | abc\n  | ^\n" },
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct span at = { "f", slice_str(rows[i].line), 1, rows[i].column, rows[i].end_column };
        struct diags *d = diags_new();
        struct buf out, want;
        print_message("%s\n", rows[i].why);
        buf_init(&out);
        buf_init(&want);
        diags_add(d, DIAG_ERROR, "x", &at, "m");
        diags_print(d, false, NULL, &out);
        buf_printf(&want, "error: m\n  --> f:1:%u\n%s1 error\n", rows[i].column, rows[i].want);
        buf_append(&out, slice_of("", 1));
        buf_append(&want, slice_of("", 1));
        assert_string_equal(buf_view(&out).ptr, buf_view(&want).ptr);
        buf_done(&out);
        buf_done(&want);
        diags_free(d);
    }
}

/* A line of 60 kB is not shown whole, but the word in question is. */
static void long_lines_are_cut(void **state)
{
    static char text[60000];
    struct diags *d = diags_new();
    struct buf out;

    memset(text, 'x', sizeof(text));
    memcpy(text + 50000, "HERE", 4);
    struct span at = { "f", { text, sizeof(text) }, 1, 50001, 50005 };
    diags_add(d, DIAG_ERROR, "x", &at, "m");
    buf_init(&out);
    diags_print(d, false, NULL, &out);
    buf_append(&out, slice_of("", 1));
    assert_true(buf_len(&out) < 600);
    const char *line = strstr(buf_view(&out).ptr, "1 | "), *here = strstr(line, "HERE");
    const char *carets = strstr(here, "  | ");
    assert_int_equal(strspn(carets + 4, " "), here - line - 4);
    assert_non_null(strstr(carets, " ^^^^\n"));
    buf_done(&out);
    diags_free(d);
}

static void only_twenty_are_shown(void **state)
{
    struct diags *d = diags_new();
    struct buf out;
    size_t shown = 0;

    for (int i = 0; i < 25; i++) {
        diags_add(d, DIAG_ERROR, "x", NULL, "number %d", i);
        diags_remark(d, "r");
        diags_hint(d, NULL, "h");
    }
    buf_init(&out);
    diags_print(d, false, "unchanged", &out);
    struct slice rest = buf_view(&out), line;
    while (slice_split(&rest, '\n', &line))
        shown += slice_starts(line, SLICE("error: "));
    assert_int_equal(shown, DIAG_MAX);
    assert_true(slice_ends(buf_view(&out),
                           SLICE("25 errors (the first 20 of each are shown); unchanged\n")));
    buf_clear(&out);
    diags_print_json(d, &out);
    buf_append(&out, slice_of("", 1));
    assert_non_null(strstr(buf_view(&out).ptr, "\"5 more of these are not shown\""));
    buf_done(&out);
    diags_free(d);
}

static void colour_only_when_asked(void **state)
{
    struct diags *d = diags_new();
    struct buf out;

    diags_add(d, DIAG_ERROR, "x", &typo, "m");
    buf_init(&out);
    diags_print(d, true, NULL, &out);
    assert_true(slice_starts(buf_view(&out), SLICE("\033[1;31merror:\033[0m ")));
    buf_clear(&out);
    diags_print(d, false, NULL, &out);
    assert_true(slice_find(buf_view(&out), '\033') == buf_len(&out));
    buf_done(&out);
    diags_free(d);
}

static void the_nearest_word(void **state)
{
    static const char *const among[] = {
        "health", "balance", "server", "serve", "id", "tls", NULL
    };
    static const struct {
        const char *why, *word, *want;
    } rows[] = {
        { "a letter is missing", "helth", "health" },
        { "a letter too many", "ballance", "balance" },
        { "another letter", "bolance", "balance" },
        { "two swapped", "haelth", "health" },
        { "two mistakes", "hellth", "health" },
        { "three are too many", "hlt", NULL },
        { "the nearer one wins", "serv", "serve" },
        { "in a short word two mistakes mean nothing", "abc", NULL },
        { "one in a short word", "tlss", "tls" },
        { "empty", "", NULL },
        { "far too long",
          "health-health-health-health-health-health-health-health-health-health-health", NULL },
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        const char *got = diag_nearest(slice_str(rows[i].word), among);
        print_message("%s\n", rows[i].why);
        assert_string_equal(got != NULL ? got : "none",
                            rows[i].want != NULL ? rows[i].want : "none");
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_to_say),
        cmocka_unit_test(lines_for_a_log),
        cmocka_unit_test(the_form_of_the_page),
        cmocka_unit_test(both_places_are_shown),
        cmocka_unit_test(carets_stand_under_the_word),
        cmocka_unit_test(long_lines_are_cut),
        cmocka_unit_test(only_twenty_are_shown),
        cmocka_unit_test(colour_only_when_asked),
        cmocka_unit_test(the_nearest_word),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
