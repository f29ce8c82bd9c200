/* SPDX-License-Identifier: Apache-2.0 */
#include "base/buf.h"

#include "base/mem.h"

#include <assert.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>

#define SMALLEST  256 /* bytes of the first allocation */
#define FORMATTED 128 /* bytes that most formatted text fits */

void buf_done(struct buf *b)
{
    mem_free(b->base);
    buf_init(b);
}

static void move_to_front(struct buf *b)
{
    size_t len = buf_len(b);

    if (b->base != NULL)
        memmove(b->base, b->base + b->start, len);
    b->start = 0;
    b->end = len;
}

/* The first allocation is as large as what is asked for: most queues are filled once and emptied.
 */
static size_t grown(size_t cap, size_t need)
{
    if (cap == 0)
        return need > SMALLEST ? need : SMALLEST;
    while (cap < need)
        cap = cap <= SIZE_MAX / 2 ? cap * 2 : need;
    return cap;
}

char *buf_reserve(struct buf *b, size_t bytes)
{
    if (b->base != NULL && bytes <= b->cap - b->end)
        return b->base + b->end;

    size_t len = buf_len(b);
    assert(bytes <= SIZE_MAX - len);
    /* Moving pays only when at least as much was consumed as must move: then each byte moves once
     * on average. */
    bool move_is_enough = b->base != NULL && b->start >= len && len + bytes <= b->cap;
    if (b->start > 0)
        move_to_front(b);
    if (!move_is_enough) {
        b->cap = grown(b->cap, len + bytes);
        b->base = mem_resize(b->base, b->cap, 1);
    }
    return b->base + b->end;
}

void buf_commit(struct buf *b, size_t bytes)
{
    assert(bytes <= b->cap - b->end);
    b->end += bytes;
}

void buf_append(struct buf *b, struct slice bytes)
{
    if (bytes.len == 0)
        return;
    memcpy(buf_reserve(b, bytes.len), bytes.ptr, bytes.len);
    buf_commit(b, bytes.len);
}

void buf_add(struct buf *b, const char *text)
{
    buf_append(b, slice_str(text));
}

void buf_printf(struct buf *b, const char *format, ...)
{
    va_list args, again;

    va_start(args, format);
    va_copy(again, args);
    size_t room = FORMATTED;
    int len = vsnprintf(buf_reserve(b, room), room, format, args);
    va_end(args);
    assert(len >= 0);
    if ((size_t)len >= room)
        vsnprintf(buf_reserve(b, (size_t)len + 1), (size_t)len + 1, format, again);
    va_end(again);
    buf_commit(b, (size_t)len);
}

void buf_consume(struct buf *b, size_t bytes)
{
    assert(bytes <= buf_len(b));
    b->start += bytes;
    if (b->start == b->end)
        buf_done(b);
}

void buf_clear(struct buf *b)
{
    b->start = b->end = 0;
}
