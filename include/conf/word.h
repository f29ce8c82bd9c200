/* SPDX-License-Identifier: Apache-2.0 */
/* A word of a configuration file, as the lexer makes it and the tree holds it. */
#ifndef CONF_WORD_H
#define CONF_WORD_H

#include "conf/span.h"

struct conf_word {
    struct slice text;  /* unquoted, variables replaced; a NUL stands behind its end */
    struct slice key;   /* the KEY of an unquoted KEY=VALUE, else ptr NULL */
    struct slice value; /* the VALUE of KEY=VALUE */
    bool quoted;        /* any part was quoted */
    struct span span;
};

#endif
