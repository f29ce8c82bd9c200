/* SPDX-License-Identifier: Apache-2.0 */
/* Configuration text, from its bytes to the printed mistakes. Byte 0x1e parts the input into files
 * "/0", "/1", ...; the first is the main one. */
#include "base/utf8.h"
#include "conf/directive.h"

#include <assert.h>
#include <stdint.h>
#include <stdio.h>

#define FILES_MAX 8

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

struct target {
    uint64_t number, size, ms;
    struct span ms_at;
    bool on;
    struct slice text;
    int level;
};

static const char *const levels[] = { "error", "warn", "info", "debug", NULL };
static const struct directive keys[] = {
    { "idle", DIR_DURATION, FIELD(target, ms), .span_offset = FIELD(target, ms_at), .min = 1,
      .max = 86400000 },
    { "body", DIR_SIZE, FIELD(target, size), .min = 16 },
    { "retry", DIR_UNSUPPORTED },
    { NULL },
};
static const struct directive inner[3];
static const struct directive table[] = {
    { "workers", DIR_UINT, FIELD(target, number), .max = 1024, .usage = "workers COUNT" },
    { "sandbox", DIR_BOOL, FIELD(target, on) },
    { "text", DIR_TEXT, FIELD(target, text) },
    { "level", DIR_ENUM, FIELD(target, level), .words = levels },
    { "limit", DIR_KEYS, .keys = keys, .repeat = true },
    { "pool", DIR_BLOCK, .block = inner, .repeat = true },
    { "health", DIR_UNSUPPORTED },
    { NULL },
};
static const struct directive inner[] = {
    { "drain", DIR_DURATION, FIELD(target, ms), .min = 1000 },
    { "pool", DIR_BLOCK, .block = table },
    { NULL },
};

/* Every word lies in one piece with its key and value, and ends in a NUL. */
static void check_word(const struct conf_word *w)
{
    assert(w->text.ptr[w->text.len] == '\0');
    if (w->key.ptr != NULL)
        assert(w->key.len > 0 && w->key.len + 1 + w->value.len == w->text.len);
    assert(w->span.line > 0 && w->span.column > 0 && w->span.end_column > w->span.column);
}

static void check_nodes(const struct conf_node *node, const struct conf_node *parent)
{
    for (; node != NULL; node = node->next) {
        assert(node->parent == parent);
        assert(node->has_block || node->children == NULL);
        check_word(&node->name);
        for (size_t i = 0; i < node->word_count; i++)
            check_word(&node->words[i]);
        check_nodes(node->children, node);
    }
}

/* What is printed never holds a control byte but the newline, nor anything that is not UTF-8. */
static void check_printable(struct slice text)
{
    while (text.len > 0) {
        size_t n = utf8_next(text);
        unsigned char c = (unsigned char)text.ptr[0];
        assert(n > 0);
        assert(c == '\n' || (c >= 0x20 && c != 0x7f));
        text = slice_from(text, n);
    }
}

static void check_prints(const struct diags *d)
{
    struct buf out;

    buf_init(&out);
    diags_print(d, false, "unchanged", &out);
    check_printable(buf_view(&out));
    buf_clear(&out);
    diags_print_json(d, &out);
    check_printable(buf_view(&out));
    assert(slice_find(buf_view(&out), '\n') == buf_len(&out) - 1);
    buf_done(&out);
}

static struct sources *sources_of(struct slice rest)
{
    struct sources *s = sources_new_memory();
    struct slice part;
    char name[] = "/0";

    for (; name[1] < '0' + FILES_MAX && slice_split(&rest, '\x1e', &part); name[1]++)
        sources_put(s, "file", name, part);
    sources_put(s, "glob", "/*", SLICE("/1\n/2\n/3\n"));
    sources_put(s, "env", "NAME", SLICE("value with = and \" and {"));
    sources_put(s, "env", "EMPTY", SLICE(""));
    sources_put(s, "env", "BROKEN", SLICE("\xff\n"));
    return s;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    struct sources *s = sources_of(slice_of((const char *)bytes, len));
    struct diags *d = diags_new();
    struct target target = { 0 };
    struct arena a;
    struct dir_run run = { .arena = &a, .diags = d, .sources = s };

    arena_init(&a, NULL);
    struct conf_node *nodes = conf_parse(s, "/0", &a, d);
    check_nodes(nodes, NULL);
    size_t before = diags_errors(d);
    int r = directive_apply(&run, table, nodes, &target);
    assert((r < 0) == (diags_errors(d) > before));
    check_prints(d);
    diags_free(d);
    arena_done(&a);
    sources_free(s);
    return 0;
}
