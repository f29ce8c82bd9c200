/* SPDX-License-Identifier: Apache-2.0 */
/* nginx's `hash ... consistent`, bit for bit (ngx_http_upstream_hash_module): 160 points x weight;
 * a point is the CRC-32 of HOST, NUL, PORT and the hash before it (4 bytes little-endian, first 0).
 * The first point at or after the key's CRC-32 owns it. Of equal points the first in file order
 * stays. HOST and PORT are taken from the address as written; fail-over is Signet's walk. */
#ifndef UPSTREAM_KETAMA_H
#define UPSTREAM_KETAMA_H

#include "upstream/balance.h"

extern const struct balance_ops ketama_balance;

#endif
