/* SPDX-License-Identifier: Apache-2.0 */
#include "http/upgrade.h"

#include "http/octet.h"

static struct slice name_of(struct slice protocol)
{
    return slice_first(protocol, slice_find(protocol, '/'));
}

static bool is_well_formed(struct slice protocol)
{
    struct slice name = name_of(protocol);
    struct slice version = slice_from(protocol, name.len + 1);
    bool has_version = name.len < protocol.len;
    return name.len > 0 && octet_all(name, OCTET_TOKEN) &&
           (!has_version || (version.len > 0 && octet_all(version, OCTET_TOKEN)));
}

static bool carries_requests(struct slice protocol)
{
    static const struct slice names[] = {
        SLICE_INIT("h2c"),
        SLICE_INIT("h2"),
        SLICE_INIT("HTTP"),
        SLICE_INIT("TLS"),
    };
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        if (slice_eq_nocase(name_of(protocol), names[i]))
            return true;
    return false;
}

static size_t bytes_of(const struct fields *f)
{
    size_t bytes = 0;
    for (size_t i = 0; i < f->count; i++)
        if (f->list[i].id == FIELD_UPGRADE)
            bytes += f->list[i].value.len + 2;
    return bytes;
}

struct list {
    char *text;
    size_t len;
    unsigned count;
};

static void add(struct list *l, struct slice protocol)
{
    if (l->count++ > 0) {
        memcpy(l->text + l->len, ", ", 2);
        l->len += 2;
    }
    memcpy(l->text + l->len, protocol.ptr, protocol.len);
    l->len += protocol.len;
}

static struct slice collect(const struct fields *f, bool offer, struct arena *a)
{
    /* A comma alone may separate what is written with a space as well. */
    struct list l = { .text = arena_alloc(a, 2 * bytes_of(f)) };
    for (size_t i = 0; i < f->count; i++) {
        struct slice rest = f->list[i].value, protocol;
        while (f->list[i].id == FIELD_UPGRADE && l.count < UPGRADE_MAX &&
               field_list_next(&rest, &protocol))
            if (is_well_formed(protocol) && !(offer && carries_requests(protocol)))
                add(&l, protocol);
    }
    return slice_of(l.text, l.len);
}

struct slice upgrade_list(const struct fields *f, struct arena *a)
{
    return collect(f, false, a);
}

struct slice upgrade_offer(const struct fields *f, struct arena *a)
{
    return collect(f, true, a);
}

static bool has(struct slice list, struct slice protocol)
{
    struct slice element;
    while (field_list_next(&list, &element))
        if (slice_eq_nocase(element, protocol))
            return true;
    return false;
}

bool upgrade_is_offered(struct slice offer, struct slice chosen)
{
    struct slice protocol;
    if (chosen.len == 0)
        return false;
    while (field_list_next(&chosen, &protocol))
        if (!has(offer, protocol))
            return false;
    return true;
}
