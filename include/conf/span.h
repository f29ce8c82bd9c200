/* SPDX-License-Identifier: Apache-2.0 */
/* A place in a configuration file, and how grave it is what is said about it. */
#ifndef CONF_SPAN_H
#define CONF_SPAN_H

#include "base/slice.h"

/* Borrows the file's name and contents; diagnostics copy what they show. */
struct span {
    const char *file;                  /* as opened, absolute or as given; NULL: no place */
    struct slice text;                 /* contents of the file */
    unsigned line, column, end_column; /* from 1, in bytes; end_column is one past the last */
};
enum diag_severity { DIAG_ERROR, DIAG_WARNING };

#endif
