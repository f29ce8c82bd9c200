/* SPDX-License-Identifier: Apache-2.0 */
#include "base/log.h"

#include "base/sink.h"
#include "base/utf8.h"

#include <errno.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#define LINE_MAX_BYTES PIPE_BUF /* goes into a pipe whole or not at all */

static struct {
    struct sink sink;
    enum log_level level;
    char who[32];
    uint64_t dropped, untold; /* lines; since the start, since one got through */
    bool torn; /* the last line was cut by a short write: the next one begins with a newline */
} state = { .sink = { .fd = STDERR_FILENO, .kind = SINK_PIPE, .waits = true },
            .level = LOG_INFO,
            .who = "signet" };

void log_open(int fd, enum log_level level, const char *who)
{
    state.sink = sink_of(fd);
    state.level = level;
    snprintf(state.who, sizeof(state.who), "%s", who);
    state.torn = false;
}

void log_set_level(enum log_level level)
{
    state.level = level;
}

bool log_enabled(enum log_level level)
{
    return level <= state.level;
}

uint64_t log_dropped(void)
{
    return state.dropped;
}

/* Puts what every line begins with; returns its length. */
static size_t put_prefix(char *line, size_t room, enum log_level level)
{
    static const char *const names[] = { "error", "warn", "info", "debug" };
    struct timespec now;
    struct tm tm;

    clock_gettime(CLOCK_REALTIME, &now);
    gmtime_r(&now.tv_sec, &tm);
    int len = snprintf(line, room,
                       "%s%04d-%02d-%02dT%02d:%02d:%02d.%03ldZ %s %s: ", state.torn ? "\n" : "",
                       tm.tm_year + 1900, tm.tm_mon + 1, tm.tm_mday, tm.tm_hour, tm.tm_min,
                       tm.tm_sec, now.tv_nsec / 1000000, names[level], state.who);
    return (size_t)len;
}

static bool put_line(enum log_level level, struct slice words)
{
    char line[LINE_MAX_BYTES];
    size_t at = put_prefix(line, sizeof(line), level);

    at += log_escape(line + at, sizeof(line) - at - 1, words, ESCAPE_LINE);
    line[at++] = '\n';
    ssize_t written = sink_write(&state.sink, slice_of(line, at));
    if (written > 0)
        state.torn = written != (ssize_t)at;
    return written == (ssize_t)at;
}

/* Where lines are missing, the next one that gets through says how many. */
static bool tell_dropped(void)
{
    char words[64];

    if (state.untold == 0)
        return true;
    int len = snprintf(words, sizeof(words), "%llu lines of this log were lost here",
                       (unsigned long long)state.untold);
    if (!put_line(LOG_WARN, slice_of(words, (size_t)len)))
        return false;
    state.untold = 0;
    return true;
}

void log_line(enum log_level level, const char *format, ...)
{
    if (!log_enabled(level))
        return;

    int saved_errno = errno;
    char text[LINE_MAX_BYTES];
    va_list args;
    va_start(args, format);
    int len = vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    if (len < 0)
        len = 0;
    struct slice words =
        slice_of(text, (size_t)len < sizeof(text) ? (size_t)len : sizeof(text) - 1);

    if (!tell_dropped() || !put_line(level, words)) {
        state.dropped++;
        state.untold++;
    }
    errno = saved_errno;
}

/* Printable ASCII but the quote and the backslash: the bytes that no style changes. */
static bool is_plain(unsigned char c)
{
    static const uint64_t plain[4] = { 0xfffffffb00000000, 0x7fffffffefffffff, 0, 0 };

    return (plain[c >> 6] >> (c & 63) & 1) != 0;
}

#define EACH_BYTE(c) (UINT64_C(0x0101010101010101) * (c))

/* The high bit of some byte is set if and only if a byte of w is 0. */
static uint64_t has_zero(uint64_t w)
{
    return (w - EACH_BYTE(1)) & ~w & EACH_BYTE(0x80);
}

/* The same as is_plain() of eight bytes at once: below 0x20, from 0x80, and three single ones. */
static bool are_plain(uint64_t w)
{
    uint64_t below = (w - EACH_BYTE(0x20)) & ~w & EACH_BYTE(0x80);
    uint64_t above = w & EACH_BYTE(0x80);

    return (below | above | has_zero(w ^ EACH_BYTE('"')) | has_zero(w ^ EACH_BYTE('\\')) |
            has_zero(w ^ EACH_BYTE(0x7f))) == 0;
}

static size_t plain_run(struct slice s)
{
    size_t n = 0;

    for (uint64_t w; s.len - n >= sizeof(w); n += sizeof(w)) {
        memcpy(&w, s.ptr + n, sizeof(w));
        if (!are_plain(w))
            break;
    }
    while (n < s.len && is_plain((unsigned char)s.ptr[n]))
        n++;
    return n;
}

/* What stands behind the backslash of a short escape, 0 when there is none. */
static char short_escape(unsigned char c, enum escape_style style)
{
    static const char combined[] = "\"\"\\\\\bb\nn\rr\tt\vv", json[] = "\"\"\\\\\bb\ff\nn\rr\tt",
                      log[] = "\"\"\\\\";
    static const char *const pairs[] = {
        [ESCAPE_LOG] = log, [ESCAPE_JSON] = json, [ESCAPE_COMBINED] = combined, [ESCAPE_LINE] = ""
    };

    for (const char *p = pairs[style]; *p != '\0'; p += 2)
        if ((unsigned char)p[0] == c)
            return p[1];
    return '\0';
}

/* Well-formed UTF-8 that a terminal or a log reader may still take for a control or a line's end:
 * U+0080 to U+009F, U+2028, U+2029. Its code point, or 0. */
static unsigned unsafe_code_point(struct slice s)
{
    const unsigned char *p = (const unsigned char *)s.ptr;

    if (s.len == 2 && p[0] == 0xc2 && p[1] < 0xa0)
        return p[1];
    if (s.len == 3 && p[0] == 0xe2 && p[1] == 0x80 && (p[2] == 0xa8 || p[2] == 0xa9))
        return 0x2000u + p[2] - 0x80u;
    return 0;
}

#define UNIT_MAX 20 /* the longest escape of one unit: three times \xhh, and a NUL */

static size_t put_hex(char *out, struct slice bytes)
{
    static const char digits[] = "0123456789abcdef";
    char *at = out;

    for (size_t i = 0; i < bytes.len; i++) {
        unsigned char c = (unsigned char)bytes.ptr[i];
        *at++ = '\\';
        *at++ = 'x';
        *at++ = digits[c >> 4];
        *at++ = digits[c & 15];
    }
    return (size_t)(at - out);
}

static size_t put_ascii(char *out, unsigned char c, enum escape_style style)
{
    char letter = short_escape(c, style);

    if (letter != '\0') {
        out[0] = '\\';
        out[1] = letter;
        return 2;
    }
    if (c >= 0x20 && c < 0x7f) {
        out[0] = (char)c;
        return 1;
    }
    if (style == ESCAPE_JSON)
        return (size_t)snprintf(out, UNIT_MAX, "\\u%04x", c);
    return put_hex(out, slice_of((const char *)&c, 1));
}

/* Escapes the first unit of s (one character, or one byte that starts none) into out, which has
 * room for UNIT_MAX. *ret_taken: the bytes of s it stands for. */
static size_t put_unit(char *out, struct slice s, enum escape_style style, size_t *ret_taken)
{
    unsigned char first = (unsigned char)s.ptr[0];

    *ret_taken = 1;
    if (first < 0x80)
        return put_ascii(out, first, style);
    size_t len = style == ESCAPE_COMBINED ? 0 : utf8_next(s);
    if (len == 0) {
        if (style == ESCAPE_JSON)
            return (size_t)snprintf(out, UNIT_MAX, "\\ufffd");
        return put_hex(out, slice_first(s, 1));
    }
    *ret_taken = len;
    unsigned code_point = unsafe_code_point(slice_first(s, len));
    if (code_point == 0) {
        memcpy(out, s.ptr, len);
        return len;
    }
    if (style == ESCAPE_JSON)
        return (size_t)snprintf(out, UNIT_MAX, "\\u%04x", code_point);
    return put_hex(out, slice_first(s, len));
}

size_t log_escape(char *out, size_t room, struct slice s, enum escape_style style)
{
    size_t at = 0;

    while (s.len > 0 && at < room) {
        size_t run = plain_run(slice_first(s, room - at));
        if (run > 0) {
            memcpy(out + at, s.ptr, run);
            at += run;
            s = slice_from(s, run);
            continue;
        }
        char unit[UNIT_MAX];
        size_t taken, len = put_unit(unit, s, style, &taken);
        if (len > room - at)
            break;
        memcpy(out + at, unit, len);
        at += len;
        s = slice_from(s, taken);
    }
    return at;
}
