/* SPDX-License-Identifier: Apache-2.0 */
/* The directive `control`, and how commands find the socket in a file that is broken otherwise. */
#include "config_fixture.h"
#include "server/config_build.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#define SMALL "listen 1.2.3.4:80 { host a { proxy app } }\npool app { server unix:/run/app.sock }\n"
#define LONG_100                                                                                   \
    "01234567890123456789012345678901234567890123456789012345678901234567890123456789012345678901" \
    "23456789"

static void knows_where(void **state)
{
    static const struct {
        const char *why, *text, *path;
        unsigned mode;
        bool by_default;
    } rows[] = {
        { "the system's default", "", "/run/signet/control.sock", 0600, true },
        { "named", "control unix:/run/s.sock\n", "/run/s.sock", 0600, false },
        { "with a mode", "control unix:/run/s.sock mode=0660\n", "/run/s.sock", 0660, false },
        { "three digits do", "control unix:/run/s.sock mode=600\n", "/run/s.sock", 0600, false },
        { "none", "control off\n", "", 0, false },
        { "a file of that name", "control \"unix:off\"\n", "/etc/off", 0600, false },
        { "beside the configuration", "control unix:s.sock\n", "/etc/s.sock", 0600, false },
        { "as long as it may be", "control unix:/" LONG_100 "012345\n", "/" LONG_100 "012345", 0600,
          false },
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct fixture f;
        char text[1024];
        print_message("%s\n", rows[i].why);
        fixture_open(&f);
        sources_put(f.sources, "system", "control", SLICE("/run/signet/control.sock"));
        snprintf(text, sizeof(text), "%s%s", rows[i].text, SMALL);
        fixture_build(&f, text);
        assert_string_equal(fixture_first(&f, DIAG_ERROR), "");
        const struct control_conf *c = &f.config->control;
        assert_true(slice_eq(c->path, slice_str(rows[i].path)));
        assert_int_equal(c->mode, rows[i].mode);
        assert_int_equal(c->by_default, rows[i].by_default);
        assert_int_equal(c->span.line, rows[i].by_default ? 0 : 1);
        config_forget_sources(f.config);
        assert_null(c->span.file);
        fixture_close(&f);
    }
}

static void says_what_is_wrong(void **state)
{
    static const struct {
        const char *why, *text, *want;
    } rows[] = {
        { "no word", "control\n", "1:1: \"control\" needs more words" },
        { "a port", "control 127.0.0.1:9000\n",
          "1:9: \"127.0.0.1:9000\" is no address of a control socket" },
        { "no path", "control unix:\n", "1:9: \"unix:\" is no address of a control socket" },
        { "a control byte", "control \"unix:/a\\nb\"\n",
          "1:9: \"unix:/a\nb\" is no address of a control socket" },
        { "too long", "control unix:/" LONG_100 "0123456\n",
          "1:9: the path of a unix socket has at most 107 bytes, this one 108" },
        { "no mode", "control unix:/a mode=rw\n", "1:22: \"rw\" is no mode of a file" },
        { "a mode with more", "control unix:/a mode=4600\n",
          "1:22: \"4600\" is no mode of a file" },
        { "not octal", "control unix:/a mode=0680\n", "1:22: \"0680\" is no mode of a file" },
        { "off with a mode", "control off mode=0600\n",
          "1:13: \"mode=0600\" is one word too many for \"control\"" },
        { "an unknown key", "control unix:/a made=0600\n",
          "1:17: unknown key \"made\" for \"control\"" },
        { "twice", "control unix:/a\ncontrol off\n", "2:1: \"control\" is set twice" },
        { "clients may not reach it", "control unix:/run/app.sock\n",
          "3:19: this server is Signet's own control socket" },
    };
    size_t wrong = 0;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct fixture f;
        char text[1024];
        fixture_open(&f);
        snprintf(text, sizeof(text), "%s%s", rows[i].text, SMALL);
        fixture_build(&f, text);
        const char *said = fixture_first(&f, DIAG_ERROR);
        if (strcmp(said, rows[i].want) != 0) {
            print_message("%s:\n  said %s\n  want %s\n", rows[i].why, said, rows[i].want);
            wrong++;
        }
        fixture_close(&f);
    }
    assert_int_equal(wrong, 0);
}

static void is_found_in_a_broken_file(void **state)
{
    static const struct {
        const char *why, *text, *path;
    } rows[] = {
        { "the rest is broken", "lisen {\ncontrol unix:/a\n} }\nlimit body=x\ncontrol unix:/b\n",
          "/b" },
        { "it is broken itself: as if it were not there", "control unix:\n",
          "/run/signet/control.sock" },
        { "no file at all", NULL, "/run/signet/control.sock" },
        { "an included one", "include more.conf\n", "/more.sock" },
        { "none is wanted", "control off\n", "" },
    };
    if (geteuid() != 0)
        skip(); /* the default is another */
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct fixture f;
        struct arena a;
        struct control_conf found;
        print_message("%s\n", rows[i].why);
        fixture_open(&f);
        arena_init(&a, NULL);
        fixture_file(&f, "/etc/more.conf", "control unix:/more.sock\n");
        if (rows[i].text != NULL)
            fixture_file(&f, "/etc/t.conf", rows[i].text);
        config_find_control(f.sources, "/etc/t.conf", &a, &found);
        assert_true(slice_eq(found.path, slice_str(rows[i].path)));
        arena_done(&a);
        fixture_close(&f);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(knows_where),
        cmocka_unit_test(says_what_is_wrong),
        cmocka_unit_test(is_found_in_a_broken_file),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
