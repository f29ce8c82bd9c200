/* SPDX-License-Identifier: Apache-2.0 */
/* A running signet at one moment, for those who look at it. */
#ifndef SERVER_RUNNING_H
#define SERVER_RUNNING_H

#include "server/children.h"
#include "server/holdings.h"

struct running_reload { /* the last one that came to an end */
    bool committed;
    uint32_t generation; /* in force behind it */
    uint64_t took_ms;
    int64_t at_ms; /* wall clock */
    char why[256]; /* not committed */
};
struct running { /* all borrowed */
    const char *config_path;
    const struct holdings *held;
    const struct children *children;
    const struct running_reload *last; /* NULL: none so far */
    uint64_t now_ms, started_ms;       /* monotonic clock */
    int64_t wall_ms, started_wall_ms, loaded_wall_ms;
    bool draining;
};

struct running_worker {
    uint64_t connections, in_flight; /* of clients; requests */
    uint64_t silent_ms;              /* since its last heartbeat */
};
/* What its row in shared memory says, which it can write as it likes. Zero without a process. */
struct running_worker running_worker(const struct running *r, const struct child_info *child);

/* "2026-11-20T10:00:00Z" of milliseconds since 1970. */
#define RUNNING_TIME_MAX 32
const char *running_time(int64_t wall_ms, char out[static RUNNING_TIME_MAX]);
/* Whole days from now until then, below 0 when it is over. */
int64_t running_days_until(const struct running *r, int64_t second);

#endif
