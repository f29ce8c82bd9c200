/* SPDX-License-Identifier: Apache-2.0 */
#include "server/channel.h"

#include <assert.h>
#include <errno.h>
#include <stdbool.h>
#include <sys/socket.h>
#include <unistd.h>

/* The fixed part of every message, in the machine's own byte order: both ends are on it. */
struct wire {
    uint16_t version, kind;
    uint32_t worker, row, sockets, generation;
};
static_assert(sizeof(struct wire) + CHANNEL_TEXT_MAX == CHANNEL_BYTES_MAX, "no padding");

static const struct rule {
    const char *name;
    enum channel_side sender;
    size_t fd_min, fd_max;
    bool text;
} rules[] = {
    [CHANNEL_START] = { "start", CHANNEL_MASTER, START_ERROR_LOG + 1, START_ACCESS_LOG + 1 },
    [CHANNEL_LEND] = { "lend", CHANNEL_MASTER, 1, FDPASS_MAX },
    [CHANNEL_TAKE_BACK] = { "take back", CHANNEL_MASTER },
    [CHANNEL_DRAIN] = { "drain", CHANNEL_MASTER },
    [CHANNEL_STOP] = { "stop", CHANNEL_MASTER },
    [CHANNEL_REOPEN] = { "reopen", CHANNEL_MASTER, REOPEN_ERROR_LOG + 1, REOPEN_ACCESS_LOG + 1 },
    [CHANNEL_PREPARE] = { "prepare", CHANNEL_MASTER, 1, 1 },
    [CHANNEL_COMMIT] = { "commit", CHANNEL_MASTER },
    [CHANNEL_FORGET] = { "forget", CHANNEL_MASTER },
    [CHANNEL_READY] = { "ready", CHANNEL_WORKER },
    [CHANNEL_FAILED] = { "failed", CHANNEL_WORKER, .text = true },
    [CHANNEL_DRAINED] = { "drained", CHANNEL_WORKER },
    [CHANNEL_PREPARED] = { "prepared", CHANNEL_WORKER },
    [CHANNEL_CANNOT] = { "cannot", CHANNEL_WORKER, .text = true },
};

static const struct rule *rule_of(unsigned kind)
{
    size_t count = sizeof(rules) / sizeof(rules[0]);
    return kind < count && rules[kind].name != NULL ? &rules[kind] : NULL;
}

const char *channel_kind_text(enum channel_kind kind)
{
    const struct rule *rule = rule_of(kind);
    return rule != NULL ? rule->name : "unknown";
}

int channel_pair(int ret_ends[static 2])
{
    int type = SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC;
    return socketpair(AF_UNIX, type, 0, ret_ends) < 0 ? -errno : 0;
}

size_t channel_format(const struct channel_message *m, char out[static CHANNEL_BYTES_MAX])
{
    struct wire wire = {
        .version = CHANNEL_VERSION,
        .kind = (uint16_t)m->kind,
        .worker = m->worker,
        .row = m->row,
        .sockets = m->sockets,
        .generation = m->generation,
    };
    memcpy(out, &wire, sizeof(wire));

    const struct rule *rule = rule_of(m->kind);
    size_t text_len = rule != NULL && rule->text ? strnlen(m->text, CHANNEL_TEXT_MAX - 1) : 0;
    memcpy(out + sizeof(wire), m->text, text_len);
    return sizeof(wire) + text_len;
}

static int check(const struct rule *rule, enum channel_side sender, size_t fd_count,
                 struct slice text, struct err *e)
{
    if (rule->sender != sender)
        return err_set(e, -EPROTO, "a \"%s\" message from the wrong side", rule->name);
    bool lost = fd_count == FDPASS_LOST && rule->fd_max > 0;
    if (!lost && (fd_count < rule->fd_min || fd_count > rule->fd_max))
        return err_set(e, -EPROTO, "a \"%s\" message with %zu descriptors", rule->name, fd_count);
    if (text.len > (rule->text ? CHANNEL_TEXT_MAX - 1 : 0))
        return err_set(e, -EPROTO, "a \"%s\" message with %zu bytes too many", rule->name,
                       text.len);
    return 0;
}

int channel_parse(struct slice bytes, size_t fd_count, enum channel_side sender,
                  struct channel_message *ret_m, struct err *e)
{
    struct wire wire;
    if (bytes.len < sizeof(wire))
        return err_set(e, -EPROTO, "a message of %zu bytes", bytes.len);
    memcpy(&wire, bytes.ptr, sizeof(wire));
    if (wire.version != CHANNEL_VERSION)
        return err_set(e, -EPROTO, "a message of version %u, not %u", wire.version,
                       CHANNEL_VERSION);
    const struct rule *rule = rule_of(wire.kind);
    if (rule == NULL)
        return err_set(e, -EPROTO, "a message of unknown kind %u", wire.kind);

    struct slice text = slice_from(bytes, sizeof(wire));
    int r = check(rule, sender, fd_count, text, e);
    if (r < 0)
        return r;
    ret_m->kind = wire.kind;
    ret_m->worker = wire.worker;
    ret_m->row = wire.row;
    ret_m->sockets = wire.sockets;
    ret_m->generation = wire.generation;
    if (text.len > 0)
        memcpy(ret_m->text, text.ptr, text.len);
    ret_m->text[text.len] = '\0';
    return 0;
}

int channel_send(int sock, const struct channel_message *m)
{
    char bytes[CHANNEL_BYTES_MAX];
    size_t len = channel_format(m, bytes);
    return fdpass_send(sock, bytes, len, m->fds, m->fd_count);
}

int channel_recv(int sock, enum channel_side sender, struct channel_message *ret_m, struct err *e)
{
    char bytes[CHANNEL_BYTES_MAX];
    long len = fdpass_recv(sock, bytes, sizeof(bytes), ret_m->fds, FDPASS_MAX, &ret_m->fd_count);
    if (len == -EMSGSIZE)
        return err_set(e, -EPROTO, "a message that is too long");
    if (len <= 0)
        return (int)len;
    int r = channel_parse(slice_of(bytes, (size_t)len), ret_m->fd_count, sender, ret_m, e);
    if (ret_m->fd_count == FDPASS_LOST) {
        ret_m->fd_count = 0;
        return r < 0 ? r : -EMFILE;
    }
    if (r < 0) {
        channel_close_fds(ret_m);
        return r;
    }
    return 1;
}

void channel_close_fds(struct channel_message *m)
{
    for (size_t i = 0; i < m->fd_count; i++)
        if (m->fds[i] >= 0)
            close(m->fds[i]);
    m->fd_count = 0;
}
