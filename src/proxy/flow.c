/* SPDX-License-Identifier: Apache-2.0 */
#include "proxy/flow.h"

void flow_grant(struct flow *f, struct stream *sender, size_t bytes)
{
    f->granted += bytes;
    sender->ops->grant(sender, bytes);
}

void flow_take(struct flow *f, size_t bytes, bool end)
{
    f->granted -= bytes < f->granted ? bytes : f->granted;
    f->total += bytes;
    f->ended = end;
}

void flow_give_back(struct flow *f, struct stream *sender, size_t bytes, size_t waiting)
{
    if (waiting > 0 || f->owed > 0)
        f->owed += bytes;
    else if (!f->ended)
        flow_grant(f, sender, bytes);
}

void flow_settle(struct flow *f, struct stream *sender)
{
    size_t owed = f->owed;
    f->owed = 0;
    if (owed > 0 && !f->ended)
        flow_grant(f, sender, owed);
}
