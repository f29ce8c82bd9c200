/* SPDX-License-Identifier: Apache-2.0 */
#include "wire.h"

#include <stdlib.h>

#define USES_MAX 256 /* of one loop */

static void open_connection(struct wire *w)
{
    static const struct conn_events none = { 0 };
    static const struct addr nowhere = { 0 };
    static const struct conn_conf conf = { .keep_max = 64 * 1024 };
    w->fake = fake_new();
    w->conn = conn_new_accepted(w->loop, &w->scratch, &w->fake->transport, &nowhere, &conf);
    conn_set_events(w->conn, &none, NULL);
    conn_start(w->conn);
}

void wire_init(struct wire *w)
{
    *w = (struct wire){ .loop = loop_new() };
    scratch_init(&w->scratch);
    arena_recycler_init(&w->arenas, 16);
    open_connection(w);
}

void wire_done(struct wire *w)
{
    struct fake_transport *fake = w->fake; /* it outlives a connection that lingers */
    wire_turn(w);
    wire_retire(w);
    fake_free(fake);
}

void wire_reuse(struct wire *w)
{
    if (w->loop == NULL)
        wire_init(w);
    else
        open_connection(w);
    w->uses++;
}

void wire_rest(struct wire *w)
{
    wire_turn(w);
    if (w->fake->freed && w->uses < USES_MAX)
        fake_free(w->fake);
    else
        wire_done(w);
}

void wire_retire(struct wire *w)
{
    if (w->loop == NULL)
        return;
    scratch_done(&w->scratch);
    loop_free(w->loop);
    arena_recycler_done(&w->arenas);
    *w = (struct wire){ 0 };
}

void wire_turn(struct wire *w)
{
    while (loop_has_work(w->loop)) /* what is deferred may defer anew */
        loop_run_deferred(w->loop);
}

static void make_ready(struct wire *w, unsigned events)
{
    if (!w->fake->freed)
        conn_on_ready(w->conn, events);
    wire_turn(w);
}

void wire_push(struct wire *w, struct slice bytes)
{
    fake_says(w->fake, bytes);
    make_ready(w, WATCH_READ);
}

void wire_end(struct wire *w, int how)
{
    fake_ends(w->fake, how);
    make_ready(w, WATCH_READ);
}

void wire_drain(struct wire *w, size_t bytes)
{
    w->fake->window = bytes;
    make_ready(w, WATCH_WRITE);
}

void wire_split(struct slice bytes, unsigned round, void (*push)(void *user, struct slice part),
                void *user)
{
    unsigned seed = round;
    while (bytes.len > 0) {
        size_t n = bytes.len;
        if (round == 1)
            n = 1;
        else if (round > 1)
            n = 1 + (size_t)rand_r(&seed) % (bytes.len < 24 ? bytes.len : 24);
        push(user, slice_first(bytes, n));
        bytes = slice_from(bytes, n);
    }
}
