/* SPDX-License-Identifier: Apache-2.0 */
#include "base/table.h"

#include "base/log.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>

#define CELL_BYTES_MAX 512
#define ESCAPED_MAX    4 /* bytes that one becomes at most: \xhh */
#define GAP            2

void table_init(struct table *t, unsigned columns)
{
    assert(columns > 0 && columns <= TABLE_COLUMNS_MAX);
    *t = (struct table){ .columns = columns };
    arena_init(&t->arena, NULL);
}

void table_done(struct table *t)
{
    arena_done(&t->arena);
}

/* A character of several bytes is one wide. */
static size_t width_of(struct slice text)
{
    size_t width = 0;
    for (size_t i = 0; i < text.len; i++)
        width += ((unsigned char)text.ptr[i] & 0xc0) != 0x80;
    return width;
}

void table_cell(struct table *t, const char *format, ...)
{
    char text[CELL_BYTES_MAX], safe[CELL_BYTES_MAX * ESCAPED_MAX];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    size_t len = log_escape(safe, sizeof(safe), slice_str(text), ESCAPE_LINE);
    t->cells = arena_grow(&t->arena, t->cells, t->count, &t->cap, sizeof(*t->cells));
    struct slice cell = arena_copy(&t->arena, slice_of(safe, len));
    size_t *width = &t->width[t->count % t->columns];
    if (width_of(cell) > *width)
        *width = width_of(cell);
    t->cells[t->count++] = cell;
}

static bool is_last(const struct table *t, size_t cell)
{
    return (cell + 1) % t->columns == 0;
}

/* Blanks are only put where something follows in the same line. */
void table_print(const struct table *t, unsigned indent, struct buf *out)
{
    size_t blanks = indent;
    for (size_t i = 0; i < t->count; i++) {
        struct slice cell = t->cells[i];
        if (cell.len > 0) {
            buf_printf(out, "%*s%.*s", (int)blanks, "", SLICE_ARG(cell));
            blanks = 0;
        }
        blanks += t->width[i % t->columns] - width_of(cell) + GAP;
        if (!is_last(t, i))
            continue;
        buf_add(out, "\n");
        blanks = indent;
    }
}
