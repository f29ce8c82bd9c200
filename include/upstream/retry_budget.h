/* SPDX-License-Identifier: Apache-2.0 */
/* How many requests a pool may repeat: a share of those it got lately, so that servers in trouble
 * are not given a multiple of their load, and a few a second all the same, so that a quiet pool can
 * repeat at all. One per pool and worker. Keyed by the pool's name, it lives across reloads like a
 * server does; shared by reference. Time is the loop's monotonic clock, in milliseconds. */
#ifndef UPSTREAM_RETRY_BUDGET_H
#define UPSTREAM_RETRY_BUDGET_H

#include "base/list.h"
#include "base/slice.h"

#include <stdbool.h>
#include <stdint.h>

#define RETRY_BUDGET_SECONDS  10 /* how far back requests count */
#define RETRY_BUDGET_RESERVED 3  /* repeats in each second, whatever the share */

struct retry_second { /* what happened in one second */
    uint64_t second;  /* of the loop's clock */
    uint64_t requests, repeats;
};
struct retry_budget {
    struct slice pool_name; /* owned copy */
    struct retry_second seconds[RETRY_BUDGET_SECONDS];
    unsigned refs;
    struct link in_list;
};

/* The budget of that pool, made when it is new. The reference is the caller's; `list` must outlive
 * the last one. */
struct retry_budget *retry_budget_get(struct link *list, struct slice pool_name);
void retry_budget_unref(struct retry_budget *b); /* with the last one it is gone; NULL is fine */

void retry_budget_count_request(struct retry_budget *b, uint64_t now_ms);
/* Takes one repeat if there is one: fewer than `percent` of the last ten seconds' requests were
 * repeated in that time, or fewer than three in this second. */
bool retry_budget_take(struct retry_budget *b, uint64_t percent, uint64_t now_ms);

#endif
