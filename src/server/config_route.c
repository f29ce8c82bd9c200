/* SPDX-License-Identifier: Apache-2.0 */
/* `route`: which path, and what happens to its requests. */
#include "base/map.h"
#include "server/config_draft.h"

#include <errno.h>

#define ROUTE_USAGE    "route [=] PATH { ... }"
#define PROXY_USAGE    "proxy POOL"
#define RESPOND_USAGE  "respond CODE [\"TEXT\"]"
#define REDIRECT_USAGE "redirect https|URL [port=N] [code=N]"
#define BODY_MAX       (64 * 1024) /* bytes of a `respond` text, kept in memory by each worker */

/* One route does one thing. Names both places when it is told a second. */
static int take_action(struct dir_run *run, struct route_draft *route, const struct conf_node *node,
                       enum action action)
{
    if (span_set(&route->action_at)) {
        diags_add(run->diags, DIAG_ERROR, "two-actions", &node->name.span,
                  "a route does one thing, and this is the second");
        diags_hint(run->diags, &route->action_at, "the first is here");
        return -EINVAL;
    }
    route->conf.action = action;
    route->action_at = node->name.span;
    return 0;
}

/* --- proxy */

static const char *nearest_pool(struct dir_run *run, struct slice name)
{
    const struct draft *draft = draft_of(run);
    const char **names = arena_alloc(run->arena, (draft->pool_count + 1) * sizeof(*names));
    size_t n = 0;
    for (const struct pool_draft *p = draft->pools; p != NULL; p = p->next)
        names[n++] = arena_copy(run->arena, p->node->words[0].text).ptr;
    names[n] = NULL;
    return diag_nearest(name, names);
}

static int on_proxy(struct dir_run *run, const struct conf_node *node, void *target)
{
    struct route_draft *route = target;
    if (take_action(run, route, node, ACTION_PROXY) < 0 ||
        words_count(run, node, 1, 1, PROXY_USAGE) < 0)
        return -EINVAL;
    struct slice name = node->words[0].text;
    route->pool = pool_find(draft_of(run), name);
    if (route->pool != NULL) {
        route->pool->used = true;
        return 0;
    }
    diags_add(run->diags, DIAG_ERROR, "unknown-pool", &node->words[0].span,
              "there is no pool \"%.*s\"", SLICE_ARG(slice_first(name, 128)));
    const char *near = nearest_pool(run, name);
    if (near != NULL)
        diags_remark(run->diags, "did you mean \"%s\"?", near);
    diags_hint(run->diags, NULL, "`proxy` names a pool: pool NAME { server 10.0.0.11:9000 }");
    return -EINVAL;
}

/* --- respond */

static int parse_status(struct slice text, unsigned least, unsigned most, unsigned *ret_status)
{
    unsigned status = 0;
    if (text.len != 3)
        return -EINVAL;
    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] < '0' || text.ptr[i] > '9')
            return -EINVAL;
        status = status * 10 + (unsigned)(text.ptr[i] - '0');
    }
    if (status < least || status > most)
        return -EINVAL;
    *ret_status = status;
    return 0;
}

/* RFC 9110 15.3.5 and 15.4.5: some answers have no body. */
static int check_body(struct dir_run *run, const struct conf_word *text, unsigned status)
{
    if (text->text.len > BODY_MAX)
        diags_add(run->diags, DIAG_ERROR, "bad-body", &text->span,
                  "the text has %zu bytes, more than %d", text->text.len, BODY_MAX);
    else if (text->text.len > 0 && !message_may_have_body(METHOD_GET, status))
        diags_add(run->diags, DIAG_ERROR, "bad-body", &text->span,
                  "an answer with status %u has no body", status);
    else
        return 0;
    return -EINVAL;
}

static int on_respond(struct dir_run *run, const struct conf_node *node, void *target)
{
    struct route_draft *route = target;
    if (take_action(run, route, node, ACTION_RESPOND) < 0 ||
        words_count(run, node, 1, 2, RESPOND_USAGE) < 0)
        return -EINVAL;
    if (parse_status(node->words[0].text, 200, 599, &route->conf.status) < 0) {
        diags_add(run->diags, DIAG_ERROR, "bad-status", &node->words[0].span,
                  "\"%.*s\" is no status to answer with", SLICE_ARG(node->words[0].text));
        diags_hint(run->diags, NULL, "a final status has three digits, 200 to 599");
        return -EINVAL;
    }
    if (node->word_count == 1)
        return 0;
    route->conf.body = node->words[1].text;
    return check_body(run, &node->words[1], route->conf.status);
}

/* --- redirect */

struct redirect_draft { /* target of redirect_keys */
    struct slice code;
    uint64_t port;
    struct span code_at, port_at;
};
const struct directive redirect_keys[] = {
    { .name = "code",
      .type = DIR_TEXT,
      .offset = FIELD(redirect_draft, code),
      .span_offset = FIELD(redirect_draft, code_at),
      .fallback = "308",
      .usage = "301|302|303|307|308",
      .help = "the status; 307 and 308 keep the method" },
    { .name = "port",
      .type = DIR_UINT,
      .offset = FIELD(redirect_draft, port),
      .span_offset = FIELD(redirect_draft, port_at),
      .min = 1,
      .max = 65535,
      .fallback = "443",
      .help = "where https is, for `redirect https`" },
    { NULL },
};

static int read_code(struct dir_run *run, const struct redirect_draft *keys, unsigned *ret_status)
{
    unsigned status = 0;
    if (parse_status(keys->code, 301, 308, &status) == 0 &&
        (status <= 303 || status == 307 || status == 308)) {
        *ret_status = status;
        return 0;
    }
    diags_add(run->diags, DIAG_ERROR, "bad-status", &keys->code_at,
              "\"%.*s\" is no status of a redirect", SLICE_ARG(keys->code));
    diags_hint(run->diags, NULL, "write 301, 302, 303, 307 or 308; 307 and 308 keep the method");
    return -EINVAL;
}

/* What may stand in a Location field: visible ASCII (RFC 3986 has no more). */
static bool is_url_text(struct slice s)
{
    for (size_t i = 0; i < s.len; i++)
        if ((unsigned char)s.ptr[i] <= 0x20 || (unsigned char)s.ptr[i] >= 0x7f)
            return false;
    return true;
}

/* "http(s)://AUTHORITY[/...]" or "/..."; *ret_has_path: it is taken as it is. */
static bool check_url(struct arena *a, struct slice url, bool *ret_has_path)
{
    if (!is_url_text(url))
        return false;
    if (slice_starts(url, SLICE("/")))
        return *ret_has_path = true;
    size_t scheme = slice_starts(url, SLICE("https://"))  ? 8
                    : slice_starts(url, SLICE("http://")) ? 7
                                                          : 0;
    if (scheme == 0)
        return false;
    struct slice rest = slice_from(url, scheme);
    size_t end = 0;
    while (end < rest.len && strchr("/?#", rest.ptr[end]) == NULL)
        end++;
    *ret_has_path = end < rest.len;
    struct uri ignored = { 0 };
    return uri_parse_authority(slice_first(rest, end), a, &ignored) == REFUSAL_NONE;
}

static int bad_url(struct dir_run *run, const struct conf_word *word)
{
    diags_add(run->diags, DIAG_ERROR, "bad-url", &word->span, "\"%.*s\" is no place to redirect to",
              SLICE_ARG(slice_first(word->text, 128)));
    diags_hint(run->diags, NULL,
               "write https (same URL, encrypted), https://HOST (path and query are kept) or "
               "https://HOST/PATH");
    return -EINVAL;
}

static int read_location(struct dir_run *run, const struct conf_word *word,
                         const struct redirect_draft *keys, struct route_conf *conf)
{
    if (slice_eq(word->text, SLICE("https"))) {
        conf->https_port = (uint16_t)keys->port;
        return 0;
    }
    if (!check_url(run->arena, word->text, &conf->location_has_path))
        return bad_url(run, word);
    conf->location = word->text;
    if (!span_set(&keys->port_at))
        return 0;
    diags_add(run->diags, DIAG_ERROR, "misplaced-key", &keys->port_at,
              "port= belongs to \"redirect https\"");
    diags_hint(run->diags, NULL, "here the port stands in the URL");
    return -EINVAL;
}

int route_redirect(struct dir_run *run, const struct conf_node *node, void *target)
{
    struct route_draft *route = target;
    struct redirect_draft keys = { 0 };
    if (take_action(run, route, node, ACTION_REDIRECT) < 0 ||
        words_count(run, node, 1, 3, REDIRECT_USAGE) < 0)
        return -EINVAL;
    directive_defaults(redirect_keys, &keys);
    if (directive_apply_keys(run, redirect_keys, node, 1, &keys) < 0 ||
        read_code(run, &keys, &route->conf.status) < 0)
        return -EINVAL;
    return read_location(run, &node->words[0], &keys, &route->conf);
}

/* --- strip_prefix, and edits of the request's fields */

static int on_strip_prefix(struct dir_run *run, const struct conf_node *node, void *target)
{
    struct route_draft *route = target;
    if (words_count(run, node, 1, 1, "strip_prefix PATH") < 0)
        return -EINVAL;
    struct slice prefix = node->words[0].text;
    if (slice_starts(prefix, SLICE("/")) && uri_prefix_covers(prefix, route->conf.path)) {
        route->conf.strip_prefix = prefix;
        return 0;
    }
    diags_add(run->diags, DIAG_ERROR, "bad-prefix", &node->words[0].span,
              "no path of this route begins with \"%.*s\"", SLICE_ARG(slice_first(prefix, 128)));
    diags_hint(run->diags, &route->span, "the route's paths begin with this one");
    return -EINVAL;
}

static int on_set_header(struct dir_run *run, const struct conf_node *node, void *target)
{
    return edit_set(run, node, &((struct route_draft *)target)->edits_end);
}

static int on_unset_header(struct dir_run *run, const struct conf_node *node, void *target)
{
    return edit_unset(run, node, &((struct route_draft *)target)->edits_end);
}

const struct directive route_directives[] = {
    { .name = "proxy",
      .type = DIR_CALL,
      .call = on_proxy,
      .repeat = true, /* take_action() finds the second action, whichever it is */
      .usage = PROXY_USAGE,
      .help = "passes requests to a pool" },
    { .name = "respond",
      .type = DIR_CALL,
      .call = on_respond,
      .repeat = true,
      .usage = RESPOND_USAGE,
      .help = "answers with a status and a text" },
    { .name = "redirect",
      .type = DIR_CALL,
      .call = route_redirect,
      .keys = redirect_keys,
      .repeat = true,
      .usage = REDIRECT_USAGE,
      .help = "sends the client elsewhere: `https` is the same URL encrypted; a URL without a path "
              "keeps path and query; one with a path is taken as it is" },
    { .name = "strip_prefix",
      .type = DIR_CALL,
      .call = on_strip_prefix,
      .span_offset = FIELD(route_draft, strip_at),
      .usage = "strip_prefix PATH",
      .help = "takes the prefix off what is passed on; the ring's key keeps it" },
    { .name = "set_header",
      .type = DIR_CALL,
      .call = on_set_header,
      .repeat = true,
      .usage = "set_header NAME VALUE",
      .help = "sets a field of the request that is passed on" },
    { .name = "unset_header",
      .type = DIR_CALL,
      .call = on_unset_header,
      .repeat = true,
      .usage = "unset_header NAME",
      .help = "removes a field from the request that is passed on" },
    { .name = "timeout",
      .type = DIR_CALL,
      .call = scope_timeout_inner,
      .keys = timeout_inner_keys,
      .repeat = true,
      .usage = "timeout NAME=DURATION...",
      .help = "as in `listen`, for this route" },
    { .name = "limit",
      .type = DIR_CALL,
      .call = scope_limit_inner,
      .keys = limit_inner_keys,
      .repeat = true,
      .usage = "limit body=SIZE",
      .help = "as in `listen`, for this route" },
    { NULL },
};

/* --- the path */

/* Requests are matched by their resolved path, so one that resolution changes matches nothing. */
static int check_path(struct dir_run *run, const struct conf_word *word)
{
    struct uri uri;
    struct slice authority;
    enum refusal refusal = uri_parse_target(word->text, false, run->arena, &uri, &authority);
    const char *why;
    if (!slice_starts(word->text, SLICE("/")))
        why = "a path begins with \"/\"";
    else if (refusal != REFUSAL_NONE)
        why = refusal_text(refusal);
    else if (uri.has_query)
        why = "the query takes no part in routing";
    else if (!slice_eq(uri.path, word->text))
        why = "requests are matched without dot segments";
    else
        return 0;
    diags_add(run->diags, DIAG_ERROR, "bad-path", &word->span, "\"%.*s\" is no path of a route",
              SLICE_ARG(slice_first(word->text, 128)));
    diags_hint(run->diags, NULL, "%s", why);
    return -EINVAL;
}

static int refuse_conditions(struct dir_run *run, const struct conf_node *node, size_t first)
{
    for (size_t i = first; i < node->word_count; i++) {
        const struct conf_word *word = &node->words[i];
        bool method = slice_eq(word->key, SLICE("method"));
        if (method || slice_starts(word->key, SLICE("header:")))
            words_unsupported(run, &word->span, "a route's condition \"%.*s=\"",
                              SLICE_ARG(word->key));
        else
            diags_add(run->diags, DIAG_ERROR, "surplus-word", &word->span,
                      "\"%.*s\" is one word too many for \"route\"",
                      SLICE_ARG(slice_first(word->text, 128)));
        diags_hint(run->diags, NULL, "write: %s", ROUTE_USAGE);
    }
    return node->word_count > first ? -EINVAL : 0;
}

/* The words behind `route`. */
static int read_head(struct dir_run *run, struct route_draft *route)
{
    const struct conf_node *node = route->node;
    if (words_count(run, node, 1, 64, ROUTE_USAGE) < 0)
        return -EINVAL;
    route->conf.exact = slice_eq(node->words[0].text, SLICE("="));
    size_t at = route->conf.exact ? 1 : 0;
    if (words_count(run, node, at + 1, 64, ROUTE_USAGE) < 0)
        return -EINVAL;
    const struct conf_word *path = &node->words[at];
    route->span = path->span;
    route->conf.path = path->text;
    route->conf.text =
        arena_printf(run->arena, "%s%.*s", route->conf.exact ? "= " : "", SLICE_ARG(path->text));
    int r = refuse_conditions(run, node, at + 1);
    return check_path(run, path) < 0 ? -EINVAL : r;
}

/* --- the whole block */

struct route_draft *route_new(struct dir_run *run, const struct conf_node *node)
{
    struct route_draft *route = arena_zalloc(run->arena, sizeof(*route));
    route->node = node;
    route->span = node->name.span;
    route->conf.path = route->conf.text = SLICE("/");
    route->edits_end = &route->edits;
    return route;
}

static void check_uses(struct dir_run *run, const struct route_draft *route)
{
    if (!span_set(&route->action_at)) {
        diags_add(run->diags, DIAG_ERROR, "no-action", &route->span, "this route does nothing");
        diags_hint(run->diags, NULL, "write in it: %s, %s or %s", PROXY_USAGE, RESPOND_USAGE,
                   REDIRECT_USAGE);
    } else if (route->conf.action != ACTION_PROXY &&
               (route->edits != NULL || route->conf.strip_prefix.len > 0)) {
        diags_add(run->diags, DIAG_ERROR, "useless-directive", &route->span,
                  "this route passes nothing on, so there is no request to change");
        diags_hint(run->diags, &route->action_at,
                   "strip_prefix, set_header and unset_header go with `proxy`");
    }
}

void route_read(struct dir_run *run, struct host_draft *host, struct route_draft *route)
{
    scope_inherit(&route->scope, &host->scope);
    const struct conf_node *node = route->node;
    if (!slice_eq(node->name.text, SLICE("route"))) { /* an action straight in the host */
        struct conf_node alone = *node;
        alone.next = NULL;
        directive_apply(run, route_directives, &alone, route);
        return;
    }
    int head = read_head(run, route);
    int block = directive_apply(run, route_directives, node->children, route);
    if (head == 0 && block == 0)
        check_uses(run, route);
}

/* --- routes that no request can take */

static void warn_unreachable(struct dir_run *run, const struct route_draft *route,
                             const struct route_draft *winner)
{
    diags_add(run->diags, DIAG_WARNING, "unreachable-route", &route->span,
              "route \"%.*s\" can never be reached", SLICE_ARG(route->conf.text));
    diags_hint(run->diags, &winner->span, "this one takes its requests");
}

/* "/a" takes "/a" itself and what lies under "/a/": both may have routes of their own. */
static const struct route_draft *covered_by_two(struct arena *a, const struct map *seen,
                                                const struct route_draft *route)
{
    struct slice path = route->conf.path;
    if (route->conf.exact || path.ptr[path.len - 1] == '/' ||
        map_get(seen, arena_printf(a, "%.*s/", SLICE_ARG(path))) == NULL)
        return NULL;
    return map_get(seen, arena_printf(a, "= %.*s", SLICE_ARG(path)));
}

void route_warn_unreachable(struct dir_run *run, const struct host_draft *host)
{
    struct map seen;
    map_init(&seen, 0);
    for (struct route_draft *r = host->routes; r != NULL; r = r->next)
        if (!map_add(&seen, r->conf.text, r))
            warn_unreachable(run, r, map_get(&seen, r->conf.text));
    for (struct route_draft *r = host->routes; r != NULL; r = r->next) {
        const struct route_draft *winner = covered_by_two(run->arena, &seen, r);
        if (winner != NULL)
            warn_unreachable(run, r, winner);
    }
    map_done(&seen);
}
