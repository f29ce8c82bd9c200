/* SPDX-License-Identifier: Apache-2.0 */
#include "upstream/circle.h"

#include "base/hash.h"
#include "base/mem.h"

#include <assert.h>

struct circle *circle_new(const struct balance_ops *ops, const struct balance_member *members,
                          size_t count)
{
    struct circle *c = mem_zalloc(sizeof(*c));
    c->base = (struct balance){ ops, count };
    c->identities = mem_array(count, sizeof(*c->identities));
    for (size_t i = 0; i < count; i++)
        c->identities[i] = slice_of(mem_text(members[i].identity), members[i].identity.len);
    return c;
}

void circle_free(struct balance *b)
{
    struct circle *c = (struct circle *)b;
    for (size_t i = 0; i < b->count; i++)
        mem_free((char *)c->identities[i].ptr);
    mem_free(c->identities);
    points_done(&c->points);
    mem_free(c);
}

void circle_start(const struct circle *c, uint64_t hash, struct walk *w)
{
    w->balance = &c->base;
    points_walk_start(&c->points, hash, w);
    w->key_hash = hash >> c->low_bits;
    w->point = c->points.count > 0 ? c->points.hashes[w->at] >> c->low_bits : 0;
}

size_t circle_next(struct walk *w)
{
    return points_walk_next(&((const struct circle *)w->balance)->points, w);
}

void circle_shares(const struct balance *b, double *owners)
{
    points_shares(&((const struct circle *)b)->points, b->count, owners);
}

static char *put_text(char *at, struct slice text)
{
    if (text.len > 0)
        memcpy(at, text.ptr, text.len);
    at[text.len] = '\0';
    return at + text.len + 1;
}

static char *put_le64(char *at, uint64_t value)
{
    for (unsigned i = 0; i < 8; i++)
        *at++ = (char)(unsigned char)(value >> (8 * i));
    return at;
}

static size_t fingerprint_bytes(const struct circle *c, struct slice key_text, struct slice name)
{
    size_t bytes = key_text.len + 1 + name.len + 1;
    for (size_t i = 0; i < c->points.count; i++)
        bytes += 8 + c->identities[c->points.owners[i]].len + 1;
    return bytes;
}

uint64_t circle_fingerprint(const struct balance *b, struct slice key_text)
{
    const struct circle *c = (const struct circle *)b;
    struct slice name = slice_str(b->ops->name);
    size_t bytes = fingerprint_bytes(c, key_text, name);
    char *text = mem_alloc(bytes), *at = text;

    for (size_t i = 0; i < c->points.count; i++) {
        at = put_le64(at, c->points.hashes[i] >> c->low_bits);
        at = put_text(at, c->identities[c->points.owners[i]]);
    }
    at = put_text(at, key_text);
    at = put_text(at, name);
    assert((size_t)(at - text) == bytes);

    uint64_t digest = hash_xxh3(slice_of(text, bytes), 0);
    mem_free(text);
    return digest;
}
