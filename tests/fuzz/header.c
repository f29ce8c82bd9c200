/* SPDX-License-Identifier: Apache-2.0 */
/* A list of fields, "name:value" lines: nothing that is hop-by-hop, or that Connection names, is
 * left when it is taken away. */
#include "http/header.h"

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

static void read_fields(struct fields *f, struct slice text)
{
    struct slice line;
    while (slice_split(&text, '\n', &line)) {
        size_t colon = slice_find(line, ':');
        fields_add(f, slice_first(line, colon), slice_trim(slice_from(line, colon + 1)));
    }
}

static void walk_lists(const struct fields *f)
{
    for (size_t i = 0; i < f->count; i++) {
        struct slice rest = f->list[i].value, element;
        while (field_list_next(&rest, &element))
            must(element.len > 0, "no element is empty");
    }
}

static void check_removed(const struct fields *all, const struct fields *left)
{
    for (size_t i = 0; i < left->count; i++) {
        struct slice name = left->list[i].name;
        must(!field_is_hop_by_hop(left->list[i].id), "nothing hop-by-hop is left");
        must(slice_eq_nocase(name, SLICE("close")) || slice_eq_nocase(name, SLICE("keep-alive")) ||
                 !fields_list_has(all, FIELD_CONNECTION, name),
             "nothing that Connection names is left");
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    struct arena a;
    struct fields all, left;
    struct slice text = slice_of((const char *)data, len < 2048 ? len : 2048);
    arena_init(&a, NULL);
    fields_init(&all, &a);
    fields_init(&left, &a);
    read_fields(&all, text);
    read_fields(&left, text);
    walk_lists(&all);
    fields_check_connection(&all);
    fields_remove_hop_by_hop(&left);
    check_removed(&all, &left);
    fields_keep_trailers(&left);
    arena_done(&a);
    return 0;
}
