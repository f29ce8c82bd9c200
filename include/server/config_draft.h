/* SPDX-License-Identifier: Apache-2.0 */
/* A configuration while it is being read: what the directive tables fill, one struct a block.
 * Slices are borrowed. Everything lives in the draft's arena, which the builder gives back once
 * config_make.h has copied what serving needs. */
#ifndef SERVER_CONFIG_DRAFT_H
#define SERVER_CONFIG_DRAFT_H

#include "conf/directive.h"
#include "server/config.h"
#include "server/config_share.h"

/* Settings that inner blocks inherit. First member of every struct that has them, so one table of
 * keys serves all. */
struct scope {
    struct timeouts timeouts;
    uint64_t body_max, head_max, fields_max, target_max, requests_max, min_rate, window;
    struct { /* where this very block sets them */
        struct span handshake, header, body, idle, send, connect, response, tunnel;
        struct span body_max, head_max, fields_max, target_max, requests_max, min_rate, window;
    } at;
};

struct server_draft {
    struct server_conf conf;
    struct span span, id_at, weight_at;
    struct server_draft *next;
};
struct pool_draft {
    const struct conf_node *node;
    struct cluster_conf conf; /* without servers: they are in the list */
    struct span balance_at, key_at, vnodes_at, seed_at;
    struct span keepalive_at, idle_at, requests_at;
    struct span connect_at, response_at, send_at, retry_at;
    struct server_draft *servers, **servers_end;
    size_t server_count;
    bool used;               /* a route names it */
    struct cluster *cluster; /* config_make_pool() */
    struct pool_draft *next;
};

struct edit_draft { /* set_header, unset_header */
    struct header_edit edit;
    struct edit_draft *next;
};
struct route_draft {
    struct scope scope;
    const struct conf_node *node;
    struct route_conf conf;
    struct span span;      /* of the path */
    struct span action_at; /* of the directive that says what to do */
    struct span strip_at;
    struct pool_draft *pool; /* ACTION_PROXY */
    struct edit_draft *edits, **edits_end;
    struct route_draft *next;
};
struct cert_draft {
    struct tls_cert_conf conf;
    struct span file_at, key_at; /* the words that name the files; key_at may be the same */
    struct slice path;           /* of the file */
    struct slice key_path;       /* as written, empty: in the same file */
    struct cert_draft *next;
};
struct host_draft {
    struct scope scope;
    const struct conf_node *node;
    struct slice *names; /* lower case, without trailing dot; those that were good */
    struct span *name_spans;
    size_t name_count;
    struct cert_draft *certs, **certs_end;
    size_t cert_count, certs_named; /* good ones; all */
    struct tls_ctx *tls; /* the configuration's; NULL: a plain listener, or it cannot be built */
    struct route_draft *routes, **routes_end;
    size_t route_count;
    struct edit_draft *edits, **edits_end;
    struct host_conf *made; /* config_make_listener() */
    struct host_draft *next;
};
struct listen_draft {
    struct scope scope;
    const struct conf_node *node;
    struct addr *addrs;
    struct span *addr_spans;
    size_t addr_count;
    struct span tls_at; /* of `tls`, where it stands */
    bool speaks_tls;    /* `tls` stands in it, or a certificate in one of its hosts */
    int tls_min;        /* enum tls_version */
    struct slice tls_groups, tls_alpn;
    struct span tls_min_at, tls_groups_at, tls_alpn_at;
    int underscore; /* enum underscore */
    struct span underscore_at, unknown_at, trusted_at, redirect_at;
    struct slice default_name; /* unknown_host default=NAME, empty = reject */
    struct host_draft *default_host;
    struct addr_block *trusted;
    size_t trusted_count;
    struct route_draft *redirect; /* straight in the listen block */
    struct host_draft *hosts, **hosts_end;
    size_t host_count;
    struct listener_conf *made; /* config_make_root() */
    struct listen_draft *next;
};
struct draft {
    struct scope scope;
    struct tls_tickets *tickets; /* borrowed, may be NULL */
    struct config_share *share;  /* borrowed */
    uint64_t workers, drain_ms;
    struct census_caps caps;
    struct slice user, group;
    int sandbox; /* enum sandbox_mode */
    struct log_conf access_log, error_log;
    struct control_conf control;
    struct span workers_at, user_at, sandbox_at, drain_at, connections_at, per_ip_at;
    struct pool_draft *pools, **pools_end;
    size_t pool_count;
    struct map pools_by_name;
    struct listen_draft *listens, **listens_end;
    size_t listen_count;
};
static inline bool span_set(const struct span *s)
{
    return s->line != 0;
}
static inline struct draft *draft_of(const struct dir_run *run)
{
    return run->user;
}

/* --- tables, also what docs/config.md is made from */
extern const struct directive root_directives[], pool_directives[], listen_directives[],
    host_directives[], route_directives[];
extern const struct directive timeout_keys[], limit_keys[], timeout_inner_keys[],
    limit_listen_keys[], limit_inner_keys[], tls_keys[], certificate_keys[], redirect_keys[],
    retry_keys[], control_keys[];

/* --- the order of reading: the root's table collects blocks, then each is read */
void pool_read(struct dir_run *run, struct pool_draft *pool);
/* A listener: begun, then each of its hosts read, then each built if it speaks TLS, then ended. */
void listen_begin(struct dir_run *run, struct listen_draft *listen);
void host_read(struct dir_run *run, struct listen_draft *listen, struct host_draft *host);
void listen_end(struct dir_run *run, struct listen_draft *listen);
void route_read(struct dir_run *run, struct host_draft *host, struct route_draft *route);

/* config_scope.c. Calls of the directives `timeout` and `limit`; the target begins with a scope,
 * for scope_limit() it is the draft. */
void scope_inherit(struct scope *inner, const struct scope *outer);
int scope_timeout(struct dir_run *run, const struct conf_node *node, void *target);
int scope_limit(struct dir_run *run, const struct conf_node *node, void *target);
int scope_limit_listen(struct dir_run *run, const struct conf_node *node, void *target);
int scope_timeout_inner(struct dir_run *run, const struct conf_node *node, void *target);
int scope_limit_inner(struct dir_run *run, const struct conf_node *node, void *target);

/* config_pool.c */
struct pool_draft *pool_find(const struct draft *draft, struct slice name); /* NULL: none */

/* config_control.c */
int control_read(struct dir_run *run, const struct conf_node *node, void *target);
void control_default(struct sources *s, struct draft *draft);       /* without directive */
void control_check(struct dir_run *run, const struct draft *draft); /* no server may be it */

/* config_retry.c */
#define RETRY_USAGE "retry N|off [on=connect,refused,reset] [budget=PERCENT%]"
void retry_defaults(struct retry_conf *ret_retry); /* of a pool without `retry` */
int retry_read(struct dir_run *run, const struct conf_node *node, void *target);

/* config_route.c. Reads `redirect` straight in a listen block. */
struct route_draft *route_new(struct dir_run *run, const struct conf_node *node);
int route_redirect(struct dir_run *run, const struct conf_node *node, void *target);
int edit_set(struct dir_run *run, const struct conf_node *node, struct edit_draft ***end);
int edit_unset(struct dir_run *run, const struct conf_node *node, struct edit_draft ***end);
void route_warn_unreachable(struct dir_run *run, const struct host_draft *host);

/* config_tls.c */
int certificate_read(struct dir_run *run, const struct conf_node *node, struct host_draft *host);
/* Builds the host's context; says what is wrong with its certificates. */
void host_build_tls(struct dir_run *run, const struct listen_draft *listen,
                    struct host_draft *host);
int tls_read(struct dir_run *run, const struct conf_node *node, void *target);

/* config_word.c: what words of a directive may be. Each says what is wrong and returns -EINVAL. */
/* Between `least` and `most` words behind the name; else shows `usage`. */
int words_count(struct dir_run *run, const struct conf_node *node, size_t least, size_t most,
                const char *usage);
/* Code "unsupported": "... is not supported by this version". */
int words_unsupported(struct dir_run *run, const struct span *at, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* "only letters, digits ...": for names that end up in records and metrics. */
int word_name(struct dir_run *run, const struct conf_word *word, const char *what);
const struct directive *row_find(const struct directive *table, struct slice name);
/* A host name for `host`: lower case, no port, "*." allowed in front. *ret_name is copied. */
int word_host(struct dir_run *run, const struct conf_word *word, struct slice *ret_name);
bool text_is_token(struct slice s);   /* RFC 9110 5.6.2 */
bool text_is_visible(struct slice s); /* no control bytes; spaces and UTF-8 are fine */
/* A path as written in the file `beside`, relative to it. NUL-terminated, in the arena. */
const char *path_beside(struct arena *a, const struct span *beside, struct slice path);

/* config_names.c: facts that config_resolve() found out. */
int fact_addrs(struct dir_run *run, const struct span *at, struct server_conf *server);
int fact_user(struct dir_run *run, const struct conf_node *node, struct draft *draft);
void fact_defaults(struct sources *s, struct draft *draft); /* workers, user, without directives */
const char *fact_absolute(struct sources *s, struct arena *a, const char *path);

#endif
