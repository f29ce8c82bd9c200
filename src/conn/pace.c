/* SPDX-License-Identifier: Apache-2.0 */
#include "conn/pace.h"

#include "event/sock_tcp.h"

static uint64_t taken(const struct pace *p)
{
    uint64_t bytes;
    return p->fd >= 0 && sock_acked(p->fd, &bytes) == 0 ? bytes : p->drained;
}

static void on_look(struct timer *t)
{
    struct pace *p = CONTAINER_OF(t, struct pace, look);
    if (rate_look(&p->rate, taken(p), p->need))
        timer_start(t, p->loop, p->look_ms);
    else
        p->on_late(p);
}

void pace_start(struct pace *p, int fd)
{
    if (p->look_ms == 0 || timer_running(&p->look))
        return;
    p->fd = fd;
    rate_begin(&p->rate, taken(p));
    timer_start(&p->look, p->loop, p->look_ms);
}

void pace_stop(struct pace *p)
{
    timer_stop(&p->look);
}

void pace_set(struct pace *p, unsigned send_ms, uint64_t min_rate)
{
    bool running = timer_running(&p->look);
    pace_stop(p);
    p->need = rate_need(min_rate, send_ms);
    p->look_ms = send_ms > 0 ? rate_look_ms(send_ms) : 0;
    if (running)
        pace_start(p, p->fd);
}

void pace_init(struct pace *p, struct loop *l, unsigned send_ms, uint64_t min_rate,
               void (*on_late)(struct pace *p))
{
    *p = (struct pace){ .loop = l, .on_late = on_late, .fd = -1 };
    timer_init(&p->look, on_look);
    pace_set(p, send_ms, min_rate);
}

void pace_drained(struct pace *p, uint64_t bytes)
{
    p->drained += bytes;
}
