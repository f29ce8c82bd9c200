/* SPDX-License-Identifier: Apache-2.0 */
#include "conn/tls_ticket.h"

#include "test_certs.h"
#include "test_pair.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static struct test_cert cert_a, cert_b;

static int make_certs(void **state)
{
    test_cert_make(&cert_a, TEST_P256, "a", NULL);
    test_cert_make(&cert_b, TEST_P256, "b", NULL);
    return 0;
}

static int drop_certs(void **state)
{
    test_cert_done(&cert_a);
    test_cert_done(&cert_b);
    return 0;
}

/* One worker: a.test and b.test, built from nothing but configuration and secret. */
struct worker {
    struct tls_tickets *tickets;
    struct tls_sni *hosts;
};

static void add_host(struct worker *w, struct slice name, const struct test_cert *cert,
                     const char *groups)
{
    const struct tls_cert_conf certs[] = { test_cert_conf(cert) };
    const struct tls_conf conf = {
        .groups = groups, .certs = certs, .cert_count = 1, .tickets = w->tickets
    };
    struct tls_ctx *ctx = NULL;
    size_t bad;
    assert_int_equal(tls_ctx_new(&conf, &ctx, NULL, &bad), 0);
    assert_int_equal(tls_sni_add(w->hosts, name, ctx), 0);
    tls_ctx_unref(ctx);
}

/* seed 0: no tickets */
static void worker_start(struct worker *w, unsigned char seed, const char *groups)
{
    unsigned char secret[TLS_TICKET_SECRET_BYTES];
    memset(secret, seed, sizeof(secret));
    w->tickets = seed != 0 ? tls_tickets_new(secret) : NULL;
    w->hosts = tls_sni_new();
    add_host(w, SLICE("a.test"), &cert_a, groups);
    add_host(w, SLICE("b.test"), &cert_b, groups);
}

static void worker_stop(struct worker *w)
{
    tls_sni_free(w->hosts);
    tls_tickets_unref(w->tickets);
}

static void exchange(struct test_pair *p)
{
    char got[8];
    p->t->ops->write(p->t, SLICE("x"));
    assert_int_equal(p->t->ops->flush(p->t), 0);
    assert_int_equal(SSL_read(p->client, got, sizeof(got)), 1);
}

static SSL_SESSION *visit(const struct worker *w, const char *sni, int version, SSL_SESSION *resume,
                          bool *ret_resumed)
{
    struct test_pair p;
    test_pair_open(&p, w->hosts,
                   &(struct test_client){ .sni = sni, .max = version, .resume = resume });
    assert_int_equal(test_pair_shake(&p), 0);
    exchange(&p);
    *ret_resumed = p.t->ops->tls(p.t)->resumed;
    assert_int_equal(*ret_resumed, SSL_session_reused(p.client));
    SSL_SESSION *ticket = p.ticket;
    p.ticket = NULL;
    test_pair_close(&p);
    return ticket;
}

static const struct {
    const char *why, *first, *then;
    unsigned char first_seed, then_seed;
    const char *then_groups;
    bool resumes;
} cases[] = {
    { "another worker with the same secret", "a.test", "a.test", 1, 1, NULL, true },
    { "the host need not be the first one", "b.test", "b.test", 1, 1, NULL, true },
    { "another secret", "a.test", "a.test", 1, 2, NULL, false },
    { "another host with its own certificate", "a.test", "b.test", 1, 1, NULL, false },
    { "and the other way round", "b.test", "a.test", 1, 1, NULL, false },
    { "another policy of the same host", "a.test", "a.test", 1, 1, "P-256", false },
    { "tickets are off there", "a.test", "a.test", 1, 0, NULL, false },
    { "none is given where they are off", "a.test", "a.test", 0, 1, NULL, false },
};

static void resumes_only_where_it_may(void **state)
{
    static const int versions[] = { TLS1_2_VERSION, TLS1_3_VERSION };
    for (size_t i = 0; i < 2 * sizeof(cases) / sizeof(cases[0]); i++) {
        struct worker first, then;
        bool resumed;
        int version = versions[i % 2];
        worker_start(&first, cases[i / 2].first_seed, NULL);
        worker_start(&then, cases[i / 2].then_seed, cases[i / 2].then_groups);
        SSL_SESSION *ticket = visit(&first, cases[i / 2].first, version, NULL, &resumed);
        assert_false(resumed);
        SSL_SESSION *next = visit(&then, cases[i / 2].then, version, ticket, &resumed);
        if (resumed != cases[i / 2].resumes)
            fail_msg("%s (%x)", cases[i / 2].why, (unsigned)version);
        SSL_SESSION_free(ticket);
        SSL_SESSION_free(next);
        worker_stop(&first);
        worker_stop(&then);
    }
}

/* RFC 8446 4.6.1 lets the server choose when: here it costs no send of its own. */
static void a_ticket_rides_with_the_first_bytes(void **state)
{
    struct worker w;
    SSL_SESSION *ticket = NULL;
    worker_start(&w, 1, NULL);
    for (int visits = 0; visits < 3; visits++) { /* in full, resumed, resumed again */
        struct test_pair p;
        test_pair_open(&p, w.hosts, &(struct test_client){ .sni = "a.test", .resume = ticket });
        assert_int_equal(test_pair_shake(&p), 0);
        assert_int_equal(p.t->ops->tls(p.t)->resumed, visits > 0);
        assert_int_equal(test_pair_waiting(&p), 0);
        assert_int_equal(p.tickets, 0);
        exchange(&p);
        exchange(&p);
        assert_int_equal(p.tickets, 1);
        SSL_SESSION_free(ticket);
        ticket = p.ticket;
        p.ticket = NULL;
        test_pair_close(&p);
    }
    SSL_SESSION_free(ticket);
    worker_stop(&w);
}

static void secrets_are_random(void **state)
{
    unsigned char a[TLS_TICKET_SECRET_BYTES] = { 0 }, b[TLS_TICKET_SECRET_BYTES] = { 0 };
    assert_int_equal(tls_tickets_make_secret(a), 0);
    assert_int_equal(tls_tickets_make_secret(b), 0);
    assert_memory_not_equal(a, b, 16);
    assert_memory_not_equal(a + sizeof(a) - 16, b + sizeof(b) - 16, 16); /* filled to the end */
    tls_tickets_unref(NULL);
}

static void a_secret_comes_back_whole(void **state)
{
    unsigned char secret[TLS_TICKET_SECRET_BYTES], again[TLS_TICKET_SECRET_BYTES];
    assert_int_equal(tls_tickets_make_secret(secret), 0);
    struct tls_tickets *t = tls_tickets_new(secret);
    tls_tickets_secret(t, again);
    assert_memory_equal(secret, again, sizeof(secret));
    tls_tickets_unref(t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(resumes_only_where_it_may),
        cmocka_unit_test(a_ticket_rides_with_the_first_bytes),
        cmocka_unit_test(secrets_are_random),
        cmocka_unit_test(a_secret_comes_back_whole),
    };
    return cmocka_run_group_tests(tests, make_certs, drop_certs);
}
