/* SPDX-License-Identifier: Apache-2.0 */
#include "base/mem.h"

#include "base/log.h"

#include <malloc.h>
#include <stdlib.h>

static void *must(void *p)
{
    if (p != NULL)
        return p;
    log_error("out of memory"); /* allocates nothing */
    abort();
}

void mem_init(void)
{
    mallopt(M_MMAP_THRESHOLD, 1 << 20); /* else the C library raises it with each block freed */
    mallopt(M_MXFAST, 0); /* else small blocks wait in lists that one later free() puts together */
}

/* An allocation of nothing is still a pointer of its own. */
static size_t at_least_one(size_t bytes)
{
    return bytes > 0 ? bytes : 1;
}

void *mem_alloc(size_t bytes)
{
    return must(malloc(at_least_one(bytes)));
}

void *mem_zalloc(size_t bytes)
{
    return must(calloc(1, at_least_one(bytes)));
}

void *mem_array(size_t count, size_t bytes)
{
    return must(calloc(at_least_one(count), at_least_one(bytes)));
}

void *mem_resize(void *old, size_t count, size_t bytes)
{
    return must(reallocarray(old, at_least_one(count), at_least_one(bytes)));
}

char *mem_text(struct slice s)
{
    char *copy = mem_alloc(s.len + 1);

    if (s.len > 0)
        memcpy(copy, s.ptr, s.len);
    copy[s.len] = '\0';
    return copy;
}

void mem_free(void *p)
{
    free(p);
}

void mem_free_wiped(void *p)
{
    mem_wipe(p, malloc_usable_size(p));
    free(p);
}

void *mem_resize_wiped(void *old, size_t bytes)
{
    size_t had = malloc_usable_size(old);
    void *p = mem_alloc(bytes);
    if (old != NULL)
        memcpy(p, old, had < bytes ? had : bytes);
    mem_free_wiped(old);
    return p;
}

void mem_wipe(void *p, size_t bytes)
{
    if (bytes > 0)
        explicit_bzero(p, bytes);
}
