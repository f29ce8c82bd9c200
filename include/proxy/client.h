/* SPDX-License-Identifier: Apache-2.0 */
/* Who asks: the socket's address, and the client behind it when that address is a trusted proxy. */
#ifndef PROXY_CLIENT_H
#define PROXY_CLIENT_H

#include "conn/transport.h"
#include "event/addr.h"
#include "http/header.h"
#include "proxy/route.h"

struct client {
    char peer_text[ADDR_TEXT_MAX];
    struct slice peer;          /* IP of the socket's other end, canonical; "unix" */
    struct slice remote;        /* the client's IP, canonical: peer, or what trusted proxies say */
    unsigned remote_port;       /* the peer's, 0 when remote is another */
    bool trusted;               /* the peer stands in trusted_proxies */
    const struct tls_info *tls; /* NULL on plain; lives as long as the connection */
};
/* Does the address stand in trusted_proxies? */
bool client_trusted(const struct listener_conf *l, const struct addr *a);
/* What the socket alone tells. `c` points into itself: it must not be moved. */
void client_init(struct client *c, const struct listener_conf *l, const struct addr *peer,
                 const struct tls_info *tls);
/* What the fields add: remote is the rightmost X-Forwarded-For entry that is no trusted proxy;
 * Forwarded's for= where there is no X-Forwarded-For. Changes nothing for a peer that is not
 * trusted. */
void client_believe(struct client *c, const struct listener_conf *l, const struct fields *received,
                    struct arena *a);

#endif
