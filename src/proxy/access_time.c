/* SPDX-License-Identifier: Apache-2.0 */
#include "proxy/access_time.h"

#include <string.h>

#define SECOND_MIN  (-62167219200) /* 0000-01-01T00:00:00Z */
#define SECOND_MAX  253402300799   /* 9999-12-31T23:59:59Z */
#define DAY_SECONDS 86400

struct civil {                 /* a day of the proleptic Gregorian calendar */
    unsigned year, month, day; /* month 1..12, day 1..31 */
};

/* Days since 1970 to a date, counted in 400-year eras that begin in March, so that the leap day
 * comes last (Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms"). */
static struct civil civil_of(int64_t days)
{
    uint64_t from_march_0 = (uint64_t)(days + 719468 + 146097); /* one era more: never negative */
    uint64_t era = from_march_0 / 146097;
    uint64_t day_of_era = from_march_0 % 146097;
    uint64_t year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
    uint64_t day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    uint64_t march_month = (5 * day_of_year + 2) / 153;
    unsigned month = (unsigned)(march_month < 10 ? march_month + 3 : march_month - 9);
    return (struct civil){
        .year = (unsigned)((int64_t)(era * 400 + year_of_era) - 400 + (month <= 2)),
        .month = month,
        .day = (unsigned)(day_of_year - (153 * march_month + 2) / 5 + 1),
    };
}

static void put_two(char *to, unsigned value)
{
    to[0] = (char)('0' + value / 10);
    to[1] = (char)('0' + value % 10);
}

static void put_year(char *to, unsigned year)
{
    put_two(to, year / 100);
    put_two(to + 2, year % 100);
}

static void put_time(char *to, unsigned second_of_day)
{
    put_two(to, second_of_day / 3600);
    to[2] = to[5] = ':';
    put_two(to + 3, second_of_day / 60 % 60);
    put_two(to + 6, second_of_day % 60);
}

static void format(struct access_time *t, const struct civil *c, unsigned second_of_day)
{
    const char *month = &"JanFebMarAprMayJunJulAugSepOctNovDec"[(c->month - 1) * 3];

    memcpy(t->log, "00/Xxx/0000:00:00:00 +0000", ACCESS_TIME_LOG_LEN);
    put_two(t->log, c->day);
    memcpy(t->log + 3, month, 3);
    put_year(t->log + 7, c->year);
    put_time(t->log + 12, second_of_day);

    memcpy(t->rfc3339, "0000-00-00T00:00:00", ACCESS_TIME_RFC3339_LEN);
    put_year(t->rfc3339, c->year);
    put_two(t->rfc3339 + 5, c->month);
    put_two(t->rfc3339 + 8, c->day);
    put_time(t->rfc3339 + 11, second_of_day);
}

static int64_t floor_div(int64_t a, int64_t b)
{
    return a / b - (a % b < 0);
}

void access_time_update(struct access_time *t, int64_t wall_ms)
{
    int64_t second = floor_div(wall_ms, 1000);
    if (t->set && t->second == second)
        return;
    t->set = true;
    t->second = second;

    int64_t shown = second < SECOND_MIN ? SECOND_MIN : second > SECOND_MAX ? SECOND_MAX : second;
    int64_t days = floor_div(shown, DAY_SECONDS);
    struct civil c = civil_of(days);
    format(t, &c, (unsigned)(shown - days * DAY_SECONDS));
}
