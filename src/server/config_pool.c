/* SPDX-License-Identifier: Apache-2.0 */
/* `pool`: the servers requests are passed to, and which of them takes which request. */
#include "base/map.h"
#include "base/parse.h"
#include "server/config_draft.h"
#include "upstream/ketama.h"
#include "upstream/ring.h"

#include <errno.h>

#define BALANCE_USAGE   "balance ring|ketama [key=KEY] [vnodes=N] [seed=N]"
#define KEEPALIVE_USAGE "keepalive N [idle=DURATION] [requests=N]"
#define SERVER_USAGE    "server ADDRESS [id=ID] [weight=N] [backup]"
#define KETAMA_POINTS   160u /* a server of weight 1 */
#define DAY_MS          (24u * 3600 * 1000)

/* --- balance */

struct balance_draft { /* target of balance_keys, so that the pool's struct sees good values only */
    struct slice key;
    uint64_t vnodes, seed;
    struct span key_at, vnodes_at, seed_at;
};
static const struct directive balance_keys[] = {
    { .name = "key",
      .type = DIR_TEXT,
      .offset = FIELD(balance_draft, key),
      .span_offset = FIELD(balance_draft, key_at),
      .fallback = "uri",
      .usage = "uri|path|host|client|header:NAME|cookie:NAME",
      .help = "what of a request is hashed" },
    { .name = "vnodes",
      .type = DIR_UINT,
      .offset = FIELD(balance_draft, vnodes),
      .span_offset = FIELD(balance_draft, vnodes_at),
      .min = 1,
      .max = BALANCE_POINTS_MAX,
      .fallback = "512",
      .help = "points on the ring for each unit of weight (`ring` alone)" },
    { .name = "seed",
      .type = DIR_UINT,
      .offset = FIELD(balance_draft, seed),
      .span_offset = FIELD(balance_draft, seed_at),
      .fallback = "0",
      .help = "turns all points and keys elsewhere (`ring` alone)" },
    { NULL },
};

static int bad_key(struct dir_run *run, const struct span *at, struct slice text)
{
    diags_add(run->diags, DIAG_ERROR, "bad-key", at, "unknown key \"%.*s\"", SLICE_ARG(text));
    diags_hint(run->diags, NULL, "keys: uri, path, host, client, header:NAME, cookie:NAME");
    return -EINVAL;
}

static int parse_key(struct dir_run *run, const struct span *at, struct slice text,
                     struct key_conf *ret_key)
{
    static const struct {
        const char *word;
        enum key_kind kind;
        bool named;
    } kinds[] = {
        { "uri", KEY_URI, false },       { "path", KEY_PATH, false },
        { "host", KEY_HOST, false },     { "client", KEY_CLIENT, false },
        { "header:", KEY_HEADER, true }, { "cookie:", KEY_COOKIE, true },
    };
    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        struct slice word = slice_str(kinds[i].word), name = slice_from(text, word.len);
        if (!slice_starts(text, word) || (kinds[i].named ? !text_is_token(name) : name.len > 0))
            continue;
        *ret_key = (struct key_conf){ kinds[i].kind, name, text };
        return 0;
    }
    return bad_key(run, at, text);
}

static int find_balancer(struct dir_run *run, const struct conf_word *word,
                         const struct balance_ops **ret_ops)
{
    static const struct balance_ops *const built[] = { &ring_balance, &ketama_balance };
    static const char *const names[] = {
        "ring", "ketama", "least", "round_robin", "random2", NULL
    };
    for (size_t i = 0; i < sizeof(built) / sizeof(built[0]); i++)
        if (slice_eq(word->text, slice_str(built[i]->name))) {
            *ret_ops = built[i];
            return 0;
        }
    for (const char *const *name = names; *name != NULL; name++)
        if (slice_eq(word->text, slice_str(*name))) {
            words_unsupported(run, &word->span, "\"balance %s\"", *name);
            diags_hint(run->diags, NULL, "built are: ring, ketama");
            return -EINVAL;
        }
    diags_add(run->diags, DIAG_ERROR, "unknown-balancer", &word->span, "unknown balancer \"%.*s\"",
              SLICE_ARG(word->text));
    const char *near = diag_nearest(word->text, names);
    if (near != NULL)
        diags_remark(run->diags, "did you mean \"%s\"?", near);
    diags_hint(run->diags, NULL, "built are: ring, ketama");
    return -EINVAL;
}

/* A key that ketama has no use for would be read and never obeyed. */
static int refuse_ring_keys(struct dir_run *run, const struct balance_draft *b)
{
    const struct span *at = span_set(&b->vnodes_at) ? &b->vnodes_at : &b->seed_at;
    if (!span_set(at))
        return 0;
    diags_add(run->diags, DIAG_ERROR, "misplaced-key", at,
              "ketama always has %u points for each unit of weight and no seed", KETAMA_POINTS);
    diags_hint(run->diags, NULL, "vnodes= and seed= are for: balance ring");
    return -EINVAL;
}

static int on_balance(struct dir_run *run, const struct conf_node *node, void *target)
{
    struct pool_draft *pool = target;
    if (words_count(run, node, 1, 4, BALANCE_USAGE) < 0)
        return -EINVAL;
    struct balance_draft b = { 0 };
    directive_defaults(balance_keys, &b);
    int r = find_balancer(run, &node->words[0], &pool->conf.balance);
    if (directive_apply_keys(run, balance_keys, node, 1, &b) < 0 || r < 0)
        return -EINVAL;
    if (pool->conf.balance == &ketama_balance && refuse_ring_keys(run, &b) < 0)
        return -EINVAL;
    pool->conf.balance_conf = (struct balance_conf){ b.vnodes, b.seed };
    const struct span *at = span_set(&b.key_at) ? &b.key_at : &node->span;
    return parse_key(run, at, b.key, &pool->conf.key);
}

/* --- server */

static const struct directive server_keys[] = {
    { .name = "id",
      .type = DIR_TEXT,
      .offset = FIELD(server_draft, conf.id),
      .span_offset = FIELD(server_draft, id_at),
      .usage = "ID",
      .help = "the identity on the ring and in records; the address as written when it is absent" },
    { .name = "weight",
      .type = DIR_UINT,
      .offset = FIELD(server_draft, conf.weight),
      .span_offset = FIELD(server_draft, weight_at),
      .min = 1,
      .max = BALANCE_POINTS_MAX,
      .fallback = "1",
      .help = "share of the key space against the pool's other servers" },
    { NULL },
};

/* The line without its bare word `backup`, which the keys do not know. */
static struct conf_node take_backup(struct arena *a, const struct conf_node *node, bool *ret_backup)
{
    struct conf_node rest = *node;
    rest.words = arena_alloc(a, (node->word_count + 1) * sizeof(*rest.words));
    rest.word_count = 0;
    *ret_backup = false;
    for (size_t i = 0; i < node->word_count; i++) {
        if (i > 0 && slice_eq(node->words[i].text, SLICE("backup")))
            *ret_backup = true;
        else
            rest.words[rest.word_count++] = node->words[i];
    }
    return rest;
}

static int check_id(struct dir_run *run, const struct server_draft *server)
{
    if (server->conf.id.len > 0 && server->conf.id.len <= 255 && text_is_visible(server->conf.id))
        return 0;
    const struct span *at = span_set(&server->id_at) ? &server->id_at : &server->span;
    diags_add(run->diags, DIAG_ERROR, "bad-id", at,
              "a server's id has 1 to 255 bytes and no control characters");
    return -EINVAL;
}

static int on_server(struct dir_run *run, const struct conf_node *node, void *target)
{
    struct pool_draft *pool = target;
    pool->server_count++; /* a faulty one too: the pool is not without servers */
    if (words_count(run, node, 1, 4, SERVER_USAGE) < 0)
        return -EINVAL;
    struct server_draft *server = arena_zalloc(run->arena, sizeof(*server));
    bool backup;
    struct conf_node line = take_backup(run->arena, node, &backup);
    server->span = node->words[0].span;
    directive_defaults(server_keys, server);
    server->conf.address = server->conf.id = node->words[0].text;
    server->conf.backup = backup;
    *pool->servers_end = server;
    pool->servers_end = &server->next;

    int r = directive_apply_keys(run, server_keys, &line, 1, server);
    if (check_id(run, server) < 0 || fact_addrs(run, &server->span, &server->conf) < 0)
        return -EINVAL;
    return r;
}

/* --- keepalive, timeout */

static const struct directive keepalive_keys[] = {
    { .name = "idle",
      .type = DIR_DURATION,
      .offset = FIELD(pool_draft, conf.keepalive.idle_ms),
      .span_offset = FIELD(pool_draft, idle_at),
      .min = 1,
      .max = DAY_MS,
      .fallback = "60s",
      .help = "how long a connection may wait for its next request" },
    { .name = "requests",
      .type = DIR_UINT,
      .offset = FIELD(pool_draft, conf.keepalive.requests),
      .span_offset = FIELD(pool_draft, requests_at),
      .max = UINT32_MAX,
      .fallback = "10000",
      .help = "requests on one connection; 0 is no limit" },
    { NULL },
};

static int on_keepalive(struct dir_run *run, const struct conf_node *node, void *target)
{
    struct pool_draft *pool = target;
    if (words_count(run, node, 1, 3, KEEPALIVE_USAGE) < 0)
        return -EINVAL;
    if (parse_uint(node->words[0].text, 65535, &pool->conf.keepalive.max) < 0) {
        diags_add(run->diags, DIAG_ERROR, "bad-value", &node->words[0].span,
                  "\"%.*s\" is no number of connections from 0 to 65535",
                  SLICE_ARG(node->words[0].text));
        diags_hint(run->diags, NULL, "write: %s", KEEPALIVE_USAGE);
        return -EINVAL;
    }
    return directive_apply_keys(run, keepalive_keys, node, 1, pool);
}

#define POOL_TIMEOUT(key, words)                                                                   \
    {                                                                                              \
        .name = #key, .type = DIR_DURATION, .offset = FIELD(pool_draft, conf.key##_ms),            \
        .span_offset = FIELD(pool_draft, key##_at), .min = 1, .max = 7 * DAY_MS, .help = words     \
    }

static const struct directive pool_timeout_keys[] = {
    POOL_TIMEOUT(connect, "one dial of a server; overrides what the route inherits"),
    POOL_TIMEOUT(response, "the first byte of a response, then each silence inside it; overrides "
                           "what the route inherits"),
    POOL_TIMEOUT(send, "how long a server may take nothing of what is sent to it"),
    { NULL },
};

static int on_timeout(struct dir_run *run, const struct conf_node *node, void *target)
{
    if (words_count(run, node, 1, 3, "timeout connect=2s response=60s send=30s") < 0)
        return -EINVAL;
    return directive_apply_keys(run, pool_timeout_keys, node, 0, target);
}

const struct directive pool_directives[] = {
    { .name = "balance",
      .type = DIR_CALL,
      .call = on_balance,
      .span_offset = FIELD(pool_draft, balance_at),
      .keys = balance_keys,
      .fallback = "ring",
      .usage = BALANCE_USAGE,
      .help = "who takes which request: `ring` is consistent hashing with virtual nodes, `ketama` "
              "is nginx's `hash ... consistent`, bit for bit" },
    { .name = "server",
      .type = DIR_CALL,
      .call = on_server,
      .keys = server_keys,
      .repeat = true,
      .usage = SERVER_USAGE,
      .help =
          "one server: `10.0.0.11:9000`, `[::1]:9000`, `app.internal:9000` (looked up at start) "
          "or `unix:/run/app.sock`; port 80 when none is written. A `backup` is "
          "asked when all others are passed over" },
    { .name = "keepalive",
      .type = DIR_CALL,
      .call = on_keepalive,
      .span_offset = FIELD(pool_draft, keepalive_at),
      .keys = keepalive_keys,
      .fallback = "64",
      .usage = KEEPALIVE_USAGE,
      .help = "idle connections kept for each server and worker" },
    { .name = "retry",
      .type = DIR_CALL,
      .call = retry_read,
      .span_offset = FIELD(pool_draft, retry_at),
      .keys = retry_keys,
      .fallback = "2",
      .usage = RETRY_USAGE,
      .help = "how many further tries a request gets after the first has failed, 0 to 10, where "
              "that is safe" },
    { .name = "timeout",
      .type = DIR_CALL,
      .call = on_timeout,
      .keys = pool_timeout_keys,
      .repeat = true,
      .usage = "timeout [connect=DURATION] [response=DURATION] [send=DURATION]",
      .help = "the pool's own deadlines" },
    { .name = "bound",
      .type = DIR_UNSUPPORTED,
      .usage = "bound FACTOR",
      .help = "no server above FACTOR times the average in flight" },
    { .name = "eject",
      .type = DIR_UNSUPPORTED,
      .usage = "eject after=N for=DURATION",
      .help = "a server that fails N times in a row is left out for a while" },
    { .name = "health",
      .type = DIR_UNSUPPORTED,
      .usage = "health GET PATH [expect=CODES] [every=DURATION] ...",
      .help = "probes of each server" },
    { .name = "limit",
      .type = DIR_UNSUPPORTED,
      .usage = "limit connections=N queue=N wait=DURATION",
      .help = "bounds on what one server has in flight" },
    { .name = "proxy_protocol",
      .type = DIR_UNSUPPORTED,
      .usage = "proxy_protocol v2",
      .help = "tells the server the client's address by the PROXY header" },
    { .name = "tls",
      .type = DIR_UNSUPPORTED,
      .usage = "tls [name=NAME] [ca=FILE] ...",
      .help = "HTTPS towards the servers" },
    { NULL },
};

/* --- the whole block */

static void check_duplicates(struct dir_run *run, const struct pool_draft *pool)
{
    struct map seen;
    map_init(&seen, 0);
    for (struct server_draft *s = pool->servers; s != NULL; s = s->next) {
        if (map_add(&seen, s->conf.id, s))
            continue;
        const struct server_draft *first = map_get(&seen, s->conf.id);
        diags_add(run->diags, DIAG_ERROR, "duplicate-server",
                  span_set(&s->id_at) ? &s->id_at : &s->span,
                  "server \"%.*s\" stands twice in pool \"%.*s\"", SLICE_ARG(s->conf.id),
                  SLICE_ARG(pool->conf.name));
        diags_hint(run->diags, span_set(&first->id_at) ? &first->id_at : &first->span,
                   "the first is here; give one of them another id=");
    }
    map_done(&seen);
}

/* Points of the primaries (or of the backups, a ring of their own) must stay within the bound. */
static void check_points(struct dir_run *run, const struct pool_draft *pool, bool backups)
{
    uint64_t per_weight =
        pool->conf.balance == &ketama_balance ? KETAMA_POINTS : pool->conf.balance_conf.vnodes;
    uint64_t points = 0;
    for (const struct server_draft *s = pool->servers; s != NULL; s = s->next)
        if (s->conf.backup == backups)
            points += per_weight * s->conf.weight; /* each factor is at most 2^22 */
    if (points <= BALANCE_POINTS_MAX)
        return;
    diags_add(run->diags, DIAG_ERROR, "too-many-points",
              span_set(&pool->balance_at) ? &pool->balance_at : &pool->node->words[0].span,
              "%llu points for each unit of weight make %llu points, more than %u",
              (unsigned long long)per_weight, (unsigned long long)points, BALANCE_POINTS_MAX);
    diags_hint(run->diags, NULL, "weights are not reduced: write smaller ones%s",
               pool->conf.balance == &ketama_balance ? "" : ", or fewer vnodes");
}

static void check_servers(struct dir_run *run, const struct pool_draft *pool)
{
    size_t backups = 0;
    for (const struct server_draft *s = pool->servers; s != NULL; s = s->next)
        backups += s->conf.backup;
    const struct span *at = &pool->node->words[0].span;
    if (pool->server_count == 0) {
        diags_add(run->diags, DIAG_ERROR, "no-server", at, "pool \"%.*s\" has no server",
                  SLICE_ARG(pool->conf.name));
        diags_hint(run->diags, NULL, "write in it: %s", SERVER_USAGE);
    } else if (backups == pool->server_count) {
        diags_add(run->diags, DIAG_ERROR, "no-server", at, "pool \"%.*s\" has only backups",
                  SLICE_ARG(pool->conf.name));
        diags_hint(run->diags, NULL, "at least one server must be no backup");
    }
}

static void set_defaults(struct dir_run *run, struct pool_draft *pool)
{
    const struct draft *draft = draft_of(run);
    pool->conf.name = pool->node->words[0].text;
    pool->conf.balance = &ring_balance;
    pool->conf.balance_conf = (struct balance_conf){ .vnodes = 512, .seed = 0 };
    pool->conf.key = (struct key_conf){ KEY_URI, slice_of(NULL, 0), SLICE("uri") };
    pool->conf.keepalive.max = 64;
    directive_defaults(keepalive_keys, pool);
    retry_defaults(&pool->conf.retry);
    pool->conf.connect_ms = draft->scope.timeouts.connect;
    pool->conf.response_ms = draft->scope.timeouts.response;
    pool->conf.send_ms = draft->scope.timeouts.send;
    pool->servers_end = &pool->servers;
}

void pool_read(struct dir_run *run, struct pool_draft *pool)
{
    set_defaults(run, pool);
    directive_apply(run, pool_directives, pool->node->children, pool);
    check_duplicates(run, pool);
    check_servers(run, pool);
    check_points(run, pool, false);
    check_points(run, pool, true);
}

struct pool_draft *pool_find(const struct draft *draft, struct slice name)
{
    return map_get(&draft->pools_by_name, name);
}
