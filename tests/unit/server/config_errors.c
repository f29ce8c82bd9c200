/* SPDX-License-Identifier: Apache-2.0 */
/* What is said about bad configurations, and where. */
#include "config_fixture.h"
#include "server/config_build.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>

#define POOL "pool app { server 10.0.0.1:9000 }\n"
/* The block under test begins in line 2. */
#define LISTEN(inside) POOL "listen 1.2.3.4:80 {" inside " }"
#define HOST(inside)   LISTEN("host a.test {" inside " }")
#define ROUTE(inside)  HOST("route /x/ {" inside " }")
/* The pool under test is line 1. */
#define IN_POOL(inside) "pool app {" inside " }\nlisten 1.2.3.4:80 { host a { proxy app } }"

struct row {
    const char *why, *text, *want;
};

/* Every row is tried before the test fails. */
static void check_rows(const struct row *rows, size_t count)
{
    size_t wrong = 0;
    for (size_t i = 0; i < count; i++) {
        struct fixture f;
        fixture_open(&f);
        fixture_build(&f, rows[i].text);
        const char *said = fixture_first(&f, DIAG_ERROR);
        if (strcmp(said, rows[i].want) != 0 || f.config != NULL) {
            print_message("%s:\n  said %s\n  want %s\n", rows[i].why, said, rows[i].want);
            wrong++;
        }
        fixture_close(&f);
    }
    assert_int_equal(wrong, 0);
}
#define CHECK(rows) check_rows(rows, sizeof(rows) / sizeof((rows)[0]))

static void says_what_is_wrong_at_the_top(void **state)
{
    static const struct row rows[] = {
        { "an empty file serves nothing", "", "1:1: nothing is listened on" },
        { "a file of comments too", "# hello\n", "1:1: nothing is listened on" },
        { "unknown directive", "lisen 1.2.3.4:80 { }", "1:1: unknown directive \"lisen\"" },
        { "a block that is not built", "admin { listen 127.0.0.1:9901 }",
          "1:1: \"admin\" is not supported by this version" },
        { "a cap that is no number", "limit connections=many",
          "1:19: \"many\" is not a number, as \"connections\" needs it" },
        { "a cap set twice in two lines", "limit per_ip=1\nlimit per_ip=2",
          "2:7: \"per_ip\" is set twice" },
        { "neither on nor off", "sandbox yes",
          "1:9: \"yes\" is not known, as \"sandbox\" needs it" },
        { "no worker", "workers 0", "1:9: \"0\" is no number of workers from 1 to 1024" },
        { "workers in words", "workers many",
          "1:9: \"many\" is no number of workers from 1 to 1024" },
        { "a duration needs a unit", "drain 30",
          "1:7: \"30\" is not a duration, as \"drain\" needs it" },
        { "a duration out of range", "drain 2d", "1:7: \"2d\" is out of range for \"drain\"" },
        { "a template", "access_log stdout format=\"%h %s\"",
          "1:26: a template as format is not supported by this version" },
        { "an unknown format", "access_log stdout format=jsn", "1:26: unknown format \"jsn\"" },
        { "an unknown level", "error_log stderr level=noise",
          "1:24: \"noise\" is not known, as \"level\" needs it" },
        { "set twice", "drain 1s\ndrain 2s", "2:1: \"drain\" is set twice" },
        { "a key set twice in two lines", "timeout idle=1s\ntimeout idle=2s",
          "2:9: \"idle\" is set twice" },
        { "a block where none belongs", "workers auto { }", "1:1: \"workers\" takes no block" },
        { "a limit below its bound", "limit headers=0",
          "1:15: \"0\" is out of range for \"headers\"" },
        { "a window smaller than a TLS record", "limit window=8k",
          "1:14: \"8k\" is out of range for \"window\"" },
        { "a window that nobody can mean", "limit window=17m",
          "1:14: \"17m\" is out of range for \"window\"" },
        { "a certificate outside of a host", "certificate a.crt",
          "1:1: unknown directive \"certificate\"" },
    };
    CHECK(rows);
}

static void says_what_is_wrong_in_a_pool(void **state)
{
    static const struct row rows[] = {
        { "no name", "pool { }", "1:1: \"pool\" needs more words" },
        { "two names", "pool a b { }", "1:8: \"b\" is one word too many for \"pool\"" },
        { "a name that would break records", "pool \"a b\" { }",
          "1:6: \"a b\" cannot be a pool's name" },
        { "no server", IN_POOL(""), "1:6: pool \"app\" has no server" },
        { "backups alone", IN_POOL("server 1.1.1.1:1 backup"),
          "1:6: pool \"app\" has only backups" },
        { "the same name", "pool a { }\npool a { }", "2:6: pool \"a\" stands twice" },
        { "the same address", IN_POOL("server 1.1.1.1:1; server 1.1.1.1:1"),
          "1:36: server \"1.1.1.1:1\" stands twice in pool \"app\"" },
        { "the same id", IN_POOL("server 1.1.1.1:1 id=x; server 1.1.1.1:2 id=x"),
          "1:54: server \"x\" stands twice in pool \"app\"" },
        { "an id like an address", IN_POOL("server 1.1.1.1:1; server 1.1.1.1:2 id=1.1.1.1:1"),
          "1:49: server \"1.1.1.1:1\" stands twice in pool \"app\"" },
        { "a URL as address", IN_POOL("server http://1.1.1.1:1"),
          "1:18: \"http://1.1.1.1:1\" is no server address" },
        { "port 0", IN_POOL("server 1.1.1.1:0"), "1:18: \"1.1.1.1:0\" is no server address" },
        { "an address with a slip", IN_POOL("server 10.0.0.300:1"),
          "1:18: \"10.0.0.300:1\" is no server address" },
        { "weight 0", IN_POOL("server 1.1.1.1:1 weight=0"),
          "1:35: \"0\" is out of range for \"weight\"" },
        { "a word nobody knows", IN_POOL("server 1.1.1.1:1 down"),
          "1:28: \"down\" is not KEY=VALUE, which \"server\" takes here" },
        { "a balancer that is not built", IN_POOL("balance least; server 1.1.1.1:1"),
          "1:19: \"balance least\" is not supported by this version" },
        { "a balancer nobody knows", IN_POOL("balance rnig; server 1.1.1.1:1"),
          "1:19: unknown balancer \"rnig\"" },
        { "a key nobody knows", IN_POOL("balance ring key=cookie; server 1.1.1.1:1"),
          "1:28: unknown key \"cookie\"" },
        { "a header key without name", IN_POOL("balance ring key=header:; server 1.1.1.1:1"),
          "1:28: unknown key \"header:\"" },
        { "vnodes for ketama", IN_POOL("balance ketama vnodes=10; server 1.1.1.1:1"),
          "1:33: ketama always has 160 points for each unit of weight and no seed" },
        { "too many points", IN_POOL("balance ring vnodes=4194304; server 1.1.1.1:1 weight=2"),
          "1:11: 4194304 points for each unit of weight make 8388608 points, more than 4194304" },
        { "too many points of ketama", IN_POOL("balance ketama; server 1.1.1.1:1 weight=4194304"),
          "1:11: 160 points for each unit of weight make 671088640 points, more than 4194304" },
        { "too many points of backups",
          IN_POOL("balance ring vnodes=4194304; server 1.1.1.1:1; "
                  "server 1.1.1.1:2 weight=2 backup"),
          "1:11: 4194304 points for each unit of weight make 8388608 points, more than 4194304" },
        { "keepalive in words", IN_POOL("server 1.1.1.1:1; keepalive on"),
          "1:39: \"on\" is no number of connections from 0 to 65535" },
        { "retries in words", IN_POOL("server 1.1.1.1:1; retry on"),
          "1:35: \"on\" is neither off nor a number of further tries from 0 to 10" },
        { "too many retries", IN_POOL("server 1.1.1.1:1; retry 11"),
          "1:35: \"11\" is neither off nor a number of further tries from 0 to 10" },
        { "retry without a number", IN_POOL("server 1.1.1.1:1; retry on=reset"),
          "1:35: \"on=reset\" is neither off nor a number of further tries from 0 to 10" },
        { "retry twice", IN_POOL("server 1.1.1.1:1; retry 1; retry 2"),
          "1:38: \"retry\" is set twice" },
        { "retry on what nobody knows", IN_POOL("server 1.1.1.1:1; retry 2 on=connect,http_502"),
          "1:40: \"http_502\" is no failure to retry on" },
        { "retry on nothing", IN_POOL("server 1.1.1.1:1; retry 2 on=reset,"),
          "1:40: \"\" is no failure to retry on" },
        { "a budget without its sign", IN_POOL("server 1.1.1.1:1; retry 2 budget=20"),
          "1:44: \"20\" is no share from 1% to 100%" },
        { "a budget of nothing", IN_POOL("server 1.1.1.1:1; retry 2 budget=0%"),
          "1:44: \"0%\" is no share from 1% to 100%" },
        { "a budget over all", IN_POOL("server 1.1.1.1:1; retry 2 budget=101%"),
          "1:44: \"101%\" is no share from 1% to 100%" },
        { "a budget of a sign", IN_POOL("server 1.1.1.1:1; retry 2 budget=%"),
          "1:44: \"%\" is no share from 1% to 100%" },
        { "keys of no retry", IN_POOL("server 1.1.1.1:1; retry off budget=5%"),
          "1:39: \"retry off\" makes no further tries, so it has no keys" },
        { "an unknown key of retry", IN_POOL("server 1.1.1.1:1; retry 2 budge=5%"),
          "1:37: unknown key \"budge\" for \"retry\"" },
        { "health", IN_POOL("server 1.1.1.1:1; health GET / every=2s"),
          "1:29: \"health\" is not supported by this version" },
        { "bound", IN_POOL("server 1.1.1.1:1; bound 1.25"),
          "1:29: \"bound\" is not supported by this version" },
        { "a slip in a name", IN_POOL("server 1.1.1.1:1; helth GET /"),
          "1:29: unknown directive \"helth\" in pool \"app\"" },
    };
    CHECK(rows);
}

static void says_what_is_wrong_in_a_listener(void **state)
{
    static const struct row rows[] = {
        { "no address", "listen { host a { respond 200 } }", "1:1: \"listen\" needs more words" },
        { "no port", "listen 1.2.3.4 { host a { respond 200 } }",
          "1:8: \"1.2.3.4\" is no address to listen on" },
        { "port 0", "listen 1.2.3.4:0 { host a { respond 200 } }",
          "1:8: \"1.2.3.4:0\" is no address to listen on" },
        { "port too large", "listen 1.2.3.4:65536 { host a { respond 200 } }",
          "1:8: \"1.2.3.4:65536\" is no address to listen on" },
        { "a name", "listen localhost:80 { host a { respond 200 } }",
          "1:8: \"localhost:80\" is no address to listen on" },
        { "a socket", "listen unix:/run/s { host a { respond 200 } }",
          "1:8: \"unix:/run/s\" is no address to listen on" },
        { "twice in one line", "listen 1.2.3.4:80 1.2.3.4:80 { host a { respond 200 } }",
          "1:19: \"1.2.3.4:80\" is listened on twice" },
        { "twice in two blocks, spelled differently",
          "listen [::1]:80 { host a { respond 200 } }\n"
          "listen [0:0::1]:80 { host a { respond 200 } }",
          "2:8: \"[0:0::1]:80\" is listened on twice" },
        { "nothing in it", "listen 1.2.3.4:80 { }",
          "1:1: this listener serves nothing: it has no host" },
        { "a host behind a redirect",
          "listen 1.2.3.4:80 { redirect https; host a { respond 200 } }",
          "1:37: this host can never be reached" },
        { "a redirect of all TLS", "listen 1.2.3.4:443 { tls; redirect https }",
          "1:27: a TLS listener cannot redirect every request to https" },
        { "a redirect to a URL", "listen 1.2.3.4:80 { redirect https://a.test }",
          "1:30: straight in `listen` only \"redirect https\" may stand" },
        { "a host twice", LISTEN("host a { respond 200 }\nhost b A. { respond 200 }"),
          "3:8: host \"a\" stands twice in this listener" },
        { "an unknown default", LISTEN("unknown_host default=b; host a { respond 200 }"),
          "2:20: this listener has no host \"b\"" },
        { "a word about unknown hosts", LISTEN("unknown_host drop; host a { respond 200 }"),
          "2:33: \"drop\" says nothing about unknown hosts" },
        { "a cap over all, in one listener", LISTEN("limit per_ip=9; host a { respond 200 }"),
          "2:26: \"limit per_ip\" cannot be set in a block" },
        { "a block with bits behind its prefix",
          LISTEN("trusted_proxies 10.0.0.1/8; host a { respond 200 }"),
          "2:36: \"10.0.0.1/8\" is no block of addresses" },
        { "h2", LISTEN("tls alpn=h2,http/1.1"),
          "2:29: the protocol \"h2\" is not supported by this version" },
        { "an unknown protocol", LISTEN("tls alpn=spdy"), "2:29: unknown protocol \"spdy\"" },
        { "an old version", LISTEN("tls min=1.1"),
          "2:28: \"1.1\" is not known, as \"min\" needs it" },
        { "the PROXY header", LISTEN("proxy_protocol from=10.0.0.0/8"),
          "2:20: \"proxy_protocol\" is not supported by this version" },
        { "a TLS host without certificate", LISTEN("tls; host a { respond 200 }"),
          "2:25: this host needs a certificate: its listener speaks TLS" },
    };
    CHECK(rows);
}

static void says_what_is_wrong_in_a_host(void **state)
{
    static const struct row rows[] = {
        { "no name", LISTEN("host { proxy app }"), "2:20: \"host\" needs more words" },
        { "a port", LISTEN("host a:80 { proxy app }"), "2:25: \"a:80\" cannot be a host's name" },
        { "a URL", LISTEN("host http://a { proxy app }"),
          "2:25: \"http://a\" cannot be a host's name" },
        { "a star alone", LISTEN("host * { proxy app }"), "2:25: \"*\" cannot be a host's name" },
        { "a star inside", LISTEN("host a.*.b { proxy app }"),
          "2:25: \"a.*.b\" cannot be a host's name" },
        { "part of a label", LISTEN("host a*.b { proxy app }"),
          "2:25: \"a*.b\" cannot be a host's name" },
        { "an empty label", LISTEN("host a..b { proxy app }"),
          "2:25: \"a..b\" cannot be a host's name" },
        { "no route", HOST(""), "2:20: this host has no route: every request would get 404" },
        { "an unknown pool", HOST("proxy ap"), "2:39: there is no pool \"ap\"" },
        { "a URL as pool", HOST("proxy http://10.0.0.1"),
          "2:39: there is no pool \"http://10.0.0.1\"" },
        { "a certificate that is not there", HOST("certificate /c.pem; proxy app"),
          "2:45: cannot read /c.pem: it is not part of the bundle" },
        { "client certificates", HOST("client_certificate ca=a verify=required; proxy app"),
          "2:33: \"client_certificate\" is not supported by this version" },
        { "a deadline that is over before a host is known", HOST("timeout header=1s; proxy app"),
          "2:41: \"timeout header\" cannot be set for a host or a route" },
        { "a cap over all, in one host", HOST("limit connections=9; proxy app"),
          "2:39: \"limit connections\" cannot be set in a block" },
        { "a limit that is checked before a host is known", HOST("limit uri=1k; proxy app"),
          "2:39: \"limit uri\" cannot be set for a host or a route" },
        { "a rate that the connection keeps", HOST("limit min_rate=1k; proxy app"),
          "2:39: \"limit min_rate\" cannot be set for a host or a route" },
    };
    CHECK(rows);
}

static void says_what_is_wrong_in_a_route(void **state)
{
    static const struct row rows[] = {
        { "no path", HOST("route { proxy app }"), "2:33: \"route\" needs more words" },
        { "no path behind =", HOST("route = { proxy app }"), "2:33: \"route\" needs more words" },
        { "no slash", HOST("route x { proxy app }"), "2:39: \"x\" is no path of a route" },
        { "a query", HOST("route /x?y { proxy app }"), "2:39: \"/x?y\" is no path of a route" },
        { "dot segments", HOST("route /a/../b { proxy app }"),
          "2:39: \"/a/../b\" is no path of a route" },
        { "a raw space", HOST("route \"/a b\" { proxy app }"),
          "2:39: \"/a b\" is no path of a route" },
        { "a condition on the method", HOST("route / method=GET { proxy app }"),
          "2:41: a route's condition \"method=\" is not supported by this version" },
        { "a condition on a header", HOST("route / header:X-Beta=1 { proxy app }"),
          "2:41: a route's condition \"header:X-Beta=\" is not supported by this version" },
        { "nothing to do", ROUTE(""), "2:39: this route does nothing" },
        { "two things to do", ROUTE("proxy app; respond 200"),
          "2:55: a route does one thing, and this is the second" },
        { "the same thing twice", ROUTE("proxy app; proxy app"),
          "2:55: a route does one thing, and this is the second" },
        { "an interim status", ROUTE("respond 100"), "2:52: \"100\" is no status to answer with" },
        { "no status", ROUTE("respond hello"), "2:52: \"hello\" is no status to answer with" },
        { "a text where none can be", ROUTE("respond 204 x"),
          "2:56: an answer with status 204 has no body" },
        { "a redirect's status", ROUTE("redirect https code=200"),
          "2:64: \"200\" is no status of a redirect" },
        { "304 is no redirect", ROUTE("redirect https code=304"),
          "2:64: \"304\" is no status of a redirect" },
        { "another scheme", ROUTE("redirect ftp://a"),
          "2:53: \"ftp://a\" is no place to redirect to" },
        { "a line break in a URL", ROUTE("redirect \"https://a/\\nX: y\""),
          "2:53: \"https://a/\nX: y\" is no place to redirect to" },
        { "a bad authority", ROUTE("redirect https://a:b/"),
          "2:53: \"https://a:b/\" is no place to redirect to" },
        { "port= beside a URL", ROUTE("redirect https://a port=1"),
          "2:68: port= belongs to \"redirect https\"" },
        { "a prefix the route does not have", ROUTE("proxy app; strip_prefix /y"),
          "2:68: no path of this route begins with \"/y\"" },
        { "half a segment", ROUTE("proxy app; strip_prefix /x/y"),
          "2:68: no path of this route begins with \"/x/y\"" },
        { "nothing to strip", ROUTE("respond 200; strip_prefix /x"),
          "2:39: this route passes nothing on, so there is no request to change" },
        { "nothing to set", ROUTE("respond 200; set_header A b"),
          "2:39: this route passes nothing on, so there is no request to change" },
        { "no name of a field", ROUTE("proxy app; set_header \"A b\" c"),
          "2:66: \"A b\" is no name of a header field" },
        { "a smuggled field", ROUTE("proxy app; set_header A \"b\\nC: d\""),
          "2:68: a field's value has no control characters and at most 8192 bytes" },
        { "a field that frames", ROUTE("proxy app; set_header content-length 3"),
          "2:66: \"content-length\" is Signet's own to set" },
        { "a field that ends here", ROUTE("proxy app; unset_header Connection"),
          "2:68: \"Connection\" is Signet's own to set" },
    };
    CHECK(rows);
}

static void says_all_at_once(void **state)
{
    struct fixture f;
    fixture_open(&f);
    fixture_build(&f, "workers 0\nsandbox yes\npool a { helth; balance rong }\n"
                      "listen 1:0 { host * { proxy b; certificate x; nothing } }");
    assert_int_equal(diags_errors(f.diags), 10);
    fixture_close(&f);
}

static void warns(void **state)
{
    static const struct row rows[] = {
        { "a pool that nobody uses",
          POOL "pool other { server 1.1.1.1:1 }\n"
               "listen 1.2.3.4:80 { host a { proxy app } }",
          "2:6: no route passes anything to pool \"other\"" },
        { "equal routes", HOST("route / { proxy app }\nproxy app"),
          "3:1: route \"/\" can never be reached" },
        { "equal exact routes", HOST("route = /a { proxy app }\nroute = /a { proxy app }"),
          "3:9: route \"= /a\" can never be reached" },
        { "a route covered by two others",
          HOST("route /a { proxy app }\nroute = /a { proxy app }\nroute /a/ { proxy app }"),
          "2:39: route \"/a\" can never be reached" },
        { "exact and prefix are apart", HOST("route /a { proxy app }\nroute = /a { proxy app }"),
          "" },
        { "a name without address",
          "pool app { server app.internal:80 }\n"
          "listen 1.2.3.4:80 { host a { proxy app } }",
          "1:19: server \"app.internal:80\" has no address: not looked up" },
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct fixture f;
        fixture_open(&f);
        fixture_build(&f, rows[i].text);
        assert_string_equal(fixture_first(&f, DIAG_ERROR), "");
        assert_string_equal(fixture_first(&f, DIAG_WARNING), rows[i].want);
        assert_non_null(f.config);
        fixture_close(&f);
    }
}

static void knows_users_by_the_facts(void **state)
{
    struct fixture f;
    fixture_open(&f);
    sources_put(f.sources, "user", "web", SLICE("exists"));
    sources_put(f.sources, "group", "staff", SLICE(""));
    fixture_build(&f, "user web staff\nlisten 1.2.3.4:80 { host a { respond 200 } }");
    assert_string_equal(fixture_first(&f, DIAG_ERROR), "1:10: this system has no group \"staff\"");
    fixture_close(&f);
}

static void leaves_the_registry_alone_when_it_fails(void **state)
{
    struct fixture f;
    fixture_open(&f);
    fixture_build(&f, POOL "listen 1.2.3.4:80 { host a { proxy app } }");
    const struct server_conf *conf = &cluster_conf(f.config->clusters[0])->servers[0];
    struct server *s = servers_get(f.servers, SLICE("app"), conf->id);
    server_update(s, conf);

    struct diags *d = diags_new();
    sources_put(f.sources, "file", "/etc/bad.conf",
                SLICE("pool app { server 10.0.0.9:1 id=10.0.0.1:9000 }\n"
                      "listen 1.2.3.4:80 { host a { proxy app; nonsense } }"));
    assert_null(config_build(f.sources, "/etc/bad.conf", f.servers, NULL, d));
    assert_true(addr_eq(&s->addrs[0], &conf->addrs[0]));
    diags_free(d);
    server_unref(s);
    fixture_close(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(says_what_is_wrong_at_the_top),
        cmocka_unit_test(says_what_is_wrong_in_a_pool),
        cmocka_unit_test(says_what_is_wrong_in_a_listener),
        cmocka_unit_test(says_what_is_wrong_in_a_host),
        cmocka_unit_test(says_what_is_wrong_in_a_route),
        cmocka_unit_test(says_all_at_once),
        cmocka_unit_test(warns),
        cmocka_unit_test(knows_users_by_the_facts),
        cmocka_unit_test(leaves_the_registry_alone_when_it_fails),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
