/* SPDX-License-Identifier: Apache-2.0 */
/* `timeout` and `limit`: settings that inner blocks inherit. */
#include "server/config_draft.h"

#include <errno.h>

#define WEEK_MS (7u * 24 * 3600 * 1000)

/* One key whose value and place both lie in struct scope. */
#define KEY_TIMEOUT(key, normal, words)                                                            \
    {                                                                                              \
        .name = #key, .type = DIR_DURATION, .offset = FIELD(scope, timeouts.key),                  \
        .span_offset = FIELD(scope, at.key), .min = 1, .max = WEEK_MS, .fallback = normal,         \
        .help = words                                                                              \
    }
#define KEY_LIMIT(key, kind, field, least, most, normal, words)                                    \
    {                                                                                              \
        .name = key, .type = kind, .offset = FIELD(scope, field),                                  \
        .span_offset = FIELD(scope, at.field), .min = least, .max = most, .fallback = normal,      \
        .help = words                                                                              \
    }

#define KEY_TIMEOUT_BODY                                                                           \
    KEY_TIMEOUT(body, "30s", "silence inside a request body before 408 is answered")
#define KEY_TIMEOUT_CONNECT                                                                        \
    KEY_TIMEOUT(connect, "2s", "one dial of a server; the next server is tried after it")
#define KEY_TIMEOUT_RESPONSE                                                                       \
    KEY_TIMEOUT(response, "60s",                                                                   \
                "the first byte of a response, then each silence inside it; 504 is answered")
#define KEY_TIMEOUT_TUNNEL                                                                         \
    KEY_TIMEOUT(tunnel, "1h",                                                                      \
                "silence in both directions of an upgraded connection (WebSocket) before it is "   \
                "ended")
#define KEY_LIMIT_BODY                                                                             \
    KEY_LIMIT("body", DIR_SIZE, body_max, 0, 0, "10m",                                             \
              "bytes of a request body before 413 is answered; 0 is no limit")

const struct directive timeout_keys[] = {
    KEY_TIMEOUT(handshake, "10s", "the whole TLS handshake of a client"),
    KEY_TIMEOUT(header, "10s",
                "a request head, from its first byte to its last, before 408 is answered"),
    KEY_TIMEOUT_BODY,
    KEY_TIMEOUT(idle, "75s", "how long a client connection may wait between two requests"),
    KEY_TIMEOUT(send, "30s", "how long a client may take nothing of what is sent to it"),
    KEY_TIMEOUT_CONNECT,
    KEY_TIMEOUT_RESPONSE,
    KEY_TIMEOUT_TUNNEL,
    { NULL },
};

const struct directive timeout_inner_keys[] = {
    KEY_TIMEOUT_BODY, KEY_TIMEOUT_CONNECT, KEY_TIMEOUT_RESPONSE, KEY_TIMEOUT_TUNNEL, { NULL },
};

#define KEYS_LIMIT_LISTEN                                                                          \
    KEY_LIMIT("header", DIR_SIZE, head_max, 256, 256 * 1024, "32k",                                \
              "bytes of a request head before 431 is answered"),                                   \
        KEY_LIMIT("headers", DIR_UINT, fields_max, 1, 1000, "100",                                 \
                  "header fields of a request before 431 is answered"),                            \
        KEY_LIMIT("uri", DIR_SIZE, target_max, 16, 64 * 1024, "8k",                                \
                  "bytes of a request target before 414 is answered"),                             \
        KEY_LIMIT_BODY,                                                                            \
        KEY_LIMIT("requests", DIR_UINT, requests_max, 0, UINT32_MAX, "0",                          \
                  "requests on one client connection before it is ended in good order; 0 is no "   \
                  "limit"),                                                                        \
        KEY_LIMIT("min_rate", DIR_SIZE, min_rate, 0, UINT32_MAX, "500",                            \
                  "bytes a second below which a client is ended: of a request body over `timeout " \
                  "body`, of an answer over `timeout send`; 0 is no limit"),                       \
        KEY_LIMIT("window", DIR_SIZE, window, 16 * 1024, 16 * 1024 * 1024, "256k",                 \
                  "bytes of a body on their way in each direction, at most")

const struct directive limit_keys[] = {
    KEYS_LIMIT_LISTEN,
    { .name = "connections",
      .type = DIR_UINT,
      .offset = FIELD(draft, caps.all),
      .span_offset = FIELD(draft, connections_at),
      .max = UINT32_MAX,
      .fallback = "10000",
      .help = "client connections, over all workers; who comes then gets 503, or on TLS an alert; "
              "0 is no limit" },
    { .name = "per_ip",
      .type = DIR_UINT,
      .offset = FIELD(draft, caps.each),
      .span_offset = FIELD(draft, per_ip_at),
      .max = UINT32_MAX,
      .fallback = "0",
      .help = "of these, from one IPv4 address or one IPv6 /64; those in `trusted_proxies` are not "
              "counted; 0 is no limit" },
    { NULL },
};

const struct directive limit_listen_keys[] = {
    KEYS_LIMIT_LISTEN,
    { NULL },
};

const struct directive limit_inner_keys[] = {
    KEY_LIMIT_BODY,
    { NULL },
};

void scope_inherit(struct scope *inner, const struct scope *outer)
{
    *inner = *outer;
    memset(&inner->at, 0, sizeof(inner->at)); /* the inner block has set nothing itself yet */
}

int scope_timeout(struct dir_run *run, const struct conf_node *node, void *target)
{
    if (words_count(run, node, 1, 16, "timeout header=10s body=30s ...") < 0)
        return -EINVAL;
    return directive_apply_keys(run, timeout_keys, node, 0, target);
}

int scope_limit(struct dir_run *run, const struct conf_node *node, void *target)
{
    if (words_count(run, node, 1, 16, "limit header=32k body=10m ...") < 0)
        return -EINVAL;
    return directive_apply_keys(run, limit_keys, node, 0, target);
}

/* Where a key of an outer block would be read and never obeyed. */
struct too_far_in {
    const char *where, *hint;
};
static const struct too_far_in past_the_listener = {
    "for a host or a route",
    "it belongs to the connection, before a host is known: set it at the top or in `listen`",
};
static const struct too_far_in past_the_top = {
    "in a block",
    "it counts the connections of all listeners together: set it at the top",
};

static int refuse_outer_keys(struct dir_run *run, const struct conf_node *node,
                             const struct directive *outer, const struct directive *inner,
                             const struct too_far_in *why)
{
    int result = 0;
    for (size_t i = 0; i < node->word_count; i++) {
        const struct conf_word *word = &node->words[i];
        const struct directive *row = row_find(outer, word->key);
        if (row == NULL || row->type == DIR_UNSUPPORTED || row_find(inner, word->key) != NULL)
            continue;
        diags_add(run->diags, DIAG_ERROR, "misplaced-key", &word->span,
                  "\"%.*s %s\" cannot be set %s", SLICE_ARG(node->name.text), row->name,
                  why->where);
        diags_hint(run->diags, NULL, "%s", why->hint);
        result = -EINVAL;
    }
    return result;
}

int scope_limit_listen(struct dir_run *run, const struct conf_node *node, void *target)
{
    if (words_count(run, node, 1, 16, "limit header=32k body=10m ...") < 0 ||
        refuse_outer_keys(run, node, limit_keys, limit_listen_keys, &past_the_top) < 0)
        return -EINVAL;
    return directive_apply_keys(run, limit_listen_keys, node, 0, target);
}

int scope_timeout_inner(struct dir_run *run, const struct conf_node *node, void *target)
{
    if (words_count(run, node, 1, 16, "timeout response=60s body=30s connect=2s") < 0 ||
        refuse_outer_keys(run, node, timeout_keys, timeout_inner_keys, &past_the_listener) < 0)
        return -EINVAL;
    return directive_apply_keys(run, timeout_inner_keys, node, 0, target);
}

int scope_limit_inner(struct dir_run *run, const struct conf_node *node, void *target)
{
    if (words_count(run, node, 1, 16, "limit body=10m") < 0 ||
        refuse_outer_keys(run, node, limit_keys, limit_listen_keys, &past_the_top) < 0 ||
        refuse_outer_keys(run, node, limit_listen_keys, limit_inner_keys, &past_the_listener) < 0)
        return -EINVAL;
    return directive_apply_keys(run, limit_inner_keys, node, 0, target);
}
