/* SPDX-License-Identifier: Apache-2.0 */
/* Does a total grow fast enough? It is looked at now and then, RATE_LOOKS times a window, so that
 * what makes it grow costs an addition and nothing else. */
#ifndef BASE_RATE_H
#define BASE_RATE_H

#include <stdbool.h>
#include <stdint.h>

#define RATE_LOOKS 4

struct rate {
    uint64_t totals[RATE_LOOKS]; /* at the last looks, the beginning among them */
    unsigned looks;
};
void rate_begin(struct rate *r, uint64_t total);
/* To be called each rate_look_ms() from the beginning on. False: in the window that ends now the
 * total grew by less than `need`. Always true before the first window is over. */
bool rate_look(struct rate *r, uint64_t total, uint64_t need);

/* Milliseconds between two looks at a window of `window_ms`; at least 1. */
uint64_t rate_look_ms(uint64_t window_ms);
/* What `per_second` comes to in a window; at least 1, so that standing still is always too slow. */
uint64_t rate_need(uint64_t per_second, uint64_t window_ms);

#endif
