/* SPDX-License-Identifier: Apache-2.0 */
#include "server/running.h"

#include <time.h>

#define DAY_SECONDS (24 * 3600)

static uint64_t difference(uint64_t more, uint64_t less)
{
    return more > less ? more - less : 0;
}

struct running_worker running_worker(const struct running *r, const struct child_info *child)
{
    const struct shm_row *row = child->pid != 0 ? shm_row(r->held->shm, child->row) : NULL;
    if (row == NULL)
        return (struct running_worker){ 0 };
    const struct counters *c = &row->counters;
    return (struct running_worker){
        .connections = difference(counter_read(c, COUNTER_CONNECTIONS_ACCEPTED),
                                  counter_read(c, COUNTER_CONNECTIONS_CLOSED)),
        .in_flight = difference(counter_read(c, COUNTER_REQUESTS),
                                counter_read(c, COUNTER_REQUESTS_FINISHED)),
        .silent_ms = difference(r->now_ms, atomic_load(&row->stamp_ms)),
    };
}

const char *running_time(int64_t wall_ms, char out[static RUNNING_TIME_MAX])
{
    struct tm tm;
    time_t second = (time_t)(wall_ms / 1000);
    if (gmtime_r(&second, &tm) == NULL ||
        strftime(out, RUNNING_TIME_MAX, "%Y-%m-%dT%H:%M:%SZ", &tm) == 0)
        return "an unknown time";
    return out;
}

int64_t running_days_until(const struct running *r, int64_t second)
{
    int64_t left = second - r->wall_ms / 1000;
    return left >= 0 ? left / DAY_SECONDS : -((-left + DAY_SECONDS - 1) / DAY_SECONDS);
}
