/* SPDX-License-Identifier: Apache-2.0 */
#include "upstream/balance.h"

struct balance *balance_build(const struct balance_ops *ops, const struct balance_member *members,
                              size_t count, const struct balance_conf *conf)
{
    struct balance *b = ops->begin(members, count, conf);
    while (ops->grow(b, BALANCE_POINTS_MAX))
        ;
    return b;
}

struct balance *balance_ref(struct balance *b)
{
    b->refs++;
    return b;
}

void balance_unref(struct balance *b)
{
    if (b != NULL && --b->refs == 0)
        b->ops->free(b);
}

void fingerprint_begin(struct fingerprint *f)
{
    *f = (struct fingerprint){ .digest = hash_stream_new(0) };
}

bool fingerprint_add(struct fingerprint *f, const struct balance *b, size_t points)
{
    return b->ops->digest(b, &f->at, points, f->digest);
}

static void add_text(struct hash_stream *digest, struct slice text)
{
    hash_stream_add(digest, text);
    hash_stream_add(digest, slice_of("", 1));
}

uint64_t fingerprint_end(struct fingerprint *f, const struct balance *b, struct slice key_text)
{
    add_text(f->digest, key_text);
    add_text(f->digest, slice_str(b->ops->name));
    uint64_t digest = hash_stream_digest(f->digest);
    fingerprint_done(f);
    return digest;
}

void fingerprint_done(struct fingerprint *f)
{
    hash_stream_free(f->digest);
    *f = (struct fingerprint){ 0 };
}

uint64_t balance_fingerprint(const struct balance *b, struct slice key_text)
{
    struct fingerprint f;
    fingerprint_begin(&f);
    while (fingerprint_add(&f, b, BALANCE_POINTS_MAX))
        ;
    return fingerprint_end(&f, b, key_text);
}
