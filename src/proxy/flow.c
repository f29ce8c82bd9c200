/* SPDX-License-Identifier: Apache-2.0 */
#include "proxy/flow.h"

#define SMOOTH_WINDOWS 8 /* taken without waiting before the window doubles */

static size_t smaller(size_t a, size_t b)
{
    return a < b ? a : b;
}

static void refill(struct flow *f, struct stream *sender)
{
    if (f->ended || f->waiting || f->granted >= f->window)
        return;
    size_t bytes = f->window - f->granted;
    f->granted = f->window;
    sender->ops->grant(sender, bytes);
}

void flow_begin(struct flow *f, struct stream *sender, size_t max)
{
    f->max = max;
    f->window = smaller(FLOW_FIRST_BYTES, max);
    refill(f, sender);
}

void flow_take(struct flow *f, size_t bytes, bool end)
{
    f->granted -= smaller(bytes, f->granted);
    f->total += bytes;
    f->ended = end;
}

static void slow_down(struct flow *f)
{
    f->waiting = true;
    f->smooth = 0;
    if (f->window / 2 >= FLOW_FIRST_BYTES)
        f->window /= 2;
}

static void speed_up(struct flow *f, size_t bytes)
{
    f->smooth += bytes;
    if (f->window == f->max || f->smooth / SMOOTH_WINDOWS < f->window)
        return;
    f->window = f->window > f->max / 2 ? f->max : f->window * 2;
    f->smooth = 0;
}

void flow_give_back(struct flow *f, struct stream *sender, size_t bytes, size_t waiting)
{
    if (f->waiting)
        return;
    if (waiting > 0)
        slow_down(f);
    else
        speed_up(f, bytes);
    refill(f, sender);
}

void flow_settle(struct flow *f, struct stream *sender)
{
    f->waiting = false;
    refill(f, sender);
}
