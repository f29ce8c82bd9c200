/* SPDX-License-Identifier: Apache-2.0 */
/* Configuration text to a tree of directives, after the grammar of docs/config.md: words, quotes,
 * blocks, includes, environment variables. It knows no directive but `include`. */
#ifndef CONF_PARSER_H
#define CONF_PARSER_H

#include "base/arena.h"
#include "conf/diag.h"
#include "conf/source.h"
#include "conf/word.h"

struct conf_node {
    struct conf_word name;
    struct conf_word *words; /* behind the name */
    size_t word_count;
    bool has_block;
    struct conf_node *children, *next; /* in file order */
    const struct conf_node *parent;    /* NULL at the top */
    struct span span;
};

#define CONF_DEPTH_MAX 16 /* nested blocks, and nested includes */
#define CONF_NODES_MAX 200000
#define CONF_WORDS_MAX 1000000
#define CONF_BYTES_MAX (64u << 20) /* of all files together */

/* The directives of `path` and all it includes, allocated in `a`. Mistakes go to `d` and parsing
 * goes on after them; the result is what was understood, NULL for nothing. */
struct conf_node *conf_parse(struct sources *s, const char *path, struct arena *a, struct diags *d);
/* The same in pieces, for a process that serves meanwhile. Borrows all but the path until _end. */
struct conf_parser;
struct conf_parser *conf_parser_new(struct sources *s, const char *path, struct arena *a,
                                    struct diags *d);
bool conf_parser_step(struct conf_parser *p, size_t bytes); /* about so many; false: all is read */
struct conf_node *conf_parser_end(struct conf_parser *p);   /* what was read; frees the parser */

#endif
