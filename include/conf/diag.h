/* SPDX-License-Identifier: Apache-2.0 */
/* Diagnostics: everything that is wrong with a configuration, collected, then shown at once with
 * the line, a caret and a hint (CONFIG, "Errors teach"). */
#ifndef CONF_DIAG_H
#define CONF_DIAG_H

#include "base/buf.h"
#include "base/slice.h"
#include "conf/span.h"

#include <stdbool.h>

#define DIAG_MAX 20 /* errors shown; more are counted */

struct diags;
struct diags *diags_new(void);
void diags_free(struct diags *d);
/* `code` is a stable word for machines, "unknown-directive". The message has no full stop. */
void diags_add(struct diags *d, enum diag_severity severity, const char *code,
               const struct span *at, const char *format, ...)
    __attribute__((format(printf, 5, 6)));
/* Both belong to the last one added. The caret's remark: ' did you mean "health"?'. */
void diags_remark(struct diags *d, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* A line "   = ...". A hint may also name a second place, which is then shown with its line. */
void diags_hint(struct diags *d, const struct span *also, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
size_t diags_errors(const struct diags *d);
size_t diags_warnings(const struct diags *d);
/* As text, with colour or without, closed by `2 errors, 1 warning; ` and `outcome`; nothing when
 * there is nothing to say. */
void diags_print(const struct diags *d, bool colour, const char *outcome, struct buf *out);
/* As a JSON list of {severity, code, message, file, line, column, end_column, hint}, one line. */
void diags_print_json(const struct diags *d, struct buf *out);
/* For a log: each as one line, "error: FILE:3:5: message; remark; hint". */
void diags_print_lines(const struct diags *d, struct buf *out);
/* Edit distance of up to 2 (insert, delete, replace, swap): the nearest of NULL-terminated `among`,
 * or NULL. */
const char *diag_nearest(struct slice word, const char *const *among);

#endif
