/* SPDX-License-Identifier: Apache-2.0 */
/* A configuration for commands that only look at it, and its diagnostics for the person who asked.
 */
#ifndef SERVER_CLI_LOAD_H
#define SERVER_CLI_LOAD_H

#include "server/config.h"

#include <stdio.h>

struct loaded {
    struct sources *sources;
    struct servers *servers;
    struct diags *diags;
    struct config *config; /* NULL when it has errors */
};
/* Resolves and builds; prints nothing. Give back with loaded_done(), also when it failed. 0 or
 * -EINVAL. */
int loaded_init(struct loaded *l, const char *path);
void loaded_done(struct loaded *l);

void cli_print(FILE *to, const struct buf *text);
/* To stderr, in colour on a terminal unless NO_COLOR is set; nothing when there is nothing. */
void cli_print_diags(const struct diags *d, const char *outcome);

#endif
