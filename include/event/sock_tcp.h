/* SPDX-License-Identifier: Apache-2.0 */
/* What TCP alone knows of a connection, and a bound that depends on it. */
#ifndef EVENT_SOCK_TCP_H
#define EVENT_SOCK_TCP_H

#include <stdbool.h>
#include <stdint.h>

/* Bytes that a bounded connection receives without being read, at about; see below. */
#define SOCK_NEAR_RECEIVE_BYTES (64 * 1024)

/* Bytes that the peer has acknowledged since the connection began: what it took, not what the
 * kernel took for it. 0, or -errno where there is no TCP. */
int sock_acked(int fd, uint64_t *ret_bytes);
/* For a connection just made, whose peer may send more than is read. The kernel would let its
 * receive buffer grow to megabytes, and keep it so. Where the peer is near, a small one carries as
 * much, and is made to stay small; a distant peer needs the large one, and keeps it: false. Best
 * effort. */
bool sock_bound_receive(int fd);
/* Four times the bound, for what is read as fast as it comes: fewer and larger reads cost less. */
void sock_widen_receive(int fd);

#endif
