/* SPDX-License-Identifier: Apache-2.0 */
#include "server/config_entries.h"

#include "base/log.h"
#include "server/config_draft.h"

#define TITLE_WORDS 16  /* more are not shown */
#define TITLE_MAX   128 /* bytes of each word */

static const struct entry_shape by_name = { .name = NULL };
static const struct entry_shape shapes[] = {
    { .name = "pool", .identity = BY_FIRST_WORD },
    { .name = "server", .identity = BY_ID, .set = true },
    { .name = "listen", .identity = BY_ANY_WORD, .set = true },
    { .name = "host", .identity = BY_ANY_WORD, .set = true },
    { .name = "route", .identity = BY_ALL_WORDS, .ordered = true },
    { .name = "certificate", .identity = BY_FIRST_WORD },
    { .name = "set_header", .identity = BY_FIRST_WORD, .hidden = true, .ordered = true },
    { .name = "unset_header", .identity = BY_FIRST_WORD, .ordered = true },
    { .name = "trusted_proxies", .set = true },
    { .name = "access_log", .path = true },
    { .name = "error_log", .path = true },
};

static const struct entry_shape *find_shape(struct slice name)
{
    for (size_t i = 0; i < sizeof(shapes) / sizeof(shapes[0]); i++)
        if (slice_eq(name, slice_str(shapes[i].name)))
            return &shapes[i];
    return &by_name;
}

/* --- what an entry is known by */

static struct slice id_of(const struct entry *e)
{
    for (size_t i = 0; i < e->word_count; i++)
        if (slice_eq(e->words[i].key, SLICE("id")))
            return e->words[i].value;
    return e->word_count > 0 ? e->words[0].text : slice_of(NULL, 0);
}

static struct slice key_of_word(const struct entry *e, struct slice word, struct arena *a)
{
    return arena_printf(a, "%.*s\n%.*s", SLICE_ARG(e->name), SLICE_ARG(word));
}

static struct slice key_of_all(const struct entry *e, struct arena *a)
{
    struct buf key;
    buf_init(&key);
    buf_append(&key, e->name);
    for (size_t i = 0; i < e->word_count; i++) {
        buf_add(&key, "\n");
        buf_append(&key, e->words[i].text);
    }
    struct slice copy = arena_copy(a, buf_view(&key));
    buf_done(&key);
    return copy;
}

/* The one key of all but BY_ANY_WORD. */
static struct slice key_of(const struct entry *e, struct arena *a)
{
    switch (e->shape->identity) {
    case BY_FIRST_WORD:
        return e->word_count > 0 ? key_of_word(e, e->words[0].text, a) : e->name;
    case BY_ID:
        return key_of_word(e, id_of(e), a);
    case BY_ALL_WORDS:
        return key_of_all(e, a);
    default:
        return e->name;
    }
}

/* --- making them */

static void index_entry(struct entries *e, struct entry *one, struct arena *a)
{
    if (one->shape->identity == BY_ANY_WORD) {
        for (size_t i = 0; i < one->word_count; i++)
            map_add(&e->by_key, key_of_word(one, one->words[i].text, a), one);
        return;
    }
    struct slice key = key_of(one, a);
    struct entry *first = map_get(&e->by_key, key);
    if (first == NULL) {
        map_add(&e->by_key, key, one);
        return;
    }
    while (first->twin != NULL)
        first = first->twin;
    first->twin = one;
}

static void append_words(struct entry *e, const struct conf_node *node, struct arena *a)
{
    struct conf_word *all = arena_alloc(a, (e->word_count + node->word_count) * sizeof(*all));
    if (e->word_count > 0)
        memcpy(all, e->words, e->word_count * sizeof(*all));
    if (node->word_count > 0)
        memcpy(all + e->word_count, node->words, node->word_count * sizeof(*all));
    e->words = all;
    e->word_count += node->word_count;
}

static void add_node(struct entries *e, const struct conf_node *node, struct arena *a)
{
    const struct entry_shape *shape = find_shape(node->name.text);
    struct entry *same = shape->identity == BY_NAME ? map_get(&e->by_key, node->name.text) : NULL;
    if (same != NULL) {
        append_words(same, node, a);
        return;
    }
    struct entry *one = arena_zalloc(a, sizeof(*one));
    *one = (struct entry){ .shape = shape,
                           .name = node->name.text,
                           .words = node->words,
                           .word_count = node->word_count,
                           .children = node->children,
                           .place = e->count };
    e->all = arena_grow(a, e->all, e->count, &e->cap, sizeof(struct entry *));
    e->all[e->count++] = one;
    index_entry(e, one, a);
}

void entries_init(struct entries *e, const struct conf_node *nodes, struct arena *a)
{
    *e = (struct entries){ 0 };
    map_init(&e->by_key, 0);
    for (; nodes != NULL; nodes = nodes->next)
        add_node(e, nodes, a);
}

void entries_done(struct entries *e)
{
    map_done(&e->by_key);
}

/* --- finding them again */

static bool take(struct entry *one, struct entry *former)
{
    while (former != NULL && former->lives_on)
        former = former->twin;
    if (former == NULL)
        return false;
    former->lives_on = true;
    one->former = former;
    return true;
}

static void match_any_word(struct entry *one, const struct entries *old, struct arena *a)
{
    for (size_t i = 0; i < one->word_count; i++)
        if (take(one, map_get(&old->by_key, key_of_word(one, one->words[i].text, a))))
            return;
}

void entries_match(struct entries *now, const struct entries *old, struct arena *a)
{
    for (size_t i = 0; i < now->count; i++) {
        struct entry *one = now->all[i];
        if (one->shape->identity == BY_ANY_WORD)
            match_any_word(one, old, a);
        else
            take(one, map_get(&old->by_key, key_of(one, a)));
    }
}

/* --- what is said of them */

static void put_word(struct buf *out, struct slice word)
{
    buf_add(out, " ");
    buf_append(out, slice_first(word, TITLE_MAX));
    if (word.len > TITLE_MAX)
        buf_add(out, "...");
}

void entry_title(const struct entry *e, struct buf *out)
{
    buf_append(out, e->name);
    switch (e->shape->identity) {
    case BY_NAME:
        return;
    case BY_ID:
        put_word(out, id_of(e));
        return;
    case BY_ALL_WORDS:
        for (size_t i = 0; i < e->word_count && i < TITLE_WORDS; i++)
            put_word(out, e->words[i].text);
        return;
    default:
        if (e->word_count > 0)
            put_word(out, e->words[0].text);
    }
}

bool entry_is_setting(const struct entry *e, const struct conf_word *word)
{
    if (word->key.ptr == NULL || e->shape->identity == BY_ALL_WORDS)
        return false;
    return e->shape->identity != BY_ID || !slice_eq(word->key, SLICE("id"));
}

static bool is_identity(const struct entry *e, const struct conf_word *word)
{
    switch (e->shape->identity) {
    case BY_FIRST_WORD:
        return word == &e->words[0];
    case BY_ID:
        return word->key.ptr != NULL || slice_eq(word->text, id_of(e));
    case BY_ALL_WORDS:
        return true;
    default:
        return false;
    }
}

static struct slice plain_text(const struct entry *e, const struct conf_word *word, struct arena *a)
{
    bool is_path = e->shape->path && word == &e->words[0] &&
                   !slice_eq(word->text, SLICE("stdout")) &&
                   !slice_eq(word->text, SLICE("stderr")) && !slice_eq(word->text, SLICE("off"));
    return is_path ? slice_str(path_beside(a, &word->span, word->text)) : word->text;
}

size_t entry_plain_words(const struct entry *e, struct arena *a, struct slice **ret_words)
{
    struct slice *words = arena_alloc(a, (e->word_count + 1) * sizeof(*words));
    size_t count = 0;
    for (size_t i = 0; i < e->word_count; i++)
        if (!entry_is_setting(e, &e->words[i]) && !is_identity(e, &e->words[i]))
            words[count++] = plain_text(e, &e->words[i], a);
    *ret_words = words;
    return count;
}
