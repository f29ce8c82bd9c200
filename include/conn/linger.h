/* SPDX-License-Identifier: Apache-2.0 */
/* The last life of a transport after an orderly close: it sends what waits, then FIN, then reads
 * and discards for a bounded time and size. Closing at once would answer the peer's next bytes with
 * RST, which destroys what is still on its way to it. Owner: itself; it calls nobody. */
#ifndef CONN_LINGER_H
#define CONN_LINGER_H

#include "conn/scratch.h"
#include "conn/transport.h"

#define LINGER_MS    2000
#define LINGER_BYTES (256 * 1024) /* read and thrown away at most */

struct linger_conf {
    unsigned send_ms;  /* of a peer that has not taken everything: see pace.h */
    uint64_t min_rate; /* bytes a second, likewise */
    bool peer_ended;   /* nothing more will come: close when all is sent */
};
/* Takes the transport, which no watch looks at any more. Begins when the running callback has
 * returned. A transport without descriptor is offered its output once and freed. */
void linger_start(struct loop *l, struct scratch *s, struct transport *t,
                  const struct linger_conf *conf);

#endif
