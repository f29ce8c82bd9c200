/* SPDX-License-Identifier: Apache-2.0 */
/* How diagnostics are kept: between diag.c, which collects them, and diag_print.c, which shows
 * them. Everything lies in the arena. */
#ifndef CONF_DIAG_LIST_H
#define CONF_DIAG_LIST_H

#include "base/arena.h"
#include "base/list.h"
#include "conf/span.h"

struct diag_hint {
    struct link link;
    struct slice text;
    struct span also; /* file NULL: none */
};
struct diag {
    struct link link;
    enum diag_severity severity;
    const char *code;
    struct span span; /* file NULL: no place */
    struct slice message, remark;
    struct link hints;
};
struct diags {
    struct arena arena;
    struct link shown; /* up to DIAG_MAX of each severity, in the order they came */
    struct diag *last; /* what remarks and hints belong to; NULL: it is not shown */
    size_t count[2];   /* by severity, all of them */
};

#endif
