/* SPDX-License-Identifier: Apache-2.0 */
/* What is different between two configurations, in words for people. Only what means something:
 * order, comments and the way it is written do not, except where order counts. */
#ifndef SERVER_CONFIG_CHANGES_H
#define SERVER_CONFIG_CHANGES_H

#include "conf/source.h"

struct config_version {      /* borrowed; without errors, and with every file read that it names */
    struct sources *sources; /* secrets may be forgotten */
    const char *path;
};
/* Appends a line for each difference: directives, the contents of files that are named, addresses
 * of names, processors. Nothing when they are the same. No value of set_header is shown: it may be
 * a secret. */
void config_changes(const struct config_version *old, const struct config_version *now,
                    struct buf *out);

#endif
