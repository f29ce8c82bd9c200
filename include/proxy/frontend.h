/* SPDX-License-Identifier: Apache-2.0 */
/* From an accepted socket to a codec: TLS where the listener has it, then the codec that ALPN
 * chose, then one exchange a stream. Logs failed handshakes, once each, with reason, SNI, address
 * and duration. Owner of all client connections of a worker. */
#ifndef PROXY_FRONTEND_H
#define PROXY_FRONTEND_H

#include "proxy/exchange.h"

struct frontend;
struct frontend *frontend_new(struct proxy *p, struct scratch *s); /* borrows both */
/* Closes what is left, at once: exchanges too, their records say "shutdown". */
void frontend_free(struct frontend *f);
/* So many clients' sockets leave descriptors for as many connections to servers; 0, as at first:
 * nobody knows of a bound. */
void frontend_set_room(struct frontend *f, unsigned room);
/* How many clients may be accepted at once, as long as each leaves a descriptor for a connection to
 * a server: 0 when none may. One at a time while handshakes wait for their turn, so that a flood
 * waits in the kernel. */
unsigned frontend_room(const struct frontend *f);
/* Takes the descriptor, and refuses it when a cap of the listener is reached (door.h). `config`
 * names the listener; the frontend takes a reference of its own. */
void frontend_accept(struct frontend *f, const struct config_hold *config, int fd,
                     const struct addr *peer);
/* The same, past the caps, for a transport that is there already, which it takes. Returns its
 * connection: whoever drives a transport without a descriptor needs it (conn_on_ready) until that
 * transport is freed. */
struct conn *frontend_adopt(struct frontend *f, const struct config_hold *config,
                            struct transport *t, const struct addr *peer);
/* After a reload, in one pass over all connections: `find` says what the address of `from` leads to
 * now, borrowed for the call; the connection takes it for its next request, and what is in flight
 * keeps what it began with. False, or a change between TLS and plain: the connection drains. */
void frontend_replace_config(struct frontend *f,
                             bool (*find)(void *user, const struct config_hold *from,
                                          struct config_hold *ret_to),
                             void *user);
/* Finish what is in flight: idle connections close now, the others after their response. */
void frontend_drain(struct frontend *f);
uint64_t frontend_connections(const struct frontend *f);

#endif
