/* SPDX-License-Identifier: Apache-2.0 */
/* Upgrade (RFC 9110 7.8): a list of protocols, each a name and perhaps a version, "websocket" or
 * "foo/2". It is rewritten here before anybody sees it. */
#ifndef HTTP_UPGRADE_H
#define HTTP_UPGRADE_H

#include "http/header.h"

#define UPGRADE_MAX 8 /* protocols of a list; what follows them is left out */

/* What the Upgrade fields name, in `a`, well-formed protocols alone; empty: none. */
struct slice upgrade_list(const struct fields *f, struct arena *a);
/* The same without those under which more HTTP requests would follow (h2c, TLS and the like):
 * nobody would check, route or record them. */
struct slice upgrade_offer(const struct fields *f, struct arena *a);
/* Is everything in `chosen`, which is not empty, part of `offer`? Without case. Both are lists made
 * here. */
bool upgrade_is_offered(struct slice offer, struct slice chosen);

#endif
