/* SPDX-License-Identifier: Apache-2.0 */
#include "conn/tls.h"

#include "base/mem.h"
#include "conn/tls_bio.h"
#include "conn/tls_reason.h"

#include <assert.h>
#include <errno.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <stdio.h>
#include <unistd.h>

/* OpenSSL caps empty records (32) and warning alerts (5), but not these. */
enum { KEY_UPDATES_MAX = 64 };
enum { READ_OPEN = 1 }; /* above what a finished read returns: 0 and -errno */

struct tls {
    struct transport base;
    SSL *ssl;
    struct tls_bio bio;
    struct tls_choice choice; /* the SSL's app data */
    struct tls_info info;
    char *why;            /* owned; NULL: nothing failed */
    ssize_t end;          /* READ_OPEN, or how reading ended */
    unsigned key_updates; /* received */
    bool open;            /* the handshake is done */
    bool ticket_due;      /* TLS 1.3: goes out with the first bytes we write */
    bool more;            /* read() stopped before OpenSSL had said all */
};

/* --- why it failed */
static void set_why(struct tls *t, const char *words)
{
    if (t->why == NULL)
        t->why = mem_text(slice_str(words));
}

static void set_why_refused(struct tls *t)
{
    char words[64 + 256];
    if (t->choice.name == NULL)
        snprintf(words, sizeof(words), "no server name, and no default host");
    else
        snprintf(words, sizeof(words), "unrecognized server name \"%s\"", t->choice.name);
    set_why(t, words);
}

/* The -errno of a TLS call that failed for good, with its reason noted. */
static int fail(struct tls *t)
{
    char words[TLS_REASON_MAX];
    unsigned long code = ERR_peek_error();
    if (t->bio.end != 0) {
        set_why(t, t->bio.end == -ENODATA ? "client left" : "client left (reset)");
        return t->bio.end;
    }
    if (t->bio.refuse)
        set_why(t, "too many key updates");
    else if (t->choice.refused)
        set_why_refused(t);
    else
        set_why(t, tls_reason(code, words));
    return -EPROTO;
}

static const char *tls_why(const struct transport *base)
{
    const struct tls *t = (const struct tls *)base;
    return t->why != NULL ? t->why : "";
}

/* --- the handshake */
static const char *group_name(SSL *ssl)
{
    static const struct {
        int nid;
        const char *name;
    } groups[] = {
        { NID_X25519, "X25519" },   { NID_X9_62_prime256v1, "P-256" },
        { NID_secp384r1, "P-384" }, { NID_secp521r1, "P-521" },
        { NID_X448, "X448" },
    };
    int nid = (int)SSL_get_negotiated_group(ssl);
    for (size_t i = 0; i < sizeof(groups) / sizeof(groups[0]); i++)
        if (groups[i].nid == nid)
            return groups[i].name;
    const char *other = nid != NID_undef ? SSL_group_to_name(ssl, nid) : NULL;
    return other != NULL ? other : "";
}

/* Is it worth calling OpenSSL once more, without asking the kernel? */
static bool can_go_on(const struct tls *t)
{
    return tls_bio_unread(&t->bio) || SSL_has_pending(t->ssl) == 1;
}

static void on_open(struct tls *t)
{
    t->open = true;
    t->info.version = SSL_get_version(t->ssl);
    t->info.cipher = SSL_CIPHER_standard_name(SSL_get_current_cipher(t->ssl));
    t->info.group = group_name(t->ssl);
    t->info.alpn = tls_ctx_alpn(t->choice.ctx, t->ssl);
    t->info.resumed = SSL_session_reused(t->ssl) == 1;
    t->ticket_due = SSL_version(t->ssl) == TLS1_3_VERSION && tls_ctx_gives_tickets(t->choice.ctx);
    t->more = can_go_on(t); /* a request right behind Finished */
}

static int handshake_step(struct tls *t)
{
    ERR_clear_error();
    tls_bio_window_handshake(&t->bio);
    int r = SSL_do_handshake(t->ssl);
    tls_bio_window_close(&t->bio);
    if (r == 1)
        return 0;
    int error = SSL_get_error(t->ssl, r);
    if (error == SSL_ERROR_WANT_READ)
        return -EAGAIN;
    if (error == SSL_ERROR_ZERO_RETURN) {
        set_why(t, "client left (close_notify)");
        return -ENODATA;
    }
    return fail(t);
}

static int tls_handshake(struct transport *base)
{
    struct tls *t = (struct tls *)base;
    int r = handshake_step(t);
    t->info.sni = t->choice.name != NULL ? t->choice.name : "";
    int sent = tls_bio_flush(&t->bio);
    if (r == 0)
        on_open(t);
    if (sent == 0 || (r != 0 && r != -EAGAIN))
        return r;
    set_why(t, "client left (reset)");
    return sent;
}

/* SSL_set_msg_callback(3), for every message and record. OpenSSL cannot be told to stop here, so
 * the BIO ends it at the next read. */
/* NOLINTNEXTLINE(readability-function-size): the parameters are OpenSSL's */
static void on_message(int sent, int version, int type, const void *bytes, size_t len, SSL *ssl,
                       void *arg)
{
    struct tls *t = arg;
    if (sent || type != SSL3_RT_HANDSHAKE || len == 0)
        return;
    if (*(const unsigned char *)bytes == SSL3_MT_KEY_UPDATE && ++t->key_updates > KEY_UPDATES_MAX)
        t->bio.refuse = true;
}

/* --- reading */
static void tls_readable(struct transport *base)
{
    struct tls *t = (struct tls *)base;
    t->bio.may_recv = true;
}

static ssize_t read_once(struct tls *t, char *to, size_t room)
{
    size_t n;
    ERR_clear_error();
    int r = SSL_read_ex(t->ssl, to, room, &n);
    if (t->bio.refuse)
        return fail(t);
    if (r == 1)
        return (ssize_t)n;
    switch (SSL_get_error(t->ssl, r)) {
    case SSL_ERROR_WANT_READ:
        return -EAGAIN;
    case SSL_ERROR_ZERO_RETURN:
        return 0;
    default:
        return fail(t);
    }
}

/* Reads records until the room is full or OpenSSL has none. *ret_got: bytes; returns the last
 * call's result. */
static ssize_t read_records(struct tls *t, char *to, size_t room, size_t *ret_got)
{
    size_t got = 0;
    ssize_t r;
    tls_bio_window_read(&t->bio, to, room);
    do {
        r = read_once(t, to + got, room - got);
        if (r > 0)
            got += (size_t)r;
    } while (r > 0 && got < room && can_go_on(t));
    tls_bio_window_close(&t->bio);
    *ret_got = got;
    return r;
}

static ssize_t tls_read(struct transport *base, char *to, size_t room)
{
    struct tls *t = (struct tls *)base;
    size_t got;
    assert(t->open && room > 0);
    t->more = false;
    if (t->end != READ_OPEN)
        return t->end;

    t->bio.spoke = false;
    ssize_t r = read_records(t, to, room, &got);
    if (r <= 0 && r != -EAGAIN)
        t->end = r;
    if (t->bio.spoke) /* an alert: nobody else would flush it */
        tls_bio_flush(&t->bio);
    if (got == 0)
        return r;
    t->more = t->end != READ_OPEN || (r > 0 && can_go_on(t));
    return (ssize_t)got;
}

static bool tls_has_pending(const struct transport *base)
{
    return ((const struct tls *)base)->more;
}

/* --- writing */
static void tls_write(struct transport *base, struct slice bytes)
{
    struct tls *t = (struct tls *)base;
    size_t n;
    assert(t->open);
    if (bytes.len == 0 || t->bio.send_error != 0)
        return;
    ERR_clear_error();
    if (t->ticket_due) {
        t->ticket_due = false;
        SSL_new_session_ticket(t->ssl); /* only queued: SSL_write_ex() puts it in front */
    }
    /* The BIO takes all, so only a connection that is broken already fails here. */
    if (SSL_write_ex(t->ssl, bytes.ptr, bytes.len, &n) != 1) {
        fail(t);
        t->bio.send_error = -EPROTO;
    }
}

static int tls_flush(struct transport *base)
{
    return tls_bio_flush(&((struct tls *)base)->bio);
}

static size_t tls_backlog(const struct transport *base)
{
    return tls_bio_backlog(&((const struct tls *)base)->bio);
}

static void tls_shutdown(struct transport *base)
{
    struct tls *t = (struct tls *)base;
    ERR_clear_error();
    if (t->open && t->end >= 0 && !(SSL_get_shutdown(t->ssl) & SSL_SENT_SHUTDOWN))
        SSL_shutdown(t->ssl); /* a second call would read */
    t->bio.fin_due = true;
}

/* --- the rest */
static void tls_rest(struct transport *base)
{
    struct tls *t = (struct tls *)base;
    if (t->open)
        SSL_free_buffers(t->ssl); /* does nothing while they hold bytes */
}

static const struct tls_info *tls_facts(const struct transport *base)
{
    return &((const struct tls *)base)->info;
}

static int tls_fd(const struct transport *base)
{
    return ((const struct tls *)base)->bio.fd;
}

static void tls_free(struct transport *base)
{
    struct tls *t = (struct tls *)base;
    SSL_free(t->ssl);
    tls_bio_done(&t->bio);
    tls_choice_done(&t->choice);
    close(t->bio.fd);
    mem_free(t->why);
    mem_free(t);
    ERR_clear_error();
}

static const struct transport_ops ops = {
    .handshake = tls_handshake,
    .read = tls_read,
    .readable = tls_readable,
    .write = tls_write,
    .flush = tls_flush,
    .backlog = tls_backlog,
    .shutdown = tls_shutdown,
    .rest = tls_rest,
    .has_pending = tls_has_pending,
    .tls = tls_facts,
    .why = tls_why,
    .fd = tls_fd,
    .free = tls_free,
};

struct transport *tls_accept_new(int fd, struct scratch *s, const struct tls_sni *hosts)
{
    const struct tls_ctx *first = tls_sni_first(hosts);
    SSL *ssl = first != NULL ? SSL_new(tls_ctx_ssl(first)) : NULL;
    struct tls *t = mem_zalloc(sizeof(*t));
    BIO *bio = tls_bio_open(&t->bio, fd, s);
    t->base.ops = &ops;
    t->ssl = ssl;
    t->end = READ_OPEN;
    t->choice.hosts = hosts;
    t->info = (struct tls_info){ .version = "", .cipher = "", .group = "", .sni = "", .alpn = "" };
    if (ssl == NULL || bio == NULL) {
        BIO_free(bio);
        tls_free(&t->base);
        return NULL;
    }
    SSL_set_bio(ssl, bio, bio);
    SSL_set_app_data(ssl, &t->choice);
    SSL_set_msg_callback(ssl, on_message);
    SSL_set_msg_callback_arg(ssl, t);
    SSL_set_accept_state(ssl);
    return &t->base;
}

const struct tls_ctx *tls_transport_ctx(const struct transport *t)
{
    return t->ops == &ops ? ((const struct tls *)t)->choice.ctx : NULL;
}
