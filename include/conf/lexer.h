/* SPDX-License-Identifier: Apache-2.0 */
/* Configuration text to tokens: words with their quotes and variables resolved, braces, ends of
 * directives. It never fails: a mistake goes to the diagnostics and the next token follows. */
#ifndef CONF_LEXER_H
#define CONF_LEXER_H

#include "base/arena.h"
#include "base/buf.h"
#include "conf/diag.h"
#include "conf/source.h"
#include "conf/word.h"

#define CONF_LINE_MAX 65536 /* bytes */
#define CONF_WORD_MAX 65536 /* bytes, variables replaced */

enum token_kind {
    TOKEN_WORD,
    TOKEN_OPEN,  /* { */
    TOKEN_CLOSE, /* } */
    TOKEN_END,   /* a newline or ; */
    TOKEN_EOF,   /* again and again */
};
struct token {
    enum token_kind kind;
    struct conf_word word; /* only its span unless it is a TOKEN_WORD */
};

struct lexer { /* the first three are set by the user, and outlive it */
    struct sources *sources;
    struct arena *arena; /* words live here */
    struct diags *diags;
    const char *file;
    struct slice text;
    size_t at, line_start; /* offsets in text */
    unsigned line;         /* from 1 */
    struct buf word;       /* the word being read */
    size_t checked;        /* offset in text: lexer_check() has come so far */
    unsigned checked_lines;
};

void lexer_start(struct lexer *l, const char *file, struct slice text);
/* Looks through about so many more bytes for what may stand nowhere: NUL and other control bytes,
 * bytes that are not UTF-8, endless lines. False: the whole file was. Comes before its tokens. */
bool lexer_check(struct lexer *l, size_t bytes);
void lexer_done(struct lexer *l);
struct token lexer_next(struct lexer *l);

#endif
