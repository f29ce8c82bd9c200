/* SPDX-License-Identifier: Apache-2.0 */
#include "conf/diag.h"

#include "base/arena.h"
#include "base/mem.h"
#include "conf/diag_list.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>

struct diags *diags_new(void)
{
    struct diags *d = mem_zalloc(sizeof(*d));

    arena_init(&d->arena, NULL);
    list_init(&d->shown);
    return d;
}

void diags_free(struct diags *d)
{
    if (d == NULL)
        return;
    arena_done(&d->arena);
    mem_free(d);
}

size_t diags_errors(const struct diags *d)
{
    return d->count[DIAG_ERROR];
}

size_t diags_warnings(const struct diags *d)
{
    return d->count[DIAG_WARNING];
}

static struct slice words(struct diags *d, const char *format, va_list args)
{
    char text[2048]; /* longer words are cut: nobody reads them to the end */
    int len = vsnprintf(text, sizeof(text), format, args);

    if (len < 0)
        len = 0;
    return arena_copy(&d->arena, slice_first(slice_str(text), (size_t)len));
}

#define LINE_KEPT 65536 /* bytes; a longer line is an error of its own */

/* The line of the span, without its end. */
static struct slice line_of(const struct span *s)
{
    struct slice rest = s->text, line = slice_of(NULL, 0);

    for (unsigned i = 0; i < s->line; i++)
        if (!slice_split(&rest, '\n', &line))
            return slice_of(NULL, 0);
    if (slice_ends(line, SLICE("\r")))
        line.len--;
    return slice_first(line, LINE_KEPT);
}

/* A copy that needs neither the file's name nor its contents any more: `text` is the one line. */
static struct span keep(struct diags *d, const struct span *at)
{
    if (at == NULL || at->file == NULL)
        return (struct span){ 0 };
    struct span kept = *at;
    kept.file = arena_copy(&d->arena, slice_str(at->file)).ptr;
    kept.text = arena_copy(&d->arena, line_of(at));
    return kept;
}

void diags_add(struct diags *d, enum diag_severity severity, const char *code,
               const struct span *at, const char *format, ...)
{
    d->last = NULL;
    if (++d->count[severity] > DIAG_MAX)
        return;

    struct diag *one = arena_zalloc(&d->arena, sizeof(*one));
    one->severity = severity;
    one->code = code;
    one->span = keep(d, at);
    list_init(&one->hints);
    va_list args;
    va_start(args, format);
    one->message = words(d, format, args);
    va_end(args);
    list_append(&d->shown, &one->link);
    d->last = one;
}

void diags_remark(struct diags *d, const char *format, ...)
{
    if (d->last == NULL)
        return;
    va_list args;
    va_start(args, format);
    d->last->remark = words(d, format, args);
    va_end(args);
}

void diags_hint(struct diags *d, const struct span *also, const char *format, ...)
{
    if (d->last == NULL)
        return;

    struct diag_hint *hint = arena_zalloc(&d->arena, sizeof(*hint));
    hint->also = keep(d, also);
    va_list args;
    va_start(args, format);
    hint->text = words(d, format, args);
    va_end(args);
    list_append(&d->last->hints, &hint->link);
}

#define NEAREST_MAX 64 /* bytes of the longest word that is compared */
#define DISTANCE    2

static unsigned least(unsigned a, unsigned b)
{
    return a < b ? a : b;
}

/* Optimal string alignment: inserts, deletes, replacements and swaps of neighbours. Both words are
 * at most NEAREST_MAX bytes long. */
static unsigned distance(struct slice a, struct slice b)
{
    unsigned rows[3][NEAREST_MAX + 1];
    unsigned *before = rows[0], *above = rows[1], *row = rows[2];

    for (unsigned k = 0; k <= b.len; k++)
        above[k] = k;
    for (unsigned i = 1; i <= a.len; i++) {
        row[0] = i;
        for (unsigned k = 1; k <= b.len; k++) {
            unsigned same = a.ptr[i - 1] == b.ptr[k - 1] ? 0 : 1;
            row[k] = least(above[k - 1] + same, least(above[k], row[k - 1]) + 1);
            if (i > 1 && k > 1 && a.ptr[i - 1] == b.ptr[k - 2] && a.ptr[i - 2] == b.ptr[k - 1])
                row[k] = least(row[k], before[k - 2] + 1);
        }
        unsigned *spare = before;
        before = above;
        above = row;
        row = spare;
    }
    return above[b.len];
}

const char *diag_nearest(struct slice word, const char *const *among)
{
    const char *best = NULL;
    /* Two changes make any three letters into any other word. */
    unsigned limit = word.len <= 3 ? 1 : DISTANCE;

    if (word.len < 2 || word.len > NEAREST_MAX)
        return NULL;
    for (; *among != NULL; among++) {
        struct slice candidate = slice_str(*among);
        if (candidate.len > NEAREST_MAX)
            continue;
        unsigned far = distance(word, candidate);
        if (far <= limit) {
            best = *among;
            limit = far;
            if (far == 0)
                break;
            limit--; /* only a nearer one may replace it */
        }
    }
    return best;
}
