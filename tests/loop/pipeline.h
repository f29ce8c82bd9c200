/* SPDX-License-Identifier: Apache-2.0 */
/* The whole way of a request in one process and without a socket: configuration, frontend,
 * exchange, pool and both codecs are the program's, only the connections at both ends are in
 * memory. The test is every client and every origin, and turns the loop. */
#ifndef TESTS_LOOP_PIPELINE_H
#define TESTS_LOOP_PIPELINE_H

#include "../unit/conn/fake_transport.h"
#include "base/counter.h"
#include "base/list.h"
#include "base/slice.h"

struct pipeline;
/* From the text of a configuration; the listeners must be plain. Ends the process, saying why, when
 * the text has errors. */
struct pipeline *pipeline_new(const char *configuration);
void pipeline_free(struct pipeline *p);

/* One turn of the loop; origins answer what has arrived meanwhile, unless they are mute. */
void pipeline_turn(struct pipeline *p);
/* Turns until nothing moves any more. Deadlines are not waited for. */
void pipeline_settle(struct pipeline *p);

/* --- one end of a connection in memory, the far one */
struct peer {
    struct pipeline *pipeline;
    struct fake_transport *fake;
    struct conn *conn; /* the near end; valid until the fake is freed */
    struct link link;
    size_t answered; /* bytes heard that an origin has dealt with */
};
/* Comes in by listener `entrance`, counted from 0 in file order. */
struct peer *client_open(struct pipeline *p, unsigned entrance);
void peer_say(struct peer *peer, struct slice bytes); /* and one turn */
void peer_end(struct peer *peer, int how);            /* 0 orderly, or -ECONNRESET; and one turn */
struct slice peer_heard(const struct peer *peer);     /* valid until the next turn */
bool peer_gone(const struct peer *peer);              /* the near end has closed */
bool peer_cut(const struct peer *peer);               /* it did, without an orderly end */
/* A client hangs up, if the other side has not, and is forgotten. */
void client_close(struct peer *client);

/* --- origins: one for each connection that was dialed */
/* Mute origins say nothing by themselves. Others answer each request they recognise as complete
 * with 200 and its target as the body (`bodies` false: with none), but nothing that they heard
 * while they were mute. */
void pipeline_set_origins(struct pipeline *p, bool mute, bool bodies);
/* Connections dialed, oldest first; those that are gone are forgotten by origins_forget(). */
struct peer *origin_first(struct pipeline *p);
struct peer *origin_next(struct pipeline *p, const struct peer *origin);
/* What was heard so far is forgotten, and so is every connection that is gone. */
void origins_forget(struct pipeline *p);
void pipeline_close_idle(struct pipeline *p); /* connections that wait for reuse; and settles */

/* --- what is left */
/* The access records written since the last call, a JSON object a line, NUL-terminated. */
const char *pipeline_records(struct pipeline *p);
/* Client connections, exchanges and requests on servers that are alive: 0 when all is quiet. */
uint64_t pipeline_alive(const struct pipeline *p);
uint64_t pipeline_count(const struct pipeline *p, enum counter which);

#endif
