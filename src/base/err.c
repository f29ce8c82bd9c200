/* SPDX-License-Identifier: Apache-2.0 */
#include "base/err.h"

#include <stdarg.h>
#include <stdio.h>

int err_set(struct err *e, int code, const char *format, ...)
{
    if (e == NULL)
        return code;

    /* Formatted aside first: an argument may be e->text itself, when a cause is put into a wider
     * sentence. */
    char text[sizeof(e->text)];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    snprintf(e->text, sizeof(e->text), "%s", text);
    err_at(e, "", 0, 0);
    return code;
}

void err_at(struct err *e, const char *file, unsigned line, unsigned column)
{
    if (e == NULL)
        return;
    snprintf(e->file, sizeof(e->file), "%s", file);
    e->line = line;
    e->column = column;
}
