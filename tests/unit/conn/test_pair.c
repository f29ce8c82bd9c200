/* SPDX-License-Identifier: Apache-2.0 */
#include "test_pair.h"

#include <assert.h>
#include <errno.h>
#include <openssl/err.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

enum { TURNS_MAX = 20, SOCKET_BYTES = 200 * 1024 };

static int on_ticket(SSL *ssl, SSL_SESSION *s)
{
    struct test_pair *p = SSL_get_app_data(ssl);
    SSL_SESSION_free(p->ticket);
    p->ticket = s;
    p->tickets++;
    return 1; /* kept */
}

static void make_client_ctx(struct test_pair *p, const struct test_client *how)
{
    p->ctx = SSL_CTX_new(TLS_client_method());
    SSL_CTX_set_security_level(p->ctx, 0); /* so that it can offer what must be refused */
    SSL_CTX_set_session_cache_mode(p->ctx, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
    SSL_CTX_sess_set_new_cb(p->ctx, on_ticket);
    SSL_CTX_set_min_proto_version(p->ctx, how->min);
    SSL_CTX_set_max_proto_version(p->ctx, how->max);
    if (how->ciphers != NULL)
        assert(SSL_CTX_set_cipher_list(p->ctx, how->ciphers) == 1);
    if (how->suites != NULL)
        assert(SSL_CTX_set_ciphersuites(p->ctx, how->suites) == 1);
    if (how->sigalgs != NULL)
        assert(SSL_CTX_set1_sigalgs_list(p->ctx, how->sigalgs) == 1);
    if (how->groups != NULL)
        assert(SSL_CTX_set1_groups_list(p->ctx, how->groups) == 1);
}

static void make_client(struct test_pair *p, const struct test_client *how)
{
    p->client = SSL_new(p->ctx);
    SSL_set_fd(p->client, p->fd);
    SSL_set_app_data(p->client, p);
    SSL_set_mode(p->client, how->modes);
    SSL_set_connect_state(p->client);
    if (how->sni != NULL)
        SSL_set_tlsext_host_name(p->client, how->sni);
    if (how->alpn.len > 0)
        SSL_set_alpn_protos(p->client, (const unsigned char *)how->alpn.ptr,
                            (unsigned)how->alpn.len);
    if (how->resume != NULL)
        SSL_set_session(p->client, how->resume);
}

void test_pair_open(struct test_pair *p, const struct tls_sni *hosts, const struct test_client *how)
{
    int fds[2], bytes = SOCKET_BYTES;
    *p = (struct test_pair){ 0 };
    int r = socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds);
    assert(r == 0);
    setsockopt(fds[0], SOL_SOCKET, SO_SNDBUF, &bytes, sizeof(bytes));
    setsockopt(fds[1], SOL_SOCKET, SO_SNDBUF, &bytes, sizeof(bytes));
    scratch_init(&p->scratch);
    p->fd = fds[1];
    p->t = tls_accept_new(fds[0], &p->scratch, hosts);
    assert(p->t != NULL);
    make_client_ctx(p, how);
    make_client(p, how);
}

void test_pair_close(struct test_pair *p)
{
    if (p->t != NULL)
        p->t->ops->free(p->t);
    SSL_set_shutdown(p->client, SSL_SENT_SHUTDOWN); /* else its session counts as bad */
    SSL_free(p->client);
    SSL_CTX_free(p->ctx);
    SSL_SESSION_free(p->ticket);
    if (p->fd >= 0)
        close(p->fd);
    scratch_done(&p->scratch);
}

int test_pair_step(struct test_pair *p)
{
    p->t->ops->readable(p->t);
    return p->t->ops->handshake(p->t);
}

int test_pair_shake(struct test_pair *p)
{
    int r = -EAGAIN;
    for (int i = 0; i < TURNS_MAX && r == -EAGAIN; i++) {
        ERR_clear_error();
        SSL_do_handshake(p->client);
        r = test_pair_step(p);
    }
    if (r == 0)
        SSL_do_handshake(p->client); /* TLS 1.2: the server's Finished is the last */
    return r;
}

ssize_t test_pair_read(struct test_pair *p, char *to, size_t room)
{
    p->t->ops->readable(p->t);
    return p->t->ops->read(p->t, to, room);
}

int test_pair_client_reason(struct test_pair *p)
{
    char byte;
    ERR_clear_error();
    SSL_read(p->client, &byte, 1);
    return ERR_GET_REASON(ERR_peek_error());
}

size_t test_pair_waiting(const struct test_pair *p)
{
    int bytes = 0;
    ioctl(p->fd, FIONREAD, &bytes);
    return (size_t)bytes;
}
