/* SPDX-License-Identifier: Apache-2.0 */
#include "base/log.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <unistd.h>

#include <cmocka.h>

static void escapes(void **state)
{
    static const struct {
        const char *why;
        enum escape_style style;
        const char *in, *want;
    } rows[] = {
        { "clean text is copied", ESCAPE_COMBINED, "GET / HTTP/1.1", "GET / HTTP/1.1" },
        { "nothing", ESCAPE_JSON, "", "" },
        { "Apache's letters", ESCAPE_COMBINED, "\"\\\b\n\r\t\v", "\\\"\\\\\\b\\n\\r\\t\\v" },
        { "Apache has no \\f", ESCAPE_COMBINED, "\f", "\\x0c" },
        { "bytes from 0x7f", ESCAPE_COMBINED, "\x7f\x80\xc3\xa9", "\\x7f\\x80\\xc3\\xa9" },
        { "JSON's letters", ESCAPE_JSON, "\"\\\b\f\n\r\t/", "\\\"\\\\\\b\\f\\n\\r\\t/" },
        { "JSON knows no \\v", ESCAPE_JSON, "\v\x1b", "\\u000b\\u001b" },
        { "UTF-8 stays in JSON", ESCAPE_JSON, "caf\xc3\xa9", "caf\xc3\xa9" },
        { "what is not UTF-8 becomes U+FFFD", ESCAPE_JSON, "a\xff\xc3", "a\\ufffd\\ufffd" },
        { "C1 controls move terminals", ESCAPE_JSON, "\xc2\x9b", "\\u009b" },
        { "line separators end lines", ESCAPE_JSON, "\xe2\x80\xa8", "\\u2028" },
        { "a quoted value", ESCAPE_LOG, "a\"b\\\n", "a\\\"b\\\\\\x0a" },
        { "not UTF-8 in a log", ESCAPE_LOG, "\xff\xc3\xa9", "\\xff\xc3\xa9" },
        { "C1 control in a log", ESCAPE_LOG, "\xc2\x9b", "\\xc2\\x9b" },
        { "a line keeps its quotes", ESCAPE_LINE, "host \"a\\b\"\r\n", "host \"a\\b\"\\x0d\\x0a" },
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        char got[128];
        print_message("%s\n", rows[i].why);
        size_t len = log_escape(got, sizeof(got), slice_str(rows[i].in), rows[i].style);
        assert_true(slice_eq(slice_of(got, len), slice_str(rows[i].want)));
    }
}

/* Every byte in every style: no control and no bare quote comes out, and an escape is never cut. */
static void never_leaves_its_quotes(void **state)
{
    for (int style = ESCAPE_LOG; style <= ESCAPE_COMBINED; style++) {
        for (int c = 0; c < 256; c++) {
            char in[3] = { 'a', (char)c, 'b' }, got[32];
            size_t len = log_escape(got, sizeof(got), slice_of(in, 3), (enum escape_style)style);
            assert_true(got[0] == 'a' && got[len - 1] == 'b');
            for (size_t i = 1; i + 1 < len; i++)
                assert_true((unsigned char)got[i] >= 0x20 && (unsigned char)got[i] < 0x7f);
            if (c == '"' || c == '\\')
                assert_true(len == 4 && got[1] == '\\');
            else if (c >= 0x20 && c < 0x7f)
                assert_int_equal(len, 3);
        }
    }
}

/* Each byte at each place of a longer text: runs are looked at eight bytes at a time, and the
 * result must be that of one byte alone. */
static void runs_find_every_byte(void **state)
{
    for (int c = 0; c < 256; c++) {
        char one = (char)c, alone[8];
        size_t alone_len = log_escape(alone, sizeof(alone), slice_of(&one, 1), ESCAPE_COMBINED);
        for (size_t at = 0; at < 20; at++) {
            char text[20], got[32];
            memset(text, 'a', sizeof(text));
            text[at] = one;
            size_t len =
                log_escape(got, sizeof(got), slice_of(text, sizeof(text)), ESCAPE_COMBINED);
            assert_int_equal(len, sizeof(text) - 1 + alone_len);
            assert_memory_equal(got + at, alone, alone_len);
        }
    }
}

static void stops_before_what_does_not_fit(void **state)
{
    char got[16];

    memset(got, '#', sizeof(got));
    assert_int_equal(log_escape(got, 4, SLICE("abc\ndef"), ESCAPE_COMBINED), 3);
    assert_memory_equal(got, "abc#", 4);
    assert_int_equal(log_escape(got, 5, SLICE("abc\ndef"), ESCAPE_COMBINED), 5);
    assert_memory_equal(got, "abc\\n#", 6);
    assert_int_equal(log_escape(got, 0, SLICE("abc"), ESCAPE_JSON), 0);
}

/* Logs into a pipe and gives what arrived. */
static struct slice logged(enum log_level level, const char *text)
{
    static char got[8192];
    int ends[2];

    assert_int_equal(pipe2(ends, O_NONBLOCK), 0);
    log_open(ends[1], LOG_INFO, "worker 0");
    log_line(level, "%s", text);
    ssize_t n = read(ends[0], got, sizeof(got));
    close(ends[0]);
    close(ends[1]);
    return slice_of(got, n > 0 ? (size_t)n : 0);
}

static void a_line_has_its_form(void **state)
{
    struct slice line = logged(LOG_ERROR, "cannot \"do\"\nevil");
    int year, len = 0;

    assert_int_equal(line.ptr[line.len - 1], '\n');
    assert_int_equal(slice_find(line, '\n'), line.len - 1);
    sscanf(line.ptr, "%4d-%*2d-%*2dT%*2d:%*2d:%*2d.%*3dZ%n", &year, &len);
    assert_int_equal(len, 24);
    assert_true(slice_eq(slice_from(line, 24), SLICE(" error worker 0: cannot \"do\"\\x0aevil\n")));
}

static void levels(void **state)
{
    assert_int_equal(logged(LOG_DEBUG, "x").len, 0);
    assert_true(logged(LOG_WARN, "x").len > 0);
    assert_true(log_enabled(LOG_INFO));
    log_set_level(LOG_ERROR);
    assert_false(log_enabled(LOG_WARN));
}

static void long_lines_are_cut(void **state)
{
    static char text[10000];

    memset(text, '\x01', sizeof(text) - 1);
    struct slice line = logged(LOG_INFO, text);
    assert_true(line.len <= 4096 && line.len > 4000);
    assert_int_equal(line.ptr[line.len - 1], '\n');
}

/* The pipe is in blocking mode and full: the caller must come back, and the loss be counted. */
static void a_full_pipe_never_blocks(void **state)
{
    int ends[2];
    uint64_t before = log_dropped();

    assert_int_equal(pipe2(ends, 0), 0);
    assert_true(fcntl(ends[1], F_SETPIPE_SZ, 4096) > 0);
    log_open(ends[1], LOG_INFO, "worker 0");
    for (int i = 0; i < 200; i++)
        log_info("%0100d", i);
    assert_true(log_dropped() - before > 100);
    close(ends[0]);
    close(ends[1]);
}

/* Whoever reads on learns what is missing, once, in front of the next line. */
static void what_was_lost_is_said(void **state)
{
    static char got[64 * 1024];
    int ends[2];
    uint64_t before = log_dropped();

    assert_int_equal(pipe2(ends, O_NONBLOCK), 0);
    assert_true(fcntl(ends[1], F_SETPIPE_SZ, 4096) > 0);
    log_open(ends[1], LOG_INFO, "worker 0");
    while (log_dropped() == before)
        log_info("x");
    log_info("x");
    assert_true(read(ends[0], got, sizeof(got)) > 0);
    log_info("next");
    log_info("and next");
    ssize_t n = read(ends[0], got, sizeof(got) - 1);
    assert_true(n > 0);
    got[n] = '\0';
    assert_non_null(strstr(got, " warn worker 0: 2 lines of this log were lost here\n"));
    assert_true(strstr(got, "lost") < strstr(got, "info worker 0: next\n"));
    assert_null(strstr(strstr(got, ": next"), "lost"));
    assert_int_equal(log_dropped(), before + 2);
    close(ends[0]);
    close(ends[1]);
}

static void a_closed_descriptor_is_counted(void **state)
{
    uint64_t before = log_dropped();

    log_open(-1, LOG_INFO, "x");
    log_info("lost");
    assert_int_equal(log_dropped(), before + 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(escapes),
        cmocka_unit_test(never_leaves_its_quotes),
        cmocka_unit_test(runs_find_every_byte),
        cmocka_unit_test(stops_before_what_does_not_fit),
        cmocka_unit_test(a_line_has_its_form),
        cmocka_unit_test(levels),
        cmocka_unit_test(long_lines_are_cut),
        cmocka_unit_test(a_full_pipe_never_blocks),
        cmocka_unit_test(what_was_lost_is_said),
        cmocka_unit_test(a_closed_descriptor_is_counted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
