/* SPDX-License-Identifier: Apache-2.0 */
#include "base/rate.h"

void rate_begin(struct rate *r, uint64_t total)
{
    *r = (struct rate){ .totals = { total } };
}

bool rate_look(struct rate *r, uint64_t total, uint64_t need)
{
    uint64_t *oldest = &r->totals[++r->looks % RATE_LOOKS];
    uint64_t grown = total - *oldest;
    *oldest = total;
    return r->looks < RATE_LOOKS || grown >= need;
}

uint64_t rate_look_ms(uint64_t window_ms)
{
    return window_ms < RATE_LOOKS ? 1 : window_ms / RATE_LOOKS;
}

uint64_t rate_need(uint64_t per_second, uint64_t window_ms)
{
    /* in two parts, which do not overflow */
    uint64_t need = window_ms / 1000 * per_second + window_ms % 1000 * per_second / 1000;
    return need > 0 ? need : 1;
}
