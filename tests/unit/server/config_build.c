/* SPDX-License-Identifier: Apache-2.0 */
/* What good configurations come to: defaults, inheritance, order, what is kept. */
#include "base/log.h"
#include "config_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

static void build(struct fixture *f, const char *text)
{
    fixture_open(f);
    fixture_build(f, text);
    assert_string_equal(fixture_first(f, DIAG_ERROR), "");
    assert_non_null(f->config);
}

static void assert_slice(struct slice s, const char *want)
{
    assert_true(slice_eq(s, slice_str(want)));
}

#define SMALL "listen 1.2.3.4:80 { host a { proxy app } }\npool app { server 10.0.0.1:9000 }\n"

static const struct route_conf *first_route(const struct fixture *f)
{
    return &f->config->listeners[0].hosts[0].routes[0];
}

static void has_defaults(void **state)
{
    struct fixture f;
    build(&f, SMALL);
    const struct config *c = f.config;
    assert_int_equal(c->workers, 1);
    assert_int_equal(c->drain_ms, 30000);
    assert_int_equal(c->user.len, 0);
    assert_int_equal(c->sandbox, SANDBOX_ON);
    assert_slice(c->access_log.path, "stdout");
    assert_int_equal(c->access_log.format, ACCESS_COMBINED);
    assert_slice(c->error_log.path, "stderr");
    assert_int_equal(c->error_log.level, LOG_INFO);
    assert_int_equal(c->caps.all, 10000);
    assert_int_equal(c->caps.each, 0);
    assert_memory_equal(&c->listeners[0].caps, &c->caps, sizeof(c->caps));
    const struct timeouts *t = &first_route(&f)->timeouts;
    assert_int_equal(t->handshake, 10000);
    assert_int_equal(t->header, 10000);
    assert_int_equal(t->body, 30000);
    assert_int_equal(t->idle, 75000);
    assert_int_equal(t->send, 30000);
    assert_int_equal(t->connect, 2000);
    assert_int_equal(t->response, 60000);
    assert_int_equal(t->tunnel, 3600000);
    const struct h1_conf *h1 = &c->listeners[0].h1;
    assert_int_equal(h1->head_max, 32768);
    assert_int_equal(h1->fields_max, 100);
    assert_int_equal(h1->target_max, 8192);
    assert_int_equal(h1->requests_max, 0);
    assert_int_equal(h1->underscore, UNDERSCORE_DROP);
    assert_int_equal(first_route(&f)->body_max, 10 << 20);
    assert_int_equal(c->listeners[0].min_rate, 500);
    assert_int_equal(c->listeners[0].window, 256 << 10);
    fixture_close(&f);
}

static void has_a_pools_defaults(void **state)
{
    struct fixture f;
    build(&f, SMALL);
    const struct cluster_conf *p = cluster_conf(f.config->clusters[0]);
    assert_string_equal(p->balance->name, "ring");
    assert_int_equal(p->balance_conf.vnodes, 512);
    assert_int_equal(p->balance_conf.seed, 0);
    assert_int_equal(p->key.kind, KEY_URI);
    assert_int_equal(p->keepalive.max, 64);
    assert_int_equal(p->keepalive.idle_ms, 60000);
    assert_int_equal(p->keepalive.requests, 10000);
    assert_int_equal(p->retry.max, 2);
    assert_int_equal(p->retry.on, RETRY_CONNECT | RETRY_REFUSED | RETRY_RESET);
    assert_int_equal(p->retry.budget_percent, 20);
    assert_int_equal(p->connect_ms, 2000);
    assert_int_equal(p->send_ms, 30000);
    assert_int_equal(p->servers[0].weight, 1);
    assert_slice(p->servers[0].id, "10.0.0.1:9000");
    assert_int_equal(addr_port(&p->servers[0].addrs[0]), 9000);
    fixture_close(&f);
}

static void reads_a_pool(void **state)
{
    struct fixture f;
    fixture_open(&f);
    sources_put(f.sources, "name", "app.internal", SLICE("10.0.0.7\n::1\n"));
    sources_put(f.sources, "name", "gone.internal", SLICE("!no such name"));
    fixture_build(&f, "listen 1.2.3.4:80 { host a { proxy app } }\n"
                      "pool app { balance ketama key=cookie:sid; keepalive 3 idle=5s requests=7\n"
                      "server app.internal:81 id=x weight=5; server unix:/run/s backup\n"
                      "server gone.internal; server 10.0.0.8; timeout connect=1s }");
    assert_non_null(f.config);
    const struct cluster_conf *p = cluster_conf(f.config->clusters[0]);
    assert_string_equal(p->balance->name, "ketama");
    assert_int_equal(p->key.kind, KEY_COOKIE);
    assert_slice(p->key.name, "sid");
    assert_slice(p->key.text, "cookie:sid");
    assert_int_equal(p->keepalive.max, 3);
    assert_int_equal(p->keepalive.idle_ms, 5000);
    assert_int_equal(p->keepalive.requests, 7);
    assert_int_equal(p->connect_ms, 1000);
    assert_slice(p->servers[0].id, "x");
    assert_int_equal(p->servers[0].weight, 5);
    assert_int_equal(p->servers[0].addr_count, 2);
    assert_int_equal(addr_port(&p->servers[0].addrs[1]), 81);
    assert_true(p->servers[1].backup);
    assert_slice(p->servers[1].id, "unix:/run/s");
    assert_int_equal(p->servers[2].addr_count, 0);
    assert_string_equal(p->servers[2].why_unresolved, "no such name");
    assert_int_equal(addr_port(&p->servers[3].addrs[0]), 80); /* as nginx has it */
    fixture_close(&f);
}

static void limits_tunnels_where_it_is_said(void **state)
{
    static const struct {
        const char *why, *listen, *host, *route;
        uint64_t want;
    } rows[] = {
        { "the top", "", "", "", 9000 },
        { "listen", "timeout tunnel=8s", "", "", 8000 },
        { "host", "timeout tunnel=8s", "timeout tunnel=7s", "", 7000 },
        { "route", "", "timeout tunnel=7s", "timeout tunnel=6s", 6000 },
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        char text[512];
        snprintf(
            text, sizeof(text),
            "timeout tunnel=9s\nlisten 1.2.3.4:80 { %s; host a { %s; route / { %s; proxy p } } }\n"
            "pool p { server 1.1.1.1:1 }\n",
            rows[i].listen, rows[i].host, rows[i].route);
        struct fixture f;
        build(&f, text);
        if (first_route(&f)->timeouts.tunnel != rows[i].want)
            fail_msg("%s", rows[i].why);
        fixture_close(&f);
    }
}

static void reads_retry(void **state)
{
    static const struct {
        const char *text;
        struct retry_conf want;
    } rows[] = {
        { "retry 5", { 5, RETRY_CONNECT | RETRY_REFUSED | RETRY_RESET, 20 } },
        { "retry 1 on=reset", { 1, RETRY_RESET, 20 } },
        { "retry 10 on=refused,connect budget=100%", { 10, RETRY_REFUSED | RETRY_CONNECT, 100 } },
        { "retry 2 budget=1% on=connect,connect", { 2, RETRY_CONNECT, 1 } },
        { "retry 0", { 0, RETRY_CONNECT | RETRY_REFUSED | RETRY_RESET, 20 } },
        { "retry off", { 0, RETRY_CONNECT | RETRY_REFUSED | RETRY_RESET, 20 } },
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct fixture f;
        char text[256];
        snprintf(
            text, sizeof(text),
            "listen 1.2.3.4:80 { host a { proxy app } }\npool app { server 10.0.0.1:9000; %s }",
            rows[i].text);
        build(&f, text);
        const struct retry_conf *retry = &cluster_conf(f.config->clusters[0])->retry;
        assert_int_equal(retry->max, rows[i].want.max);
        assert_int_equal(retry->on, rows[i].want.on);
        assert_int_equal(retry->budget_percent, rows[i].want.budget_percent);
        fixture_close(&f);
    }
}

static void inherits_from_outside_in(void **state)
{
    static const struct {
        const char *why, *top, *listen, *host, *route, *pool;
        uint64_t response, connect, body_max;
    } rows[] = {
        { "the top alone", "timeout response=9s; limit body=1k", "", "", "", "", 9000, 2000, 1024 },
        { "listen over the top", "timeout response=9s", "timeout response=8s; limit body=2", "", "",
          "", 8000, 2000, 2 },
        { "host over listen", "", "timeout response=8s", "timeout response=7s", "", "", 7000, 2000,
          10 << 20 },
        { "route over host", "limit body=1", "limit body=2", "limit body=3",
          "limit body=4; timeout connect=1s", "", 60000, 1000, 4 },
        { "the pool's own over all", "", "", "", "timeout response=6s connect=6s",
          "timeout response=5s", 5000, 6000, 10 << 20 },
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        char text[1024];
        snprintf(text, sizeof(text),
                 "listen 1.2.3.4:80 { host a { route / { %s; proxy p }; %s }; %s }\n"
                 "pool p { server 1.1.1.1:1; %s }\n%s\n", /* what is inherited comes last */
                 rows[i].route, rows[i].host, rows[i].listen, rows[i].pool, rows[i].top);
        struct fixture f;
        build(&f, text);
        assert_int_equal(first_route(&f)->timeouts.response, rows[i].response);
        assert_int_equal(first_route(&f)->timeouts.connect, rows[i].connect);
        assert_int_equal(first_route(&f)->body_max, rows[i].body_max);
        fixture_close(&f);
    }
}

static void reads_listeners(void **state)
{
    struct fixture f;
    build(&f, "listen 0.0.0.0:80 [::]:80 {\n"
              "unknown_host default=b.test; trusted_proxies 10.0.0.0/8 ::1\n"
              "header_underscore reject; limit headers=7 min_rate=0 window=16k; timeout idle=1s\n"
              "host A.test { respond 200 }\nhost b.test. *.c.test { respond 201 }\n}\n"
              "listen 127.0.0.1:80 { redirect https port=8443 code=301 }\n");
    assert_int_equal(f.config->listener_count, 2);
    const struct listener_conf *l = &f.config->listeners[0];
    assert_slice(l->text, "0.0.0.0:80 [::]:80");
    assert_int_equal(l->addr_count, 2);
    assert_null(l->sni);
    assert_int_equal(l->trusted_count, 2);
    assert_int_equal(l->h1.underscore, UNDERSCORE_REJECT);
    assert_int_equal(l->h1.fields_max, 7);
    assert_int_equal(l->min_rate, 0);
    assert_int_equal(l->window, 16 << 10);
    assert_int_equal(l->h1.idle_ms, 1000);
    assert_slice(l->hosts[0].names[0], "a.test");
    assert_slice(l->hosts[1].names[0], "b.test");
    assert_ptr_equal(l->default_host, &l->hosts[1]);
    assert_ptr_equal(route_host(l, SLICE("x.c.test"), NULL), &l->hosts[1]);
    assert_null(l->catch_all);
    assert_int_equal(f.config->addr_spans[0][1].line, 1);
    assert_int_equal(f.config->addr_spans[0][1].column, 19);

    const struct route_conf *r = f.config->listeners[1].catch_all;
    assert_int_equal(r->action, ACTION_REDIRECT);
    assert_int_equal(r->status, 301);
    assert_int_equal(r->https_port, 8443);
    assert_int_equal(r->location.len, 0);
    fixture_close(&f);
}

static void reads_routes(void **state)
{
    struct fixture f;
    build(&f, "pool app { server 1.1.1.1:1 }\nlisten 1.2.3.4:80 { host a {\n"
              "set_header X-Env one; unset_header X-Debug\n"
              "route /v1/ { proxy app; strip_prefix /v1; set_header X-Env two }\n"
              "route = /ping { respond 200 \"pong\\n\" }\n"
              "route /old/ { redirect https://b.test code=302 }\n"
              "route /new { redirect /v1/ }\n"
              "proxy app\n} }");
    const struct host_conf *h = &f.config->listeners[0].hosts[0];
    const struct route_conf *r = h->routes;
    assert_int_equal(h->route_count, 5);
    assert_slice(r[0].text, "/v1/");
    assert_slice(r[0].strip_prefix, "/v1");
    assert_ptr_equal(r[0].cluster, f.config->clusters[0]);
    assert_int_equal(r[0].edit_count, 3);
    assert_slice(r[0].edits[0].value, "one");
    assert_true(r[0].edits[1].unset);
    assert_slice(r[0].edits[2].value, "two"); /* the route's own is the last word */
    assert_slice(r[1].text, "= /ping");
    assert_true(r[1].exact);
    assert_slice(r[1].body, "pong\n");
    assert_int_equal(r[2].status, 302);
    assert_slice(r[2].location, "https://b.test");
    assert_false(r[2].location_has_path);
    assert_int_equal(r[3].status, 308);
    assert_true(r[3].location_has_path);
    assert_slice(r[4].text, "/");
    assert_int_equal(r[4].edit_count, 2);
    fixture_close(&f);
}

static void reads_the_sandbox(void **state)
{
    static const struct {
        const char *text;
        enum sandbox_mode want;
    } rows[] = {
        { "sandbox off\n" SMALL, SANDBOX_OFF },
        { "sandbox on\n" SMALL, SANDBOX_ON },
        { "sandbox log\n" SMALL, SANDBOX_LOG },
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct fixture f;
        build(&f, rows[i].text);
        assert_int_equal(f.config->sandbox, rows[i].want);
        fixture_close(&f);
    }
}

static void takes_facts_of_the_system(void **state)
{
    struct fixture f;
    fixture_open(&f);
    sources_put(f.sources, "system", "processors", SLICE("6"));
    sources_put(f.sources, "system", "root", SLICE("yes"));
    sources_put(f.sources, "user", "nobody", SLICE("exists"));
    fixture_build(&f, "access_log log/a.log format=json\nerror_log /e.log level=warn\n" SMALL);
    assert_int_equal(f.config->workers, 6);
    assert_slice(f.config->user, "nobody");
    assert_int_equal(f.config->group.len, 0);
    assert_slice(f.config->access_log.path, "/etc/log/a.log"); /* beside /etc/t.conf */
    assert_int_equal(f.config->access_log.format, ACCESS_JSON);
    assert_slice(f.config->error_log.path, "/e.log");
    assert_int_equal(f.config->error_log.level, LOG_WARN);
    fixture_close(&f);
}

static void outlives_its_sources(void **state)
{
    struct fixture f;
    build(&f, "listen 1.2.3.4:80 { unknown_host default=a.test; host a.test {\n"
              "route /x { proxy app; set_header A b; strip_prefix /x }\n"
              "route = /y { respond 200 fine }; route /z { redirect https://b.test } } }\n"
              "access_log /var/log/a\n"
              "pool app { balance ring key=header:X; server 10.0.0.1:9000 id=first }\n");
    config_forget_sources(f.config);
    sources_free(f.sources);
    f.sources = NULL;
    assert_null(f.config->addr_spans);
    assert_null(f.config->access_log.span.file);
    assert_slice(f.config->access_log.path, "/var/log/a");
    const struct listener_conf *l = &f.config->listeners[0];
    assert_slice(l->text, "1.2.3.4:80");
    assert_ptr_equal(route_host(l, SLICE("a.test"), NULL), l->default_host);
    assert_slice(l->hosts[0].names[0], "a.test");
    const struct route_conf *r = first_route(&f);
    assert_slice(r->text, "/x");
    assert_slice(r->strip_prefix, "/x");
    assert_slice(r->edits[0].value, "b");
    assert_slice(r[1].body, "fine");
    assert_slice(r[2].location, "https://b.test");
    const struct cluster_conf *p = cluster_conf(f.config->clusters[0]);
    assert_slice(p->key.name, "X");
    assert_slice(p->servers[0].id, "first");
    assert_slice(p->servers[0].address, "10.0.0.1:9000");
    fixture_close(&f);
}

static void is_shared_by_reference(void **state)
{
    struct fixture f;
    build(&f, SMALL);
    struct config *again = config_ref(f.config);
    config_unref(f.config);
    assert_int_equal(again->listener_count, 1);
    fixture_close(&f); /* gives the last one back */
}

static void includes_beside_the_file(void **state)
{
    struct fixture f;
    fixture_open(&f);
    sources_put(f.sources, "glob", "/etc/sites/*.conf", SLICE("/etc/sites/a.conf\n"));
    fixture_file(&f, "/etc/sites/a.conf", "host a { access_log }");
    fixture_build(&f, "listen 1.2.3.4:80 { include sites/*.conf }");
    assert_string_equal(fixture_first(&f, DIAG_ERROR),
                        "1:10: unknown directive \"access_log\" in host \"a\"");
    fixture_close(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(has_defaults),
        cmocka_unit_test(has_a_pools_defaults),
        cmocka_unit_test(reads_a_pool),
        cmocka_unit_test(reads_retry),
        cmocka_unit_test(inherits_from_outside_in),
        cmocka_unit_test(limits_tunnels_where_it_is_said),
        cmocka_unit_test(reads_listeners),
        cmocka_unit_test(reads_routes),
        cmocka_unit_test(reads_the_sandbox),
        cmocka_unit_test(takes_facts_of_the_system),
        cmocka_unit_test(outlives_its_sources),
        cmocka_unit_test(is_shared_by_reference),
        cmocka_unit_test(includes_beside_the_file),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
