/* SPDX-License-Identifier: Apache-2.0 */
/* A connection: a transport, the loop, and the deadlines of the bytes themselves. It knows nothing
 * of HTTP.
 *
 * Owner: whoever made it (frontend, pool) until conn_close() or conn_abort(); from then on it frees
 * itself at the end of the loop turn (or after lingering) and calls nobody. Events may come inside
 * conn_start() but never inside conn_new_*, conn_write(), conn_close() or conn_abort(). */
#ifndef CONN_CONN_H
#define CONN_CONN_H

#include "base/slice.h"
#include "conn/conn_events.h"
#include "conn/scratch.h"
#include "conn/transport.h"
#include "event/addr.h"
#include "event/loop.h"

#include <stdint.h>

/* A connection over an accepted socket. Takes the transport. */
struct conn *conn_new_accepted(struct loop *l, struct scratch *s, struct transport *t,
                               const struct addr *peer, const struct conn_conf *conf);
/* A connection that was dialed by somebody else and stands: over it, events come as they do after a
 * dial, on_open from the loop. Takes the transport. */
struct conn *conn_new_connected(struct loop *l, struct scratch *s, struct transport *t,
                                const struct addr *to, const struct conn_conf *conf);
/* A connection that dials. `wrap` makes the transport over the new descriptor (plain_new, or TLS
 * later). Failure to begin is reported by on_end like every other, from the loop. */
struct conn *conn_new_dialed(struct loop *l, struct scratch *s, const struct addr *to,
                             const struct conn_conf *conf,
                             struct transport *(*wrap)(void *user, int fd, struct scratch *s),
                             void *user);
/* Names the receiver of events; may be changed later (a codec takes over in on_open). */
void conn_set_events(struct conn *c, const struct conn_events *ev, void *user);
void *conn_user(const struct conn *c);
/* Other bounds from now on. */
void conn_set_conf(struct conn *c, const struct conn_conf *conf);
/* Begins: reads at once (an accepted socket has its first bytes already, thanks to
 * TCP_DEFER_ACCEPT). */
void conn_start(struct conn *c);
/* WATCH_READ, WATCH_WRITE: what the loop calls when the descriptor is ready. A transport without a
 * descriptor has nobody to tell of its readiness but whoever drives it: the tests. */
void conn_on_ready(struct conn *c, unsigned events);

/* Takes all bytes; they leave at the latest when the running callback returns. Returns the bytes
 * the peer's slowness made wait, 0 in the good case. Not before on_open; on a dead connection bytes
 * are dropped. When a dialed one cannot be written any more, reading goes on to its end (an early
 * answer may be there), which is then CONN_END_RESET. */
size_t conn_write(struct conn *c, struct slice bytes);
size_t conn_backlog(const struct conn *c);
/* From now on its two directions end apart, as a tunnel's do. An orderly end of the peer comes in
 * its place, behind its last byte, also when reading was paused; on_flushed goes on after it, and
 * on_end comes once more when the other direction fails. */
void conn_allow_half_close(struct conn *c);
/* Ends our direction: what waits is sent, then close_notify and FIN. Reading goes on; nothing may
 * be written any more. Needs conn_allow_half_close(). Harmless on a dead connection. */
void conn_end_output(struct conn *c);
/* Stops and restarts reading. Resume also offers what was kept, from the loop and never inside the
 * call. While an accepted connection is paused, a sweep once a second looks for a FIN or RST: a
 * client that closed has left, even if bytes of it are still unread. A dialed one is not looked at:
 * what its origin said before it closed is a response, and is read to its end after the resume. */
void conn_pause(struct conn *c);
void conn_resume(struct conn *c);
/* How much one read may bring, from now on: above 0, and never more than SCRATCH_READ_BYTES, which
 * is what a new connection begins with. What the owner does not use of it is kept, so this bounds
 * the memory of a connection whose owner has to wait. What the kernel receives unread of a near
 * server follows, once. */
void conn_read_at_most(struct conn *c, size_t bytes);

/* The peer is in the middle of something and may take its time, as thousands may at once: gives
 * back what memory is only needed while bytes pass. Costs little. A second without traffic does the
 * same. */
void conn_rest(struct conn *c);

/* Orderly: sends what waits, close_notify, FIN, then reads and discards for at most 2 s and 256 kB,
 * so that no RST destroys the answer on its way. */
void conn_close(struct conn *c);
/* At once, without close_notify: what the peer got is visibly cut. What was gathered is still
 * offered to the kernel once. After a violation of TLS, whose alert nobody can overlook, it lingers
 * like conn_close(). */
void conn_abort(struct conn *c);
/* The same with an RST, for where FIN alone could be taken for an orderly end. What the peer has
 * not read yet is lost too. */
void conn_reset(struct conn *c);

struct loop *conn_loop(const struct conn *c);
const struct addr *conn_peer(const struct conn *c);
/* The address the client reached; asks the kernel. False when it has none. */
bool conn_local(const struct conn *c, struct addr *ret_addr);
const struct tls_info *conn_tls(const struct conn *c); /* NULL on plain */
bool conn_connecting(const struct conn *c); /* a dial whose TCP handshake is not complete */
const char *conn_why(const struct conn *c); /* words for CONN_END_PROTOCOL, _REFUSED; never NULL */
int conn_errno(const struct conn *c);       /* the -errno behind on_end, 0 when none */
/* Something happened to it before this turn of the loop began, and is not told yet. */
bool conn_event_pending(struct conn *c);
/* Anything to read, seen without reading it? One system call. */
bool conn_readable_now(const struct conn *c);
const char *conn_end_text(enum conn_end how); /* "fin", "close_notify", "reset", ... */

#endif
