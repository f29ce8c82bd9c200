/* SPDX-License-Identifier: Apache-2.0 */
/* One request's life: route it, pick a server, borrow a connection, retry where that is safe,
 * stream both bodies with back-pressure, write one access record. Joins two streams (http/stream.h)
 * and never knows a protocol. Owner: itself. It begins when a downstream stream begins and frees
 * itself after that stream is over. */
#ifndef PROXY_EXCHANGE_H
#define PROXY_EXCHANGE_H

#include "http/stream.h"
#include "proxy/proxy.h"

/* Takes the stream; `peer` and TLS facts come from its conn. References the configuration until its
 * end. */
void exchange_begin(struct proxy *p, const struct config_hold *config, struct stream *down);
/* Ends every exchange at once: both sides are cut, records say "shutdown". */
void exchange_end_all(struct proxy *p);

#endif
