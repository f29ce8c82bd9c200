/* SPDX-License-Identifier: Apache-2.0 */
#include "event/addr.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#define PATH_107                                                                                   \
    "/aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa" \
    "a"                                                                                            \
    "aaaaaaaaaaaaaa"

static void parses_and_prints(void **state)
{
    static const struct {
        const char *why, *in, *want; /* want NULL: refused */
    } rows[] = {
        { "IPv4", "10.0.0.1:80", "10.0.0.1:80" },
        { "IPv6", "[::1]:8443", "[::1]:8443" },
        { "canonical: lower case, longest run of zeros cut", "[2001:DB8:0:0:1:0:0:0]:1",
          "[2001:db8:0:0:1::]:1" },
        { "a single zero group is not cut", "[2001:db8:0:1:1:1:1:1]:1",
          "[2001:db8:0:1:1:1:1:1]:1" },
        { "v4-mapped keeps its dots", "[::ffff:10.1.2.3]:5", "[::ffff:10.1.2.3]:5" },
        { "unix", "unix:/run/a.sock", "unix:/run/a.sock" },
        { "longest unix path", "unix:" PATH_107, "unix:" PATH_107 },
        { "unix path too long", "unix:" PATH_107 "a", NULL },
        { "unix without path", "unix:", NULL },
        { "unix relative", "unix:a.sock", NULL },
        { "a name", "localhost:80", NULL },
        { "no port", "10.0.0.1", NULL },
        { "empty port", "10.0.0.1:", NULL },
        { "port zero", "10.0.0.1:0", NULL },
        { "port too large", "10.0.0.1:65536", NULL },
        { "port with sign", "10.0.0.1:+80", NULL },
        { "IPv6 without brackets", "::1:80", NULL },
        { "IPv4 in brackets", "[10.0.0.1]:80", NULL },
        { "three numbers", "10.0.1:80", NULL },
        { "octal looks like something else", "010.0.0.1:80", NULL },
        { "bracket left open", "[::1:80", NULL },
        { "scope", "[fe80::1%lo]:80", NULL },
        { "nothing", "", NULL },
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct addr a;
        char text[ADDR_TEXT_MAX];
        int r = addr_parse(slice_str(rows[i].in), &a);
        if (r != (rows[i].want ? 0 : -EINVAL))
            fail_msg("%s: %s gives %d", rows[i].why, rows[i].in, r);
        if (r == 0 && strcmp(addr_text(&a, text), rows[i].want) != 0)
            fail_msg("%s: %s", rows[i].why, text);
    }
}

static void prints_the_ip_alone(void **state)
{
    static const struct {
        const char *why, *in, *want;
    } rows[] = {
        { "IPv4", "10.0.0.1:80", "10.0.0.1" },
        { "IPv6 without brackets", "[::1]:80", "::1" },
        { "v4-mapped as IPv4", "[::ffff:10.1.2.3]:80", "10.1.2.3" },
        { "unix has none", "unix:/a", "unix" },
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct addr a;
        char text[ADDR_TEXT_MAX];
        assert_int_equal(addr_parse(slice_str(rows[i].in), &a), 0);
        if (strcmp(addr_ip_text(&a, text), rows[i].want) != 0)
            fail_msg("%s: %s", rows[i].why, text);
    }
    struct addr none = { 0 };
    char text[ADDR_TEXT_MAX];
    assert_string_equal(addr_ip_text(&none, text), "-");
    assert_string_equal(addr_text(&none, text), "-");
}

static void splits_without_looking_up(void **state)
{
    static const struct {
        const char *why, *in, *host; /* host NULL: refused */
        uint16_t port;
    } rows[] = {
        { "a name", "app.internal:9000", "app.internal", 9000 },
        { "brackets go", "[::1]:80", "::1", 80 },
        { "no port", "app.internal", NULL, 0 },
        { "no host", ":80", NULL, 0 },
        { "empty brackets", "[]:80", NULL, 0 },
        { "colons without brackets", "a:b:80", NULL, 0 },
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct slice host;
        uint16_t port;
        int r = addr_split(slice_str(rows[i].in), &host, &port);
        if (r != (rows[i].host ? 0 : -EINVAL))
            fail_msg("%s: %d", rows[i].why, r);
        if (r == 0 && (!slice_eq(host, slice_str(rows[i].host)) || port != rows[i].port))
            fail_msg("%s: %.*s %u", rows[i].why, SLICE_ARG(host), port);
    }
}

static void compares(void **state)
{
    static const struct {
        const char *why, *a, *b;
        bool same;
    } rows[] = {
        { "itself", "10.0.0.1:80", "10.0.0.1:80", true },
        { "another port", "10.0.0.1:80", "10.0.0.1:81", false },
        { "another address", "10.0.0.1:80", "10.0.0.2:80", false },
        { "another spelling", "[0::1]:80", "[::1]:80", true },
        { "another family", "[::ffff:10.0.0.1]:80", "10.0.0.1:80", false },
        { "unix", "unix:/a", "unix:/a", true },
        { "unix prefix", "unix:/a", "unix:/ab", false },
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct addr a, b;
        assert_int_equal(addr_parse(slice_str(rows[i].a), &a), 0);
        assert_int_equal(addr_parse(slice_str(rows[i].b), &b), 0);
        if (addr_eq(&a, &b) != rows[i].same || addr_eq(&b, &a) != rows[i].same)
            fail_msg("%s", rows[i].why);
    }
}

static void blocks_hold_addresses(void **state)
{
    enum { BAD, IN, OUT };
    static const struct {
        const char *why, *block, *addr;
        int want;
    } rows[] = {
        { "inside", "10.0.0.0/8", "10.255.0.1:1", IN },
        { "outside", "10.0.0.0/8", "11.0.0.1:1", OUT },
        { "prefix inside a byte", "10.1.16.0/20", "10.1.31.255:1", IN },
        { "just past it", "10.1.16.0/20", "10.1.32.0:1", OUT },
        { "everything", "0.0.0.0/0", "192.0.2.1:1", IN },
        { "one address", "192.0.2.1", "192.0.2.1:1", IN },
        { "its neighbour", "192.0.2.1", "192.0.2.2:1", OUT },
        { "IPv6", "2001:db8::/32", "[2001:db8:1::1]:1", IN },
        { "IPv6 outside", "2001:db8::/32", "[2001:db9::1]:1", OUT },
        { "IPv6 in an IPv4 block", "0.0.0.0/0", "[::1]:1", OUT },
        { "v4-mapped peer", "10.0.0.0/8", "[::ffff:10.1.1.1]:1", IN },
        { "v4-mapped block", "::ffff:10.0.0.0/104", "10.1.1.1:1", IN },
        { "unix", "unix:", "unix:/run/a", IN },
        { "unix in IPv4", "0.0.0.0/0", "unix:/run/a", OUT },
        { "bits past the prefix", "10.0.0.1/8", NULL, BAD },
        { "prefix too long", "10.0.0.0/33", NULL, BAD },
        { "IPv6 prefix too long", "::/129", NULL, BAD },
        { "empty prefix", "10.0.0.0/", NULL, BAD },
        { "a name", "localhost", NULL, BAD },
        { "with port", "10.0.0.1:80", NULL, BAD },
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct addr_block b;
        struct addr a;
        int r = addr_block_parse(slice_str(rows[i].block), &b);
        if (r != (rows[i].want == BAD ? -EINVAL : 0))
            fail_msg("%s: %d", rows[i].why, r);
        if (r < 0)
            continue;
        assert_int_equal(addr_parse(slice_str(rows[i].addr), &a), 0);
        if (addr_block_has(&b, &a) != (rows[i].want == IN))
            fail_msg("%s", rows[i].why);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(parses_and_prints),         cmocka_unit_test(prints_the_ip_alone),
        cmocka_unit_test(splits_without_looking_up), cmocka_unit_test(compares),
        cmocka_unit_test(blocks_hold_addresses),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
