/* SPDX-License-Identifier: Apache-2.0 */
/* The error log: one line an event, one write a line, appended. Control bytes, quotes in values and
 * invalid UTF-8 are escaped, so one event is always one line. It never makes its caller wait and
 * never fails it: a line that cannot be written at once is dropped and counted, and the next that
 * can says how many are missing (sink.h). One of the two mutable globals of the program. */
#ifndef BASE_LOG_H
#define BASE_LOG_H

#include "base/slice.h"

#include <stdint.h>

enum log_level { LOG_ERROR, LOG_WARN, LOG_INFO, LOG_DEBUG };

/* Lines from now on go to fd (borrowed, stays open; made by sink_open() where others share it);
 * `who` ("master", "worker 0") is copied and
 * stands in each line. */
void log_open(int fd, enum log_level level, const char *who);
void log_set_level(enum log_level level);
bool log_enabled(enum log_level level);
/* "2026-11-20T10:00:00.123Z error worker 0: text". */
void log_line(enum log_level level, const char *format, ...) __attribute__((format(printf, 2, 3)));
uint64_t log_dropped(void); /* lines that could not be written since the start */

enum escape_style {
    ESCAPE_LOG,      /* a quoted value: controls and what is not UTF-8 as \xhh, and \" \\ */
    ESCAPE_JSON,     /* inside a JSON string; each byte that is not UTF-8 becomes U+FFFD */
    ESCAPE_COMBINED, /* as Apache quotes a field: \" \\ \b \n \r \t \v, other controls and all from
                        0x7f as \xhh */
    ESCAPE_LINE,     /* as ESCAPE_LOG, but quotes and backslashes stay: for a whole line of words */
};
/* Writes s to out (room bytes, never NUL-terminated) so that it stays on one line and inside its
 * quotes. Returns the bytes written; stops before what does not fit. */
size_t log_escape(char *out, size_t room, struct slice s, enum escape_style style);

#define log_error(...) log_line(LOG_ERROR, __VA_ARGS__)
#define log_warn(...)  log_line(LOG_WARN, __VA_ARGS__)
#define log_info(...)  log_line(LOG_INFO, __VA_ARGS__)
#define log_debug(...)                                                                             \
    do {                                                                                           \
        if (log_enabled(LOG_DEBUG))                                                                \
            log_line(LOG_DEBUG, __VA_ARGS__);                                                      \
    } while (0)

#endif
