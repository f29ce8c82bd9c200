/* SPDX-License-Identifier: Apache-2.0 */
/* A query. What is read of it, written anew, is read as the same. */
#include "http/query.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

static void must(bool good, const char *what)
{
    if (good)
        return;
    fprintf(stderr, "broken: %s\n", what);
    abort();
}

static void check_again(struct slice name, struct slice value, struct arena *a)
{
    struct buf text;
    struct slice again_name, again_value;
    buf_init(&text);
    query_escape(&text, name);
    buf_add(&text, "=");
    query_escape(&text, value);
    struct slice rest = buf_view(&text);
    must(query_next(&rest, a, &again_name, &again_value) == 1, "it is a parameter");
    must(slice_eq(name, again_name) && slice_eq(value, again_value), "the same one");
    must(query_next(&rest, a, &again_name, &again_value) == 0, "and one alone");
    buf_done(&text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    struct slice rest = slice_of((const char *)data, len), name, value;
    struct arena a;
    arena_init(&a, NULL);
    while (query_next(&rest, &a, &name, &value) == 1) {
        must(name.len + value.len <= len, "decoding makes nothing longer");
        check_again(name, value, &a);
    }
    arena_done(&a);
    return 0;
}
