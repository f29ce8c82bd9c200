/* SPDX-License-Identifier: Apache-2.0 */
#include "base/arena.h"

#include "base/mem.h"

#include <assert.h>
#include <stdalign.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

/* Of the whole block, head included. */
#define SMALL_BYTES 1536
#define LARGE_BYTES 4096

struct arena_block {
    struct arena_block *next;
    size_t room; /* bytes in data */
    alignas(max_align_t) char data[];
};
#define SMALL_ROOM (SMALL_BYTES - sizeof(struct arena_block))
#define LARGE_ROOM (LARGE_BYTES - sizeof(struct arena_block))

static struct arena_block *block_new(size_t room)
{
    assert(room <= SIZE_MAX - sizeof(struct arena_block));
    struct arena_block *b = mem_alloc(sizeof(*b) + room);

    b->room = room;
    return b;
}

void arena_recycler_init(struct arena_recycler *r, unsigned max_blocks)
{
    *r = (struct arena_recycler){ .max = max_blocks };
}

static void shelf_done(struct arena_shelf *s)
{
    while (s->free != NULL) {
        struct arena_block *b = s->free;
        s->free = b->next;
        mem_free(b);
    }
    s->count = 0;
}

void arena_recycler_done(struct arena_recycler *r)
{
    shelf_done(&r->small);
    shelf_done(&r->large);
}

/* The shelf of blocks with this room; NULL: such blocks are not kept. */
static struct arena_shelf *shelf_of(struct arena_recycler *r, size_t room)
{
    if (r == NULL)
        return NULL;
    if (room == SMALL_ROOM)
        return &r->small;
    return room == LARGE_ROOM ? &r->large : NULL;
}

static struct arena_block *block_get(struct arena_recycler *r, size_t room)
{
    struct arena_shelf *s = shelf_of(r, room);
    if (s == NULL || s->free == NULL)
        return block_new(room);

    struct arena_block *b = s->free;
    s->free = b->next;
    s->count--;
    return b;
}

static void block_put(struct arena_recycler *r, struct arena_block *b)
{
    struct arena_shelf *s = shelf_of(r, b->room);
    if (s == NULL || s->count >= r->max) {
        mem_free(b);
        return;
    }
    b->next = s->free;
    s->free = b;
    s->count++;
}

void arena_init(struct arena *a, struct arena_recycler *r)
{
    *a = (struct arena){ .recycler = r };
}

void arena_done(struct arena *a)
{
    struct arena_block *b = a->blocks;

    while (b != NULL) {
        struct arena_block *next = b->next;
        block_put(a->recycler, b);
        b = next;
    }
    arena_init(a, a->recycler);
}

/* Puts a block behind the newest one, which stays in use. */
static void link_second(struct arena *a, struct arena_block *b)
{
    b->next = a->blocks->next;
    a->blocks->next = b;
}

static void link_newest(struct arena *a, struct arena_block *b, size_t used)
{
    b->next = a->blocks;
    a->blocks = b;
    a->at = b->data + used;
    a->end = b->data + b->room;
}

/* Of the block that a wish for so much leads to. */
static size_t room_for(const struct arena *a, size_t bytes)
{
    bool early = a->blocks == NULL || a->blocks->next == NULL;
    if (early && bytes <= SMALL_ROOM)
        return SMALL_ROOM;
    return bytes <= LARGE_ROOM ? LARGE_ROOM : bytes;
}

static char *take_from_new_block(struct arena *a, size_t bytes)
{
    struct arena_block *b = block_get(a->recycler, room_for(a, bytes));
    size_t left = (size_t)(a->end - a->at);

    if (a->blocks != NULL && left > b->room - bytes)
        link_second(a, b);
    else
        link_newest(a, b, bytes);
    return b->data;
}

static char *take(struct arena *a, size_t bytes, size_t align)
{
    size_t skip = -(uintptr_t)a->at & (align - 1);
    size_t left = (size_t)(a->end - a->at);

    if (a->at == NULL || left < skip || left - skip < bytes)
        return take_from_new_block(a, bytes);
    char *p = a->at + skip;
    a->at = p + bytes;
    return p;
}

void *arena_alloc(struct arena *a, size_t bytes)
{
    return take(a, bytes, alignof(max_align_t));
}

void *arena_zalloc(struct arena *a, size_t bytes)
{
    return memset(arena_alloc(a, bytes), 0, bytes);
}

struct slice arena_copy(struct arena *a, struct slice s)
{
    char *copy = take(a, s.len + 1, 1);

    if (s.len > 0)
        memcpy(copy, s.ptr, s.len);
    copy[s.len] = '\0';
    return slice_of(copy, s.len);
}

struct slice arena_printf(struct arena *a, const char *format, ...)
{
    char small[256]; /* most formatted text fits */
    va_list args, again;

    va_start(args, format);
    va_copy(again, args);
    int len = vsnprintf(small, sizeof(small), format, args);
    va_end(args);
    assert(len >= 0);
    struct slice text = slice_of(small, (size_t)len);
    if ((size_t)len < sizeof(small)) {
        text = arena_copy(a, text);
    } else {
        text.ptr = take(a, (size_t)len + 1, 1);
        vsnprintf((char *)text.ptr, (size_t)len + 1, format, again);
    }
    va_end(again);
    return text;
}

void *arena_grow(struct arena *a, void *items, size_t count, size_t *cap, size_t item_bytes)
{
    if (count < *cap)
        return items;

    size_t wider = *cap > 0 ? *cap * 2 : 8;
    assert(wider > *cap && wider <= SIZE_MAX / item_bytes);
    void *moved = arena_alloc(a, wider * item_bytes);
    if (count > 0)
        memcpy(moved, items, count * item_bytes);
    *cap = wider;
    return moved;
}
