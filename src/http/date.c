/* SPDX-License-Identifier: Apache-2.0 */
#include "http/date.h"

#include <stdio.h>
#include <time.h>

#define SECOND_MIN (-62167219200) /* 0000-01-01T00:00:00Z */
#define SECOND_MAX 253402300799   /* 9999-12-31T23:59:59Z */

static int64_t clamp(int64_t second)
{
    if (second < SECOND_MIN)
        return SECOND_MIN;
    return second > SECOND_MAX ? SECOND_MAX : second;
}

/* Not strftime: its names of days follow the locale. */
static void make(struct date_cache *cache, time_t at)
{
    static const char days[7][4] = { "Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat" };
    static const char months[12][4] = { "Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                        "Jul", "Aug", "Sep", "Oct", "Nov", "Dec" };
    struct tm tm;
    gmtime_r(&at, &tm);
    snprintf(cache->text, sizeof(cache->text), "%s, %02u %s %04u %02u:%02u:%02u GMT",
             days[tm.tm_wday], (unsigned)tm.tm_mday % 100u, months[tm.tm_mon],
             (unsigned)(tm.tm_year + 1900) % 10000u, (unsigned)tm.tm_hour % 100u,
             (unsigned)tm.tm_min % 100u, (unsigned)tm.tm_sec % 100u);
}

struct slice date_text(struct date_cache *cache, int64_t unix_second)
{
    int64_t second = clamp(unix_second);
    if (cache->text[0] == '\0' || cache->second != second) {
        make(cache, (time_t)second);
        cache->second = second;
    }
    return slice_str(cache->text);
}
