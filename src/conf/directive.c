/* SPDX-License-Identifier: Apache-2.0 */
#include "conf/directive.h"

#include "conf/directive_hint.h"
#include "conf/directive_value.h"

#include <assert.h>
#include <errno.h>

static size_t row_count(const struct directive *table)
{
    size_t n = 0;

    while (table[n].name != NULL)
        n++;
    return n;
}

static const struct directive *find_row(const struct directive *table, struct slice name)
{
    for (; table->name != NULL; table++)
        if (slice_eq(slice_str(table->name), name))
            return table;
    return NULL;
}

/* What is needed to find duplicates in one block or one line: the first place of each row. */
struct seen {
    const struct directive *table;
    struct span *first; /* by row; file NULL: not yet */
};

static struct seen seen_new(struct dir_run *run, const struct directive *table)
{
    return (struct seen){ table,
                          arena_zalloc(run->arena, (row_count(table) + 1) * sizeof(struct span)) };
}

static const struct span *place_in_target(const struct directive *row, const void *target)
{
    const struct span *at = (const struct span *)((const char *)target + row->span_offset);

    return row->span_offset != 0 && at->file != NULL ? at : NULL;
}

/* Whether this row may be set here; else says where it was set before. */
static bool may_set(struct dir_run *run, struct seen *seen, const struct directive *row,
                    const struct span *at, const void *target)
{
    struct span *first = &seen->first[row - seen->table];
    const struct span *before = first->file != NULL ? first : place_in_target(row, target);

    if (row->repeat || before == NULL) {
        *first = *at;
        return true;
    }
    diags_add(run->diags, DIAG_ERROR, "duplicate", at, "\"%s\" is set twice", row->name);
    diags_hint(run->diags, before, "the first one is here");
    return false;
}

static void store_place(const struct directive *row, const struct span *at, void *target)
{
    if (row->span_offset != 0)
        memcpy((char *)target + row->span_offset, at, sizeof(*at));
}

static int wrong_words(struct dir_run *run, const struct directive *row, const struct span *at,
                       const char *code, const char *what)
{
    diags_add(run->diags, DIAG_ERROR, code, at, "\"%s\" %s", row->name, what);
    if (row->usage != NULL)
        diags_hint(run->diags, NULL, "write: %s", row->usage);
    return -EINVAL;
}

static int apply_value(struct dir_run *run, const struct directive *row,
                       const struct conf_node *node, void *target)
{
    if (node->word_count == 0)
        return wrong_words(run, row, &node->name.span, "missing-word", "needs a value");
    if (node->word_count > 1)
        return wrong_words(run, row, &node->words[1].span, "surplus-word", "takes one value");
    return directive_value(run, row, &node->words[0], node->words[0].text, target);
}

static int apply_keys(struct dir_run *run, const struct directive *row,
                      const struct conf_node *node, void *target)
{
    if (node->word_count == 0)
        return wrong_words(run, row, &node->name.span, "missing-word", "needs KEY=VALUE");
    return directive_apply_keys(run, row->keys, node, 0, target);
}

static int apply_block(struct dir_run *run, const struct directive *row,
                       const struct conf_node *node, void *target)
{
    if (node->word_count > 0)
        return wrong_words(run, row, &node->words[0].span, "surplus-word",
                           "takes a block alone, no words");
    if (!node->has_block)
        return wrong_words(run, row, &node->name.span, "missing-block", "needs a block { ... }");
    return directive_apply(run, row->block, node->children, target);
}

static int apply_row(struct dir_run *run, const struct directive *row, const struct conf_node *node,
                     void *target)
{
    if (node->has_block && row->block == NULL)
        return wrong_words(run, row, &node->name.span, "surplus-block", "takes no block");
    switch (row->type) {
    case DIR_KEYS:
        return apply_keys(run, row, node, target);
    case DIR_BLOCK:
        return apply_block(run, row, node, target);
    case DIR_CALL:
        return row->call(run, node, target);
    default:
        return apply_value(run, row, node, target);
    }
}

static int apply_node(struct dir_run *run, struct seen *seen, const struct conf_node *node,
                      void *target)
{
    const struct directive *row = find_row(seen->table, node->name.text);

    if (row == NULL) {
        directive_unknown(run, &node->name, seen->table, directive_where(run, node->parent));
        return -EINVAL;
    }
    if (row->type == DIR_UNSUPPORTED)
        return directive_unsupported(run, row, &node->name.span);
    if (!may_set(run, seen, row, &node->span, target))
        return -EINVAL;
    int r = apply_row(run, row, node, target);
    if (r == 0 && (row->type == DIR_KEYS || row->type == DIR_BLOCK || row->type == DIR_CALL))
        store_place(row, &node->span, target);
    return r;
}

int directive_apply(struct dir_run *run, const struct directive *table,
                    const struct conf_node *nodes, void *target)
{
    struct seen seen = seen_new(run, table);
    int result = 0;

    for (const struct conf_node *node = nodes; node != NULL; node = node->next)
        if (apply_node(run, &seen, node, target) < 0)
            result = -EINVAL;
    return result;
}

/* The part of a KEY=VALUE word that is its key. A key is always written as it is. */
static struct span key_span(const struct conf_word *word)
{
    struct span span = word->span;

    span.end_column = span.column + (unsigned)word->key.len;
    return span;
}

static int not_a_key(struct dir_run *run, const struct directive *keys,
                     const struct conf_node *node, const struct conf_word *word)
{
    diags_add(run->diags, DIAG_ERROR, "surplus-word", &word->span,
              "\"%.*s\" is not KEY=VALUE, which \"%.*s\" takes here",
              SLICE_ARG(slice_first(word->text, 64)), SLICE_ARG(node->name.text));
    if (slice_eq(word->text, SLICE("=")))
        diags_remark(run->diags, "no blanks around the \"=\"");
    else if (find_row(keys, word->text) != NULL)
        diags_remark(run->diags, "write %.*s=VALUE", SLICE_ARG(word->text));
    directive_hint_allowed(run, keys);
    return -EINVAL;
}

static int apply_key(struct dir_run *run, struct seen *seen, const struct conf_node *node,
                     const struct conf_word *word, void *target)
{
    if (word->key.ptr == NULL)
        return not_a_key(run, seen->table, node, word);

    struct span span = key_span(word);
    const struct directive *row = find_row(seen->table, word->key);
    if (row == NULL) {
        directive_unknown_key(run, word->key, &span, seen->table, node->name.text);
        return -EINVAL;
    }
    if (row->type == DIR_UNSUPPORTED)
        return directive_unsupported(run, row, &span);
    if (!may_set(run, seen, row, &word->span, target))
        return -EINVAL;
    return directive_value(run, row, word, word->value, target);
}

int directive_apply_keys(struct dir_run *run, const struct directive *keys,
                         const struct conf_node *node, size_t first, void *target)
{
    struct seen seen = seen_new(run, keys);
    int result = 0;

    for (size_t i = first; i < node->word_count; i++)
        if (apply_key(run, &seen, node, &node->words[i], target) < 0)
            result = -EINVAL;
    return result;
}

void directive_defaults(const struct directive *table, void *target)
{
    for (const struct directive *row = table; row->name != NULL; row++) {
        if (row->type == DIR_KEYS)
            directive_defaults(row->keys, target);
        else if (row->type == DIR_BLOCK)
            directive_defaults(row->block, target);
        else if (row->type != DIR_CALL && row->type != DIR_UNSUPPORTED && row->fallback != NULL) {
            int r = directive_read(row, slice_str(row->fallback), target);
            assert(r == 0);
            (void)r;
        }
    }
}
