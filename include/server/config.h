/* SPDX-License-Identifier: Apache-2.0 */
/* A whole configuration: parsed, validated and built from sources. Immutable and reference-counted:
 * a request in flight keeps the one it began with. The same function serves `check`, `explain`, the
 * master and the workers; only the sources differ. */
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
    struct span span;
};
struct config {
    unsigned refs;
    uint64_t workers;         /* 1..; `auto` is resolved */
    struct slice user, group; /* empty: keep who we are */
    uint32_t uid, gid;        /* valid when user is not empty: the master's look-up, so that a
                                 worker needs no /etc/passwd */
    struct log_conf access_log, error_log;
    uint64_t drain_ms;
    struct timeouts timeouts;
    const struct listener_conf *listeners;
    const struct span *const *addr_spans; /* [i][k]: where address k of listener i is written */
    size_t listener_count;
    struct cluster *const *clusters;
    size_t cluster_count;
    struct config_private *own; /* arena and what has to be freed */
};

/* Reads and builds all. NULL when `d` has errors. `registry` gives the servers (kept across
 * reloads) and is not touched by a configuration that fails. `tickets` may be NULL (check,
 * explain). `d` must not outlive `s`. Names of servers, users and the number of processors are
 * known only where config_resolve() put them into the sources. */
struct config *config_build(struct sources *s, const char *path, struct servers *registry,
                            const struct tls_tickets *tickets, struct diags *d);
/* The master's step in front of config_build: what only the system can tell (addresses of server
 * names, at most 2 s for all; user and group ids; processors; working directory) is found out and
 * put into the sources. Parse errors are left for config_build to report. */
void config_resolve(struct sources *s, const char *path);
struct config *config_ref(struct config *c);
void config_unref(struct config *c); /* NULL is fine */
const char *config_default_path(void); /* $SIGNET_CONFIG, else /etc/signet/signet.conf */

#endif
