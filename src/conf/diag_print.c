/* SPDX-License-Identifier: Apache-2.0 */
#include "base/json.h"
#include "base/log.h"
#include "base/utf8.h"
#include "conf/diag.h"
#include "conf/diag_list.h"

#include <stdio.h>

#define TAB_COLUMNS    4   /* a tab is shown as so many blanks */
#define EXCERPT_BEFORE 80  /* bytes of a long line shown before the place */
#define EXCERPT_MAX    160 /* bytes of a line shown at all */

struct paint {
    const char *error, *warning, *strong, *faint, *end;
};
static const struct paint plain = { "", "", "", "", "" };
static const struct paint coloured = { "\033[1;31m", "\033[1;33m", "\033[1m", "\033[34m",
                                       "\033[0m" };

static const char *severity_name(enum diag_severity severity)
{
    return severity == DIAG_ERROR ? "error" : "warning";
}

/* Appends words that may hold bytes of the file or of a file's name, which could move a terminal.
 */
static void put_safe(struct buf *out, struct slice words)
{
    size_t room = words.len * 6;
    size_t len = log_escape(buf_reserve(out, room), room, words, ESCAPE_LINE);

    buf_commit(out, len);
}

/* Appends part of a line as it is shown; returns its width in columns. */
static size_t put_excerpt(struct buf *out, struct slice part)
{
    size_t columns = 0;

    while (part.len > 0) {
        size_t taken = utf8_next(part);
        size_t before = buf_len(out);
        if (part.ptr[0] == '\t')
            buf_printf(out, "%*s", TAB_COLUMNS, "");
        else
            put_safe(out, slice_first(part, taken > 0 ? taken : 1));
        /* A character of several bytes takes one column, an escape as many as it has letters. */
        size_t len = buf_len(out) - before;
        columns += taken > 1 && len == taken ? 1 : len;
        part = slice_from(part, taken > 0 ? taken : 1);
    }
    return columns;
}

static void put_repeated(struct buf *out, char c, size_t count)
{
    if (count > 0)
        memset(buf_reserve(out, count), c, count);
    buf_commit(out, count);
}

static bool is_continuation(char c) /* of a UTF-8 sequence */
{
    return ((unsigned char)c & 0xc0) == 0x80;
}

/* The first byte of a line that is shown: of a long one, a bit before the place, on a character's
 * bound. */
static size_t first_shown(struct slice line, size_t column)
{
    if (line.len <= EXCERPT_MAX || column <= EXCERPT_BEFORE || column > line.len)
        return 0;
    size_t from = column - EXCERPT_BEFORE;
    while (from > 0 && is_continuation(line.ptr[from]))
        from--;
    return from;
}

static struct slice excerpt(struct slice line, size_t from)
{
    struct slice rest = slice_from(line, from);
    size_t len = EXCERPT_MAX;

    while (len < rest.len && is_continuation(rest.ptr[len]))
        len++;
    return slice_first(rest, len);
}

/* The line, and carets under the span. */
static void put_place(struct buf *out, const struct span *s, struct slice remark, int gutter,
                      const struct paint *paint)
{
    struct slice line = s->text; /* the one line: diags_add() keeps no more */
    size_t column = s->column > 0 ? s->column - 1 : 0;
    size_t from = first_shown(line, column);
    size_t start = column - from;
    struct slice shown = excerpt(line, from);
    size_t width = s->end_column > s->column ? s->end_column - s->column : 1;

    buf_printf(out, "%s%*u |%s ", paint->faint, gutter, s->line, paint->end);
    size_t pad = put_excerpt(out, slice_first(shown, start));
    size_t carets = put_excerpt(out, slice_first(slice_from(shown, start), width));
    put_excerpt(out, slice_from(slice_from(shown, start), width));
    buf_printf(out, "\n%s%*s |%s ", paint->faint, gutter, "", paint->end);
    put_repeated(out, ' ', pad);
    buf_add(out, paint->error);
    put_repeated(out, '^', carets > 0 ? carets : 1);
    if (remark.len > 0) {
        buf_add(out, " ");
        put_safe(out, remark);
    }
    buf_printf(out, "%s\n", paint->end);
}

static void put_location(struct buf *out, const struct span *s)
{
    put_safe(out, slice_str(s->file));
    if (s->line > 0)
        buf_printf(out, ":%u:%u", s->line, s->column);
}

/* The columns the line numbers of this one need. */
static int gutter_of(const struct diag *one)
{
    unsigned highest = one->span.line;
    int digits = 1;

    LIST_EACH (&one->hints, at) {
        const struct diag_hint *hint = CONTAINER_OF(at, struct diag_hint, link);
        if (hint->also.line > highest)
            highest = hint->also.line;
    }
    for (; highest >= 10; highest /= 10)
        digits++;
    return digits;
}

static void put_span(struct buf *out, const struct span *s, struct slice remark, int gutter,
                     const struct paint *paint)
{
    buf_printf(out, "%s  -->%s ", paint->faint, paint->end);
    put_location(out, s);
    buf_add(out, "\n");
    if (s->line > 0)
        put_place(out, s, remark, gutter, paint);
}

static void put_diag(struct buf *out, const struct diag *one, const struct paint *paint)
{
    int gutter = gutter_of(one);

    buf_printf(out, "%s%s:%s %s", one->severity == DIAG_ERROR ? paint->error : paint->warning,
               severity_name(one->severity), paint->end, paint->strong);
    put_safe(out, one->message);
    buf_printf(out, "%s\n", paint->end);
    if (one->span.file != NULL)
        put_span(out, &one->span, one->remark, gutter, paint);
    LIST_EACH (&one->hints, at) {
        const struct diag_hint *hint = CONTAINER_OF(at, struct diag_hint, link);
        buf_printf(out, "%s%*s =%s ", paint->faint, gutter, "", paint->end);
        put_safe(out, hint->text);
        buf_add(out, "\n");
        if (hint->also.file != NULL)
            put_span(out, &hint->also, slice_of(NULL, 0), gutter, paint);
    }
}

static size_t hidden(const struct diags *d, enum diag_severity severity)
{
    return d->count[severity] > DIAG_MAX ? d->count[severity] - DIAG_MAX : 0;
}

static void put_count(struct buf *out, const char *before, size_t count, const char *what)
{
    if (count > 0)
        buf_printf(out, "%s%zu %s%s", before, count, what, count == 1 ? "" : "s");
}

static void put_summary(struct buf *out, const struct diags *d, const char *outcome)
{
    const char *between = d->count[DIAG_ERROR] > 0 ? ", " : "";

    put_count(out, "", d->count[DIAG_ERROR], "error");
    put_count(out, between, d->count[DIAG_WARNING], "warning");
    if (hidden(d, DIAG_ERROR) > 0 || hidden(d, DIAG_WARNING) > 0)
        buf_printf(out, " (the first %d of each are shown)", DIAG_MAX);
    if (outcome != NULL)
        buf_printf(out, "; %s", outcome);
    buf_add(out, "\n");
}

void diags_print(const struct diags *d, bool colour, const char *outcome, struct buf *out)
{
    if (d->count[DIAG_ERROR] == 0 && d->count[DIAG_WARNING] == 0)
        return;
    LIST_EACH (&d->shown, at)
        put_diag(out, CONTAINER_OF(at, struct diag, link), colour ? &coloured : &plain);
    put_summary(out, d, outcome);
}

/* Remark and hints as one sentence; nothing for none. */
static void put_advice(struct buf *out, const struct diag *one)
{
    size_t before = buf_len(out);

    buf_append(out, one->remark);
    LIST_EACH (&one->hints, at) {
        const struct diag_hint *hint = CONTAINER_OF(at, struct diag_hint, link);
        buf_add(out, buf_len(out) > before ? "; " : "");
        buf_append(out, hint->text);
        if (hint->also.file != NULL)
            buf_printf(out, " %s:%u:%u", hint->also.file, hint->also.line, hint->also.column);
    }
}

static void put_json_hint(struct json *j, const struct diag *one)
{
    struct buf all;

    buf_init(&all);
    put_advice(&all, one);
    json_text(j, "hint", buf_view(&all)); /* null for none */
    buf_done(&all);
}

static void put_json_place(struct json *j, const char *name, unsigned value)
{
    if (value > 0)
        json_number(j, name, value);
    else
        json_null(j, name);
}

static void put_json_span(struct json *j, const struct span *s)
{
    json_word(j, "file", s->file);
    put_json_place(j, "line", s->line);
    put_json_place(j, "column", s->column);
    put_json_place(j, "end_column", s->end_column);
}

static void put_json_diag(struct json *j, const struct diag *one)
{
    json_object(j, NULL);
    json_word(j, "severity", severity_name(one->severity));
    json_word(j, "code", one->code);
    json_text(j, "message", one->message);
    put_json_span(j, &one->span);
    put_json_hint(j, one);
    json_object_end(j);
}

static void put_json_hidden(struct json *j, const struct diags *d, enum diag_severity severity)
{
    char message[64];

    if (hidden(d, severity) == 0)
        return;
    snprintf(message, sizeof(message), "%zu more of these are not shown", hidden(d, severity));
    json_object(j, NULL);
    json_word(j, "severity", severity_name(severity));
    json_word(j, "code", "not-shown");
    json_word(j, "message", message);
    put_json_span(j, &(struct span){ 0 });
    json_null(j, "hint");
    json_object_end(j);
}

void diags_print_json(const struct diags *d, struct buf *out)
{
    struct json j = json_to(out);

    json_list(&j, NULL);
    LIST_EACH (&d->shown, at)
        put_json_diag(&j, CONTAINER_OF(at, struct diag, link));
    put_json_hidden(&j, d, DIAG_ERROR);
    put_json_hidden(&j, d, DIAG_WARNING);
    json_list_end(&j);
    buf_add(out, "\n");
}

static void put_line(struct buf *out, const struct diag *one)
{
    struct buf advice;

    buf_init(&advice);
    put_advice(&advice, one);
    buf_printf(out, "%s: ", severity_name(one->severity));
    if (one->span.file != NULL) {
        put_location(out, &one->span);
        buf_add(out, ": ");
    }
    put_safe(out, one->message);
    buf_add(out, buf_len(&advice) > 0 ? "; " : "");
    put_safe(out, buf_view(&advice));
    buf_add(out, "\n");
    buf_done(&advice);
}

static void put_hidden_line(struct buf *out, const struct diags *d, enum diag_severity severity)
{
    if (hidden(d, severity) > 0)
        buf_printf(out, "%s: %zu more of these are not shown\n", severity_name(severity),
                   hidden(d, severity));
}

void diags_print_lines(const struct diags *d, struct buf *out)
{
    LIST_EACH (&d->shown, at)
        put_line(out, CONTAINER_OF(at, struct diag, link));
    put_hidden_line(out, d, DIAG_ERROR);
    put_hidden_line(out, d, DIAG_WARNING);
}
