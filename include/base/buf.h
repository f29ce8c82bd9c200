/* SPDX-License-Identifier: Apache-2.0 */
/* A queue of bytes: appended at the end, consumed from the front. Owns heap memory only while it
 * holds bytes (and after buf_reserve until the next consume that empties it). Embedded by value. */
#ifndef BASE_BUF_H
#define BASE_BUF_H

#include "base/slice.h"

#include <stddef.h>

struct buf {
    char *base;        /* NULL when nothing is owned */
    size_t start, end; /* the bytes held are base[start .. end) */
    size_t cap;        /* bytes allocated */
};

static inline void buf_init(struct buf *b)
{
    *b = (struct buf){ 0 };
}

static inline size_t buf_len(const struct buf *b)
{
    return b->end - b->start;
}

/* All bytes held; valid until the next call that changes the buffer. */
static inline struct slice buf_view(const struct buf *b)
{
    return slice_of(b->base != NULL ? b->base + b->start : NULL, b->end - b->start);
}

void buf_done(struct buf *b);                       /* frees; the buffer may be used again */
void buf_append(struct buf *b, struct slice bytes); /* copies */
void buf_add(struct buf *b, const char *text);      /* copies a NUL-terminated string */
void buf_printf(struct buf *b, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* Room for at least `bytes` more at the end; write there, then buf_commit() what was written. */
char *buf_reserve(struct buf *b, size_t bytes);
void buf_commit(struct buf *b, size_t bytes);  /* at most what was reserved */
void buf_consume(struct buf *b, size_t bytes); /* at most buf_len(); frees when that empties it */
void buf_clear(struct buf *b);                 /* forgets the bytes, keeps the memory for reuse */

#endif
