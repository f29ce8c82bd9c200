/* SPDX-License-Identifier: Apache-2.0 */
#include "server/config_changes.h"

#include "../conn/test_certs.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <time.h>

#include <cmocka.h>

#define FILE_NAME "/etc/signet/signet.conf"
#define TEN       "0123456789"

static struct sources *sources_with(const char *text)
{
    struct sources *s = sources_new_memory();
    sources_put(s, "file", FILE_NAME, slice_str(text));
    return s;
}

/* The lines in which the two differ, NUL-terminated; the caller gives back the buffer. Takes both.
 */
static const char *compare(struct sources *old, struct sources *now, struct buf *ret_lines)
{
    buf_init(ret_lines);
    config_changes(&(struct config_version){ old, FILE_NAME },
                   &(struct config_version){ now, FILE_NAME }, ret_lines);
    buf_append(ret_lines, slice_of("", 1));
    sources_free(old);
    sources_free(now);
    return buf_view(ret_lines).ptr;
}

static const struct {
    const char *why, *old, *now, *want;
} rows[] = {
    { "nothing", "drain 1s", "drain 1s", "" },
    { "comments, blanks, quotes and line ends are no change", "drain 1s # one\npool a { server b }",
      "  drain \"1s\";\n\npool a {\n server b\n}\n", "" },
    { "the order of blocks, servers and settings is no change",
      "drain 1s\npool a { server x; server y weight=2 backup }\nlisten 1:1 2:2 { host a b {} }",
      "listen 2:2 1:1 { host b a {} }\npool a { server y backup weight=2; server x }\ndrain 1s",
      "" },
    { "settings of one name may stand in one line or in two", "timeout header=1s body=2s",
      "timeout body=2s\ntimeout header=1s", "" },
    { "a value", "pool app { keepalive 64 }", "pool app { keepalive 128 }",
      "pool app: keepalive 64 -> 128\n" },
    { "a key's value, with the plain word as it was", "pool app { keepalive 64 idle=60s }",
      "pool app { keepalive 64 idle=30s }", "pool app: keepalive idle 60s -> 30s\n" },
    { "keys that come and go", "timeout header=1s", "timeout body=2s",
      "timeout header=1s removed\ntimeout body=2s added\n" },
    { "a setting that comes", "", "drain 5s", "drain added\n" },
    { "a setting that goes", "drain 5s", "", "drain removed\n" },
    { "servers", "pool app { server a; server b }", "pool app { server a; server c }",
      "pool app: server b removed\npool app: server c added\n" },
    { "a server's key and its bare word", "pool app { server a weight=1 }",
      "pool app { server a weight=3 backup }",
      "pool app, server a: backup added\npool app, server a: weight 1 -> 3\n" },
    { "a server is known by its id, wherever it moves", "pool app { server a:1 id=s }",
      "pool app { server b:1 id=s }", "pool app, server s: a:1 -> b:1\n" },
    { "an id that says what the address said", "pool app { server a:1 }",
      "pool app { server a:1 id=a:1 }", "" },
    { "pools", "pool a {}", "pool b {}", "pool a removed\npool b added\n" },
    { "a listener is known by any of its addresses", "listen 1:1 2:2 { tls }",
      "listen 2:2 3:3 { tls min=1.3 }", "listen 2:2: 1:1 -> 3:3\nlisten 2:2: tls min=1.3 added\n" },
    { "a listener is split", "listen 1:1 2:2 {}", "listen 1:1 {}\nlisten 2:2 {}",
      "listen 1:1: 2:2 removed\nlisten 2:2 added\n" },
    { "a host gets a second name", "listen 1:1 { host a {} }", "listen 1:1 { host b a {} }",
      "listen 1:1, host b: b added\n" },
    { "deep inside", "listen 1:1 { host a { route /x { proxy p } } }",
      "listen 1:1 { host a { route /x { proxy q } } }",
      "listen 1:1, host a, route /x: proxy p -> q\n" },
    { "routes are known by all their words", "listen 1:1 { host a { route = /x { proxy p } } }",
      "listen 1:1 { host a { route /x { proxy p } } }",
      "listen 1:1, host a: route = /x removed\nlisten 1:1, host a: route /x added\n" },
    { "of equal routes the first one counts",
      "listen 1:1 { host a { route /x { proxy p }; route /x { proxy q } } }",
      "listen 1:1 { host a { route /x { proxy q }; route /x { proxy p } } }",
      "listen 1:1, host a, route /x: proxy p -> q\nlisten 1:1, host a, route /x: proxy q -> p\n" },
    { "conditions of one path are tried in order",
      "listen 1:1 { host a { route /x m=1 {}; route /y {}; route /x m=2 {} } }",
      "listen 1:1 { host a { route /x m=2 {}; route /y {}; route /x m=1 {} } }",
      "listen 1:1, host a: route /x m=1 stands behind route /x m=2 now\n" },
    { "other routes are not", "listen 1:1 { host a { route = /x {}; route = /y {} } }",
      "listen 1:1 { host a { route = /y {}; route = /x {} } }", "" },
    { "one edit undoes another", "listen 1:1 { host a { set_header X 1; unset_header X } }",
      "listen 1:1 { host a { unset_header X; set_header X 1 } }",
      "listen 1:1, host a: set_header X stands behind unset_header X now\n" },
    { "what a header is set to may be a secret",
      "listen 1:1 { host a { set_header Authorization \"Bearer 1\" } }",
      "listen 1:1 { host a { set_header Authorization \"Bearer 2\" } }",
      "listen 1:1, host a: set_header Authorization has changed\n" },
    { "one word of a set", "listen 1:1 { trusted_proxies 1 2 3 }",
      "listen 1:1 { trusted_proxies 3 4 1 }", "listen 1:1: trusted_proxies 2 -> 4\n" },
    { "a word becomes a key", "listen 1:1 { unknown_host reject }",
      "listen 1:1 { unknown_host default=a }",
      "listen 1:1: unknown_host reject removed\nlisten 1:1: unknown_host default=a added\n" },
    { "long values are cut, strange bytes are escaped", "pool a {}",
      "pool \"" TEN TEN TEN TEN TEN TEN TEN TEN TEN TEN TEN TEN TEN "\\n\" {}\npool a {}\n"
      "pool \"b\\nc\" {}",
      "pool " TEN TEN TEN TEN TEN TEN TEN TEN TEN TEN TEN TEN "01234567... added\n"
      "pool b\\x0ac added\n" },
    { "a log's path is what it means", "access_log a.log", "access_log /etc/signet/a.log", "" },
    { "a log moves", "access_log stdout", "access_log a.log format=json",
      "access_log stdout -> /etc/signet/a.log\naccess_log format=json added\n" },
};

static void differences(void **state)
{
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct buf lines;
        const char *got = compare(sources_with(rows[i].old), sources_with(rows[i].now), &lines);
        if (strcmp(got, rows[i].want) != 0)
            fail_msg("%s: got\n%swant\n%s", rows[i].why, got, rows[i].want);
        buf_done(&lines);
    }
}

static void an_include_is_what_it_holds(void **state)
{
    struct sources *old = sources_with("include a.conf"), *now = sources_with("drain 1s");
    sources_put(old, "file", "/etc/signet/a.conf", SLICE("# first\ndrain 1s\n"));
    struct buf lines;
    assert_string_equal(compare(old, now, &lines), "");
    buf_done(&lines);
}

static void put_files(struct sources *s, const char *certificate, const char *key)
{
    sources_put(s, "file", "/etc/signet/a.crt", slice_str(certificate));
    sources_put(s, "file", "/etc/signet/a.key", slice_str(key));
}

static void forget_key(struct sources *s)
{
    struct slice contents;
    struct err e;
    assert_int_equal(sources_secret(s, "/etc/signet/a.crt", &contents, &e), 0);
    assert_int_equal(sources_secret(s, "/etc/signet/a.key", &contents, &e), 0);
    sources_forget_secrets(s);
}

/* The running configuration keeps no key, and still its change is seen. */
static void files_are_compared_by_what_they_hold(void **state)
{
    static const char text[] = "listen 1:1 { host a { certificate a.crt key=a.key } }";
    char want[256], day[16];
    time_t until = time(NULL) + 86400;
    struct tm tm;
    gmtime_r(&until, &tm);
    strftime(day, sizeof(day), "%Y-%m-%d", &tm);
    struct test_cert cert;
    test_cert_make_dated(&cert, TEST_P256, "a", "DNS:a", -86400, 86400);

    struct sources *old = sources_with(text), *now = sources_with(text);
    put_files(old, "certificate", "key");
    put_files(now, cert.chain, "key");
    forget_key(old);
    snprintf(want, sizeof(want),
             "listen 1:1, host a: certificate a.crt has changed (valid until %s)\n", day);
    struct buf lines;
    assert_string_equal(compare(old, now, &lines), want);
    buf_done(&lines);
    test_cert_done(&cert);

    old = sources_with(text), now = sources_with(text);
    put_files(old, "certificate", "key");
    put_files(now, "certificate", "another");
    forget_key(old);
    assert_string_equal(compare(old, now, &lines),
                        "listen 1:1, host a, certificate a.crt: key a.key has changed\n");
    buf_done(&lines);
}

static const struct {
    const char *why, *old, *now, *want;
} names[] = {
    { "the same", "10.0.0.1\n10.0.0.2\n", "10.0.0.2\n10.0.0.1\n", "" },
    { "one moves", "10.0.0.1\n", "10.0.0.2\n",
      "pool a, server app:80: address 10.0.0.1 -> 10.0.0.2\n" },
    { "one more", "10.0.0.1\n", "10.0.0.1\n10.0.0.2\n",
      "pool a, server app:80: address 10.0.0.2 added\n" },
    { "none any more", "10.0.0.1\n", "!no such name",
      "pool a, server app:80: address 10.0.0.1 removed\n"
      "pool a, server app:80: has no address: no such name\n" },
    { "none before, for another reason", "!no such name", "!no answer in time", "" },
    { "one at last", "!no such name", "10.0.0.1\n",
      "pool a, server app:80: address 10.0.0.1 added\n" },
};

static void addresses_of_names(void **state)
{
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        struct sources *old = sources_with("pool a { server app:80 }");
        struct sources *now = sources_with("pool a { server app:80 }");
        sources_put(old, "name", "app", slice_str(names[i].old));
        sources_put(now, "name", "app", slice_str(names[i].now));
        struct buf lines;
        const char *got = compare(old, now, &lines);
        if (strcmp(got, names[i].want) != 0)
            fail_msg("%s: got\n%s", names[i].why, got);
        buf_done(&lines);
    }
}

static void processors_count_where_nobody_counts_workers(void **state)
{
    static const struct {
        const char *text, *want;
    } cases[] = {
        { "", "processors 2 -> 4\n" },
        { "workers auto", "processors 2 -> 4\n" },
        { "workers 3", "" },
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct sources *old = sources_with(cases[i].text), *now = sources_with(cases[i].text);
        sources_put(old, "system", "processors", SLICE("2"));
        sources_put(now, "system", "processors", SLICE("4"));
        struct buf lines;
        assert_string_equal(compare(old, now, &lines), cases[i].want);
        buf_done(&lines);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(differences),
        cmocka_unit_test(an_include_is_what_it_holds),
        cmocka_unit_test(files_are_compared_by_what_they_hold),
        cmocka_unit_test(addresses_of_names),
        cmocka_unit_test(processors_count_where_nobody_counts_workers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
