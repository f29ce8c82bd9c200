/* SPDX-License-Identifier: Apache-2.0 */
/* X-Request-ID: kept from a trusted peer, else made. Unique, not secret. */
#ifndef PROXY_REQUEST_ID_H
#define PROXY_REQUEST_ID_H

#include "http/header.h"
#include "proxy/client.h"

#include <stdint.h>

#define REQUEST_ID_LEN 32

/* The id that a trusted peer sent, if it looks like one; else ptr NULL. */
struct slice request_id_received(const struct client *c, const struct fields *received);
/* 32 hex digits: seed[0] names the process, the rest is a permutation of `count` that seed[1]
 * chooses, so no two counts give the same. */
struct slice request_id_make(const uint64_t seed[static 2], uint64_t count,
                             char out[static REQUEST_ID_LEN]);

#endif
