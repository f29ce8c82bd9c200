/* SPDX-License-Identifier: Apache-2.0 */
/* Which virtual host and which route a request takes, and what the route does. The tables are part
 * of a configuration: built once, immutable. `signet explain` walks the same functions as serving.
 */
#ifndef PROXY_ROUTE_H
#define PROXY_ROUTE_H

#include "base/census.h"
#include "base/slice.h"
#include "conn/tls_sni.h"
#include "event/addr.h"
#include "http/h1.h"
#include "http/message.h"
#include "upstream/cluster.h"

struct timeouts { /* ms, the innermost block's values; 0 = no limit */
    uint64_t handshake, header, body, idle, send, connect, response, tunnel;
};
struct header_edit { /* set_header, unset_header */
    struct slice name;
    struct slice value;
    bool unset;
};
enum action { ACTION_PROXY, ACTION_RESPOND, ACTION_REDIRECT };
struct route_conf {
    struct slice text; /* as written, for records: "/v1/", "= /ping" */
    struct slice path;
    bool exact;
    enum action action;
    const struct cluster *cluster; /* PROXY; borrowed from the configuration */
    struct slice strip_prefix;     /* PROXY; empty = none */
    unsigned status;               /* RESPOND, REDIRECT */
    struct slice body;             /* RESPOND */
    struct slice location;         /* REDIRECT: a URL, or empty for `redirect https` */
    bool location_has_path;        /* else path and query are kept */
    uint16_t https_port;           /* REDIRECT https; 443 is not written */
    const struct header_edit *edits;
    size_t edit_count;
    struct timeouts timeouts;
    uint64_t body_max; /* limit body, 0 = no limit */
};
struct host_conf {
    const struct slice *names; /* lower case; "*.x" is a wildcard */
    size_t name_count;
    struct tls_ctx *tls;             /* the configuration's; NULL on a plain listener */
    const struct slice *cert_files;  /* path of each certificate that tls has */
    const struct route_conf *routes; /* file order */
    size_t route_count;
};

/* Everything one `listen` block says, as serving needs it. */
struct listener_conf {
    struct slice text; /* "0.0.0.0:443 [::]:443" */
    const struct addr *addrs;
    size_t addr_count;
    struct tls_sni *sni; /* NULL: plain HTTP */
    const struct host_conf *hosts;
    size_t host_count;
    const struct host_conf *default_host; /* unknown_host default=NAME, or NULL = 421 */
    const struct route_conf *catch_all; /* `redirect https` straight in the listen block, or NULL */
    const struct addr_block *trusted;   /* trusted_proxies */
    size_t trusted_count;
    struct timeouts timeouts;
    struct census_caps caps; /* on client connections; the same for every listener */
    uint64_t body_max;
    uint64_t min_rate; /* bytes a second of a client, in bodies both ways; 0 = any */
    size_t window;     /* bytes on their way in each direction, at most; above 0 */
    struct h1_conf h1;
    struct host_table *table; /* host_table_new() over hosts */
};

struct host_table *host_table_new(const struct host_conf *hosts, size_t count); /* borrows hosts */
void host_table_free(struct host_table *t);
/* Exact name, then the longest wildcard, or NULL. "*.x" covers one or more labels in front of x,
 * never x itself. `host` is lower case without port and trailing dot. *ret_name (may be NULL) is
 * the configured name that matched. Of equal names the first in order counts. */
const struct host_conf *host_table_find(const struct host_table *t, struct slice host,
                                        struct slice *ret_name);
/* host_table_find, then the default host; NULL: 421, unless the listener has a catch_all. *ret_name
 * is empty for the default. */
const struct host_conf *route_host(const struct listener_conf *l, struct slice host,
                                   struct slice *ret_name);
/* Exact path, then the longest prefix on segment bounds, then file order; NULL: none (404). The
 * path "*" (OPTIONS *) takes the way of "/". */
const struct route_conf *route_find(const struct host_conf *h, struct slice path);
/* The path that is forwarded: without strip_prefix, always beginning with "/". */
struct slice route_forward_path(const struct route_conf *r, struct slice path, struct arena *a);
/* The ring key of a request (docs/ring.md). *ret_fallback: the header or cookie was missing
 * and the client address stands in. */
struct slice route_key(const struct key_conf *key, const struct message *m, struct slice client,
                       struct arena *a, bool *ret_fallback);

/* Where a REDIRECT route sends this request; `m` has an authority. */
struct slice route_location(const struct route_conf *r, const struct message *m, struct arena *a);

#endif
