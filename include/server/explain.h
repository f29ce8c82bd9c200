/* SPDX-License-Identifier: Apache-2.0 */
/* Where a request would go, and why: every decision that serving takes, by the same functions, kept
 * instead of obeyed. */
#ifndef SERVER_EXPLAIN_H
#define SERVER_EXPLAIN_H

#include "base/buf.h"
#include "server/config.h"

struct explain_request {
    struct slice url;
    const struct fields *fields; /* as the client would send them, Host possibly among them */
    const struct addr *client;   /* whose connection it is */
};
struct explain_server {
    const struct server_conf *conf;
    const char *skipped; /* why it would be passed over; NULL: it would not */
};
/* Filled step by step; what lies behind the last step is zero. Borrows the configuration, lives in
 * the arena it was made in. */
struct explanation {
    const char *malformed; /* why the URL can be no request, else NULL */
    struct slice url;
    bool https;
    struct uri at; /* of the URL: host, port (never 0) */
    struct slice target;
    const struct listener_conf *listener;
    const struct addr *listener_addr;
    const struct tls_ctx *tls; /* what the handshake would show; NULL: none */
    struct slice sni;          /* empty: the client sends none */
    struct message message;
    const struct host_conf *host;
    struct slice host_name; /* as configured; empty: it is the default host */
    const struct route_conf *route;
    const struct cluster *cluster;
    struct slice client, key;
    bool key_fallback;
    uint64_t key_hash, point;
    struct explain_server *order; /* in the order they would be tried */
    size_t order_count, chosen;   /* chosen == order_count: none */
    const char *end;              /* what the client gets when no server is asked, in words */
};
/* Adds "Name: value" to the fields of a request. NULL, or why it is no field of one. Borrows the
 * line. */
const char *explain_add_field(struct fields *fields, struct slice line);
/* 0, or -EINVAL: malformed. */
int explain(const struct config *c, const struct explain_request *r, struct arena *a,
            struct explanation *ret_e);
/* Aligned lines for people. */
void explain_print(const struct explanation *e, struct buf *out);
/* One JSON object and a newline. Always the same keys; null where there is nothing to say. */
void explain_print_json(const struct explanation *e, struct buf *out);

#endif
