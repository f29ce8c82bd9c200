/* SPDX-License-Identifier: Apache-2.0 */
/* The top level of a configuration. */
#include "base/log.h"
#include "base/parse.h"
#include "server/config_draft.h"

#include <errno.h>

#define ACCESS_LOG_USAGE "access_log PATH|stdout|stderr|off [format=combined|json]"
#define ERROR_LOG_USAGE  "error_log PATH|stderr [level=error|warn|info|debug]"
#define WORKERS_USAGE    "workers auto|N"
#define WORKERS_MAX      1024
#define DAY_MS           (24u * 3600 * 1000)

static int on_workers(struct dir_run *run, const struct conf_node *node, void *target)
{
    struct draft *draft = target;
    if (words_count(run, node, 1, 1, WORKERS_USAGE) < 0)
        return -EINVAL;
    const struct conf_word *word = &node->words[0];
    uint64_t n;
    if (slice_eq(word->text, SLICE("auto")))
        return 0; /* fact_defaults() has counted the processors */
    if (parse_uint(word->text, WORKERS_MAX, &n) < 0 || n == 0) {
        diags_add(run->diags, DIAG_ERROR, "bad-value", &word->span,
                  "\"%.*s\" is no number of workers from 1 to %d", SLICE_ARG(word->text),
                  WORKERS_MAX);
        diags_hint(run->diags, NULL, "auto makes one for each processor");
        return -EINVAL;
    }
    draft->workers = n;
    return 0;
}

static int on_user(struct dir_run *run, const struct conf_node *node, void *target)
{
    if (words_count(run, node, 1, 2, "user NAME [GROUP]") < 0)
        return -EINVAL;
    return fact_user(run, node, target);
}

/* --- logs */

static const char *const access_formats[] = { "combined", "json", NULL };
static const char *const log_levels[] = { "error", "warn", "info", "debug", NULL };

struct log_draft { /* target of the keys */
    struct slice format;
    int level;
    struct span format_at, level_at;
};
static const struct directive access_log_keys[] = {
    { .name = "format",
      .type = DIR_TEXT,
      .offset = FIELD(log_draft, format),
      .span_offset = FIELD(log_draft, format_at),
      .fallback = "combined",
      .usage = "combined|json",
      .help = "Apache's combined format, or one JSON object a line" },
    { NULL },
};
static const struct directive error_log_keys[] = {
    { .name = "level",
      .type = DIR_ENUM,
      .offset = FIELD(log_draft, level),
      .span_offset = FIELD(log_draft, level_at),
      .words = log_levels,
      .fallback = "info",
      .help = "the least important events that are written" },
    { NULL },
};

static int read_format(struct dir_run *run, const struct log_draft *keys, const struct span *line,
                       enum access_format *ret_format)
{
    const struct span *at = span_set(&keys->format_at) ? &keys->format_at : line;
    for (size_t i = 0; access_formats[i] != NULL; i++)
        if (slice_eq(keys->format, slice_str(access_formats[i]))) {
            *ret_format = (enum access_format)i;
            return 0;
        }
    if (slice_find(keys->format, '%') < keys->format.len) {
        words_unsupported(run, at, "a template as format");
        diags_hint(run->diags, NULL, "built are: combined, json");
        return -EINVAL;
    }
    diags_add(run->diags, DIAG_ERROR, "bad-value", at, "unknown format \"%.*s\"",
              SLICE_ARG(keys->format));
    const char *near = diag_nearest(keys->format, access_formats);
    if (near != NULL)
        diags_remark(run->diags, "did you mean \"%s\"?", near);
    diags_hint(run->diags, NULL, "formats: combined, json");
    return -EINVAL;
}

/* A path, absolute from here on, or one of the words that are none. */
static int read_log_path(struct dir_run *run, const struct conf_word *word,
                         const char *const *words, struct slice *ret_path)
{
    *ret_path = word->text;
    for (; *words != NULL; words++)
        if (!word->quoted && slice_eq(word->text, slice_str(*words)))
            return 0;
    if (word->text.len == 0 || !text_is_visible(word->text)) {
        diags_add(run->diags, DIAG_ERROR, "bad-path", &word->span,
                  "a path is not empty and has no control characters");
        return -EINVAL;
    }
    const char *path = path_beside(run->arena, &word->span, word->text);
    *ret_path = slice_str(fact_absolute(run->sources, run->arena, path));
    return 0;
}

static int on_access_log(struct dir_run *run, const struct conf_node *node, void *target)
{
    static const char *const words[] = { "stdout", "stderr", "off", NULL };
    struct draft *draft = target;
    if (words_count(run, node, 1, 2, ACCESS_LOG_USAGE) < 0)
        return -EINVAL;
    struct log_draft keys = { 0 };
    directive_defaults(access_log_keys, &keys);
    if (directive_apply_keys(run, access_log_keys, node, 1, &keys) < 0 ||
        read_format(run, &keys, &node->span, &draft->access_log.format) < 0)
        return -EINVAL;
    return read_log_path(run, &node->words[0], words, &draft->access_log.path);
}

static int on_error_log(struct dir_run *run, const struct conf_node *node, void *target)
{
    static const char *const words[] = { "stderr", NULL };
    struct draft *draft = target;
    if (words_count(run, node, 1, 2, ERROR_LOG_USAGE) < 0)
        return -EINVAL;
    struct log_draft keys = { 0 };
    directive_defaults(error_log_keys, &keys);
    if (directive_apply_keys(run, error_log_keys, node, 1, &keys) < 0)
        return -EINVAL;
    draft->error_log.level = keys.level;
    return read_log_path(run, &node->words[0], words, &draft->error_log.path);
}

static const char *const sandbox_modes[] = {
    [SANDBOX_OFF] = "off",
    [SANDBOX_ON] = "on",
    [SANDBOX_LOG] = "log",
    NULL,
};

/* --- blocks: collected here, read when every setting they inherit is known */

static int on_pool(struct dir_run *run, const struct conf_node *node, void *target)
{
    struct draft *draft = target;
    if (words_count(run, node, 1, 1, "pool NAME { ... }") < 0 ||
        word_name(run, &node->words[0], "a pool's name") < 0)
        return -EINVAL;
    const struct pool_draft *first = pool_find(draft, node->words[0].text);
    if (first != NULL) {
        diags_add(run->diags, DIAG_ERROR, "duplicate-pool", &node->words[0].span,
                  "pool \"%.*s\" stands twice", SLICE_ARG(node->words[0].text));
        diags_hint(run->diags, &first->node->words[0].span, "the first is here");
        return -EINVAL;
    }
    struct pool_draft *pool = arena_zalloc(run->arena, sizeof(*pool));
    pool->node = node;
    *draft->pools_end = pool;
    draft->pools_end = &pool->next;
    draft->pool_count++;
    map_add(&draft->pools_by_name, node->words[0].text, pool);
    return 0;
}

static int on_listen(struct dir_run *run, const struct conf_node *node, void *target)
{
    struct draft *draft = target;
    struct listen_draft *listen = arena_zalloc(run->arena, sizeof(*listen));
    listen->node = node;
    *draft->listens_end = listen;
    draft->listens_end = &listen->next;
    draft->listen_count++;
    return 0;
}

const struct directive root_directives[] = {
    { .name = "listen",
      .type = DIR_CALL,
      .call = on_listen,
      .block = listen_directives,
      .repeat = true,
      .usage = "listen ADDRESS... { ... }",
      .help = "where clients are answered: `0.0.0.0:443`, `[::]:443`. IPv4 and IPv6 are apart, so "
              "name both. A specific address wins over 0.0.0.0 of the same port" },
    { .name = "pool",
      .type = DIR_CALL,
      .call = on_pool,
      .block = pool_directives,
      .repeat = true,
      .usage = "pool NAME { ... }",
      .help = "servers that requests are passed to" },
    { .name = "access_log",
      .type = DIR_CALL,
      .call = on_access_log,
      .span_offset = FIELD(draft, access_log.span),
      .keys = access_log_keys,
      .fallback = "stdout",
      .usage = ACCESS_LOG_USAGE,
      .help = "one record for each request" },
    { .name = "error_log",
      .type = DIR_CALL,
      .call = on_error_log,
      .span_offset = FIELD(draft, error_log.span),
      .keys = error_log_keys,
      .fallback = "stderr",
      .usage = ERROR_LOG_USAGE,
      .help = "what happens to Signet itself, and failed handshakes" },
    { .name = "workers",
      .type = DIR_CALL,
      .call = on_workers,
      .span_offset = FIELD(draft, workers_at),
      .fallback = "auto",
      .usage = WORKERS_USAGE,
      .help = "processes that serve; `auto` makes one for each processor this process may use" },
    { .name = "user",
      .type = DIR_CALL,
      .call = on_user,
      .span_offset = FIELD(draft, user_at),
      .fallback = "nobody",
      .usage = "user NAME [GROUP]",
      .help = "whom workers become when Signet is started as root, after everything is opened" },
    { .name = "drain",
      .type = DIR_DURATION,
      .offset = FIELD(draft, drain_ms),
      .span_offset = FIELD(draft, drain_at),
      .max = DAY_MS,
      .fallback = "30s",
      .usage = "drain DURATION",
      .help = "how long a stop waits for what is in flight" },
    { .name = "timeout",
      .type = DIR_CALL,
      .call = scope_timeout,
      .keys = timeout_keys,
      .repeat = true,
      .usage = "timeout NAME=DURATION...",
      .help = "deadlines" },
    { .name = "limit",
      .type = DIR_CALL,
      .call = scope_limit,
      .keys = limit_keys,
      .repeat = true,
      .usage = "limit NAME=VALUE...",
      .help = "bounds on what a client may send, and on how many there are" },
    { .name = "admin",
      .type = DIR_UNSUPPORTED,
      .usage = "admin { listen ADDRESS }",
      .help = "a listener of its own for metrics and the status page" },
    { .name = "control",
      .type = DIR_CALL,
      .call = control_read,
      .span_offset = FIELD(draft, control.span),
      .keys = control_keys,
      .fallback = "unix:/run/signet/control.sock",
      .usage = "control unix:PATH [mode=MODE] | control off",
      .help = "the socket that `signet status`, `reload`, `stop`, ... use. Its folder is made when "
              "it is missing" },
    { .name = "sandbox",
      .type = DIR_ENUM,
      .offset = FIELD(draft, sandbox),
      .span_offset = FIELD(draft, sandbox_at),
      .words = sandbox_modes,
      .fallback = "on",
      .usage = "sandbox on|off|log",
      .help =
          "locks workers in: no file system, only the system calls they need. `log` lets a call "
          "that is not in the table happen and has the kernel log it" },
    { NULL },
};
