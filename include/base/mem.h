/* SPDX-License-Identifier: Apache-2.0 */
/* Heap memory, or the end of the process. Everything a peer controls has a bound, so running out is
 * our own bug: there is nothing to handle, and the master restarts a worker that aborts. Only this
 * module calls malloc. */
#ifndef BASE_MEM_H
#define BASE_MEM_H

#include "base/slice.h"

#include <stddef.h>

/* Once, where a program begins: no single call shall take long for what others did before. Blocks
 * from a megabyte on come from the system and go back to it one by one, so that a large zeroed one
 * costs nothing until it is touched; freed blocks join their neighbours at once, not thousands of
 * them later. */
void mem_init(void);
void *mem_alloc(size_t bytes);               /* uninitialised; never NULL */
void *mem_zalloc(size_t bytes);              /* zeroed; never NULL */
void *mem_array(size_t count, size_t bytes); /* zeroed; aborts when the product overflows */
void *mem_resize(void *old, size_t count,
                 size_t bytes); /* old may be NULL; contents kept; aborts on overflow */
char *mem_text(struct slice s); /* a NUL-terminated copy; free with mem_free */
void mem_free(void *p);         /* NULL is fine */
/* As free, but all that the block held is overwritten before. */
void mem_free_wiped(void *p);
/* The same for a block that moves: the old place keeps nothing. */
void *mem_resize_wiped(void *old, size_t bytes);
/* Overwrites secrets in a way the compiler may not remove. */
void mem_wipe(void *p, size_t bytes);

#endif
