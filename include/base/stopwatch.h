/* SPDX-License-Identifier: Apache-2.0 */
/* How long something has taken so far: for work that is cut into slices. */
#ifndef BASE_STOPWATCH_H
#define BASE_STOPWATCH_H

#include <stdint.h>
#include <time.h>

/* Microseconds on a clock that never jumps (CLOCK_MONOTONIC), from an arbitrary start. The loop's
 * own time stands still during a turn. */
static inline uint64_t stopwatch_us(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000;
}

#endif
