/* SPDX-License-Identifier: Apache-2.0 */
/* An open connection in memory, with all that a codec needs around it: the test says what arrives
 * and sees what leaves. */
#ifndef TESTS_HTTP_WIRE_H
#define TESTS_HTTP_WIRE_H

#include "../conn/fake_transport.h"
#include "base/arena.h"
#include "conn/conn.h"

struct wire {
    struct loop *loop;
    struct scratch scratch;
    struct arena_recycler arenas;
    struct conn *conn; /* the codec's */
    struct fake_transport *fake;
    unsigned uses; /* of this loop, see wire_reuse() */
};

void wire_init(struct wire *w); /* the connection is open, its events unset */
void wire_done(struct wire *w);
/* For fuzzers, which need thousands a second: as wire_init(), from all zero or from a wire at rest,
 * whose loop and memory serve again. */
void wire_reuse(struct wire *w);
/* As wire_done(), but keeps those; now and then, and when a connection lingers on, it does not.
 * Then whatever else was left hanging on the loop is a leak that can be seen. */
void wire_rest(struct wire *w);
void wire_retire(struct wire *w); /* gives up what a wire at rest keeps; harmless without */
/* Bytes arrive; then everything that follows from them happens. */
void wire_push(struct wire *w, struct slice bytes);
/* The other side ends: 0 orderly, or -ECONNRESET, -ENODATA. */
void wire_end(struct wire *w, int how);
/* The kernel takes so many bytes more. */
void wire_drain(struct wire *w, size_t bytes);
void wire_turn(struct wire *w);

/* Calls push(user, part) with `bytes` whole (round 0), byte by byte (round 1), or split at places
 * that only the round decides. */
#define WIRE_ROUNDS 22
void wire_split(struct slice bytes, unsigned round, void (*push)(void *user, struct slice part),
                void *user);

#endif
