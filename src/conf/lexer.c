/* SPDX-License-Identifier: Apache-2.0 */
#include "conf/lexer.h"

#include "base/utf8.h"

#include <stdint.h>

struct place {
    size_t at, line_start; /* offsets in the text */
    unsigned line;
};

static struct place here(const struct lexer *l)
{
    return (struct place){ l->at, l->line_start, l->line };
}

/* The span of `bytes` bytes from a place on, cut at its line's end. */
static struct span span_at(const struct lexer *l, struct place from, size_t bytes)
{
    struct slice rest = slice_first(slice_from(l->text, from.at), bytes);
    unsigned column = (unsigned)(from.at - from.line_start) + 1;
    unsigned width = (unsigned)slice_find(rest, '\n');

    return (struct span){ .file = l->file,
                          .text = l->text,
                          .line = from.line,
                          .column = column,
                          .end_column = column + (width > 0 ? width : 1) };
}

static struct span span_since(const struct lexer *l, struct place from)
{
    return span_at(l, from, l->at - from.at);
}

/* The byte so far ahead, or -1 at the end of the text. */
static int peek(const struct lexer *l, size_t ahead)
{
    return ahead < l->text.len - l->at ? (unsigned char)l->text.ptr[l->at + ahead] : -1;
}

static void advance(struct lexer *l, size_t bytes)
{
    for (; bytes > 0; bytes--)
        if (l->text.ptr[l->at++] == '\n') {
            l->line++;
            l->line_start = l->at;
        }
}

static bool is_blank(int c)
{
    return c == ' ' || c == '\t' || c == '\r';
}

/* Bytes of the backslash, blanks and newline by which a line goes on; 0 when none stands here. */
static size_t continuation(const struct lexer *l)
{
    size_t n = 1;

    if (peek(l, 0) != '\\')
        return 0;
    while (is_blank(peek(l, n)))
        n++;
    return peek(l, n) == '\n' ? n + 1 : 0;
}

/* What is wrong with the first byte of a line's rest, NULL when its character is fine. */
static const char *bad_byte(struct slice s)
{
    unsigned char c = (unsigned char)s.ptr[0];
    bool ends_line = c == '\r' && s.len == 1; /* of a CR LF */

    if (utf8_next(s) == 0)
        return "is not UTF-8";
    if (c == 0)
        return "is a NUL";
    if ((c < 0x20 && c != '\t' && !ends_line) || c == 0x7f)
        return "is a control byte";
    return NULL;
}

/* Reports the first bad byte of a line; one is enough to find them all. */
static void check_line(const struct lexer *l, struct place start, struct slice line)
{
    if (line.len > CONF_LINE_MAX) {
        struct span span = span_at(l, start, 1);
        diags_add(l->diags, DIAG_ERROR, "long-line", &span, "this line is longer than %d bytes",
                  CONF_LINE_MAX);
    }
    while (line.len > 0) {
        const char *wrong = bad_byte(line);
        if (wrong != NULL) {
            start.at = (size_t)(line.ptr - l->text.ptr);
            struct span span = span_at(l, start, 1);
            diags_add(l->diags, DIAG_ERROR, "bad-byte", &span, "byte 0x%02x %s",
                      (unsigned char)line.ptr[0], wrong);
            return;
        }
        line = slice_from(line, utf8_next(line));
    }
}

bool lexer_check(struct lexer *l, size_t bytes)
{
    size_t from = l->checked;

    while (l->checked < l->text.len && l->checked - from < bytes) {
        struct slice rest = slice_from(l->text, l->checked);
        struct slice line = slice_first(rest, slice_find(rest, '\n'));
        check_line(l, (struct place){ l->checked, l->checked, ++l->checked_lines }, line);
        l->checked += line.len + 1;
    }
    return l->checked < l->text.len;
}

void lexer_start(struct lexer *l, const char *file, struct slice text)
{
    if (slice_starts(text, SLICE("\xef\xbb\xbf"))) /* a byte order mark, as some editors leave */
        text = slice_from(text, 3);
    l->file = file;
    l->text = text;
    l->at = l->line_start = l->checked = 0;
    l->line = 1;
    l->checked_lines = 0;
    buf_init(&l->word);
}

void lexer_done(struct lexer *l)
{
    buf_done(&l->word);
}

/* One byte too many is kept: it tells that the word is too long. */
static void put(struct lexer *l, struct slice bytes)
{
    buf_append(&l->word, slice_first(bytes, CONF_WORD_MAX + 1 - buf_len(&l->word)));
}

static void put_char(struct lexer *l, char c)
{
    put(l, slice_of(&c, 1));
}

static void skip_blanks(struct lexer *l)
{
    for (;;) {
        size_t over = continuation(l);
        if (over > 0)
            advance(l, over);
        else if (is_blank(peek(l, 0)))
            advance(l, 1);
        else
            break;
    }
    if (peek(l, 0) == '#')
        while (peek(l, 0) >= 0 && peek(l, 0) != '\n')
            advance(l, 1);
}

static bool is_name_char(int c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

static struct slice take_name(struct lexer *l)
{
    size_t start = l->at;

    while (is_name_char(peek(l, 0)))
        advance(l, 1);
    return slice_of(l->text.ptr + start, l->at - start);
}

/* Takes ":-default}" or "}"; false when neither stands here. *ret_fallback.ptr is NULL without a
 * default. */
static bool take_fallback(struct lexer *l, bool quoted, struct slice *ret_fallback)
{
    *ret_fallback = slice_of(NULL, 0);
    if (peek(l, 0) == '}') {
        advance(l, 1);
        return true;
    }
    if (peek(l, 0) != ':' || peek(l, 1) != '-')
        return false;
    advance(l, 2);
    size_t start = l->at;
    for (int c; (c = peek(l, 0)) != '}'; advance(l, 1))
        if (c < 0 || c == '\n' || c == '"' || (!quoted && is_blank(c)))
            return false;
    *ret_fallback = slice_of(l->text.ptr + start, l->at - start);
    advance(l, 1);
    return true;
}

static bool is_text(struct slice s)
{
    if (slice_find(s, '\0') < s.len)
        return false;
    for (size_t len; s.len > 0; s = slice_from(s, len))
        if ((len = utf8_next(s)) == 0)
            return false;
    return true;
}

static void put_variable(struct lexer *l, struct place start, struct slice name,
                         struct slice fallback)
{
    struct slice value;
    struct span span = span_since(l, start);
    const char *text = arena_copy(l->arena, name).ptr;
    bool is_set = sources_env(l->sources, text, &value);

    /* As in a shell, ":-" stands in for an empty variable too. */
    if (fallback.ptr != NULL && (!is_set || value.len == 0)) {
        put(l, fallback);
    } else if (!is_set) {
        diags_add(l->diags, DIAG_ERROR, "unset-variable", &span,
                  "environment variable %s is not set", text);
        diags_remark(l->diags, "${%s:-default} would do without it", text);
    } else if (!is_text(value)) {
        diags_add(l->diags, DIAG_ERROR, "bad-byte", &span,
                  "the value of environment variable %s is not UTF-8", text);
    } else {
        put(l, value);
    }
}

/* ${NAME} or ${NAME:-default}. The value is taken as it is: it never ends the word and is never
 * read as configuration. */
static void take_variable(struct lexer *l, bool quoted)
{
    struct place start = here(l);
    struct slice fallback;

    advance(l, 2);
    struct slice name = take_name(l);
    if (name.len > 0 && !(name.ptr[0] >= '0' && name.ptr[0] <= '9') &&
        take_fallback(l, quoted, &fallback)) {
        put_variable(l, start, name, fallback);
        return;
    }
    struct span span = span_since(l, start);
    diags_add(l->diags, DIAG_ERROR, "bad-variable", &span,
              "this is no variable: write ${NAME} or ${NAME:-default}");
    diags_hint(l->diags, NULL, "a plain \"${\" is written \"\\${\" inside quotes");
}

static void take_escape(struct lexer *l)
{
    size_t over = continuation(l);
    if (over > 0) {
        advance(l, over);
        return;
    }

    struct place start = here(l);
    int c = peek(l, 1);
    advance(l, 1);
    if (c == '"' || c == '\\' || c == '$') {
        put_char(l, (char)c);
    } else if (c == 'n') {
        put_char(l, '\n');
    } else {
        struct span span = span_at(l, start, 2);
        diags_add(l->diags, DIAG_ERROR, "unknown-escape", &span, "unknown escape inside quotes");
        diags_remark(l->diags, "known are \\\" \\\\ \\n \\$; a plain backslash is \\\\");
    }
    if (c >= 0 && c != '\n')
        advance(l, 1);
}

/* From the opening quote to behind the closing one, or to the end of the line. */
static void take_quoted(struct lexer *l)
{
    struct place start = here(l);

    advance(l, 1);
    for (;;) {
        int c = peek(l, 0);
        if (c == '"') {
            advance(l, 1);
            return;
        }
        if (c < 0 || c == '\n') {
            struct span span = span_since(l, start);
            diags_add(l->diags, DIAG_ERROR, "unclosed-quote", &span,
                      "this quote is not closed on its line");
            diags_hint(l->diags, NULL, "a line break inside quotes is written \\n");
            return;
        }
        if (c == '\\') {
            take_escape(l);
        } else if (c == '$' && peek(l, 1) == '{') {
            take_variable(l, true);
        } else {
            put_char(l, (char)c);
            advance(l, 1);
        }
    }
}

/* The KEY of KEY=VALUE: a letter, then letters, digits and _ - . : so that neither an address nor a
 * path with a query is taken for one. */
static bool is_key(struct slice s)
{
    if (s.ptr == NULL || s.len == 0 || !is_name_char(s.ptr[0]) || s.ptr[0] == '_' ||
        (s.ptr[0] >= '0' && s.ptr[0] <= '9'))
        return false;
    for (size_t i = 1; i < s.len; i++)
        if (!is_name_char(s.ptr[i]) && s.ptr[i] != '-' && s.ptr[i] != '.' && s.ptr[i] != ':')
            return false;
    return true;
}

static bool ends_word(const struct lexer *l)
{
    int c = peek(l, 0);

    return c < 0 || c == '\n' || c == ';' || is_blank(c) || continuation(l) > 0;
}

/* Reads the word's parts into l->word. Returns the length of its KEY, 0 for none. */
static size_t take_parts(struct lexer *l, bool *ret_quoted)
{
    bool plain = true; /* so far nothing was quoted or a variable, nor an '=' */
    size_t key_len = 0;

    while (!ends_word(l)) {
        int c = peek(l, 0);
        if (c == '"') {
            take_quoted(l);
            *ret_quoted = true;
            plain = false;
        } else if (c == '$' && peek(l, 1) == '{') {
            take_variable(l, false);
            plain = false;
        } else {
            if (c == '=' && plain) {
                key_len = is_key(buf_view(&l->word)) ? buf_len(&l->word) : 0;
                plain = false;
            }
            put_char(l, (char)c);
            advance(l, 1);
        }
    }
    return key_len;
}

static struct token take_word(struct lexer *l)
{
    struct place start = here(l);
    struct conf_word word = { .quoted = false };

    buf_clear(&l->word);
    size_t key_len = take_parts(l, &word.quoted);
    word.span = span_since(l, start);
    if (buf_len(&l->word) > CONF_WORD_MAX)
        diags_add(l->diags, DIAG_ERROR, "long-word", &word.span,
                  "this word is longer than %d bytes", CONF_WORD_MAX);
    word.text = arena_copy(l->arena, buf_view(&l->word));
    if (key_len > 0) {
        word.key = slice_first(word.text, key_len);
        word.value = slice_of(word.text.ptr + key_len + 1, word.text.len - key_len - 1);
    }
    return (struct token){ TOKEN_WORD, word };
}

static struct token take_mark(struct lexer *l, enum token_kind kind, size_t bytes)
{
    struct token t = { kind, { .span = span_at(l, here(l), bytes) } };

    advance(l, bytes);
    return t;
}

struct token lexer_next(struct lexer *l)
{
    skip_blanks(l);
    switch (peek(l, 0)) {
    case -1:
        return take_mark(l, TOKEN_EOF, 0);
    case '\n':
    case ';':
        return take_mark(l, TOKEN_END, 1);
    case '{':
        return take_mark(l, TOKEN_OPEN, 1);
    case '}':
        return take_mark(l, TOKEN_CLOSE, 1);
    default:
        return take_word(l);
    }
}
