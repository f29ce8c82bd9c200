/* SPDX-License-Identifier: Apache-2.0 */
/* Messages as they are sent on, made from those received: the request towards the upstream and the
 * response towards the client. Hop-by-hop fields end here, both ways; what an untrusted
 * client says about itself is replaced (docs/how-it-works.md). */
#ifndef PROXY_FORWARD_H
#define PROXY_FORWARD_H

#include "http/message.h"
#include "proxy/client.h"
#include "proxy/route.h"

struct forward { /* what the upstream request is made from; all borrowed */
    const struct message *received;
    const struct client *client;
    const struct route_conf *route;
    struct slice request_id;
    struct slice host; /* for a request without Host: the name it is served under */
};

/* Makes *ret_sent, whose fields live in `a`; everything else still points at what it was made from.
 */
void forward_request(const struct forward *f, struct arena *a, struct message *ret_sent);
/* `date` is set where the origin sent none (RFC 9110 6.6.1); empty on interim answers. */
void forward_response(const struct message *received, bool trailers_welcome, struct slice date,
                      struct arena *a, struct message *ret_sent);

#endif
