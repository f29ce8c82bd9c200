/* SPDX-License-Identifier: Apache-2.0 */
/* Memory that is given back all at once: one arena a request. The first two blocks have 1.5 kB, so
 * that thousands of slow requests cost little; those behind them have 4 kB. They come from a
 * recycler shared by the arenas of one worker, so the steady path allocates nothing; larger wishes
 * get a block of their own. Owner of an arena: whoever embeds it. The recycler outlives its arenas.
 */
#ifndef BASE_ARENA_H
#define BASE_ARENA_H

#include "base/slice.h"

#include <stddef.h>

struct arena_block;
struct arena_shelf { /* blocks of one size, waiting for reuse */
    struct arena_block *free;
    unsigned count;
};
struct arena_recycler {
    struct arena_shelf small, large; /* an arena's first two blocks, and those behind them */
    unsigned max;                    /* blocks kept on each shelf at most */
};
struct arena {
    struct arena_recycler *recycler; /* borrowed; NULL: blocks go back to the heap */
    struct arena_block *blocks;
    char *at, *end; /* free part of the newest block */
};

/* Keeps at most max_blocks of each size. */
void arena_recycler_init(struct arena_recycler *r, unsigned max_blocks);
void arena_recycler_done(struct arena_recycler *r);

void arena_init(struct arena *a, struct arena_recycler *r); /* allocates nothing yet */
void arena_done(struct arena *a); /* gives every block back; usable again */
/* Uninitialised, aligned for any object, valid until arena_done(). Never NULL. */
void *arena_alloc(struct arena *a, size_t bytes);
void *arena_zalloc(struct arena *a, size_t bytes);
struct slice arena_copy(struct arena *a, struct slice s); /* also NUL-terminated behind its end */
struct slice arena_printf(struct arena *a, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
/* A growing array: room for one more element in `items`, of which `count` are used. Returns the
 * array, moved (and doubled) when it was full; *cap is updated. */
void *arena_grow(struct arena *a, void *items, size_t count, size_t *cap, size_t item_bytes);

#endif
