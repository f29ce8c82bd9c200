/* SPDX-License-Identifier: Apache-2.0 */
#include "server/explain.h"

#include "config_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>

static const char text[] =
    "listen 0.0.0.0:80 { trusted_proxies 127.0.0.1\n"
    "  host a.test { route = /ping { respond 200 pong }; route /old/ { redirect https://b.test }\n"
    "                route /v1/ { proxy app; strip_prefix /v1 } }\n"
    "  host *.b.test { route /c { proxy by_client }; route /h { proxy by_header }\n"
    "                  route /d { proxy down } } }\n"
    "listen 10.0.0.1:80 { unknown_host default=c.test; host c.test { proxy app } }\n"
    "listen 0.0.0.0:8080 { redirect https port=8443 }\n"
    "pool app { server 1.1.1.1:1 id=a; server 1.1.1.1:2 id=b; server 1.1.1.1:3 id=c backup }\n"
    "pool by_client { balance ring key=client; server 1.1.1.1:1 }\n"
    "pool by_header { balance ketama key=header:X-User; server 1.1.1.1:1 }\n"
    "pool down { server gone.test:1 id=g }\n";

struct asked {
    struct fixture f;
    struct arena arena;
    struct explanation e;
    struct buf out;
};

static void ask(struct asked *q, const char *url, const char *name, const char *value)
{
    fixture_open(&q->f);
    sources_put(q->f.sources, "name", "gone.test", SLICE("!no such name"));
    fixture_build(&q->f, text);
    assert_string_equal(fixture_first(&q->f, DIAG_ERROR), "");
    arena_init(&q->arena, NULL);
    buf_init(&q->out);
    struct fields fields;
    fields_init(&fields, &q->arena);
    if (name != NULL)
        fields_add(&fields, slice_str(name), slice_str(value));
    struct addr client;
    addr_parse_ip(SLICE("127.0.0.1"), &client);
    struct explain_request request = { slice_str(url), &fields, &client };
    explain(q->f.config, &request, &q->arena, &q->e);
}

static void done(struct asked *q)
{
    buf_done(&q->out);
    arena_done(&q->arena);
    fixture_close(&q->f);
}

static void assert_text(struct slice s, const char *want)
{
    assert_int_equal(s.len, strlen(want));
    assert_memory_equal(s.ptr != NULL ? s.ptr : "", want, s.len);
}

static void says_why_it_ends(void **state)
{
    static const struct {
        const char *why, *url, *host, *end;
    } rows[] = {
        { "no such port", "http://a.test:81/", NULL, "no listener serves port 81" },
        { "TLS on a plain port", "https://a.test:80/", NULL,
          "this listener speaks plain HTTP: a TLS handshake fails here" },
        { "no such host", "http://x.test/", "b.test",
          "421: no host of this listener has the name \"b.test\"" },
        { "no such route", "http://a.test/v1", NULL, "404: no route covers the path \"/v1\"" },
        { "answered here", "http://a.test/ping", NULL, "200 with a text of 4 bytes" },
        { "sent elsewhere", "http://a.test/old/x?y", NULL, "308 to https://b.test/old/x?y" },
        { "all to https", "http://x.test:8080/y", NULL, "308 to https://x.test:8443/y" },
        { "nobody there", "http://x.b.test/d", NULL, "503: no server is eligible" },
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct asked q;
        ask(&q, rows[i].url, rows[i].host != NULL ? "Host" : NULL, rows[i].host);
        assert_null(q.e.malformed);
        assert_non_null(q.e.end);
        assert_string_equal(q.e.end, rows[i].end);
        done(&q);
    }
}

static void refuses_what_is_no_url(void **state)
{
    static const char *const rows[] = { "",
                                        "a.test/",
                                        "ftp://a.test/",
                                        "http://",
                                        "http://a b/",
                                        "http://a.test:x/",
                                        "http://a@b/",
                                        "http://a.test/../",
                                        "http://a.test/%00" };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct asked q;
        ask(&q, rows[i], NULL, NULL);
        assert_non_null(q.e.malformed);
        done(&q);
    }
}

static void picks_the_listener(void **state)
{
    static const struct {
        const char *why, *url, *listener;
    } rows[] = {
        { "the one that knows the host", "http://a.test/ping", "0.0.0.0:80" },
        { "a specific address wins", "http://10.0.0.1/", "10.0.0.1:80" },
        { "other addresses are 0.0.0.0's", "http://10.0.0.2/", "0.0.0.0:80" },
        { "the port decides", "http://a.test:8080/", "0.0.0.0:8080" },
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct asked q;
        char at[ADDR_TEXT_MAX];
        ask(&q, rows[i].url, NULL, NULL);
        assert_non_null(q.e.listener_addr);
        assert_string_equal(addr_text(q.e.listener_addr, at), rows[i].listener);
        done(&q);
    }
}

static void hashes_the_key(void **state)
{
    static const struct {
        const char *why, *url, *name, *value, *key;
        bool fallback;
    } rows[] = {
        { "the resolved path and query", "http://a.test/v1/x/../y?z#w", NULL, NULL, "/v1/y?z",
          false },
        { "no path", "http://c.test?q", "Host", "C.Test.", "/?q", false },
        { "the client", "http://x.b.test/c", NULL, NULL, "127.0.0.1", false },
        { "the client behind a trusted proxy", "http://x.b.test/c", "X-Forwarded-For", "192.0.2.9",
          "192.0.2.9", false },
        { "a header", "http://x.b.test/h", "X-User", "ann", "ann", false },
        { "a header that is missing", "http://x.b.test/h", NULL, NULL, "127.0.0.1", true },
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct asked q;
        ask(&q, rows[i].url, rows[i].name, rows[i].value);
        assert_null(q.e.malformed);
        assert_text(q.e.key, rows[i].key);
        assert_int_equal(q.e.key_fallback, rows[i].fallback);
        done(&q);
    }
}

static void orders_the_servers(void **state)
{
    struct asked q;
    ask(&q, "http://a.test/v1/x", NULL, NULL);
    assert_int_equal(q.e.order_count, 3);
    assert_int_equal(q.e.chosen, 0);
    assert_text(q.e.order[2].conf->id, "c"); /* the backup is last */
    explain_print(&q.e, &q.out);
    assert_true(
        slice_starts(buf_view(&q.out), SLICE("http://a.test/v1/x\n  -> listener    0.0.0.0:80 (")));
    done(&q);
}

static void has_all_keys_in_json(void **state)
{
    struct asked q;
    ask(&q, "http://x.b.test/d", NULL, NULL);
    explain_print_json(&q.e, &q.out);
    struct slice json = buf_view(&q.out);
    assert_true(slice_starts(json, SLICE("{\"listener\":\"0.0.0.0:80\",\"certificate\":null,"
                                         "\"host\":\"*.b.test\",\"route\":\"/d\",\"pool\":\"down\","
                                         "\"key\":\"/d\",\"key_hash\":\"")));
    const char *line = arena_copy(&q.arena, json).ptr;
    assert_non_null(strstr(line, "\"server\":null,\"fallbacks\":[{\"server\":\"g\",\"skipped\":"
                                 "\"unresolved: no such name\"}],\"fingerprint\":\""));
    done(&q);

    ask(&q, "http://a.test:1/", NULL, NULL);
    explain_print_json(&q.e, &q.out);
    assert_text(
        buf_view(&q.out),
        "{\"listener\":null,\"certificate\":null,\"host\":null,\"route\":null,\"pool\":null,"
        "\"key\":null,\"key_hash\":null,\"point\":null,\"server\":null,\"fallbacks\":[],"
        "\"fingerprint\":null}\n");
    done(&q);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(says_why_it_ends),   cmocka_unit_test(refuses_what_is_no_url),
        cmocka_unit_test(picks_the_listener), cmocka_unit_test(hashes_the_key),
        cmocka_unit_test(orders_the_servers), cmocka_unit_test(has_all_keys_in_json),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
