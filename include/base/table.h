/* SPDX-License-Identifier: Apache-2.0 */
/* Text in columns for people: filled cell by cell, row after row, then written with each column as
 * wide as its widest cell. What cells hold becomes printable. */
#ifndef BASE_TABLE_H
#define BASE_TABLE_H

#include "base/arena.h"
#include "base/buf.h"

#define TABLE_COLUMNS_MAX 16

struct table {
    struct arena arena;
    struct slice *cells;
    size_t count, cap;
    unsigned columns;
    size_t width[TABLE_COLUMNS_MAX]; /* characters */
};

void table_init(struct table *t, unsigned columns); /* 1..TABLE_COLUMNS_MAX */
void table_done(struct table *t);
void table_cell(struct table *t, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* `indent` blanks in front of every row, two between columns, none at the end of a line. */
void table_print(const struct table *t, unsigned indent, struct buf *out);

#endif
