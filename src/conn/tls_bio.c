/* SPDX-License-Identifier: Apache-2.0 */
#include "conn/tls_bio.h"

#include <errno.h>
#include <openssl/bio.h>
#include <openssl/crypto.h>
#include <string.h>
#include <sys/socket.h>

/* What OpenSSL may hold from before (one read buffer, 16.7 kB) comes out as plaintext in front of
 * what the window gives. With this much space between them, plaintext never reaches ciphertext that
 * OpenSSL has not taken yet: a record is longer than what it says. */
#define WINDOW_LEAD (20 * 1024)
/* A hello, or the end of a handshake and a request behind it. */
#define HANDSHAKE_BYTES (16 * 1024)

static ssize_t recv_once(struct tls_bio *b, char *to, size_t room)
{
    ssize_t n;
    do
        n = recv(b->fd, to, room, MSG_DONTWAIT);
    while (n < 0 && errno == EINTR);
    b->may_recv = false;
    if (n == 0)
        b->end = -ENODATA;
    else if (n < 0 && errno != EAGAIN && errno != EWOULDBLOCK)
        b->end = -errno;
    return n;
}

static size_t in_take(struct tls_bio *b, char *to, size_t room)
{
    struct slice bytes = slice_first(buf_view(&b->in), room);
    memcpy(to, bytes.ptr, bytes.len);
    buf_consume(&b->in, bytes.len);
    return bytes.len;
}

static bool window_unread(const struct tls_bio *b)
{
    return b->window.at < b->window.len;
}

static size_t window_take(struct tls_bio *b, char *to, size_t room)
{
    size_t n = b->window.len - b->window.at;
    if (n > room)
        n = room;
    memcpy(to, b->window.base + b->window.at, n);
    b->window.at += n;
    return n;
}

static ssize_t window_fill(struct tls_bio *b)
{
    ssize_t n = recv_once(b, b->window.base, b->window.room);
    b->window.at = 0;
    b->window.len = n > 0 ? (size_t)n : 0;
    return n;
}

/* Bytes for OpenSSL: above 0 how many, else none now. */
static ssize_t read_bytes(struct tls_bio *b, char *to, size_t room)
{
    if (buf_len(&b->in) > 0)
        return (ssize_t)in_take(b, to, room);
    if (window_unread(b))
        return (ssize_t)window_take(b, to, room);
    if (!b->may_recv || b->end != 0)
        return -1;
    if (b->window.room == 0)
        return recv_once(b, to, room);
    return window_fill(b) > 0 ? (ssize_t)window_take(b, to, room) : -1;
}

static int on_read(BIO *bio, char *to, size_t room, size_t *ret_n)
{
    struct tls_bio *b = BIO_get_data(bio);
    BIO_clear_retry_flags(bio);
    ssize_t n = b->refuse ? -1 : read_bytes(b, to, room);
    if (n > 0) {
        *ret_n = (size_t)n;
        return 1;
    }
    *ret_n = 0;
    if (b->end == 0 && !b->refuse)
        BIO_set_retry_read(bio);
    return 0;
}

static size_t drop_sent(struct buf *out, size_t sent)
{
    size_t n = sent < buf_len(out) ? sent : buf_len(out);
    if (n > 0)
        buf_consume(out, n);
    return sent - n;
}

static void give_up_sending(struct tls_bio *b, int error)
{
    b->send_error = error;
    buf_done(&b->out);
    gather_release(&b->scratch->gather, b);
}

static ssize_t send_parts(int fd, struct slice first, struct slice second)
{
    struct iovec parts[2] = {
        { (void *)(uintptr_t)first.ptr, first.len },
        { (void *)(uintptr_t)second.ptr, second.len },
    };
    struct msghdr message = { .msg_iov = parts, .msg_iovlen = 2 };
    ssize_t n;
    do
        n = sendmsg(fd, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
    while (n < 0 && errno == EINTR);
    if (n < 0)
        return errno == EAGAIN || errno == EWOULDBLOCK ? 0 : -errno;
    return n;
}

static void send_all(struct tls_bio *b)
{
    struct gather *g = &b->scratch->gather;
    struct slice gathered = gather_view(g, b);
    if (b->send_error != 0) {
        give_up_sending(b, b->send_error);
        return;
    }
    if (buf_len(&b->out) + gathered.len == 0) {
        gather_release(g, b);
        return;
    }
    ssize_t n = send_parts(b->fd, buf_view(&b->out), gathered);
    if (n < 0) {
        give_up_sending(b, (int)n);
        return;
    }
    gathered = slice_from(gathered, drop_sent(&b->out, (size_t)n));
    if (gathered.len > 0)
        buf_append(&b->out, gathered);
    gather_release(g, b);
}

static void on_spill(void *holder)
{
    send_all(holder);
}

/* Copies records into the worker's gather; OpenSSL is never told to wait. */
static int on_write(BIO *bio, const char *from, size_t len, size_t *ret_n)
{
    struct tls_bio *b = BIO_get_data(bio);
    struct gather *g = &b->scratch->gather;
    BIO_clear_retry_flags(bio);
    b->spoke = true;
    *ret_n = len;
    while (len > 0 && b->send_error == 0) {
        size_t n = len < SCRATCH_GATHER_BYTES ? len : SCRATCH_GATHER_BYTES;
        memcpy(gather_reserve(g, b, on_spill, n), from, n);
        gather_commit(g, n);
        from += n;
        len -= n;
    }
    return 1;
}

static long on_ctrl(BIO *bio, int command, long number, void *pointer)
{
    const struct tls_bio *b = BIO_get_data(bio);
    if (command == BIO_CTRL_EOF)
        return b->end == -ENODATA && !tls_bio_unread(b);
    return command == BIO_CTRL_FLUSH; /* OpenSSL's flush is not ours: the transport flushes */
}

/* The table of callbacks: made once a process, constant from then on, never freed. */
static BIO_METHOD *method;
static CRYPTO_ONCE method_once = CRYPTO_ONCE_STATIC_INIT;

static void method_make(void)
{
    method = BIO_meth_new(BIO_TYPE_SOURCE_SINK, "signet gathering socket");
    if (method == NULL)
        return;
    BIO_meth_set_read_ex(method, on_read);
    BIO_meth_set_write_ex(method, on_write);
    BIO_meth_set_ctrl(method, on_ctrl);
}

struct bio_st *tls_bio_open(struct tls_bio *b, int fd, struct scratch *s)
{
    *b = (struct tls_bio){ .fd = fd, .scratch = s };
    buf_init(&b->in);
    buf_init(&b->out);
    if (CRYPTO_THREAD_run_once(&method_once, method_make) != 1 || method == NULL)
        return NULL;
    BIO *bio = BIO_new(method);
    if (bio == NULL)
        return NULL;
    BIO_set_data(bio, b);
    BIO_set_init(bio, 1);
    return bio;
}

void tls_bio_done(struct tls_bio *b)
{
    gather_release(&b->scratch->gather, b);
    buf_done(&b->in);
    buf_done(&b->out);
}

void tls_bio_window_read(struct tls_bio *b, char *to, size_t room)
{
    if (room < 2 * WINDOW_LEAD || buf_len(&b->in) > 0)
        return; /* little to gain, or the lead may be too short */
    b->window.base = to + WINDOW_LEAD;
    b->window.room = room - WINDOW_LEAD;
}

void tls_bio_window_handshake(struct tls_bio *b)
{
    b->window.base = b->scratch->read;
    b->window.room = HANDSHAKE_BYTES;
}

void tls_bio_window_close(struct tls_bio *b)
{
    if (window_unread(b))
        buf_append(&b->in, slice_of(b->window.base + b->window.at, b->window.len - b->window.at));
    memset(&b->window, 0, sizeof(b->window));
}

bool tls_bio_unread(const struct tls_bio *b)
{
    return buf_len(&b->in) > 0 || window_unread(b);
}

int tls_bio_flush(struct tls_bio *b)
{
    send_all(b);
    if (b->send_error != 0)
        return b->send_error;
    if (b->fin_due && buf_len(&b->out) == 0) {
        b->fin_due = false;
        shutdown(b->fd, SHUT_WR); /* fails only when the peer is gone: the next read tells */
    }
    return 0;
}

size_t tls_bio_backlog(const struct tls_bio *b)
{
    return buf_len(&b->out);
}
