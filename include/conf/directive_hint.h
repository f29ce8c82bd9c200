/* SPDX-License-Identifier: Apache-2.0 */
/* The words of the table engine: where we are, what is allowed, what was likely meant. */
#ifndef CONF_DIRECTIVE_HINT_H
#define CONF_DIRECTIVE_HINT_H

#include "conf/directive_table.h"

/* `pool "app"` for the block of that node; NULL at the top. Lives in the run's arena. */
const char *directive_where(struct dir_run *run, const struct conf_node *block);
/* To the last diagnostic: "allowed here: ..." in alphabetical order, without what this version does
 * not support. */
void directive_hint_allowed(struct dir_run *run, const struct directive *table);
/* A name nobody knows here: error with suggestion (a block that could hold it, edit distance, words
 * of nginx, HAProxy and Caddy) and what is allowed. `where` is `pool "app"`, NULL at the top. */
void directive_unknown(struct dir_run *run, const struct conf_word *name,
                       const struct directive *table, const char *where);
void directive_unknown_key(struct dir_run *run, struct slice key, const struct span *at,
                           const struct directive *keys, struct slice of);
int directive_unsupported(struct dir_run *run, const struct directive *row, const struct span *at);

#endif
