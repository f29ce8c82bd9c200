/* SPDX-License-Identifier: Apache-2.0 */
#include "fake_transport.h"

#include "base/mem.h"
#include "conn/conn.h"
#include "event/loop.h"

#include <errno.h>
#include <stdint.h>

static struct fake_transport *fake_of(const struct transport *t)
{
    return (struct fake_transport *)(uintptr_t)t;
}

/* Moves at most `most` bytes (0: all) from the front of one buffer to the end of another. */
static size_t move(struct buf *from, struct buf *to, size_t most)
{
    size_t n = buf_len(from);
    if (most > 0 && n > most)
        n = most;
    buf_append(to, slice_first(buf_view(from), n));
    if (n > 0)
        buf_consume(from, n);
    return n;
}

static int fake_handshake(struct transport *t)
{
    struct fake_transport *f = fake_of(t);
    return f->rounds > 0 ? -EAGAIN : f->handshake_end;
}

static void fake_readable(struct transport *t)
{
    struct fake_transport *f = fake_of(t);
    if (f->rounds > 0)
        f->rounds--;
    else
        move(&f->wire, &f->inside, f->piece);
}

static ssize_t fake_read(struct transport *t, char *to, size_t room)
{
    struct fake_transport *f = fake_of(t);
    size_t n = buf_len(&f->inside);
    if (n == 0)
        return buf_len(&f->wire) > 0 || f->end == FAKE_STAYS ? -EAGAIN : f->end;
    if (n > room)
        n = room;
    if (f->record > 0 && n > f->record)
        n = f->record;
    memcpy(to, buf_view(&f->inside).ptr, n);
    buf_consume(&f->inside, n);
    return (ssize_t)n;
}

static void fake_write(struct transport *t, struct slice bytes)
{
    buf_append(&fake_of(t)->gathered, bytes);
}

static int fake_flush(struct transport *t)
{
    struct fake_transport *f = fake_of(t);
    f->flushes++;
    if (f->broken != 0)
        return f->broken;
    move(&f->gathered, &f->queued, 0);
    if (f->window > 0)
        f->window -= move(&f->queued, &f->sent, f->window);
    return 0;
}

static size_t fake_backlog(const struct transport *t)
{
    return buf_len(&fake_of(t)->queued);
}

static void fake_shutdown(struct transport *t)
{
    fake_of(t)->shut = true;
}

static void fake_rest(struct transport *t)
{
    fake_of(t)->rests++;
}

static bool fake_has_pending(const struct transport *t)
{
    return buf_len(&fake_of(t)->inside) > 0;
}

static const struct tls_info *fake_tls(const struct transport *t)
{
    return fake_of(t)->tls;
}

static const char *fake_why(const struct transport *t)
{
    return fake_of(t)->why;
}

static int fake_fd(const struct transport *t)
{
    return -1;
}

static void fake_mark_freed(struct transport *t)
{
    fake_of(t)->freed = true;
}

static const struct transport_ops ops = {
    .handshake = fake_handshake,
    .read = fake_read,
    .readable = fake_readable,
    .write = fake_write,
    .flush = fake_flush,
    .backlog = fake_backlog,
    .shutdown = fake_shutdown,
    .rest = fake_rest,
    .has_pending = fake_has_pending,
    .tls = fake_tls,
    .why = fake_why,
    .fd = fake_fd,
    .free = fake_mark_freed,
};

struct fake_transport *fake_new(void)
{
    struct fake_transport *f = mem_zalloc(sizeof *f);
    f->transport.ops = &ops;
    f->window = SIZE_MAX;
    f->end = FAKE_STAYS;
    f->why = "";
    return f;
}

void fake_free(struct fake_transport *f)
{
    buf_done(&f->wire);
    buf_done(&f->inside);
    buf_done(&f->gathered);
    buf_done(&f->queued);
    buf_done(&f->sent);
    mem_free(f);
}

void fake_says(struct fake_transport *f, struct slice bytes)
{
    buf_append(&f->wire, bytes);
}

void fake_ends(struct fake_transport *f, int how)
{
    f->end = how;
}

static size_t unread(const struct fake_transport *f)
{
    return buf_len(&f->wire) + buf_len(&f->inside);
}

static void make_readable(struct fake_transport *f, struct conn *c, struct loop *l)
{
    if (!f->freed)
        conn_on_ready(c, WATCH_READ);
    loop_turn(l, false);
}

void fake_deliver(struct fake_transport *f, struct conn *c, struct loop *l)
{
    size_t before;
    do {
        before = unread(f);
        make_readable(f, c, l);
    } while (unread(f) > 0 && unread(f) != before);
    if (unread(f) == 0 && f->end != FAKE_STAYS)
        make_readable(f, c, l);
}

struct slice fake_sent(const struct fake_transport *f)
{
    return buf_view(&f->sent);
}

void fake_forget_sent(struct fake_transport *f)
{
    buf_done(&f->sent);
}
