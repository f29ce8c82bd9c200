/* SPDX-License-Identifier: Apache-2.0 */
/* A block's table applied to a struct: each node finds its row, the row's type parses the words and
 * stores the value at the row's offset. Rows of type DIR_CALL hand the node to a function. */
#ifndef CONF_DIRECTIVE_H
#define CONF_DIRECTIVE_H

#include "conf/directive_table.h"

/* Applies `table` (ended by a NULL name) to the nodes. Unknown names, duplicates, wrong forms go to
 * run->diags. 0, or -EINVAL when any error was added. */
int directive_apply(struct dir_run *run, const struct directive *table,
                    const struct conf_node *nodes, void *target);
/* Applies KEY=VALUE words from index `first` on; other words are errors. */
int directive_apply_keys(struct dir_run *run, const struct directive *keys,
                         const struct conf_node *node, size_t first, void *target);
/* Stores every row's fallback. */
void directive_defaults(const struct directive *table, void *target);

#endif
