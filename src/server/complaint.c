/* SPDX-License-Identifier: Apache-2.0 */
#include "server/complaint.h"

#include "base/log.h"

#include <stdarg.h>
#include <stdio.h>

#define APART_MS 1000

void complaint_log(struct complaint *c, uint64_t now_ms, const char *format, ...)
{
    char text[512];
    if (c->said && now_ms - c->said_ms < APART_MS) {
        c->unsaid++;
        return;
    }
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    if (c->unsaid > 0)
        log_warn("%s (and %llu more before it)", text, (unsigned long long)c->unsaid);
    else
        log_warn("%s", text);
    *c = (struct complaint){ .said = true, .said_ms = now_ms };
}
