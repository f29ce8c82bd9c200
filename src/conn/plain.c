/* SPDX-License-Identifier: Apache-2.0 */
#include "conn/plain.h"

#include "base/buf.h"
#include "base/mem.h"

#include <errno.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

/* From this size on copying costs more than the system call that gathering would save. */
#define DIRECT_BYTES (16 * 1024)

/* Bytes on their way out stand in this order: queue, gathered, new. */
struct plain {
    struct transport transport;
    struct scratch *scratch;
    struct buf queue; /* what the kernel refused */
    int fd;
    int broken;    /* -errno of a failed send, 0 while it works */
    bool may_recv; /* the descriptor was readable and was not asked since */
    bool fin_due;  /* SHUT_WR follows the last byte */
};

static struct plain *plain_of(const struct transport *t)
{
    return (struct plain *)(uintptr_t)t;
}

static void plain_break(struct plain *p, int error)
{
    p->broken = error;
    buf_done(&p->queue);
    gather_release(&p->scratch->gather, p);
}

/* The bytes of `s` that are left when *sent bytes of it and what stood before it are gone. */
static struct slice unsent(struct slice s, size_t *sent)
{
    size_t gone = *sent < s.len ? *sent : s.len;
    *sent -= gone;
    return slice_from(s, gone);
}

/* Offers the kernel all that waits and `more` in one call; queues what it refuses. */
static void plain_send(struct plain *p, struct slice more)
{
    struct slice parts[] = { buf_view(&p->queue), gather_view(&p->scratch->gather, p), more };
    struct iovec vector[3];
    struct msghdr m = { .msg_iov = vector };
    for (size_t i = 0; i < 3; i++) {
        if (parts[i].len > 0)
            vector[m.msg_iovlen++] =
                (struct iovec){ (void *)(uintptr_t)parts[i].ptr, parts[i].len };
    }
    if (m.msg_iovlen == 0)
        return;
    ssize_t n = sendmsg(p->fd, &m, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (n < 0 && errno != EAGAIN && errno != EINTR) {
        plain_break(p, -errno);
        return;
    }
    size_t sent = n > 0 ? (size_t)n : 0;
    size_t from_queue = parts[0].len - unsent(parts[0], &sent).len;
    struct slice gathered = unsent(parts[1], &sent), rest = unsent(parts[2], &sent);
    if (from_queue > 0)
        buf_consume(&p->queue, from_queue);
    buf_append(&p->queue, gathered);
    buf_append(&p->queue, rest);
    gather_release(&p->scratch->gather, p);
}

static void on_spill(void *holder)
{
    plain_send(holder, slice_of(NULL, 0));
}

static int plain_handshake(struct transport *t)
{
    return 0;
}

static void plain_readable(struct transport *t)
{
    plain_of(t)->may_recv = true;
}

static ssize_t plain_read(struct transport *t, char *to, size_t room)
{
    struct plain *p = plain_of(t);
    if (!p->may_recv)
        return -EAGAIN;
    p->may_recv = false;
    ssize_t n = recv(p->fd, to, room, MSG_DONTWAIT);
    if (n >= 0)
        return n;
    return errno == EINTR ? -EAGAIN : -errno;
}

static void plain_write(struct transport *t, struct slice bytes)
{
    struct plain *p = plain_of(t);
    if (p->broken != 0 || bytes.len == 0)
        return;
    if (bytes.len >= DIRECT_BYTES) {
        plain_send(p, bytes);
        return;
    }
    struct gather *g = &p->scratch->gather;
    memcpy(gather_reserve(g, p, on_spill, bytes.len), bytes.ptr, bytes.len);
    gather_commit(g, bytes.len);
}

static int plain_flush(struct transport *t)
{
    struct plain *p = plain_of(t);
    plain_send(p, slice_of(NULL, 0));
    if (p->broken == 0 && p->fin_due && buf_len(&p->queue) == 0) {
        p->fin_due = false;
        shutdown(p->fd, SHUT_WR); /* fails only when the peer is gone: the next read tells */
    }
    return p->broken;
}

static size_t plain_backlog(const struct transport *t)
{
    return buf_len(&plain_of(t)->queue);
}

static void plain_shutdown(struct transport *t)
{
    plain_of(t)->fin_due = true;
}

static void plain_rest(struct transport *t)
{
}

static bool plain_has_pending(const struct transport *t)
{
    return false;
}

static const struct tls_info *plain_tls(const struct transport *t)
{
    return NULL;
}

static const char *plain_why(const struct transport *t)
{
    return "";
}

static int plain_fd(const struct transport *t)
{
    return plain_of(t)->fd;
}

static void plain_free(struct transport *t)
{
    struct plain *p = plain_of(t);
    gather_release(&p->scratch->gather, p);
    buf_done(&p->queue);
    close(p->fd);
    mem_free(p);
}

static const struct transport_ops ops = {
    .handshake = plain_handshake,
    .read = plain_read,
    .readable = plain_readable,
    .write = plain_write,
    .flush = plain_flush,
    .backlog = plain_backlog,
    .shutdown = plain_shutdown,
    .rest = plain_rest,
    .has_pending = plain_has_pending,
    .tls = plain_tls,
    .why = plain_why,
    .fd = plain_fd,
    .free = plain_free,
};

struct transport *plain_new(int fd, struct scratch *s)
{
    struct plain *p = mem_zalloc(sizeof *p);
    p->transport.ops = &ops;
    p->scratch = s;
    p->fd = fd;
    buf_init(&p->queue);
    return &p->transport;
}
