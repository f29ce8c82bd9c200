/* SPDX-License-Identifier: Apache-2.0 */
#include "conf/directive_hint.h"

#include "base/buf.h"
#include "conf/foreign_words.h"

#include <errno.h>
#include <stdlib.h>

#define NESTING 4 /* blocks inside blocks that are searched for a misplaced directive */

const char *directive_where(struct dir_run *run, const struct conf_node *block)
{
    if (block == NULL)
        return NULL;
    for (size_t i = 0; i < block->word_count; i++) {
        const struct conf_word *word = &block->words[i];
        if (word->key.ptr == NULL && !slice_eq(word->text, SLICE("=")))
            return arena_printf(run->arena, "%.*s \"%.*s\"", SLICE_ARG(block->name.text),
                                SLICE_ARG(slice_first(word->text, 64)))
                .ptr;
    }
    return arena_printf(run->arena, "\"%.*s\"", SLICE_ARG(block->name.text)).ptr;
}

static int by_name(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* The names of the table, sorted, ended by NULL; without those that this version refuses unless
 * `all`. */
static const char **sorted_names(struct dir_run *run, const struct directive *table, bool all)
{
    const char **names = NULL;
    size_t count = 0, cap = 0;

    for (; table->name != NULL; table++) {
        if (table->type == DIR_UNSUPPORTED && !all)
            continue;
        names = arena_grow(run->arena, names, count, &cap, sizeof(*names));
        names[count++] = table->name;
    }
    if (count > 0)
        qsort(names, count, sizeof(*names), by_name);
    names = arena_grow(run->arena, names, count, &cap, sizeof(*names));
    names[count] = NULL;
    return names;
}

void directive_hint_allowed(struct dir_run *run, const struct directive *table)
{
    struct buf words;
    const char *between = "";

    buf_init(&words);
    for (const char **name = sorted_names(run, table, false); *name != NULL; name++) {
        buf_printf(&words, "%s%s", between, *name);
        between = ", ";
    }
    if (buf_len(&words) > 0)
        diags_hint(run->diags, NULL, "allowed here: %.*s", SLICE_ARG(buf_view(&words)));
    buf_done(&words);
}

/* The block directive below this table that could hold the word, or NULL. */
static const char *find_home(const struct directive *table, struct slice word, unsigned nesting)
{
    if (nesting == 0)
        return NULL;
    for (const struct directive *row = table; row->name != NULL; row++) {
        if (row->block == NULL)
            continue;
        for (const struct directive *inner = row->block; inner->name != NULL; inner++)
            if (slice_eq(slice_str(inner->name), word))
                return row->name;
        const char *home = find_home(row->block, word, nesting - 1);
        if (home != NULL)
            return home;
    }
    return NULL;
}

static void remark_meant(struct dir_run *run, struct slice word, const struct directive *table)
{
    const char *nearest = diag_nearest(word, sorted_names(run, table, true));
    const char *home = find_home(table, word, NESTING);
    const char *advice = foreign_word(word);

    if (home != NULL)
        diags_remark(run->diags, "this belongs inside \"%s\"", home);
    else if (nearest != NULL)
        diags_remark(run->diags, "did you mean \"%s\"?", nearest);
    else if (advice != NULL)
        diags_remark(run->diags, "%s", advice);
}

void directive_unknown(struct dir_run *run, const struct conf_word *name,
                       const struct directive *table, const char *where)
{
    diags_add(run->diags, DIAG_ERROR, "unknown-directive", &name->span,
              "unknown directive \"%.*s\"%s%s", SLICE_ARG(slice_first(name->text, 64)),
              where != NULL ? " in " : "", where != NULL ? where : "");
    remark_meant(run, name->text, table);
    directive_hint_allowed(run, table);
}

void directive_unknown_key(struct dir_run *run, struct slice key, const struct span *at,
                           const struct directive *keys, struct slice of)
{
    diags_add(run->diags, DIAG_ERROR, "unknown-key", at, "unknown key \"%.*s\" for \"%.*s\"",
              SLICE_ARG(slice_first(key, 64)), SLICE_ARG(of));
    remark_meant(run, key, keys);
    directive_hint_allowed(run, keys);
}

int directive_unsupported(struct dir_run *run, const struct directive *row, const struct span *at)
{
    diags_add(run->diags, DIAG_ERROR, "unsupported", at, "\"%s\" is not supported by this version",
              row->name);
    return -EINVAL;
}
