/* SPDX-License-Identifier: Apache-2.0 */
/* Where clients come in: who finds a place under the caps `limit connections` and `limit per_ip`,
 * and what the others are told before they go. A place is held until the socket is closed, however
 * the connection ends, so that the caps bound descriptors too. */
#ifndef PROXY_DOOR_H
#define PROXY_DOOR_H

#include "base/census.h"
#include "base/counter.h"
#include "conn/scratch.h"
#include "conn/transport.h"
#include "event/loop.h"
#include "proxy/route.h"

/* Refused sockets of one worker that linger at once: so many are told, and read until they go, for
 * up to LINGER_MS. More than that, or than a quarter of the room, are just closed. */
#define DOOR_LINGER_MAX 256

struct door_refusals { /* since the last line in the log */
    uint64_t count, cap;
    struct addr last;
};
struct door { /* embedded in what outlives the scratch, where refused sockets linger; zero first */
    struct loop *loop;
    struct scratch *scratch;
    struct census *census; /* NULL: no caps */
    struct counters *counters;
    unsigned inside;    /* who holds a place; 0 without a census */
    unsigned lingering; /* refused */
    unsigned room;      /* for both together, its owner's to set; 0: no bound */
    struct door_refusals all, per_ip;
    struct timer report; /* once a second, while there is something to tell */
};
/* Borrows all; the census outlives the sockets. */
void door_open(struct door *d, struct loop *l, struct scratch *s, struct census *census,
               struct counters *counters);
void door_close(struct door *d); /* tells the log what is untold; nobody comes in any more */

unsigned door_room(const struct door *d); /* how many more have room; not their caps */

struct place; /* what a client that came in holds */
/* 0, and *ret_place is the caller's to bind or to give back. -EUSERS: no place is left; the client
 * is told as long as that is cheap (503, or on TLS an alert), and the descriptor is taken. */
int door_admit(struct door *d, const struct listener_conf *l, int fd, const struct addr *peer,
               struct place **ret_place);
void place_bind(struct place *p,
                struct transport *t); /* given back when t's descriptor is closed */
void place_give_back(struct place *p);

#endif
