/* SPDX-License-Identifier: Apache-2.0 */
/* Directives as tables: one row a directive makes the setter, the hints and the documentation.
 * Every row of docs/config.md stands in some table, also those that this version does not support,
 * which are refused in words. */
#ifndef CONF_DIRECTIVE_TABLE_H
#define CONF_DIRECTIVE_TABLE_H

#include "conf/parser.h"

#include <stddef.h>
#include <stdint.h>

enum directive_type {
    DIR_UINT,        /* uint64_t */
    DIR_SIZE,        /* uint64_t, bytes */
    DIR_DURATION,    /* uint64_t, ms */
    DIR_BOOL,        /* bool: on | off */
    DIR_TEXT,        /* struct slice */
    DIR_ENUM,        /* int: index into .words */
    DIR_KEYS,        /* words KEY=VALUE alone, each found in .keys, same struct */
    DIR_BLOCK,       /* a block alone, .block applied to the same struct */
    DIR_CALL,        /* .call does all */
    DIR_UNSUPPORTED, /* known, refused: "not supported by this version" */
};

struct directive;
struct dir_run { /* one application of tables to nodes */
    struct arena *arena;
    struct diags *diags;
    struct sources *sources;
    void *user; /* the root's struct */
};
struct directive {
    const char *name;
    enum directive_type type;
    size_t offset;        /* of the value in the target, FIELD() */
    size_t span_offset;   /* of a struct span that receives the place, 0 = none. Where it holds a
                             place already, a second value is a duplicate: so a key is set
                             once, in however many lines */
    uint64_t min, max;    /* for numbers; max 0 = no bound */
    const char *fallback; /* the default as one writes it; for the documentation, and applied by
                             directive_defaults() */
    const char *const *words; /* DIR_ENUM: NULL-terminated */
    const struct directive
        *keys; /* DIR_KEYS; DIR_CALL: allowed keys, for hints and documentation */
    const struct directive *block; /* DIR_BLOCK; DIR_CALL: what the block may hold */
    int (*call)(struct dir_run *run, const struct conf_node *node, void *target);
    bool repeat;       /* may stand more than once in one block */
    const char *usage; /* "server ADDRESS [id=ID] [weight=N] [backup]" */
    const char *help;  /* one sentence for docs/config.md */
};
#define FIELD(type, member) offsetof(struct type, member)

#endif
