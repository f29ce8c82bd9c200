/* SPDX-License-Identifier: Apache-2.0 */
/* One value of a directive or a key: text to the type of its row. */
#ifndef CONF_DIRECTIVE_VALUE_H
#define CONF_DIRECTIVE_VALUE_H

#include "conf/directive_table.h"

/* Parses the text and stores it in the target, without a word to anybody. 0, -EINVAL (not of that
 * form) or -ERANGE (out of the row's bounds). */
int directive_read(const struct directive *row, struct slice text, void *target);
/* One value after its row's type, shared by directives and keys. 0 or -EINVAL (said). */
int directive_value(struct dir_run *run, const struct directive *row, const struct conf_word *word,
                    struct slice text, void *target);

#endif
