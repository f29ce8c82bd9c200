/* SPDX-License-Identifier: Apache-2.0 */
/* Bytes through a TLS transport: how they are gathered, kept, read ahead and ended. */
#include "conn/tls_bio.h"

#include "base/mem.h"
#include "test_certs.h"
#include "test_pair.h"

#include <errno.h>
#include <openssl/err.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

enum { BIG = 256 * 1024, RECORD_PLAIN = 16 * 1024, RECORD_HEAD = 5 };

static struct tls_sni *hosts;
static char *pattern; /* 4 * BIG bytes */

static int make_hosts(void **state)
{
    struct test_cert cert;
    struct tls_ctx *ctx = NULL;
    size_t bad;
    test_cert_make(&cert, TEST_P256, "a", "DNS:a.test");
    const struct tls_cert_conf certs[] = { test_cert_conf(&cert) };
    const struct tls_conf conf = { .certs = certs, .cert_count = 1 };
    assert_int_equal(tls_ctx_new(&conf, &ctx, NULL, &bad), 0);
    test_cert_done(&cert);
    hosts = tls_sni_new();
    tls_sni_set_default(hosts, ctx);
    tls_ctx_unref(ctx);
    pattern = mem_alloc(4 * BIG);
    for (size_t i = 0; i < 4 * BIG; i++)
        pattern[i] = (char)(i * 7 + i / 251);
    return 0;
}

static int drop_hosts(void **state)
{
    tls_sni_free(hosts);
    mem_free(pattern);
    return 0;
}

static void open_with(struct test_pair *p, int max_version)
{
    test_pair_open(p, hosts, &(struct test_client){ .sni = "a.test", .max = max_version });
    assert_int_equal(test_pair_shake(p), 0);
}

/* --- writing */
static size_t count_records(int fd)
{
    unsigned char head[RECORD_HEAD];
    static char body[RECORD_PLAIN + 256];
    size_t count = 0;
    while (recv(fd, head, sizeof(head), 0) == RECORD_HEAD) {
        ssize_t len = head[3] << 8 | head[4];
        assert_int_equal(recv(fd, body, (size_t)len, 0), len);
        count++;
    }
    return count;
}

static void big_writes_leave_at_once(void **state)
{
    struct test_pair p;
    open_with(&p, 0);
    p.t->ops->write(p.t, slice_of(pattern, BIG));
    assert_int_equal(test_pair_waiting(&p), 0); /* gathered, not sent */
    assert_int_equal(p.t->ops->backlog(p.t), 0);
    assert_true(p.scratch.gather.len > BIG);
    assert_int_equal(p.t->ops->flush(p.t), 0); /* one sendmsg() */
    assert_int_equal(p.t->ops->backlog(p.t), 0);
    assert_int_equal(p.scratch.gather.len, 0);
    assert_int_equal(count_records(p.fd), BIG / RECORD_PLAIN);
    test_pair_close(&p);
}

static size_t client_reads(struct test_pair *p, char *to, size_t room)
{
    size_t got = 0;
    int n;
    while (got < room && (n = SSL_read(p->client, to + got, (int)(room - got))) > 0)
        got += (size_t)n;
    return got;
}

static void what_the_kernel_refuses_waits(void **state)
{
    struct test_pair p;
    size_t got = 0, backlog;
    char *to = mem_alloc(4 * BIG);
    open_with(&p, 0);
    for (size_t i = 0; i < 4; i++) { /* more than the socket and the gather hold */
        p.t->ops->write(p.t, slice_of(pattern + i * BIG, BIG));
        assert_int_equal(p.t->ops->flush(p.t), 0);
    }
    backlog = p.t->ops->backlog(p.t);
    assert_true(backlog > BIG);
    for (int turn = 0; turn < 100 && got < 4 * BIG; turn++) {
        got += client_reads(&p, to + got, 4 * BIG - got);
        assert_int_equal(p.t->ops->flush(p.t), 0);
        assert_true(p.t->ops->backlog(p.t) <= backlog);
        backlog = p.t->ops->backlog(p.t);
    }
    assert_int_equal(got, 4 * BIG);
    assert_memory_equal(to, pattern, 4 * BIG);
    mem_free(to);
    test_pair_close(&p);
}

static void two_share_one_gather(void **state)
{
    struct test_pair p;
    char byte;
    int fds[2];
    open_with(&p, 0);
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds), 0);
    struct transport *other = tls_accept_new(fds[0], &p.scratch, hosts);
    p.t->ops->write(p.t, SLICE("hello"));
    send(fds[1], "\x16\x03\x01\xff\xff\x01", 6, 0);
    other->ops->readable(other);
    assert_int_equal(other->ops->handshake(other), -EPROTO); /* gathers an alert */
    assert_true(test_pair_waiting(&p) > 0);                  /* so the first had to leave */
    assert_int_equal(client_reads(&p, (char[8]){ 0 }, 5), 5);
    assert_int_equal(recv(fds[1], &byte, 1, 0), 1);
    assert_int_equal(byte, 0x15); /* alert: each got its own */
    other->ops->free(other);
    close(fds[1]);
    test_pair_close(&p);
}

static void a_peer_that_is_gone(void **state)
{
    struct test_pair p;
    open_with(&p, 0);
    close(p.fd);
    p.fd = -1;
    p.t->ops->write(p.t, SLICE("hello"));
    assert_int_equal(p.t->ops->flush(p.t), -EPIPE);
    p.t->ops->write(p.t, SLICE("more")); /* dropped */
    assert_int_equal(p.t->ops->flush(p.t), -EPIPE);
    assert_int_equal(p.t->ops->backlog(p.t), 0);
    test_pair_close(&p);
}

/* --- reading */
static void reads_many_records_of_one_recv(void **state)
{
    struct test_pair p;
    enum { SENT = 10 * RECORD_PLAIN };
    open_with(&p, 0);
    assert_int_equal(SSL_write(p.client, pattern, SENT), SENT);
    assert_int_equal(test_pair_read(&p, p.scratch.read, SCRATCH_READ_BYTES), SENT);
    assert_memory_equal(p.scratch.read, pattern, SENT);
    assert_false(p.t->ops->has_pending(p.t));
    test_pair_close(&p);
}

static void reads_records_of_every_size(void **state)
{
    struct test_pair p;
    size_t sent = 0, got = 0;
    open_with(&p, 0);
    for (int i = 1; sent < 150 * 1024; i++) {
        int n = i * 37 % 6000 + 1;
        assert_int_equal(SSL_write(p.client, pattern + sent, n), n);
        sent += (size_t)n;
    }
    while (got < sent) { /* in rooms that end anywhere, with a window and without */
        size_t room = got % 2 == 0 ? 64 * 1024 : 1001;
        ssize_t n = test_pair_read(&p, p.scratch.read, room);
        assert_true(n > 0 && (size_t)n <= room);
        assert_memory_equal(p.scratch.read, pattern + got, (size_t)n);
        got += (size_t)n;
    }
    assert_int_equal(got, sent);
    test_pair_close(&p);
}

static void a_small_room_leaves_some_pending(void **state)
{
    struct test_pair p;
    char got[600];
    open_with(&p, 0);
    SSL_write(p.client, pattern, 1000);
    assert_int_equal(test_pair_read(&p, got, sizeof(got)), 600);
    assert_true(p.t->ops->has_pending(p.t)); /* the socket itself is silent now */
    assert_int_equal(p.t->ops->read(p.t, got, sizeof(got)), 400);
    assert_memory_equal(got, pattern + 600, 400);
    assert_false(p.t->ops->has_pending(p.t));
    test_pair_close(&p);
}

/* Half a record inside OpenSSL is nothing to come back for: the socket will tell. */
static void half_a_record_is_not_pending(void **state)
{
    struct test_pair p;
    char wire[4096], got[64];
    open_with(&p, 0);
    BIO *net = BIO_new(BIO_s_mem());
    BIO_up_ref(net);
    SSL_set0_wbio(p.client, net);
    SSL_write(p.client, "one", 3);
    SSL_write(p.client, "two", 3);
    int len = BIO_read(net, wire, sizeof(wire));
    BIO_free(net);
    send(p.fd, wire, (size_t)len - 1, 0);
    assert_int_equal(test_pair_read(&p, got, sizeof(got)), 3);
    assert_false(p.t->ops->has_pending(p.t));
    send(p.fd, wire + len - 1, 1, 0);
    assert_int_equal(test_pair_read(&p, got, sizeof(got)), 3);
    assert_memory_equal(got, "two", 3);
    test_pair_close(&p);
}

/* --- the end */
static const struct {
    const char *why;
    bool notify, reset;
    int error;
} ends[] = {
    { "close_notify is an orderly end", true, false, 0 },
    { "a FIN alone is a cut", false, false, -ENODATA },
};

static void tells_an_end_from_a_cut(void **state)
{
    static const int versions[] = { TLS1_2_VERSION, TLS1_3_VERSION };
    char got[64];
    for (size_t i = 0; i < 2 * sizeof(ends) / sizeof(ends[0]); i++) {
        struct test_pair p;
        open_with(&p, versions[i % 2]);
        SSL_write(p.client, "last", 4);
        if (ends[i / 2].notify)
            SSL_shutdown(p.client);
        shutdown(p.fd, SHUT_WR);
        assert_int_equal(test_pair_read(&p, got, sizeof(got)), 4);
        if (test_pair_read(&p, got, sizeof(got)) != ends[i / 2].error)
            fail_msg("%s", ends[i / 2].why);
        assert_int_equal(test_pair_read(&p, got, sizeof(got)), ends[i / 2].error); /* stays so */
        test_pair_close(&p);
    }
}

static void a_notify_behind_data_is_pending(void **state)
{
    struct test_pair p;
    char got[64];
    open_with(&p, 0);
    SSL_write(p.client, "last", 4);
    SSL_shutdown(p.client); /* no FIN: the socket stays silent */
    assert_int_equal(test_pair_read(&p, got, sizeof(got)), 4);
    assert_true(p.t->ops->has_pending(p.t));
    assert_int_equal(p.t->ops->read(p.t, got, sizeof(got)), 0);
    assert_false(p.t->ops->has_pending(p.t));
    p.t->ops->write(p.t, SLICE("answer")); /* the other direction is still open */
    assert_int_equal(p.t->ops->flush(p.t), 0);
    test_pair_close(&p);
}

static void says_goodbye_after_the_last_byte(void **state)
{
    struct test_pair p;
    char got[64], byte;
    open_with(&p, 0);
    p.t->ops->write(p.t, SLICE("bye"));
    p.t->ops->shutdown(p.t);
    assert_int_equal(test_pair_waiting(&p), 0);
    assert_int_equal(p.t->ops->flush(p.t), 0);
    assert_int_equal(client_reads(&p, got, sizeof(got)), 3);
    assert_int_equal(SSL_get_shutdown(p.client), SSL_RECEIVED_SHUTDOWN);
    assert_int_equal(recv(p.fd, &byte, 1, 0), 0); /* FIN */
    SSL_write(p.client, "still", 5);
    assert_int_equal(test_pair_read(&p, got, sizeof(got)), 5); /* to read and throw away */
    test_pair_close(&p);
}

static void damage_is_an_error(void **state)
{
    struct test_pair p;
    char got[64];
    static const char bad[] = "\x17\x03\x03\x00\x20 this does not decrypt, at all...";
    open_with(&p, 0);
    send(p.fd, bad, 5 + 0x20, 0);
    assert_int_equal(test_pair_read(&p, got, sizeof(got)), -EPROTO);
    assert_string_equal(p.t->ops->why(p.t), "a TLS record that does not decrypt");
    assert_int_equal(test_pair_client_reason(&p), SSL_AD_REASON_OFFSET + SSL_AD_BAD_RECORD_MAC);
    test_pair_close(&p);
}

/* One connection's error must not kill another's (SSL_get_error looks at the thread's queue). */
static void a_foreign_error_does_no_harm(void **state)
{
    struct test_pair p;
    char got[64];
    open_with(&p, 0);
    ERR_raise(ERR_LIB_SSL, SSL_R_BAD_LENGTH);
    assert_int_equal(test_pair_read(&p, got, sizeof(got)), -EAGAIN);
    test_pair_close(&p);
}

/* --- the rules of ours */
static void renegotiation_is_refused(void **state)
{
    struct test_pair p;
    char got[64];
    open_with(&p, TLS1_2_VERSION);
    assert_int_equal(SSL_renegotiate(p.client), 1);
    SSL_do_handshake(p.client);
    ssize_t n = test_pair_read(&p, got, sizeof(got));
    assert_true(n == -EAGAIN || n == -EPROTO);
    ERR_clear_error();
    SSL_do_handshake(p.client);
    assert_int_equal(ERR_GET_REASON(ERR_peek_error()), SSL_R_NO_RENEGOTIATION);
    test_pair_close(&p);
}

static void key_updates_have_a_cap(void **state)
{
    struct test_pair p;
    char got[64];
    ssize_t n = -EAGAIN;
    int updates = 0;
    open_with(&p, TLS1_3_VERSION);
    for (; n == -EAGAIN && updates < 200; updates++) {
        SSL_key_update(p.client, SSL_KEY_UPDATE_REQUESTED);
        SSL_do_handshake(p.client);
        n = test_pair_read(&p, got, sizeof(got));
        SSL_read(p.client, got, sizeof(got)); /* our answer */
    }
    assert_int_equal(n, -EPROTO);
    assert_int_equal(updates, 65);
    assert_string_equal(p.t->ops->why(p.t), "too many key updates");
    test_pair_close(&p);
}

static void key_updates_are_answered(void **state)
{
    struct test_pair p;
    char got[64];
    open_with(&p, TLS1_3_VERSION);
    SSL_key_update(p.client, SSL_KEY_UPDATE_REQUESTED);
    SSL_write(p.client, "x", 1);
    assert_int_equal(test_pair_read(&p, got, sizeof(got)), 1);
    p.t->ops->write(p.t, SLICE("y"));
    p.t->ops->flush(p.t);
    assert_int_equal(client_reads(&p, got, 1), 1);
    test_pair_close(&p);
}

static void works_on_after_a_rest(void **state)
{
    struct test_pair p;
    char got[64];
    open_with(&p, 0);
    for (int i = 0; i < 3; i++) {
        p.t->ops->rest(p.t);
        p.t->ops->rest(p.t);
        SSL_write(p.client, "ping", 4);
        assert_int_equal(test_pair_read(&p, got, sizeof(got)), 4);
        p.t->ops->write(p.t, SLICE("pong"));
        p.t->ops->flush(p.t);
        assert_int_equal(client_reads(&p, got, 4), 4);
    }
    test_pair_close(&p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(big_writes_leave_at_once),
        cmocka_unit_test(what_the_kernel_refuses_waits),
        cmocka_unit_test(two_share_one_gather),
        cmocka_unit_test(a_peer_that_is_gone),
        cmocka_unit_test(reads_many_records_of_one_recv),
        cmocka_unit_test(reads_records_of_every_size),
        cmocka_unit_test(a_small_room_leaves_some_pending),
        cmocka_unit_test(half_a_record_is_not_pending),
        cmocka_unit_test(tells_an_end_from_a_cut),
        cmocka_unit_test(a_notify_behind_data_is_pending),
        cmocka_unit_test(says_goodbye_after_the_last_byte),
        cmocka_unit_test(damage_is_an_error),
        cmocka_unit_test(a_foreign_error_does_no_harm),
        cmocka_unit_test(renegotiation_is_refused),
        cmocka_unit_test(key_updates_have_a_cap),
        cmocka_unit_test(key_updates_are_answered),
        cmocka_unit_test(works_on_after_a_rest),
    };
    return cmocka_run_group_tests(tests, make_hosts, drop_hosts);
}
