/* SPDX-License-Identifier: Apache-2.0 */
/* A whole configuration, as serving needs it. Immutable and reference-counted: a request in flight
 * keeps the one it began with. config_build() makes it. */
#ifndef SERVER_CONFIG_H
#define SERVER_CONFIG_H

#include "conf/diag.h"
#include "conf/source.h"
#include "proxy/access_log.h"
#include "proxy/route.h"

struct log_conf {
    struct slice path;         /* absolute path, or "stdout", "stderr", "off" */
    enum access_format format; /* access_log */
    int level;                 /* error_log: enum log_level */
    struct span span;          /* empty after config_forget_sources() */
};
struct control_conf {
    struct slice path; /* absolute, of the unix socket; empty: none */
    uint32_t mode;     /* its permissions */
    bool by_default;   /* nobody asked for it: no socket is then no error */
    struct span span;  /* empty after config_forget_sources() */
};
enum sandbox_mode { SANDBOX_OFF, SANDBOX_ON, SANDBOX_LOG };
struct config {
    unsigned refs;
    uint64_t workers;         /* 1..; `auto` is resolved */
    struct slice user, group; /* empty: keep who we are; the user's own group */
    struct log_conf access_log, error_log;
    struct control_conf control;
    enum sandbox_mode sandbox;
    uint64_t drain_ms;
    struct census_caps caps; /* limit connections, per_ip */
    struct timeouts timeouts;
    const struct listener_conf *listeners;
    /* [i][k]: where address k of listener i is written; NULL after config_forget_sources() */
    const struct span *const *addr_spans;
    size_t listener_count;
    struct cluster *const *clusters;
    size_t cluster_count;
    struct config_private *own; /* config_own.h */
};

struct config *config_ref(struct config *c);
void config_unref(struct config *c); /* NULL is fine */
/* Drops the places, which are all that points into the sources; those may then be freed. */
void config_forget_sources(struct config *c);
const char *config_default_path(void); /* $SIGNET_CONFIG, else /etc/signet/signet.conf */

#endif
