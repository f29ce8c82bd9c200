/* SPDX-License-Identifier: Apache-2.0 */
#include "conf/parser.h"

#include "base/mem.h"
#include "conf/lexer.h"

#include <stdint.h>

struct block {
    struct conf_node *owner; /* NULL at the top */
    struct conf_node **tail; /* where the next child is linked */
};
struct conf_parser {
    struct sources *sources;
    struct arena *arena;
    struct diags *diags;
    struct reader *reader;   /* of the file that is read; its includers wait. NULL: all is read */
    struct conf_node *first; /* what was read */
    size_t nodes, words, bytes; /* so far, in all files */
    bool stopped;               /* a bound was passed: said once, nothing more is read */
};
struct reader { /* one file; in the arena */
    struct conf_parser *parser;
    struct reader *includer; /* NULL for the first file */
    struct lexer lexer;
    struct token ahead; /* one token that was read too early */
    bool has_ahead;
    struct conf_node *last; /* the directive before this one in the same block, or NULL */
    struct span glued; /* the first word with a brace at its end: likely meant to stand apart */
    unsigned base;     /* blocks around the whole file */
    unsigned level;    /* the block we are in, 0 = the file's outermost */
    struct block blocks[CONF_DEPTH_MAX + 1];
    const struct conf_word *include; /* names the files that come before the next token: */
    struct slice included;           /* paths, a line each */
};

static struct token next_token(struct reader *r)
{
    if (r->parser->stopped)
        return (struct token){ .kind = TOKEN_EOF };
    if (r->has_ahead) {
        r->has_ahead = false;
        return r->ahead;
    }
    return lexer_next(&r->lexer);
}

static void put_back(struct reader *r, struct token t)
{
    r->ahead = t;
    r->has_ahead = true;
}

static bool is_brace(char c)
{
    return c == '{' || c == '}';
}

static void remember_glued(struct reader *r, const struct conf_word *w)
{
    if (r->glued.file == NULL && !w->quoted && w->text.len > 1 &&
        is_brace(w->text.ptr[w->text.len - 1]))
        r->glued = w->span;
}

static void hint_glued(struct reader *r)
{
    if (r->glued.file != NULL)
        diags_hint(r->parser->diags, &r->glued,
                   "a brace at the end of a word belongs to the word: put a blank before it");
}

static void stop(struct conf_parser *p, const struct span *at, const char *what, size_t most)
{
    if (!p->stopped)
        diags_add(p->diags, DIAG_ERROR, "too-large", at,
                  "the configuration is too large: more than %zu %s", most, what);
    p->stopped = true;
}

/* Reads to behind the matching brace and forgets it all. */
static void skip_block(struct reader *r)
{
    for (size_t open = 1; open > 0;) {
        struct token t = next_token(r);
        if (t.kind == TOKEN_EOF)
            return;
        open += t.kind == TOKEN_OPEN;
        open -= t.kind == TOKEN_CLOSE;
    }
}

static void open_block(struct reader *r, struct conf_node *owner, const struct span *brace)
{
    owner->has_block = true;
    if (r->base + r->level >= CONF_DEPTH_MAX) {
        diags_add(r->parser->diags, DIAG_ERROR, "too-deep", brace,
                  "blocks are nested more than %d deep", CONF_DEPTH_MAX);
        skip_block(r);
        return;
    }
    r->blocks[++r->level] = (struct block){ owner, &owner->children };
    r->last = NULL;
}

static void close_block(struct reader *r, const struct span *brace)
{
    if (r->level == 0) {
        diags_add(r->parser->diags, DIAG_ERROR, "stray-brace", brace, "this \"}\" closes nothing");
        hint_glued(r);
        return;
    }
    r->last = r->blocks[r->level].owner;
    r->level--;
}

/* A "{" that does not follow a directive on its line. What it holds is read as the block of the
 * directive before it, which is what was meant. */
static void stray_open(struct reader *r, const struct span *brace)
{
    diags_add(r->parser->diags, DIAG_ERROR, "stray-brace", brace,
              "this \"{\" follows no directive");
    if (r->last != NULL && !r->last->has_block) {
        diags_remark(r->parser->diags, "it belongs on the line of \"%.*s\"",
                     SLICE_ARG(r->last->name.text));
        open_block(r, r->last, brace);
    } else {
        skip_block(r);
    }
}

static void add_word(struct reader *r, struct conf_node *node, const struct conf_word *w,
                     size_t *cap)
{
    if (r->parser->words++ >= CONF_WORDS_MAX) {
        stop(r->parser, &w->span, "words", CONF_WORDS_MAX);
        return;
    }
    remember_glued(r, w);
    node->words =
        arena_grow(r->parser->arena, node->words, node->word_count, cap, sizeof(*node->words));
    node->words[node->word_count++] = *w;
    if (w->span.line == node->span.line)
        node->span.end_column = w->span.end_column;
}

/* The words behind the name; returns the token that ended them. */
static struct token read_words(struct reader *r, struct conf_node *node)
{
    struct token t;
    size_t cap = 0;

    while ((t = next_token(r)).kind == TOKEN_WORD)
        add_word(r, node, &t.word, &cap);
    return t;
}

static struct conf_node *node_new(struct reader *r, const struct conf_word *name)
{
    struct conf_node *node = arena_zalloc(r->parser->arena, sizeof(*node));

    node->name = *name;
    node->span = name->span;
    node->parent = r->blocks[r->level].owner;
    remember_glued(r, name);
    return node;
}

static void append(struct reader *r, struct conf_node *node)
{
    struct block *b = &r->blocks[r->level];

    *b->tail = node;
    b->tail = &node->next;
    r->last = node;
}

static void read_include(struct reader *r, const struct conf_node *node);

static void read_directive(struct reader *r, const struct conf_word *name)
{
    if (r->parser->nodes++ >= CONF_NODES_MAX) {
        stop(r->parser, &name->span, "directives", CONF_NODES_MAX);
        return;
    }
    struct conf_node *node = node_new(r, name);
    struct token t = read_words(r, node);
    bool is_include = slice_eq(name->text, SLICE("include"));

    if (!is_include)
        append(r, node);
    else if (t.kind != TOKEN_OPEN)
        read_include(r, node); /* what it names comes before a token that is put back */
    if (t.kind == TOKEN_CLOSE) {
        put_back(r, t);
    } else if (t.kind == TOKEN_OPEN && !is_include) {
        open_block(r, node, &t.word.span);
    } else if (t.kind == TOKEN_OPEN) {
        diags_add(r->parser->diags, DIAG_ERROR, "wrong-arguments", &t.word.span,
                  "\"include\" takes no block");
        skip_block(r);
    }
}

static void report_unclosed(struct reader *r)
{
    for (; r->level > 0; r->level--) {
        const struct conf_node *owner = r->blocks[r->level].owner;
        if (r->parser->stopped)
            continue;
        diags_add(r->parser->diags, DIAG_ERROR, "unclosed-block", &owner->span,
                  "the block of \"%.*s\" is not closed: \"}\" is missing",
                  SLICE_ARG(owner->name.text));
        hint_glued(r);
    }
}

/* --- files */

/* Begins with a file's directives, which go to the end of a block. `from` is NULL for the first
 * file, `at` the word that names the file, or NULL. */
static void open_file(struct conf_parser *p, const char *path, struct reader *from,
                      const struct span *at, const struct block *into)
{
    struct slice text;
    struct err e;

    if (sources_file(p->sources, path, &text, &e) < 0) {
        diags_add(p->diags, DIAG_ERROR, "unreadable-file", at, "%s", e.text);
        if (from == NULL)
            diags_hint(p->diags, NULL, "another file is named by -c FILE");
        return;
    }
    p->bytes += text.len;
    if (p->bytes > CONF_BYTES_MAX) {
        stop(p, at, "bytes", CONF_BYTES_MAX);
        return;
    }
    struct reader *r = arena_alloc(p->arena, sizeof(*r));
    *r = (struct reader){
        .parser = p,
        .includer = from,
        .lexer = { .sources = p->sources, .arena = p->arena, .diags = p->diags },
        .base = from != NULL ? from->base + from->level : 0,
        .blocks[0] = *into,
    };
    lexer_start(&r->lexer, path, text);
    p->reader = r;
}

/* Goes back to the file that includes this one, and on behind what this one held. */
static void close_file(struct reader *r)
{
    struct reader *to = r->includer;

    lexer_done(&r->lexer);
    r->parser->reader = to;
    if (to != NULL)
        to->blocks[to->level] = r->blocks[0];
}

static void include_file(struct reader *r, const struct conf_word *word, struct slice path)
{
    unsigned depth = 0;
    const char *file = arena_copy(r->parser->arena, path).ptr;

    for (const struct reader *at = r; at != NULL; at = at->includer, depth++) {
        if (!slice_eq(slice_str(at->lexer.file), path))
            continue;
        diags_add(r->parser->diags, DIAG_ERROR, "include-cycle", &word->span,
                  "%s is included by itself", file);
        return;
    }
    if (depth > CONF_DEPTH_MAX) {
        diags_add(r->parser->diags, DIAG_ERROR, "too-deep", &word->span,
                  "includes are nested more than %d deep", CONF_DEPTH_MAX);
        return;
    }
    open_file(r->parser, file, r, &word->span, &r->blocks[r->level]);
}

static bool is_special(char c)
{
    return c == '*' || c == '?' || c == '[';
}

static bool is_pattern(struct slice path)
{
    for (size_t i = 0; i < path.len; i++)
        if (is_special(path.ptr[i]))
            return true;
    return false;
}

/* The path as seen from the folder of the file that holds the include. In front of a pattern, that
 * folder's own name is no pattern: glob(7) takes a backslash before each special character. */
static struct slice resolve(struct reader *r, struct slice path, bool pattern)
{
    struct slice file = slice_str(r->lexer.file);
    size_t slash = slice_find_last(file, '/');
    struct buf full;

    if (path.ptr[0] == '/' || slash == file.len)
        return path;
    buf_init(&full);
    for (size_t i = 0; i <= slash; i++) {
        if (pattern && (is_special(file.ptr[i]) || file.ptr[i] == '\\'))
            buf_add(&full, "\\");
        buf_append(&full, slice_of(file.ptr + i, 1));
    }
    buf_append(&full, path);
    struct slice copy = arena_copy(r->parser->arena, buf_view(&full));
    buf_done(&full);
    return copy;
}

static void list_pattern(struct reader *r, const struct conf_word *word, struct slice pattern)
{
    int error = sources_glob(r->parser->sources, pattern.ptr, &r->included);
    if (error == 0)
        return;
    r->included = slice_of(NULL, 0);
    diags_add(r->parser->diags, DIAG_ERROR, "unreadable-file", &word->span, "cannot list %s: %s",
              pattern.ptr, strerror(-error));
}

/* Says which files come before the next token. */
static void read_include(struct reader *r, const struct conf_node *node)
{
    const struct conf_word *word = node->words;

    if (node->word_count != 1 || word->text.len == 0) {
        diags_add(r->parser->diags, DIAG_ERROR, "wrong-arguments", &node->span,
                  "\"include\" takes one path or pattern");
        return;
    }
    if (slice_find(word->text, '\0') < word->text.len)
        return; /* the lexer has said so */
    bool pattern = is_pattern(word->text);
    struct slice path = resolve(r, word->text, pattern);
    r->include = word;
    r->last = NULL;
    if (pattern)
        list_pattern(r, word, path);
    else
        include_file(r, word, path);
}

/* False: none is left. */
static bool include_next(struct reader *r)
{
    struct slice path;

    if (!slice_split(&r->included, '\n', &path))
        return false;
    if (path.len > 0)
        include_file(r, r->include, path);
    return true;
}

/* --- all of it */

/* One directive without its block, or one mark. */
static void read_one(struct reader *r)
{
    struct token t = next_token(r);
    switch (t.kind) {
    case TOKEN_WORD:
        read_directive(r, &t.word);
        break;
    case TOKEN_OPEN:
        stray_open(r, &t.word.span);
        break;
    case TOKEN_CLOSE:
        close_block(r, &t.word.span);
        break;
    case TOKEN_END:
        break;
    case TOKEN_EOF:
        report_unclosed(r);
        close_file(r);
        break;
    }
}

/* Returns the bytes it went through, at least one. */
static size_t read_some(struct reader *r, size_t bytes)
{
    size_t before = r->lexer.checked + r->lexer.at;

    if (!lexer_check(&r->lexer, bytes) && !include_next(r))
        read_one(r);
    return r->lexer.checked + r->lexer.at - before + 1;
}

struct conf_parser *conf_parser_new(struct sources *s, const char *path, struct arena *a,
                                    struct diags *d)
{
    struct conf_parser *p = mem_zalloc(sizeof(*p));

    p->sources = s;
    p->arena = a;
    p->diags = d;
    open_file(p, arena_copy(a, slice_str(path)).ptr, NULL, NULL,
              &(struct block){ NULL, &p->first });
    return p;
}

bool conf_parser_step(struct conf_parser *p, size_t bytes)
{
    for (size_t n; p->reader != NULL && bytes > 0; bytes -= n < bytes ? n : bytes)
        n = read_some(p->reader, bytes);
    return p->reader != NULL;
}

struct conf_node *conf_parser_end(struct conf_parser *p)
{
    struct conf_node *first = p->first;

    while (p->reader != NULL)
        close_file(p->reader);
    mem_free(p);
    return first;
}

struct conf_node *conf_parse(struct sources *s, const char *path, struct arena *a, struct diags *d)
{
    struct conf_parser *p = conf_parser_new(s, path, a, d);

    while (conf_parser_step(p, SIZE_MAX))
        ;
    return conf_parser_end(p);
}
