/* SPDX-License-Identifier: Apache-2.0 */
/* A configuration built from text in memory: no file is opened, no name looked up. */
#ifndef CONFIG_FIXTURE_H
#define CONFIG_FIXTURE_H

#include "server/config.h"

struct fixture {
    struct sources *sources;
    struct servers *servers;
    struct diags *diags;
    struct config *config; /* NULL when the text has errors */
    char said[1024];
};
void fixture_open(struct fixture *f);
void fixture_file(struct fixture *f, const char *path, const char *contents);
/* Builds from "/etc/t.conf" with that text. */
void fixture_build(struct fixture *f, const char *text);
/* The first of that severity: "LINE:COLUMN: message", or "" for none; kept in the fixture. */
const char *fixture_first(struct fixture *f, enum diag_severity severity);
void fixture_close(struct fixture *f);

#endif
