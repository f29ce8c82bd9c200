/* SPDX-License-Identifier: Apache-2.0 */
#include "conf/directive.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>

struct target {
    uint64_t count, size, ms, probe_ms, fall;
    bool on;
    struct slice text;
    int level;
    struct span ms_at, fall_at;
    char names[64]; /* what on_item() saw */
};

static int on_item(struct dir_run *run, const struct conf_node *node, void *target)
{
    struct target *t = target;

    if (node->word_count > 0 && strlen(t->names) + node->words[0].text.len + 1 < sizeof(t->names))
        strncat(t->names, node->words[0].text.ptr, node->words[0].text.len);
    assert_non_null(run->user);
    return 0;
}

static const char *const levels[] = { "error", "warn", "info", NULL };

static const struct directive probe_keys[] = {
    { "every", DIR_DURATION, FIELD(target, probe_ms), .min = 100, .max = 3600000,
      .fallback = "2s" },
    { "fall", DIR_UINT, FIELD(target, fall), .span_offset = FIELD(target, fall_at), .min = 1,
      .max = 100, .fallback = "3" },
    { "rise", DIR_UNSUPPORTED },
    { NULL },
};
static const struct directive inner[] = {
    { "deep", DIR_BOOL, FIELD(target, on) },
    { NULL },
};
static const struct directive table[] = {
    { "count", DIR_UINT, FIELD(target, count), .max = 10, .fallback = "7" },
    { "size", DIR_SIZE, FIELD(target, size), .min = 1024, .fallback = "64k" },
    { "drain", DIR_DURATION, FIELD(target, ms), .span_offset = FIELD(target, ms_at),
      .max = 86400000, .fallback = "30s", .usage = "drain DURATION" },
    { "switch", DIR_BOOL, FIELD(target, on), .fallback = "on" },
    { "text", DIR_TEXT, FIELD(target, text) },
    { "level", DIR_ENUM, FIELD(target, level), .words = levels, .fallback = "info" },
    { "probe", DIR_KEYS, .keys = probe_keys, .repeat = true },
    { "group", DIR_BLOCK, .block = inner },
    { "item", DIR_CALL, .call = on_item, .repeat = true },
    { "later", DIR_UNSUPPORTED },
    { NULL },
};

/* Applies the text; returns what was said, which lives until the next call. */
static const char *apply(const char *text, struct target *t, int *ret_result)
{
    static char said[4096];
    struct sources *s = sources_new_memory();
    struct diags *d = diags_new();
    struct arena a;
    struct buf out;
    struct dir_run run = { .arena = &a, .diags = d, .sources = s, .user = t };

    arena_init(&a, NULL);
    buf_init(&out);
    sources_put(s, "file", "f", slice_str(text));
    *ret_result = directive_apply(&run, table, conf_parse(s, "f", &a, d), t);
    diags_print(d, false, NULL, &out);
    assert_true(buf_len(&out) < sizeof(said));
    memcpy(said, buf_len(&out) > 0 ? buf_view(&out).ptr : "", buf_len(&out));
    said[buf_len(&out)] = '\0';
    assert_int_equal(*ret_result, diags_errors(d) > 0 ? -EINVAL : 0);
    buf_done(&out);
    arena_done(&a);
    diags_free(d);
    sources_free(s);
    return said;
}

static void values_are_stored(void **state)
{
    struct target t = { 0 };
    int r;

    assert_string_equal(apply("count 3\nsize 2m\ndrain 5m\nlevel warn\nitem a; item b\n"
                              "probe every=1h fall=9\ngroup { deep on }\n",
                              &t, &r),
                        "");
    assert_int_equal(r, 0);
    assert_int_equal(t.count, 3);
    assert_int_equal(t.size, 2 << 20);
    assert_int_equal(t.ms, 300000);
    assert_int_equal(t.level, 1);
    assert_int_equal(t.probe_ms, 3600000);
    assert_int_equal(t.fall, 9);
    assert_true(t.on);
    assert_string_equal(t.names, "ab");
    assert_int_equal(t.ms_at.line, 3);
    assert_int_equal(t.ms_at.column, 7);
    assert_int_equal(t.fall_at.line, 6);
    assert_int_equal(t.fall_at.column, 21); /* of the value, behind fall= */
    assert_int_equal(t.fall_at.end_column, 22);
}

static void defaults(void **state)
{
    struct target t = { 0 };

    directive_defaults(table, &t);
    assert_int_equal(t.count, 7);
    assert_int_equal(t.size, 65536);
    assert_int_equal(t.ms, 30000);
    assert_true(t.on);
    assert_int_equal(t.level, 2);
    assert_int_equal(t.probe_ms, 2000);
    assert_int_equal(t.fall, 3);
}

static void mistakes(void **state)
{
    static const struct {
        const char *why, *text, *want;
    } rows[] = {
        { "unknown, with a suggestion", "cuont 3",
          "error: unknown directive \"cuont\"\n"
          "  --> f:1:1\n"
          "1 | cuont 3\n"
          "  | ^^^^^ did you mean \"count\"?\n"
          "  = allowed here: count, drain, group, item, level, probe, size, switch, text\n"
          "1 error\n" },
        { "inside a block, a word of nginx", "group { proxy_pass x }",
          "error: unknown directive \"proxy_pass\" in \"group\"\n"
          "  --> f:1:9\n"
          "1 | group { proxy_pass x }\n"
          "  |         ^^^^^^^^^^ here: proxy POOL\n"
          "  = allowed here: deep\n"
          "1 error\n" },
        { "known, but elsewhere", "deep on",
          "error: unknown directive \"deep\"\n"
          "  --> f:1:1\n"
          "1 | deep on\n"
          "  | ^^^^ this belongs inside \"group\"\n"
          "  = allowed here: count, drain, group, item, level, probe, size, switch, text\n"
          "1 error\n" },
        { "not built yet", "later x { y }",
          "error: \"later\" is not supported by this version\n"
          "  --> f:1:1\n"
          "1 | later x { y }\n"
          "  | ^^^^^\n"
          "1 error\n" },
        { "both places of a duplicate", "count 3\ncount 4",
          "error: \"count\" is set twice\n"
          "  --> f:2:1\n"
          "2 | count 4\n"
          "  | ^^^^^^^\n"
          "  = the first one is here\n"
          "  --> f:1:1\n"
          "1 | count 3\n"
          "  | ^^^^^^^\n"
          "1 error\n" },
        { "a key twice in one line", "probe every=1s every=2s",
          "error: \"every\" is set twice\n"
          "  --> f:1:16\n"
          "1 | probe every=1s every=2s\n"
          "  |                ^^^^^^^^\n"
          "  = the first one is here\n"
          "  --> f:1:7\n"
          "1 | probe every=1s every=2s\n"
          "  |       ^^^^^^^^\n"
          "1 error\n" },
        { "a key twice in two lines, found by its place in the target",
          "probe fall=1\nprobe fall=2",
          "error: \"fall\" is set twice\n"
          "  --> f:2:7\n"
          "2 | probe fall=2\n"
          "  |       ^^^^^^\n"
          "  = the first one is here\n"
          "  --> f:1:12\n"
          "1 | probe fall=1\n"
          "  |            ^\n"
          "1 error\n" },
        { "no value", "drain",
          "error: \"drain\" needs a value\n"
          "  --> f:1:1\n"
          "1 | drain\n"
          "  | ^^^^^\n"
          "  = write: drain DURATION\n"
          "1 error\n" },
        { "two values", "drain 1s 2s",
          "error: \"drain\" takes one value\n"
          "  --> f:1:10\n"
          "1 | drain 1s 2s\n"
          "  |          ^^\n"
          "  = write: drain DURATION\n"
          "1 error\n" },
        { "a block where none belongs", "switch on {\n}",
          "error: \"switch\" takes no block\n"
          "  --> f:1:1\n"
          "1 | switch on {\n"
          "  | ^^^^^^\n"
          "1 error\n" },
        { "no block where one belongs", "group",
          "error: \"group\" needs a block { ... }\n"
          "  --> f:1:1\n"
          "1 | group\n"
          "  | ^^^^^\n"
          "1 error\n" },
        { "no unit", "drain 5",
          "error: \"5\" is not a duration, as \"drain\" needs it\n"
          "  --> f:1:7\n"
          "1 | drain 5\n"
          "  |       ^ a duration needs a unit: did you mean \"5s\"?\n"
          "  = a duration is a number with ms, s, m, h or d: 500ms, 2s, 5m\n"
          "1 error\n" },
        { "out of range, in words one would write", "probe every=50ms",
          "error: \"50ms\" is out of range for \"every\"\n"
          "  --> f:1:13\n"
          "1 | probe every=50ms\n"
          "  |             ^^^^ allowed: 100ms to 1h\n"
          "1 error\n" },
        { "no upper bound but that of the type", "size 99999999999999999999g",
          "error: \"99999999999999999999g\" is out of range for \"size\"\n"
          "  --> f:1:6\n"
          "1 | size 99999999999999999999g\n"
          "  |      ^^^^^^^^^^^^^^^^^^^^^ allowed: 1k or more, within 64 bits\n"
          "1 error\n" },
        { "too small a size", "size 1",
          "error: \"1\" is out of range for \"size\"\n"
          "  --> f:1:6\n"
          "1 | size 1\n"
          "  |      ^ allowed: 1k or more, within 64 bits\n"
          "1 error\n" },
        { "no number", "count x",
          "error: \"x\" is not a number, as \"count\" needs it\n"
          "  --> f:1:7\n"
          "1 | count x\n"
          "  |       ^\n"
          "  = a number is decimal digits alone\n"
          "1 error\n" },
        { "no switch", "switch yes",
          "error: \"yes\" is neither on nor off, as \"switch\" needs it\n"
          "  --> f:1:8\n"
          "1 | switch yes\n"
          "  |        ^^^\n"
          "1 error\n" },
        { "no such word", "level wran",
          "error: \"wran\" is not known, as \"level\" needs it\n"
          "  --> f:1:7\n"
          "1 | level wran\n"
          "  |       ^^^^ did you mean \"warn\"?\n"
          "  = allowed: error, warn, info\n"
          "1 error\n" },
        { "unknown key", "probe evry=2s",
          "error: unknown key \"evry\" for \"probe\"\n"
          "  --> f:1:7\n"
          "1 | probe evry=2s\n"
          "  |       ^^^^ did you mean \"every\"?\n"
          "  = allowed here: every, fall\n"
          "1 error\n" },
        { "a key without its value", "probe every 2s",
          "error: \"every\" is not KEY=VALUE, which \"probe\" takes here\n"
          "  --> f:1:7\n"
          "1 | probe every 2s\n"
          "  |       ^^^^^ write every=VALUE\n"
          "  = allowed here: every, fall\n"
          "error: \"2s\" is not KEY=VALUE, which \"probe\" takes here\n"
          "  --> f:1:13\n"
          "1 | probe every 2s\n"
          "  |             ^^\n"
          "  = allowed here: every, fall\n"
          "2 errors\n" },
        { "a key not built yet", "probe rise=2",
          "error: \"rise\" is not supported by this version\n"
          "  --> f:1:7\n"
          "1 | probe rise=2\n"
          "  |       ^^^^\n"
          "1 error\n" },
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct target t = { 0 };
        int r;
        print_message("%s\n", rows[i].why);
        assert_string_equal(apply(rows[i].text, &t, &r), rows[i].want);
        assert_int_equal(r, -EINVAL);
    }
}

static void a_failed_value_changes_nothing(void **state)
{
    struct target t = { .count = 5, .level = 2 };
    int r;

    apply("count 11\nlevel none\nsize 2k\n", &t, &r);
    assert_int_equal(r, -EINVAL);
    assert_int_equal(t.count, 5);
    assert_int_equal(t.level, 2);
    assert_int_equal(t.size, 2048); /* the others are applied */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values_are_stored),
        cmocka_unit_test(defaults),
        cmocka_unit_test(mistakes),
        cmocka_unit_test(a_failed_value_changes_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
