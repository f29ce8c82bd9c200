/* SPDX-License-Identifier: Apache-2.0 */
#include "conf/lexer.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

/* A token as the rows write it: words in [], "KEY=>VALUE" in <>, other tokens as { } . and the end
 * as $. */
static void put_token(struct buf *out, const struct token *t)
{
    static const char *const marks[] = {
        [TOKEN_OPEN] = "{", [TOKEN_CLOSE] = "}", [TOKEN_END] = ".", [TOKEN_EOF] = "$"
    };

    if (t->kind != TOKEN_WORD)
        buf_add(out, marks[t->kind]);
    else if (t->word.key.ptr != NULL)
        buf_printf(out, "<%.*s=>%.*s>", SLICE_ARG(t->word.key), SLICE_ARG(t->word.value));
    else
        buf_printf(out, "[%.*s]", SLICE_ARG(t->word.text));
}

struct row {
    const char *why, *text, *want;
    const char *error; /* "LINE:COLUMN-END message" of the first one, NULL for none */
};

/* What diags_print_json() says of the first error, in the form of the rows. */
static void first_error(const struct diags *d, char *ret_text, size_t room)
{
    struct buf out;
    char message[256];
    unsigned line, column, end;

    ret_text[0] = '\0';
    if (diags_errors(d) == 0)
        return;
    buf_init(&out);
    diags_print_json(d, &out);
    buf_append(&out, slice_of("", 1));
    const char *at = strstr(buf_view(&out).ptr, "\"message\":\"");
    assert_int_equal(sscanf(at, "\"message\":\"%255[^\"]\"", message), 1);
    at = strstr(at, "\"line\":");
    assert_int_equal(
        sscanf(at, "\"line\":%u,\"column\":%u,\"end_column\":%u", &line, &column, &end), 3);
    snprintf(ret_text, room, "%u:%u-%u %s", line, column, end, message);
    buf_done(&out);
}

static void check_row(const struct row *row)
{
    struct sources *s = sources_new_memory();
    struct diags *d = diags_new();
    struct arena a;
    struct buf out;
    struct lexer l = { .sources = s, .arena = &a, .diags = d };
    struct token t;
    char error[300];

    print_message("%s\n", row->why);
    sources_put(s, "env", "NAME", SLICE("value"));
    sources_put(s, "env", "SPACED", SLICE("a b;{}\"\n#=${NAME}"));
    sources_put(s, "env", "EMPTY", SLICE(""));
    sources_put(s, "env", "BROKEN", SLICE("\xff"));
    arena_init(&a, NULL);
    buf_init(&out);
    lexer_start(&l, "f", slice_str(row->text));
    assert_false(lexer_check(&l, SIZE_MAX));
    do {
        t = lexer_next(&l);
        put_token(&out, &t);
    } while (t.kind != TOKEN_EOF);
    assert_int_equal(lexer_next(&l).kind, TOKEN_EOF);
    buf_append(&out, slice_of("", 1));
    first_error(d, error, sizeof(error));
    if (row->want != NULL)
        assert_string_equal(buf_view(&out).ptr, row->want);
    assert_string_equal(error, row->error != NULL ? row->error : "");
    lexer_done(&l);
    buf_done(&out);
    arena_done(&a);
    diags_free(d);
    sources_free(s);
}

static void check_rows(const struct row *row)
{
    for (; row->why != NULL; row++)
        check_row(row);
}

static void words_and_marks(void **state)
{
    static const struct row rows[] = {
        { "nothing", "", "$", NULL },
        { "words", "a b\tc\n", "[a][b][c].$", NULL },
        { "CR LF", "a\r\nb\r\n", "[a].[b].$", NULL },
        { "a comment", "a # b { } ; \"\nc", "[a].[c]$", NULL },
        { "# inside a word", "a#b", "[a#b]$", NULL },
        { "; anywhere", "a;b ;c", "[a].[b].[c]$", NULL },
        { "braces at a word's start", "a {b}", "[a]{[b}]$", NULL },
        { "braces inside a word", "a{b}", "[a{b}]$", NULL },
        { "braces need no blanks between them", "{{}}", "{{}}$", NULL },
        { "a brace behind ;", "a;}", "[a].}$", NULL },
        { "a line goes on", "a \\\n  b", "[a][b]$", NULL },
        { "a line goes on, CR LF and blanks", "a \\ \t\r\nb", "[a][b]$", NULL },
        { "a line goes on in the middle of a word", "a\\\nb", "[a][b]$", NULL },
        { "a comment does not go on", "# a \\\nb", ".[b]$", NULL },
        { "a backslash elsewhere is itself", "a\\b \\c", "[a\\b][\\c]$", NULL },
        { "a backslash at the end of the file", "a\\", "[a\\]$", NULL },
        { "a byte order mark",
          "\xef\xbb\xbf"
          "a",
          "[a]$", NULL },
        { "UTF-8", "caf\xc3\xa9", "[caf\xc3\xa9]$", NULL },
        { NULL },
    };
    check_rows(rows);
}

static void quotes(void **state)
{
    static const struct row rows[] = {
        { "blanks and marks", "\"a ;{}#\"", "[a ;{}#]$", NULL },
        { "escapes", "\"\\\"\\\\\\n\\$\"", "[\"\\\n$]$", NULL },
        { "empty", "a \"\"", "[a][]$", NULL },
        { "parts join", "a\"b c\"d", "[ab cd]$", NULL },
        { "a line goes on inside", "\"a\\\nb\"", "[ab]$", NULL },
        { "unknown escape", "x \"a\\qb\"", "[x][ab]$", "1:5-7 unknown escape inside quotes" },
        { "not closed", "x \"abc\ny", "[x][abc].[y]$",
          "1:3-7 this quote is not closed on its line" },
        { "not closed at the end", "\"", "[]$", "1:1-2 this quote is not closed on its line" },
        { "escape at the end", "\"\\", "[]$", "1:2-3 unknown escape inside quotes" },
        { NULL },
    };
    check_rows(rows);
}

static void keys(void **state)
{
    static const struct row rows[] = {
        { "plain", "a=b", "<a=>b>$", NULL },
        { "no value", "a=", "<a=>>$", NULL },
        { "two =", "a=b=c", "<a=>b=c>$", NULL },
        { "a condition", "header:X-Beta=1", "<header:X-Beta=>1>$", NULL },
        { "a quoted value", "a=\"b c\"", "<a=>b c>$", NULL },
        { "a quoted key is none", "\"a\"=b \"a=b\"", "[a=b][a=b]$", NULL },
        { "= alone", "= /ping", "[=][/ping]$", NULL },
        { "a path with a query", "/a?b=c", "[/a?b=c]$", NULL },
        { "a URL with a query", "https://a/?b=c", "[https://a/?b=c]$", NULL },
        { "a number is no key", "1=2", "[1=2]$", NULL },
        { "a variable as the value", "a=${NAME}", "<a=>value>$", NULL },
        { "a variable holds no key", "${NAME}=b", "[value=b]$", NULL },
        { NULL },
    };
    check_rows(rows);
}

static void variables(void **state)
{
    static const struct row rows[] = {
        { "plain", "${NAME}", "[value]$", NULL },
        { "in a word", "a${NAME}b", "[avalueb]$", NULL },
        { "in quotes", "\"a ${NAME} b\"", "[a value b]$", NULL },
        { "what it holds is never read as configuration", "${SPACED} x",
          "[a b;{}\"\n#=${NAME}][x]$", NULL },
        { "a default that is not needed", "${NAME:-x}", "[value]$", NULL },
        { "a default", "${NONE:-x}", "[x]$", NULL },
        { "an empty default", "a ${NONE:-}", "[a][]$", NULL },
        { "empty counts as unset where a default stands", "${EMPTY:-x}", "[x]$", NULL },
        { "empty is a value", "a ${EMPTY}", "[a][]$", NULL },
        { "blanks in a quoted default", "\"${NONE:-a b}\"", "[a b]$", NULL },
        { "unset", "a ${NONE}", "[a][]$", "1:3-10 environment variable NONE is not set" },
        { "unset, in quotes", "\"a ${NONE}\"", "[a ]$",
          "1:4-11 environment variable NONE is not set" },
        { "not UTF-8", "${BROKEN}", "[]$",
          "1:1-10 the value of environment variable BROKEN is not UTF-8" },
        { "$ alone", "$NAME $ $1", "[$NAME][$][$1]$", NULL },
        { "escaped", "\"\\${NAME}\"", "[${NAME}]$", NULL },
        { "no name", "${}", "[}]$",
          "1:1-3 this is no variable: write ${NAME} or ${NAME:-default}" },
        { "a digit first", "${1}", "[}]$",
          "1:1-4 this is no variable: write ${NAME} or ${NAME:-default}" },
        { "another operator", "${NAME+x}", "[+x}]$",
          "1:1-7 this is no variable: write ${NAME} or ${NAME:-default}" },
        { "not closed", "${NAME", "[]$",
          "1:1-7 this is no variable: write ${NAME} or ${NAME:-default}" },
        { "a default that is not closed", "${NAME:-a b}", "[][b}]$",
          "1:1-10 this is no variable: write ${NAME} or ${NAME:-default}" },
        { NULL },
    };
    check_rows(rows);
}

static void bad_bytes(void **state)
{
    static const struct row rows[] = {
        { "not UTF-8", "a\nb \xff\xfe\n", NULL, "2:3-4 byte 0xff is not UTF-8" },
        { "not UTF-8 in a comment", "# \xe9", NULL, "1:3-4 byte 0xe9 is not UTF-8" },
        { "escape", "a \x1b[2J", NULL, "1:3-4 byte 0x1b is a control byte" },
        { "delete", "a\x7f", NULL, "1:2-3 byte 0x7f is a control byte" },
        { "CR inside a line", "a\rb", NULL, "1:2-3 byte 0x0d is a control byte" },
        { NULL },
    };
    check_rows(rows);
}

static void a_nul(void **state)
{
    struct sources *s = sources_new_memory();
    struct diags *d = diags_new();
    struct arena a;
    struct lexer l = { .sources = s, .arena = &a, .diags = d };
    char error[300];

    arena_init(&a, NULL);
    lexer_start(&l, "f", SLICE("a b\0c d\n"));
    assert_false(lexer_check(&l, SIZE_MAX));
    while (lexer_next(&l).kind != TOKEN_EOF)
        ;
    first_error(d, error, sizeof(error));
    assert_string_equal(error, "1:4-5 byte 0x00 is a NUL");
    assert_int_equal(diags_errors(d), 1);
    lexer_done(&l);
    arena_done(&a);
    diags_free(d);
    sources_free(s);
}

static void bounds(void **state)
{
    static char line[CONF_LINE_MAX + 3], word[CONF_WORD_MAX * 2];
    const struct row long_line = { "a long line", line, NULL,
                                   "1:1-2 this line is longer than 65536 bytes" };
    const struct row long_word = { "a word of many short lines", word, NULL,
                                   "1:1-3 this word is longer than 65536 bytes" };

    memset(line, ' ', CONF_LINE_MAX + 1);
    check_row(&long_line);
    line[CONF_LINE_MAX] = '\0';
    const struct row fits = { "just not too long", line, "$", NULL };
    check_row(&fits);

    word[0] = '"';
    for (size_t i = 1; i + 100 < sizeof(word); i += 100) {
        memset(word + i, 'x', 100);
        memcpy(word + i, "\\\n", 2);
    }
    word[strlen(word)] = '"';
    check_row(&long_word);
}

static void spans(void **state)
{
    struct sources *s = sources_new_memory();
    struct diags *d = diags_new();
    struct arena a;
    struct lexer l = { .sources = s, .arena = &a, .diags = d };

    arena_init(&a, NULL);
    lexer_start(&l, "f", SLICE("a\n\t\"b c\" {\n"));
    assert_false(lexer_check(&l, SIZE_MAX));
    struct token t = lexer_next(&l);
    assert_int_equal(t.word.span.line, 1);
    assert_int_equal(t.word.span.column, 1);
    assert_int_equal(t.word.span.end_column, 2);
    lexer_next(&l);
    t = lexer_next(&l);
    assert_true(t.word.quoted);
    assert_int_equal(t.word.span.line, 2);
    assert_int_equal(t.word.span.column, 2);
    assert_int_equal(t.word.span.end_column, 7);
    t = lexer_next(&l);
    assert_int_equal(t.kind, TOKEN_OPEN);
    assert_int_equal(t.word.span.column, 8);
    assert_int_equal(t.word.span.end_column, 9);
    lexer_done(&l);
    arena_done(&a);
    diags_free(d);
    sources_free(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(words_and_marks), cmocka_unit_test(quotes),    cmocka_unit_test(keys),
        cmocka_unit_test(variables),       cmocka_unit_test(bad_bytes), cmocka_unit_test(a_nul),
        cmocka_unit_test(bounds),          cmocka_unit_test(spans),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
