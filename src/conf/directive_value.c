/* SPDX-License-Identifier: Apache-2.0 */
#include "conf/directive_value.h"

#include "base/buf.h"
#include "base/parse.h"

#include <assert.h>
#include <errno.h>

static int parse_number(enum directive_type type, struct slice text, uint64_t *ret_value)
{
    if (type == DIR_SIZE)
        return parse_size(text, ret_value);
    if (type == DIR_DURATION)
        return parse_duration(text, ret_value);
    return parse_uint(text, UINT64_MAX, ret_value);
}

static int read_number(const struct directive *row, struct slice text, uint64_t *ret_value)
{
    uint64_t value;
    int r = parse_number(row->type, text, &value);

    if (r < 0)
        return r;
    if (value < row->min || (row->max > 0 && value > row->max))
        return -ERANGE;
    *ret_value = value;
    return 0;
}

static int read_bool(struct slice text, bool *ret_value)
{
    bool on = slice_eq(text, SLICE("on"));

    if (!on && !slice_eq(text, SLICE("off")))
        return -EINVAL;
    *ret_value = on;
    return 0;
}

static int read_enum(const char *const *words, struct slice text, int *ret_index)
{
    for (int i = 0; words[i] != NULL; i++)
        if (slice_eq(slice_str(words[i]), text)) {
            *ret_index = i;
            return 0;
        }
    return -EINVAL;
}

int directive_read(const struct directive *row, struct slice text, void *target)
{
    void *at = (char *)target + row->offset;

    switch (row->type) {
    case DIR_UINT:
    case DIR_SIZE:
    case DIR_DURATION:
        return read_number(row, text, at);
    case DIR_BOOL:
        return read_bool(text, at);
    case DIR_TEXT:
        *(struct slice *)at = text;
        return 0;
    case DIR_ENUM:
        return read_enum(row->words, text, at);
    default:
        assert(!"a row of this type has no value");
        return -EINVAL;
    }
}

struct unit {
    uint64_t factor;
    const char *name;
};

/* A bound as one would write it: 1h, not 3600000. */
static void put_number(struct buf *out, enum directive_type type, uint64_t value)
{
    static const struct unit sizes[] = {
        { 1 << 30, "g" }, { 1 << 20, "m" }, { 1 << 10, "k" }, { 1, "" }
    };
    static const struct unit durations[] = {
        { 86400000, "d" }, { 3600000, "h" }, { 60000, "m" }, { 1000, "s" }, { 1, "ms" }
    };
    static const struct unit plain[] = { { 1, "" } };
    const struct unit *unit = type == DIR_SIZE ? sizes : type == DIR_DURATION ? durations : plain;

    while (unit->factor > 1 && (value == 0 || value % unit->factor != 0))
        unit++;
    buf_printf(out, "%llu%s", (unsigned long long)(value / unit->factor), unit->name);
}

static void say_range(struct dir_run *run, const struct directive *row, const struct span *at,
                      struct slice text)
{
    struct buf words;

    buf_init(&words);
    put_number(&words, row->type, row->min);
    if (row->max > 0) {
        buf_add(&words, " to ");
        put_number(&words, row->type, row->max);
    } else {
        buf_add(&words, " or more, within 64 bits");
    }
    diags_add(run->diags, DIAG_ERROR, "out-of-range", at, "\"%.*s\" is out of range for \"%s\"",
              SLICE_ARG(slice_first(text, 64)), row->name);
    diags_remark(run->diags, "allowed: %.*s", SLICE_ARG(buf_view(&words)));
    buf_done(&words);
}

static void hint_words(struct dir_run *run, const struct directive *row, struct slice text)
{
    const char *nearest = diag_nearest(text, row->words);
    struct buf words;

    if (nearest != NULL)
        diags_remark(run->diags, "did you mean \"%s\"?", nearest);
    buf_init(&words);
    for (const char *const *word = row->words; *word != NULL; word++)
        buf_printf(&words, "%s%s", word == row->words ? "" : ", ", *word);
    diags_hint(run->diags, NULL, "allowed: %.*s", SLICE_ARG(buf_view(&words)));
    buf_done(&words);
}

static void hint_duration(struct dir_run *run, struct slice text)
{
    uint64_t plain;

    if (parse_uint(text, UINT64_MAX, &plain) == 0)
        diags_remark(run->diags, "a duration needs a unit: did you mean \"%.*ss\"?",
                     SLICE_ARG(text));
    diags_hint(run->diags, NULL, "a duration is a number with ms, s, m, h or d: 500ms, 2s, 5m");
}

static void say_form(struct dir_run *run, const struct directive *row, const struct span *at,
                     struct slice text)
{
    static const char *const forms[] = { [DIR_UINT] = "is not a number",
                                         [DIR_SIZE] = "is not a size",
                                         [DIR_DURATION] = "is not a duration",
                                         [DIR_BOOL] = "is neither on nor off",
                                         [DIR_ENUM] = "is not known" };

    diags_add(run->diags, DIAG_ERROR, "bad-value", at, "\"%.*s\" %s, as \"%s\" needs it",
              SLICE_ARG(slice_first(text, 64)), forms[row->type], row->name);
    if (row->type == DIR_ENUM)
        hint_words(run, row, text);
    else if (row->type == DIR_DURATION)
        hint_duration(run, text);
    else if (row->type == DIR_SIZE)
        diags_hint(run->diags, NULL,
                   "a size is a number of bytes, or one with k, m or g: 64k, 10m");
    else if (row->type == DIR_UINT)
        diags_hint(run->diags, NULL, "a number is decimal digits alone");
}

/* The place of the text: the whole word, or the VALUE of KEY=VALUE. */
static struct span value_span(const struct conf_word *word, struct slice text)
{
    struct span span = word->span;

    if (word->key.ptr != NULL && text.ptr == word->value.ptr && text.len > 0)
        span.column += (unsigned)word->key.len + 1;
    return span;
}

int directive_value(struct dir_run *run, const struct directive *row, const struct conf_word *word,
                    struct slice text, void *target)
{
    struct span at = value_span(word, text);
    int r = directive_read(row, text, target);

    if (r == 0 && row->span_offset != 0)
        memcpy((char *)target + row->span_offset, &at, sizeof(at));
    if (r == -ERANGE)
        say_range(run, row, &at, text);
    else if (r < 0)
        say_form(run, row, &at, text);
    return r == 0 ? 0 : -EINVAL;
}
