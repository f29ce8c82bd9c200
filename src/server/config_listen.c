/* SPDX-License-Identifier: Apache-2.0 */
/* `listen`: addresses, and what clients find there. */
#include "base/map.h"
#include "base/parse.h"
#include "server/config_draft.h"

#include <errno.h>

#define LISTEN_USAGE "listen ADDRESS... { ... }"

/* --- addresses */

static bool is_zero(struct slice digits)
{
    uint64_t port;
    return parse_uint(digits, UINT16_MAX, &port) == 0 && port == 0;
}

/* Why `text` is no address to listen on, with what to write instead. */
static const char *address_hint(struct slice text)
{
    size_t colon = slice_find_last(text, ':');
    struct slice port = slice_from(text, colon + 1);
    if (slice_starts(text, SLICE("unix:")))
        return "a listener has an IP address and a port: 127.0.0.1:8080";
    if (is_zero(port))
        return "port 0 would be another one after each start; ports are 1 to 65535";
    if (slice_starts(text, SLICE("*:")) || colon == 0 || colon == text.len)
        return "for all addresses of this machine write both: 0.0.0.0:443 [::]:443";
    return "addresses are numeric, with a port from 1 to 65535: 0.0.0.0:443, [::1]:8443";
}

static const struct span *find_address(const struct draft *draft, const struct addr *addr)
{
    for (const struct listen_draft *l = draft->listens; l != NULL; l = l->next)
        for (size_t i = 0; i < l->addr_count; i++)
            if (addr_eq(&l->addrs[i], addr))
                return &l->addr_spans[i];
    return NULL;
}

static void read_address(struct dir_run *run, struct listen_draft *listen,
                         const struct conf_word *word)
{
    struct addr addr;
    if (addr_parse(word->text, &addr) < 0 || addr.sa.sa_family == AF_UNIX) {
        diags_add(run->diags, DIAG_ERROR, "bad-address", &word->span,
                  "\"%.*s\" is no address to listen on", SLICE_ARG(slice_first(word->text, 128)));
        diags_hint(run->diags, NULL, "%s", address_hint(word->text));
        return;
    }
    const struct span *first = find_address(draft_of(run), &addr);
    if (first != NULL) {
        diags_add(run->diags, DIAG_ERROR, "duplicate-address", &word->span,
                  "\"%.*s\" is listened on twice", SLICE_ARG(word->text));
        diags_hint(run->diags, first, "the first is here");
        return;
    }
    listen->addrs[listen->addr_count] = addr;
    listen->addr_spans[listen->addr_count++] = word->span;
}

static void read_addresses(struct dir_run *run, struct listen_draft *listen)
{
    const struct conf_node *node = listen->node;
    listen->addrs = arena_zalloc(run->arena, node->word_count * sizeof(*listen->addrs));
    listen->addr_spans = arena_zalloc(run->arena, node->word_count * sizeof(*listen->addr_spans));
    if (words_count(run, node, 1, 64, LISTEN_USAGE) < 0)
        return;
    for (size_t i = 0; i < node->word_count; i++)
        read_address(run, listen, &node->words[i]);
}

/* --- directives inside */

static int on_host(struct dir_run *run, const struct conf_node *node, void *target)
{
    struct listen_draft *listen = target;
    struct host_draft *host = arena_zalloc(run->arena, sizeof(*host));
    host->node = node;
    *listen->hosts_end = host;
    listen->hosts_end = &host->next;
    listen->host_count++;
    return 0;
}

static int on_redirect(struct dir_run *run, const struct conf_node *node, void *target)
{
    struct listen_draft *listen = target;
    listen->redirect = route_new(run, node);
    if (route_redirect(run, node, listen->redirect) < 0)
        return -EINVAL;
    if (listen->redirect->conf.location.len == 0)
        return 0;
    diags_add(run->diags, DIAG_ERROR, "misplaced-redirect", &node->words[0].span,
              "straight in `listen` only \"redirect https\" may stand");
    diags_hint(run->diags, NULL, "redirect to a URL in a host: host NAME { redirect URL }");
    return -EINVAL;
}

static int on_trusted_proxies(struct dir_run *run, const struct conf_node *node, void *target)
{
    struct listen_draft *listen = target;
    if (words_count(run, node, 1, 1024, "trusted_proxies 10.0.0.0/8 ...") < 0)
        return -EINVAL;
    listen->trusted = arena_zalloc(run->arena, node->word_count * sizeof(*listen->trusted));
    for (size_t i = 0; i < node->word_count; i++) {
        const struct conf_word *word = &node->words[i];
        if (addr_block_parse(word->text, &listen->trusted[listen->trusted_count]) == 0) {
            listen->trusted_count++;
            continue;
        }
        diags_add(run->diags, DIAG_ERROR, "bad-address", &word->span,
                  "\"%.*s\" is no block of addresses", SLICE_ARG(slice_first(word->text, 128)));
        diags_hint(run->diags, NULL,
                   "write 10.0.0.0/8 or ::1; no bit may be set behind the prefix");
    }
    return listen->trusted_count == node->word_count ? 0 : -EINVAL;
}

static int on_unknown_host(struct dir_run *run, const struct conf_node *node, void *target)
{
    struct listen_draft *listen = target;
    if (words_count(run, node, 1, 1, "unknown_host reject|default=NAME") < 0)
        return -EINVAL;
    const struct conf_word *word = &node->words[0];
    if (word->key.ptr != NULL && slice_eq(word->key, SLICE("default"))) {
        struct conf_word name = *word;
        name.text = word->value;
        return word_host(run, &name, &listen->default_name);
    }
    if (slice_eq(word->text, SLICE("reject")))
        return 0;
    diags_add(run->diags, DIAG_ERROR, "bad-value", &word->span,
              "\"%.*s\" says nothing about unknown hosts", SLICE_ARG(word->text));
    diags_hint(run->diags, NULL, "write: unknown_host reject, or: unknown_host default=NAME");
    return -EINVAL;
}

static const char *const underscore_words[] = { "drop", "reject", "pass", NULL };

const struct directive listen_directives[] = {
    { .name = "host",
      .type = DIR_CALL,
      .call = on_host,
      .block = host_directives,
      .repeat = true,
      .usage = "host NAME... { ... }",
      .help = "a virtual host: exact names, or `*.example.com` for one or more labels in front" },
    { .name = "tls",
      .type = DIR_CALL,
      .call = tls_read,
      .span_offset = FIELD(listen_draft, tls_at),
      .keys = tls_keys,
      .usage = "tls [min=1.2|1.3] [alpn=LIST] [groups=LIST]",
      .help = "how this listener speaks TLS; it does so as soon as one of its hosts has a "
              "certificate" },
    { .name = "redirect",
      .type = DIR_CALL,
      .call = on_redirect,
      .span_offset = FIELD(listen_draft, redirect_at),
      .keys = redirect_keys,
      .usage = "redirect https [port=N] [code=N]",
      .help = "answers every request with the same URL under https" },
    { .name = "unknown_host",
      .type = DIR_CALL,
      .call = on_unknown_host,
      .span_offset = FIELD(listen_draft, unknown_at),
      .fallback = "reject",
      .usage = "unknown_host reject|default=NAME",
      .help = "what a host that no name covers gets: 421 (and a refused TLS handshake), or a host "
              "of this listener" },
    { .name = "trusted_proxies",
      .type = DIR_CALL,
      .call = on_trusted_proxies,
      .span_offset = FIELD(listen_draft, trusted_at),
      .usage = "trusted_proxies BLOCK...",
      .help = "whose X-Forwarded-For, Forwarded and X-Request-ID are believed" },
    { .name = "header_underscore",
      .type = DIR_ENUM,
      .offset = FIELD(listen_draft, underscore),
      .span_offset = FIELD(listen_draft, underscore_at),
      .words = underscore_words,
      .fallback = "drop",
      .usage = "header_underscore drop|reject|pass",
      .help = "what happens to header fields with `_` in their name" },
    { .name = "timeout",
      .type = DIR_CALL,
      .call = scope_timeout,
      .keys = timeout_keys,
      .repeat = true,
      .usage = "timeout NAME=DURATION...",
      .help = "as at the top, for this listener" },
    { .name = "limit",
      .type = DIR_CALL,
      .call = scope_limit_listen,
      .keys = limit_listen_keys,
      .repeat = true,
      .usage = "limit NAME=VALUE...",
      .help = "as at the top, for this listener" },
    { .name = "proxy_protocol",
      .type = DIR_UNSUPPORTED,
      .usage = "proxy_protocol from=BLOCK",
      .help = "the client's address comes in a PROXY header" },
    { NULL },
};

/* --- the whole block */

static void check_names(struct dir_run *run, const struct listen_draft *listen)
{
    struct map seen; /* name to its place */
    map_init(&seen, 0);
    for (const struct host_draft *h = listen->hosts; h != NULL; h = h->next) {
        for (size_t i = 0; i < h->name_count; i++) {
            if (map_add(&seen, h->names[i], &h->name_spans[i]))
                continue;
            diags_add(run->diags, DIAG_ERROR, "duplicate-host", &h->name_spans[i],
                      "host \"%.*s\" stands twice in this listener", SLICE_ARG(h->names[i]));
            diags_hint(run->diags, map_get(&seen, h->names[i]), "the first is here");
        }
    }
    map_done(&seen);
}

static void find_default_host(struct dir_run *run, struct listen_draft *listen)
{
    struct slice want = listen->default_name;
    if (want.len == 0)
        return;
    for (struct host_draft *h = listen->hosts; h != NULL; h = h->next)
        for (size_t i = 0; i < h->name_count; i++)
            if (slice_eq(h->names[i], want))
                listen->default_host = h;
    if (listen->default_host != NULL)
        return;
    diags_add(run->diags, DIAG_ERROR, "unknown-host", &listen->unknown_at,
              "this listener has no host \"%.*s\"", SLICE_ARG(want));
    diags_hint(run->diags, NULL, "default= repeats a name from one of its `host` lines");
}

/* `redirect https` to a port where this very listener would redirect again. */
static void check_redirect(struct dir_run *run, const struct listen_draft *listen)
{
    const struct route_draft *redirect = listen->redirect;
    if (redirect == NULL)
        return;
    if (listen->hosts != NULL) {
        diags_add(run->diags, DIAG_ERROR, "unreachable-host", &listen->hosts->node->name.span,
                  "this host can never be reached");
        diags_hint(run->diags, &listen->redirect_at,
                   "the listener redirects every request; put the redirect into a host");
    }
    if (span_set(&listen->tls_at)) {
        diags_add(run->diags, DIAG_ERROR, "misplaced-redirect", &listen->redirect_at,
                  "a TLS listener cannot redirect every request to https");
        diags_hint(run->diags, &listen->tls_at,
                   "it would need a certificate of a host first; redirect in a host instead");
    }
}

static void check_hosts(struct dir_run *run, const struct listen_draft *listen)
{
    if (listen->hosts != NULL || listen->redirect != NULL || span_set(&listen->redirect_at))
        return;
    diags_add(run->diags, DIAG_ERROR, "no-host", &listen->node->name.span,
              "this listener serves nothing: it has no host");
    diags_hint(run->diags, NULL, "write in it: host NAME { proxy POOL }");
}

void listen_begin(struct dir_run *run, struct listen_draft *listen)
{
    scope_inherit(&listen->scope, &draft_of(run)->scope);
    listen->hosts_end = &listen->hosts;
    directive_defaults(tls_keys, listen);
    read_addresses(run, listen);
    directive_apply(run, listen_directives, listen->node->children, listen);
    listen->speaks_tls = span_set(&listen->tls_at);
}

void listen_end(struct dir_run *run, struct listen_draft *listen)
{
    check_names(run, listen);
    find_default_host(run, listen);
    check_redirect(run, listen);
    check_hosts(run, listen);
}
