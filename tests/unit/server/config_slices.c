/* SPDX-License-Identifier: Apache-2.0 */
/* A configuration built beside the one that serves: in slices, of what the former one has alike. */
#include "../conn/test_certs.h"
#include "base/mem.h"
#include "config_fixture.h"
#include "server/config_build.h"
#include "server/config_grave.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <time.h>

#include <cmocka.h>

#define COUNT(rows) (sizeof(rows) / sizeof((rows)[0]))

/* --- many hosts and servers */

enum { HOSTS = 1000, SERVERS = 1000, CHANGED = 7 };
#define LONGEST_MS                                                                                 \
    100 /* of processor time, with sanitizers; docs/speed.md has a release build's                 \
         */

static struct test_cert certs[HOSTS];
static struct test_cert another;

static int make_certs(void **state)
{
    char name[64], names[80];
    mem_init();
    for (int i = 0; i < HOSTS; i++) {
        (void)snprintf(name, sizeof(name), "h%d.test", i);
        (void)snprintf(names, sizeof(names), "DNS:%s", name);
        test_cert_make(&certs[i], TEST_P256, name, names);
    }
    (void)snprintf(name, sizeof(name), "DNS:h%d.test", CHANGED);
    test_cert_make(&another, TEST_P256, name + 4, name);
    return 0;
}

static int drop_certs(void **state)
{
    for (int i = 0; i < HOSTS; i++)
        test_cert_done(&certs[i]);
    test_cert_done(&another);
    return 0;
}

static void put_cert(struct sources *s, int host, const struct test_cert *c)
{
    char path[64];
    (void)snprintf(path, sizeof(path), "/etc/%d.crt", host);
    sources_put(s, "file", path, slice_str(c->chain));
    (void)snprintf(path, sizeof(path), "/etc/%d.key", host);
    sources_put(s, "file", path, slice_str(c->key));
}

static void put_many(struct sources *s, int vnodes)
{
    struct buf text;
    buf_init(&text);
    buf_printf(&text, "listen 1.2.3.4:443 {\ntls min=1.2\n");
    for (int i = 0; i < HOSTS; i++) {
        buf_printf(&text,
                   "host h%d.test {\ncertificate %d.crt key=%d.key\n"
                   "route /api/ { proxy app; strip_prefix /api }\nproxy app\n}\n",
                   i, i, i);
        put_cert(s, i, &certs[i]);
    }
    buf_printf(&text, "}\npool app {\nbalance ring vnodes=%d\n", vnodes);
    for (int i = 0; i < SERVERS; i++)
        buf_printf(&text, "server 10.0.%d.%d:9000\n", i / 250, i % 250 + 1);
    buf_printf(&text, "}\n");
    sources_put(s, "file", "/etc/t.conf", buf_view(&text));
    buf_done(&text);
}

struct steps {
    unsigned count;
    double longest_ms, total_ms;
};

static double cpu_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

static void count_step(struct steps *s, double began)
{
    double took = cpu_ms() - began;
    s->count++;
    s->total_ms += took;
    s->longest_ms = took > s->longest_ms ? took : s->longest_ms;
}

static struct config *build_in_steps(struct fixture *f, const struct config *former,
                                     struct steps *ret_steps)
{
    *ret_steps = (struct steps){ 0 };
    double began = cpu_ms();
    struct config_builder *b =
        config_builder_new(f->sources, "/etc/t.conf", f->servers, NULL, former, f->diags);
    count_step(ret_steps, began);
    for (bool more = true; more;) {
        began = cpu_ms();
        more = config_builder_step(b, 0); /* one unit of work */
        count_step(ret_steps, began);
    }
    began = cpu_ms();
    struct config *made = config_builder_end(b);
    count_step(ret_steps, began);
    return made;
}

static void free_in_steps(struct config_grave *g, struct steps *ret_steps)
{
    *ret_steps = (struct steps){ 0 };
    for (bool more = true; more;) {
        double began = cpu_ms();
        more = config_grave_step(g, 0);
        count_step(ret_steps, began);
    }
}

static void tell(const char *what, const struct steps *s)
{
    print_message("%s: %u steps, longest %.2f ms, all %.1f ms\n", what, s->count, s->longest_ms,
                  s->total_ms);
    if (s->longest_ms > LONGEST_MS)
        fail_msg("%s: a step takes %.1f ms", what, s->longest_ms);
}

static struct tls_ctx *context(const struct config *c, size_t host)
{
    return c->listeners[0].hosts[host].tls;
}

static size_t alike(const struct config *a, const struct config *b)
{
    size_t n = 0;
    for (size_t i = 0; i < HOSTS; i++)
        n += context(a, i) == context(b, i);
    return n;
}

static void no_step_is_long(void **state)
{
    struct fixture f;
    struct steps s;
    fixture_open(&f);
    struct config_grave *grave = config_grave_new(NULL, NULL);
    put_many(f.sources, 512);
    struct config *first = build_in_steps(&f, NULL, &s);
    assert_non_null(first);
    config_bury(first, grave);
    tell("all new", &s);

    struct config *second = build_in_steps(&f, first, &s);
    assert_int_equal(alike(first, second), HOSTS);
    tell("nothing changed", &s);

    put_cert(f.sources, CHANGED, &another);
    struct config *third = build_in_steps(&f, second, &s);
    assert_int_equal(alike(second, third), HOSTS - 1);
    assert_ptr_not_equal(context(second, CHANGED), context(third, CHANGED));
    tell("one certificate changed", &s);

    put_many(f.sources, 513);
    struct config *fourth = build_in_steps(&f, third, &s);
    assert_int_equal(alike(second, fourth), HOSTS - 1); /* the certificate is the old one again */
    tell("ring changed", &s);

    config_unref(third);
    config_unref(second);
    config_unref(first);
    free_in_steps(grave, &s);
    tell("what was shared is freed", &s);
    config_unref(fourth);
    free_in_steps(grave, &s);
    tell("all is freed", &s);
    config_grave_free(grave);
    fixture_close(&f);
}

/* --- what is shared */

#define ONE_HOST(listen, host)                                                                     \
    "listen 1.2.3.4:443 {\n" listen "\nhost h0.test {\n" host "\nrespond 200 }\n}\n"
#define CERT "certificate 0.crt key=0.key"

static void put_one(struct fixture *f, const char *text)
{
    fixture_file(f, "/etc/t.conf", text);
}

static struct config *build(struct fixture *f, const struct config *former,
                            struct tls_tickets *tickets)
{
    struct config_builder *b =
        config_builder_new(f->sources, "/etc/t.conf", f->servers, tickets, former, f->diags);
    while (config_builder_step(b, 1000))
        ;
    return config_builder_end(b);
}

static void shares_contexts_that_come_out_alike(void **state)
{
    static const struct {
        const char *why, *text, *next;
        int host; /* whose certificate 0.crt is the second time */
        bool alike;
    } rows[] = {
        { "nothing changed", ONE_HOST("", CERT), ONE_HOST("", CERT), 0, true },
        { "what no context is made of", ONE_HOST("", CERT),
          "limit header=4k\n" ONE_HOST("timeout idle=1s", "timeout body=1s\n" CERT), 0, true },
        { "another certificate of the same name", ONE_HOST("", CERT), ONE_HOST("", CERT), 1,
          false },
        { "least version", ONE_HOST("", CERT), ONE_HOST("tls min=1.3", CERT), 0, false },
        { "a default that is written", ONE_HOST("", CERT), ONE_HOST("tls min=1.2", CERT), 0, true },
        { "groups", ONE_HOST("", CERT), ONE_HOST("tls groups=P-256", CERT), 0, false },
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct fixture f;
        fixture_open(&f);
        put_cert(f.sources, 0, &certs[0]);
        put_one(&f, rows[i].text);
        struct config *former = build(&f, NULL, NULL);
        put_cert(f.sources, 0, &certs[rows[i].host]);
        put_one(&f, rows[i].next);
        f.config = build(&f, former, NULL);
        assert_string_equal(fixture_first(&f, DIAG_ERROR), "");
        if ((context(former, 0) == context(f.config, 0)) != rows[i].alike)
            fail_msg("%s", rows[i].why);
        config_unref(former);
        assert_true(tls_ctx_cert_count(context(f.config, 0)) == 1); /* it outlives it */
        fixture_close(&f);
    }
}

static void shares_contexts_under_the_same_ticket_keys_alone(void **state)
{
    const unsigned char one[TLS_TICKET_SECRET_BYTES] = { 1 }, two[TLS_TICKET_SECRET_BYTES] = { 2 };
    const unsigned char *const secrets[] = { one, one, two };
    struct config *built[COUNT(secrets)];
    struct fixture f;
    fixture_open(&f);
    put_cert(f.sources, 0, &certs[0]);
    put_one(&f, ONE_HOST("", CERT));
    for (size_t i = 0; i < COUNT(secrets); i++) {
        struct tls_tickets *t = tls_tickets_new(secrets[i]);
        built[i] = build(&f, i > 0 ? built[i - 1] : NULL, t);
        tls_tickets_unref(t); /* the contexts hold on to it */
    }
    assert_ptr_equal(context(built[0], 0), context(built[1], 0));
    assert_ptr_not_equal(context(built[1], 0), context(built[2], 0));
    for (size_t i = 0; i < COUNT(secrets); i++)
        config_unref(built[i]);
    fixture_close(&f);
}

static void hosts_share_as_well(void **state)
{
    struct fixture f;
    fixture_open(&f);
    put_cert(f.sources, 0, &certs[0]);
    fixture_build(&f, "listen 1.2.3.4:443 [::1]:443 {\n"
                      "host h0.test { " CERT "; respond 200 }\n"
                      "host *.h0.test { " CERT "; respond 201 } }\n"
                      "listen 1.2.3.4:444 { host h0.test { " CERT "; respond 202 } }\n");
    assert_non_null(f.config);
    assert_ptr_equal(context(f.config, 0), context(f.config, 1));
    assert_ptr_equal(context(f.config, 0), f.config->listeners[1].hosts[0].tls);
    assert_string_equal(fixture_first(&f, DIAG_WARNING),
                        "3:6: no certificate of this host covers \"*.h0.test\"");
    fixture_close(&f);
}

/* --- what comes into force, and when */

#define SMALL "listen 1.2.3.4:80 { host a.test { proxy app } }\npool app { server app.test:80 }\n"

static void servers_get_their_addresses_when_it_is_used(void **state)
{
    struct fixture f;
    fixture_open(&f);
    sources_put(f.sources, "name", "app.test", SLICE("10.0.0.1\n"));
    put_one(&f, SMALL);
    struct config *former = build(&f, NULL, NULL);
    struct server *s = servers_get(f.servers, SLICE("app"), SLICE("app.test:80"));
    assert_int_equal(s->addr_count, 0);
    config_use(former);
    assert_int_equal(s->addr_count, 1);

    sources_put(f.sources, "name", "app.test", SLICE("10.0.0.2\n10.0.0.3\n"));
    f.config = build(&f, former, NULL);
    assert_int_equal(s->addr_count, 1);
    config_use(f.config);
    assert_int_equal(s->addr_count, 2);
    config_unref(former);
    assert_int_equal(s->addr_count, 2); /* it is the same server */
    server_unref(s);
    fixture_close(&f);
}

/* --- what is given up, at whatever step */

static void can_be_given_up_at_any_step(void **state)
{
    struct fixture f;
    struct buf text;
    fixture_open(&f);
    put_cert(f.sources, 0, &certs[0]);
    buf_init(&text);
    buf_add(&text, "pool app { server 1.1.1.1:1\n");
    for (int i = 0; i < 1000; i++)
        buf_add(&text, "# more than one step reads\n");
    buf_add(&text, "}\n");
    sources_put(f.sources, "file", "/etc/more.conf", buf_view(&text));
    buf_done(&text);
    put_one(&f,
            "include more.conf\npool k { balance ketama; server 2.2.2.2:2 }\n"
            "listen 1.2.3.4:443 { host h0.test { " CERT "\nroute /k { proxy k }; proxy app } }\n");
    for (unsigned steps = 0;; steps++) {
        struct config_builder *b =
            config_builder_new(f.sources, "/etc/t.conf", f.servers, NULL, NULL, f.diags);
        bool more = true;
        for (unsigned i = 0; i < steps && more; i++)
            more = config_builder_step(b, 0);
        f.config = config_builder_end(b);
        assert_true(more == (f.config == NULL));
        if (!more)
            break;
    }
    assert_string_equal(fixture_first(&f, DIAG_ERROR), "");
    fixture_close(&f);
}

static void count_call(void *user)
{
    ++*(int *)user;
}

static void the_grave_takes_what_is_left(void **state)
{
    struct fixture f;
    int woken = 0;
    struct config_grave *grave = config_grave_new(count_call, &woken);
    fixture_open(&f);
    put_cert(f.sources, 0, &certs[0]);
    put_one(&f, ONE_HOST("", CERT));
    struct config *first = build(&f, NULL, NULL);
    config_bury(first, grave);
    struct config *second = build(&f, first, NULL);
    assert_false(config_grave_step(grave, 0)); /* nothing yet */

    config_unref(first);
    assert_int_equal(woken, 1);
    config_unref(second); /* it goes where its former one does; there is work already */
    assert_int_equal(woken, 1);
    while (config_grave_step(grave, 0))
        ;

    first = build(&f, NULL, NULL);
    config_bury(first, grave);
    struct config_builder *b =
        config_builder_new(f.sources, "/etc/t.conf", f.servers, NULL, first, f.diags);
    config_builder_step(b, 0);
    assert_null(config_builder_end(b)); /* given up */
    assert_int_equal(woken, 2);
    while (config_grave_step(grave, 0))
        ;
    second = build(&f, first, NULL);
    config_unref(second); /* never used */
    assert_int_equal(woken, 3);
    config_unref(first);
    config_grave_free(grave); /* with what is in it */
    fixture_close(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_step_is_long),
        cmocka_unit_test(shares_contexts_that_come_out_alike),
        cmocka_unit_test(shares_contexts_under_the_same_ticket_keys_alone),
        cmocka_unit_test(hosts_share_as_well),
        cmocka_unit_test(servers_get_their_addresses_when_it_is_used),
        cmocka_unit_test(can_be_given_up_at_any_step),
        cmocka_unit_test(the_grave_takes_what_is_left),
    };
    return cmocka_run_group_tests(tests, make_certs, drop_certs);
}
