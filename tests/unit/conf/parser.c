/* SPDX-License-Identifier: Apache-2.0 */
#include "conf/parser.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

/* The tree as one line: name(word,word){children} and so on. */
static void put_tree(struct buf *out, const struct conf_node *node)
{
    for (; node != NULL; node = node->next) {
        buf_printf(out, "%.*s", SLICE_ARG(node->name.text));
        for (size_t i = 0; i < node->word_count; i++)
            buf_printf(out, "%c%.*s", i == 0 ? '(' : ',', SLICE_ARG(node->words[i].text));
        buf_add(out, node->word_count > 0 ? ")" : "");
        if (node->has_block) {
            buf_add(out, "{");
            put_tree(out, node->children);
            buf_add(out, "}");
        }
        buf_add(out, node->next != NULL ? " " : "");
    }
}

static void check_parents(const struct conf_node *node, const struct conf_node *parent)
{
    for (; node != NULL; node = node->next) {
        assert_ptr_equal(node->parent, parent);
        check_parents(node->children, node);
    }
}

struct row {
    const char *why, *text;
    const char *tree;  /* NULL: not looked at */
    const char *error; /* what is printed, NULL for nothing */
};

static struct conf_node *parse_in_pieces(struct sources *s, struct arena *a, struct diags *d,
                                         size_t bytes)
{
    struct conf_parser *p = conf_parser_new(s, "/etc/main.conf", a, d);
    while (conf_parser_step(p, bytes))
        ;
    return conf_parser_end(p);
}

static void check_in_pieces(struct sources *s, const struct row *row, size_t bytes)
{
    struct diags *d = diags_new();
    struct arena a;
    struct buf tree, said;

    arena_init(&a, NULL);
    buf_init(&tree);
    buf_init(&said);
    struct conf_node *nodes = parse_in_pieces(s, &a, d, bytes);
    check_parents(nodes, NULL);
    put_tree(&tree, nodes);
    buf_append(&tree, slice_of("", 1));
    if (row->tree != NULL)
        assert_string_equal(buf_view(&tree).ptr, row->tree);
    diags_print(d, false, NULL, &said);
    buf_append(&said, slice_of("", 1));
    assert_string_equal(buf_view(&said).ptr, row->error != NULL ? row->error : "");
    buf_done(&tree);
    buf_done(&said);
    arena_done(&a);
    diags_free(d);
}

static void check(struct sources *s, const struct row *row)
{
    print_message("%s\n", row->why);
    check_in_pieces(s, row, SIZE_MAX);
    check_in_pieces(s, row, 1);
}

static void check_rows(const struct row *row)
{
    for (; row->why != NULL; row++) {
        struct sources *s = sources_new_memory();
        sources_put(s, "file", "/etc/main.conf", slice_str(row->text));
        check(s, row);
        sources_free(s);
    }
}

static void trees(void **state)
{
    static const struct row rows[] = {
        { "nothing", "", "", NULL },
        { "only comments and ends", "# a\n;;\n\n", "", NULL },
        { "directives end at lines and ;", "a b\nc;d e", "a(b) c d(e)", NULL },
        { "blocks", "a { b { c d } e }\nf", "a{b{c(d)} e} f", NULL },
        { "an empty block", "a {}", "a{}", NULL },
        { "no end is needed before }", "a { b c }", "a{b(c)}", NULL },
        { "a block over lines", "a x=1 {\n  b \\\n    c\n}\n", "a(x=1){b(c)}", NULL },
        { "something behind a block", "a { b } c", "a{b} c", NULL },
        { NULL },
    };
    check_rows(rows);
}

static void mistakes(void **state)
{
    static const struct row rows[] = {
        { "not closed", "pool app {\n  a {\n    b\n", "pool(app){a{b}}",
          "error: the block of \"a\" is not closed: \"}\" is missing\n"
          "  --> /etc/main.conf:2:3\n"
          "2 |   a {\n"
          "  |   ^\n"
          "error: the block of \"pool\" is not closed: \"}\" is missing\n"
          "  --> /etc/main.conf:1:1\n"
          "1 | pool app {\n"
          "  | ^^^^^^^^\n"
          "2 errors\n" },
        { "one too many", "a { b }\n}\nc", "a{b} c",
          "error: this \"}\" closes nothing\n"
          "  --> /etc/main.conf:2:1\n"
          "2 | }\n"
          "  | ^\n"
          "1 error\n" },
        { "a brace glued to a word", "host a.com{\n  proxy app\n}\n", "host(a.com{) proxy(app)",
          "error: this \"}\" closes nothing\n"
          "  --> /etc/main.conf:3:1\n"
          "3 | }\n"
          "  | ^\n"
          "  = a brace at the end of a word belongs to the word: put a blank before it\n"
          "  --> /etc/main.conf:1:6\n"
          "1 | host a.com{\n"
          "  |      ^^^^^^\n"
          "1 error\n" },
        { "a brace on a line of its own is read as meant", "host a.com\n{\n  proxy app\n}\nb",
          "host(a.com){proxy(app)} b",
          "error: this \"{\" follows no directive\n"
          "  --> /etc/main.conf:2:1\n"
          "2 | {\n"
          "  | ^ it belongs on the line of \"host\"\n"
          "1 error\n" },
        { "a block without a name is passed over", "{ a { b } }\nc", "c",
          "error: this \"{\" follows no directive\n"
          "  --> /etc/main.conf:1:1\n"
          "1 | { a { b } }\n"
          "  | ^\n"
          "1 error\n" },
        { "parsing goes on after each", "a \"b\nc ${NONE}\n}\nd", "a(b) c() d",
          "error: this quote is not closed on its line\n"
          "  --> /etc/main.conf:1:3\n"
          "1 | a \"b\n"
          "  |   ^^\n"
          "  = a line break inside quotes is written \\n\n"
          "error: environment variable NONE is not set\n"
          "  --> /etc/main.conf:2:3\n"
          "2 | c ${NONE}\n"
          "  |   ^^^^^^^ ${NONE:-default} would do without it\n"
          "error: this \"}\" closes nothing\n"
          "  --> /etc/main.conf:3:1\n"
          "3 | }\n"
          "  | ^\n"
          "3 errors\n" },
        { NULL },
    };
    check_rows(rows);
}

static void depth_is_bounded(void **state)
{
    static char text[3 * 100000];
    struct sources *s = sources_new_memory();
    struct row row = { "as deep as allowed", text, "", NULL };

    for (int i = 0; i < CONF_DEPTH_MAX; i++)
        strcat(text, "a {");
    for (int i = 0; i < CONF_DEPTH_MAX; i++)
        strcat(text, "}");
    sources_put(s, "file", "/etc/main.conf", slice_str(text));
    row.tree = NULL;
    check(s, &row);

    for (int i = 0; i < 100000; i++)
        memcpy(text + (size_t)i * 3, "a {", 3);
    sources_put(s, "file", "/etc/main.conf", slice_of(text, sizeof(text)));
    struct diags *d = diags_new();
    struct arena a;
    arena_init(&a, NULL);
    conf_parse(s, "/etc/main.conf", &a, d);
    assert_int_equal(diags_errors(d), 2 + CONF_DEPTH_MAX); /* line, depth, what stays open */
    arena_done(&a);
    diags_free(d);
    sources_free(s);
}

static void count_is_bounded(void **state)
{
    struct sources *s = sources_new_memory();
    struct diags *d = diags_new();
    struct arena a;
    struct buf text;

    buf_init(&text);
    for (int i = 0; i < 1000; i++)
        buf_add(&text, "a;a;a;a;a;a;a;a;a;a;a;a;a;a;a;a;a;a;a;a;\n");
    sources_put(s, "file", "/b", buf_view(&text));
    buf_clear(&text);
    for (int i = 0; i < 20; i++)
        buf_add(&text, "include /b\n");
    sources_put(s, "file", "/a", buf_view(&text));
    buf_done(&text);
    arena_init(&a, NULL);
    conf_parse(s, "/a", &a, d);
    assert_int_equal(diags_errors(d), 1);
    arena_done(&a);
    diags_free(d);
    sources_free(s);
}

static void includes(void **state)
{
    struct sources *s = sources_new_memory();
    const struct row row = { "includes of all kinds", NULL, "a one(x){two{}} three b{four} z",
                             NULL };

    sources_put(s, "file", "/etc/main.conf",
                SLICE("a\ninclude \"sites/*.conf\"\nb { include /abs.conf }\n"
                      "include none/*.conf\nz\n"));
    sources_put(s, "glob", "/etc/sites/*.conf", SLICE("/etc/sites/1.conf\n/etc/sites/2.conf\n"));
    sources_put(s, "glob", "/etc/none/*.conf", SLICE(""));
    sources_put(s, "file", "/etc/sites/1.conf", SLICE("one x {\n include more.inc\n}"));
    sources_put(s, "file", "/etc/sites/more.inc", SLICE("two {}")); /* beside the including file */
    sources_put(s, "file", "/etc/sites/2.conf", SLICE("three"));
    sources_put(s, "file", "/abs.conf", SLICE("four"));
    check(s, &row);
    sources_free(s);
}

static void folders_are_no_patterns(void **state)
{
    struct sources *s = sources_new_memory();
    struct diags *d = diags_new();
    struct arena a;

    arena_init(&a, NULL);
    sources_put(s, "file", "/a[1]*/m", SLICE("include *.c"));
    sources_put(s, "glob", "/a\\[1]\\*/*.c", SLICE("/a[1]*/x.c\n"));
    sources_put(s, "file", "/a[1]*/x.c", SLICE("found"));
    struct conf_node *node = conf_parse(s, "/a[1]*/m", &a, d);
    assert_int_equal(diags_errors(d), 0);
    assert_non_null(node);
    assert_true(slice_eq(node->name.text, SLICE("found")));
    arena_done(&a);
    diags_free(d);
    sources_free(s);
}

static void bad_includes(void **state)
{
    static const struct row rows[] = {
        { "a file that is not there", "a\ninclude b.conf\nc", "a c",
          "error: cannot read /etc/b.conf: it is not part of the bundle\n"
          "  --> /etc/main.conf:2:9\n"
          "2 | include b.conf\n"
          "  |         ^^^^^^\n"
          "1 error\n" },
        { "itself", "include main.conf", "",
          "error: /etc/main.conf is included by itself\n"
          "  --> /etc/main.conf:1:9\n"
          "1 | include main.conf\n"
          "  |         ^^^^^^^^^\n"
          "1 error\n" },
        { "no path", "include", "",
          "error: \"include\" takes one path or pattern\n"
          "  --> /etc/main.conf:1:1\n"
          "1 | include\n"
          "  | ^^^^^^^\n"
          "1 error\n" },
        { "two paths", "include a b", "",
          "error: \"include\" takes one path or pattern\n"
          "  --> /etc/main.conf:1:1\n"
          "1 | include a b\n"
          "  | ^^^^^^^^^^^\n"
          "1 error\n" },
        { "a block", "include { a }\nb", "b",
          "error: \"include\" takes no block\n"
          "  --> /etc/main.conf:1:9\n"
          "1 | include { a }\n"
          "  |         ^\n"
          "1 error\n" },
        { NULL },
    };
    check_rows(rows);
}

/* Files that include each other under ever new names: no cycle to see, but a bound. */
static void endless_includes(void **state)
{
    struct sources *s = sources_new_memory();
    struct diags *d = diags_new();
    struct arena a;
    char name[32], text[64];

    for (int i = 0; i < 100; i++) {
        snprintf(name, sizeof(name), "/%d", i);
        snprintf(text, sizeof(text), "a%d\ninclude %d\n", i, i + 1);
        sources_put(s, "file", name, slice_str(text));
    }
    arena_init(&a, NULL);
    conf_parse(s, "/0", &a, d);
    assert_int_equal(diags_errors(d), 1);
    arena_done(&a);
    diags_free(d);
    sources_free(s);
}

static void no_such_file(void **state)
{
    struct sources *s = sources_new_memory();
    const struct row row = { "the first file", NULL, "",
                             "error: cannot read /etc/main.conf: it is not part of the bundle\n"
                             "  = another file is named by -c FILE\n"
                             "1 error\n" };

    check(s, &row);
    sources_free(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(trees),
        cmocka_unit_test(mistakes),
        cmocka_unit_test(depth_is_bounded),
        cmocka_unit_test(count_is_bounded),
        cmocka_unit_test(includes),
        cmocka_unit_test(folders_are_no_patterns),
        cmocka_unit_test(bad_includes),
        cmocka_unit_test(endless_includes),
        cmocka_unit_test(no_such_file),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
