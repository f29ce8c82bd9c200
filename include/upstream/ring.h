/* SPDX-License-Identifier: Apache-2.0 */
/* Consistent hashing with virtual nodes (Karger et al., STOC 1997): point i of a server is
 * XXH3_64(identity, byte 0x00, i in decimal; seed), for i in 0 .. vnodes x weight - 1. A key's
 * owner is the first point at or after XXH3_64(key; seed), wrapping round. Equal points are ordered
 * by identity, bytewise. Look-up: points.h; fingerprint: circle.h; the whole story: docs/ring.md.
 */
#ifndef UPSTREAM_RING_H
#define UPSTREAM_RING_H

#include "upstream/balance.h"

extern const struct balance_ops ring_balance;

#endif
