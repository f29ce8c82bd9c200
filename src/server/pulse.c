/* SPDX-License-Identifier: Apache-2.0 */
#include "server/pulse.h"

void pulse_listen(struct pulse *p, uint64_t stamp_ms, uint64_t now_ms, uint64_t elapsed_ms)
{
    bool on_time = elapsed_ms <= 2 * PULSE_TICK_MS;
    if (stamp_ms > p->stamp_ms && stamp_ms <= now_ms) {
        p->stamp_ms = stamp_ms;
        p->silence_ms = on_time ? now_ms - stamp_ms : 0;
        p->stopped = false;
    } else if (on_time) {
        p->silence_ms += elapsed_ms;
    }
}

void pulse_stop(struct pulse *p, uint64_t now_ms)
{
    p->stopped = true;
    p->stamp_ms = now_ms; /* what it stamped before the stop does not end it */
}

void pulse_go_on(struct pulse *p)
{
    p->stopped = false;
}

bool pulse_is_silent(const struct pulse *p)
{
    return p->stopped || p->silence_ms >= PULSE_SILENT_MS;
}

bool pulse_is_lost(const struct pulse *p)
{
    return p->silence_ms >= PULSE_LOST_MS;
}
