/* SPDX-License-Identifier: Apache-2.0 */
/* `host`: the names of a virtual host, its certificates and its routes. */
#include "server/config_draft.h"

#include <errno.h>

#define HOST_USAGE "host NAME... { ... }"

static void read_names(struct dir_run *run, struct host_draft *host)
{
    const struct conf_node *node = host->node;
    if (words_count(run, node, 1, 10000, HOST_USAGE) < 0)
        return;
    host->names = arena_zalloc(run->arena, node->word_count * sizeof(*host->names));
    host->name_spans = arena_zalloc(run->arena, node->word_count * sizeof(*host->name_spans));
    for (size_t i = 0; i < node->word_count; i++) {
        if (word_host(run, &node->words[i], &host->names[host->name_count]) < 0)
            continue;
        host->name_spans[host->name_count++] = node->words[i].span;
    }
}

/* --- directives inside */

static int on_certificate(struct dir_run *run, const struct conf_node *node, void *target)
{
    return certificate_read(run, node, target);
}

/* A route, or an action that is short for `route / { ... }`. */
static int on_route(struct dir_run *run, const struct conf_node *node, void *target)
{
    struct host_draft *host = target;
    struct route_draft *route = route_new(run, node);
    *host->routes_end = route;
    host->routes_end = &route->next;
    host->route_count++;
    return 0;
}

static int on_set_header(struct dir_run *run, const struct conf_node *node, void *target)
{
    return edit_set(run, node, &((struct host_draft *)target)->edits_end);
}

static int on_unset_header(struct dir_run *run, const struct conf_node *node, void *target)
{
    return edit_unset(run, node, &((struct host_draft *)target)->edits_end);
}

const struct directive host_directives[] = {
    { .name = "certificate",
      .type = DIR_CALL,
      .call = on_certificate,
      .keys = certificate_keys,
      .repeat = true,
      .usage = "certificate FILE [key=FILE]",
      .help = "PEM: the host's certificate and the chain behind it. May be repeated: one RSA and "
              "one ECDSA" },
    { .name = "proxy",
      .type = DIR_CALL,
      .call = on_route,
      .repeat = true,
      .usage = "proxy POOL",
      .help = "short for `route / { proxy POOL }`" },
    { .name = "respond",
      .type = DIR_CALL,
      .call = on_route,
      .repeat = true,
      .usage = "respond CODE [\"TEXT\"]",
      .help = "short for `route / { respond ... }`" },
    { .name = "redirect",
      .type = DIR_CALL,
      .call = on_route,
      .keys = redirect_keys,
      .repeat = true,
      .usage = "redirect https|URL [port=N] [code=N]",
      .help = "short for `route / { redirect ... }`" },
    { .name = "route",
      .type = DIR_CALL,
      .call = on_route,
      .block = route_directives,
      .repeat = true,
      .usage = "route [=] PATH { ... }",
      .help = "requests whose path is (`=`) or lies under PATH: `/v1/` does not match `/v1`, `/v1` "
              "matches `/v1` and `/v1/x` but not `/v10`" },
    { .name = "set_header",
      .type = DIR_CALL,
      .call = on_set_header,
      .repeat = true,
      .usage = "set_header NAME VALUE",
      .help = "for all routes of the host, before the routes' own" },
    { .name = "unset_header",
      .type = DIR_CALL,
      .call = on_unset_header,
      .repeat = true,
      .usage = "unset_header NAME",
      .help = "for all routes of the host, before the routes' own" },
    { .name = "timeout",
      .type = DIR_CALL,
      .call = scope_timeout_inner,
      .keys = timeout_inner_keys,
      .repeat = true,
      .usage = "timeout NAME=DURATION...",
      .help = "as in `listen`, for this host" },
    { .name = "limit",
      .type = DIR_CALL,
      .call = scope_limit_inner,
      .keys = limit_inner_keys,
      .repeat = true,
      .usage = "limit body=SIZE",
      .help = "as in `listen`, for this host" },
    { .name = "client_certificate",
      .type = DIR_UNSUPPORTED,
      .usage = "client_certificate ca=FILE verify=required|optional",
      .help = "asks clients for a certificate" },
    { NULL },
};

/* --- the whole block */

static void check_routes(struct dir_run *run, const struct host_draft *host)
{
    if (host->routes != NULL)
        return;
    diags_add(run->diags, DIAG_ERROR, "no-route", &host->node->name.span,
              "this host has no route: every request would get 404");
    diags_hint(run->diags, NULL, "write in it: proxy POOL");
}

void host_read(struct dir_run *run, struct listen_draft *listen, struct host_draft *host)
{
    scope_inherit(&host->scope, &listen->scope);
    host->certs_end = &host->certs;
    host->routes_end = &host->routes;
    host->edits_end = &host->edits;
    read_names(run, host);
    directive_apply(run, host_directives, host->node->children, host);
    for (struct route_draft *r = host->routes; r != NULL; r = r->next)
        route_read(run, host, r);
    listen->speaks_tls = listen->speaks_tls || host->certs_named > 0;
    check_routes(run, host);
    route_warn_unreachable(run, host);
}
