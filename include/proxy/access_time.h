/* SPDX-License-Identifier: Apache-2.0 */
/* The second as records spell it, formatted anew only when the second changes. UTC everywhere: a
 * record does not depend on where it was written. */
#ifndef PROXY_ACCESS_TIME_H
#define PROXY_ACCESS_TIME_H

#include <stdbool.h>
#include <stdint.h>

#define ACCESS_TIME_LOG_LEN     26 /* "06/Nov/1994:08:49:37 +0000" (Apache's %t) */
#define ACCESS_TIME_RFC3339_LEN 19 /* "1994-11-06T08:49:37", its fraction follows */

struct access_time { /* zeroed: nothing formatted yet */
    bool set;
    int64_t second; /* since 1970 */
    char log[ACCESS_TIME_LOG_LEN], rfc3339[ACCESS_TIME_RFC3339_LEN];
};

/* Makes the texts those of wall_ms' second. Years 0 to 9999; beyond, the nearest of them. */
void access_time_update(struct access_time *t, int64_t wall_ms);

#endif
