/* SPDX-License-Identifier: Apache-2.0 */
/* A connection over the TLS transport, in a real loop, against a client of plain OpenSSL. */
#include "base/mem.h"
#include "conn/conn.h"
#include "conn/tls.h"
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

enum { TURNS_MAX = 2000, BIG = 1024 * 1024 };

static struct tls_sni *hosts;
static char *pattern; /* BIG bytes */

/* A server that echoes what it is asked to, or takes in and counts. */
struct server {
    struct loop *loop;
    struct conn *conn;
    size_t got;      /* bytes */
    size_t take_max; /* bytes used an event, 0 = all */
    struct slice answer;
    unsigned opened, flushed, ended;
    enum conn_end how;
    bool damaged; /* what came is not the pattern */
};

static void on_open(struct conn *c)
{
    ((struct server *)conn_user(c))->opened++;
}

static size_t on_data(struct conn *c, struct slice bytes)
{
    struct server *s = conn_user(c);
    size_t used = s->take_max > 0 && s->take_max < bytes.len ? s->take_max : bytes.len;
    if (memcmp(bytes.ptr, pattern + s->got, used) != 0)
        s->damaged = true;
    s->got += used;
    if (s->answer.len > 0)
        conn_write(c, s->answer);
    return used;
}

static void on_flushed(struct conn *c)
{
    ((struct server *)conn_user(c))->flushed++;
}

static void on_end(struct conn *c, enum conn_end how)
{
    struct server *s = conn_user(c);
    s->ended++;
    s->how = how;
}

static const struct conn_events events = { on_open, on_data, on_flushed, on_end };

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
    tls_sni_add(hosts, SLICE("a.test"), ctx);
    tls_ctx_unref(ctx);
    pattern = mem_alloc(BIG);
    for (size_t i = 0; i < BIG; i++)
        pattern[i] = (char)(i * 13 + i / 509);
    return 0;
}

static int drop_hosts(void **state)
{
    tls_sni_free(hosts);
    mem_free(pattern);
    return 0;
}

static void begin(struct server *s, struct test_pair *p, const char *sni)
{
    static const struct addr nobody;
    static const struct conn_conf conf = { .handshake_ms = 5000,
                                           .send_ms = 5000,
                                           .keep_max = 64 * 1024 };
    *s = (struct server){ .loop = loop_new() };
    test_pair_open(p, hosts, &(struct test_client){ .sni = sni });
    s->conn = conn_new_accepted(s->loop, &p->scratch, p->t, &nobody, &conf);
    p->t = NULL; /* the connection's now */
    conn_set_events(s->conn, &events, s);
    conn_start(s->conn);
}

static void finish(struct server *s, struct test_pair *p)
{
    if (s->conn != NULL)
        conn_abort(s->conn);
    loop_turn(s->loop, false);
    test_pair_close(p);
    loop_free(s->loop);
}

static void shake(struct server *s, struct test_pair *p)
{
    for (int i = 0; i < TURNS_MAX && SSL_do_handshake(p->client) != 1; i++)
        loop_turn(s->loop, false);
    for (int i = 0; i < TURNS_MAX && s->opened == 0 && s->ended == 0; i++)
        loop_turn(s->loop, false);
}

static size_t client_reads(struct server *s, struct test_pair *p, char *to, size_t want)
{
    size_t got = 0;
    for (int i = 0; i < TURNS_MAX && got < want; i++) {
        int n = SSL_read(p->client, to + got, (int)(want - got));
        got += n > 0 ? (size_t)n : 0;
        if (n <= 0)
            loop_turn(s->loop, false);
    }
    return got;
}

static void asks_and_answers(void **state)
{
    struct server s;
    struct test_pair p;
    char *got = mem_alloc(BIG);
    begin(&s, &p, "a.test");
    s.answer = slice_of(pattern, BIG);
    shake(&s, &p);
    assert_int_equal(s.opened, 1);
    assert_string_equal(conn_tls(s.conn)->sni, "a.test");
    assert_int_equal(SSL_write(p.client, pattern, 100), 100);
    assert_int_equal(client_reads(&s, &p, got, BIG), BIG);
    assert_memory_equal(got, pattern, BIG);
    for (int i = 0; i < 3; i++)
        loop_turn(s.loop, false);
    assert_int_equal(s.flushed, 1);
    assert_int_equal(conn_backlog(s.conn), 0);
    conn_close(s.conn);
    s.conn = NULL;
    loop_turn(s.loop, false);
    assert_int_equal(SSL_read(p.client, got, 1), 0);
    assert_int_equal(SSL_get_shutdown(p.client), SSL_RECEIVED_SHUTDOWN);
    finish(&s, &p);
    mem_free(got);
}

static void takes_an_upload_in(size_t take_max)
{
    struct server s;
    struct test_pair p;
    size_t sent = 0;
    begin(&s, &p, "a.test");
    s.take_max = take_max;
    shake(&s, &p);
    for (int i = 0; i < 100 * TURNS_MAX && s.got < BIG; i++) {
        int n = sent < BIG ? SSL_write(p.client, pattern + sent, 16 * 1024) : 0;
        sent += n > 0 ? (size_t)n : 0;
        loop_turn(s.loop, false);
        if (take_max > 0)
            conn_resume(s.conn); /* offers what was kept */
    }
    assert_int_equal(s.got, BIG);
    assert_false(s.damaged);
    finish(&s, &p);
}

static void takes_an_upload(void **state)
{
    takes_an_upload_in(0);
}

static void takes_an_upload_in_sips(void **state)
{
    takes_an_upload_in(5000);
}

/* --- ends */
static void leave_in_hello(struct server *s, struct test_pair *p)
{
    send(p->fd, "\x16\x03\x01\x02\x00\x01", 6, 0);
    shutdown(p->fd, SHUT_WR);
}

static void shake_alone(struct server *s, struct test_pair *p)
{
    shake(s, p);
}

static void speak_plain(struct server *s, struct test_pair *p)
{
    send(p->fd, "GET / HTTP/1.1\r\n\r\n", 18, 0);
}

static void leave_politely(struct server *s, struct test_pair *p)
{
    shake(s, p);
    SSL_shutdown(p->client);
}

static void leave_rudely(struct server *s, struct test_pair *p)
{
    shake(s, p);
    shutdown(p->fd, SHUT_WR);
}

static const struct {
    const char *why, *sni;
    void (*act)(struct server *s, struct test_pair *p);
    unsigned opened;
    enum conn_end how;
    const char *words;
} ends[] = {
    { "half a hello", "a.test", leave_in_hello, 0, CONN_END_TRUNCATED, "client left" },
    { "unknown name", "b.test", shake_alone, 0, CONN_END_PROTOCOL,
      "unrecognized server name \"b.test\"" },
    { "plain HTTP", "a.test", speak_plain, 0, CONN_END_PROTOCOL,
      "plain HTTP request on a TLS port" },
    { "close_notify", "a.test", leave_politely, 1, CONN_END_CLOSE_NOTIFY, "" },
    { "FIN alone", "a.test", leave_rudely, 1, CONN_END_TRUNCATED, "client left" },
};

static void tells_how_it_ended(void **state)
{
    for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++) {
        struct server s;
        struct test_pair p;
        begin(&s, &p, ends[i].sni);
        ends[i].act(&s, &p);
        for (int turn = 0; turn < 10; turn++)
            loop_turn(s.loop, false);
        if (s.opened != ends[i].opened || s.ended != 1 || s.how != ends[i].how)
            fail_msg("%s: opened %u, ended %u: %s, %s", ends[i].why, s.opened, s.ended,
                     conn_end_text(s.how), conn_why(s.conn));
        assert_string_equal(conn_why(s.conn), ends[i].words);
        finish(&s, &p);
    }
}

/* Each side says close_notify for itself, and goes on reading. */
static void directions_end_apart(void **state)
{
    struct server s;
    struct test_pair p;
    char got[16];
    begin(&s, &p, "a.test");
    shake(&s, &p);
    conn_allow_half_close(s.conn);
    assert_int_equal(SSL_write(p.client, pattern, 100), 100);
    assert_int_equal(SSL_shutdown(p.client), 0);
    for (int i = 0; i < 10; i++)
        loop_turn(s.loop, false);
    assert_int_equal(s.got, 100);
    assert_int_equal(s.ended, 1);
    assert_int_equal(s.how, CONN_END_CLOSE_NOTIFY);

    conn_write(s.conn, SLICE("later"));
    assert_int_equal(client_reads(&s, &p, got, 5), 5);
    conn_end_output(s.conn);
    loop_turn(s.loop, false);
    assert_int_equal(SSL_read(p.client, got, 1), 0);
    assert_int_equal(SSL_get_shutdown(p.client), SSL_RECEIVED_SHUTDOWN | SSL_SENT_SHUTDOWN);
    conn_close(s.conn);
    s.conn = NULL;
    finish(&s, &p);
}

static void reads_on_after_close_notify(void **state)
{
    struct server s;
    struct test_pair p;
    char got[1];
    begin(&s, &p, "a.test");
    shake(&s, &p);
    conn_allow_half_close(s.conn);
    conn_end_output(s.conn);
    loop_turn(s.loop, false);
    assert_int_equal(SSL_read(p.client, got, 1), 0);
    for (size_t sent = 0; sent < 40000; sent += 10000) {
        assert_int_equal(SSL_write(p.client, pattern + sent, 10000), 10000);
        loop_turn(s.loop, false);
    }
    assert_int_equal(SSL_shutdown(p.client), 1);
    for (int i = 0; i < 10; i++)
        loop_turn(s.loop, false);
    assert_int_equal(s.got, 40000);
    assert_false(s.damaged);
    assert_int_equal(s.how, CONN_END_CLOSE_NOTIFY);
    finish(&s, &p);
}

/* The alert says why; bytes that nobody reads any more must not turn it into a RST. */
static void alert_survives_a_fault_and_unread_bytes(void **state)
{
    static const char no_record[] = "\x17\x03\x03\x00\x20 thirty-two bytes, wrongly sealed";
    struct server s;
    struct test_pair p;
    char byte;
    begin(&s, &p, "a.test");
    shake(&s, &p);
    assert_true(send(p.fd, no_record, 5 + 32, 0) == 5 + 32);
    for (int i = 0; i < TURNS_MAX && s.ended == 0; i++)
        loop_turn(s.loop, false);
    assert_int_equal(s.how, CONN_END_PROTOCOL);
    assert_true(send(p.fd, pattern, 10000, 0) == 10000); /* still on their way */
    conn_abort(s.conn);
    s.conn = NULL;
    for (int i = 0; i < 3; i++)
        loop_turn(s.loop, false);
    assert_true(send(p.fd, pattern, 1, MSG_NOSIGNAL) == 1); /* it lingers: on TCP, no RST */
    ERR_clear_error();
    assert_true(SSL_read(p.client, &byte, 1) <= 0);
    assert_int_equal(ERR_GET_REASON(ERR_get_error()), SSL_R_SSLV3_ALERT_BAD_RECORD_MAC);
    finish(&s, &p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(asks_and_answers),
        cmocka_unit_test(takes_an_upload),
        cmocka_unit_test(takes_an_upload_in_sips),
        cmocka_unit_test(tells_how_it_ended),
        cmocka_unit_test(directions_end_apart),
        cmocka_unit_test(reads_on_after_close_notify),
        cmocka_unit_test(alert_survives_a_fault_and_unread_bytes),
    };
    return cmocka_run_group_tests(tests, make_hosts, drop_hosts);
}
