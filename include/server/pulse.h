/* SPDX-License-Identifier: Apache-2.0 */
/* Does a process still turn its loop? Judged by the stamps that it writes into its row and by what
 * the system tells of stops. Only time in which the master itself was on time counts as silence:
 * after a stop or a suspension of both nobody is blamed. */
#ifndef SERVER_PULSE_H
#define SERVER_PULSE_H

#include <stdbool.h>
#include <stdint.h>

#define PULSE_TICK_MS   250   /* how often a process stamps, and how often it is listened to */
#define PULSE_SILENT_MS 750   /* no stamp for so long: somebody else accepts for it */
#define PULSE_LOST_MS   10000 /* no stamp for so long: it is killed */

struct pulse {           /* zero at first */
    uint64_t stamp_ms;   /* the last that was believed; monotonic clock */
    uint64_t silence_ms; /* since then */
    bool stopped;        /* by a signal */
};

/* `stamp_ms` is what stands in the row now, `now_ms` was read from the same clock after it,
 * `elapsed_ms` ago was the last time. A stamp that goes back or lies in the future is none: the row
 * is the worker's to write. */
void pulse_listen(struct pulse *p, uint64_t stamp_ms, uint64_t now_ms, uint64_t elapsed_ms);
/* The system says so. It is no longer stopped when it stamps later than now_ms, whatever the system
 * says. */
void pulse_stop(struct pulse *p, uint64_t now_ms);
void pulse_go_on(struct pulse *p);
bool pulse_is_silent(const struct pulse *p);
bool pulse_is_lost(const struct pulse *p);

#endif
