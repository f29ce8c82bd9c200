/* SPDX-License-Identifier: Apache-2.0 */
/* The directives of one block as things that can be found again in another configuration: a pool by
 * its name, a listener by any of its addresses, a route by its words, a setting by its name alone.
 * Everything lives in the caller's arena and borrows from the tree. */
#ifndef SERVER_CONFIG_ENTRIES_H
#define SERVER_CONFIG_ENTRIES_H

#include "base/map.h"
#include "conf/parser.h"

enum identity {
    BY_NAME,       /* what differs is a change of it; several lines of one name are one entry */
    BY_FIRST_WORD, /* pool NAME */
    BY_ID,         /* server ADDRESS, or its id= */
    BY_ANY_WORD,   /* listen ADDRESS...: the same as soon as they share one */
    BY_ALL_WORDS,  /* route: path and conditions */
};
struct entry_shape {
    const char *name;
    enum identity identity;
    bool set;     /* the order of the words says nothing */
    bool hidden;  /* the words behind the first may be secrets: they are not shown */
    bool path;    /* the first word is a path, relative to the file it stands in */
    bool ordered; /* among those that share the first word, one may undo the other */
};
struct entry {
    const struct entry_shape *shape;
    struct slice name;
    const struct conf_word *words; /* behind the name, of all its lines */
    size_t word_count;
    const struct conf_node *children;
    size_t place;         /* in its block */
    struct entry *twin;   /* the next of the same key */
    struct entry *former; /* entries_match(): what it was; NULL: it is new */
    bool lives_on;        /* entries_match(): it is somebody's former */
};
struct entries {
    struct entry **all; /* in the order of the file */
    size_t count, cap;
    struct map by_key;
};

void entries_init(struct entries *e, const struct conf_node *nodes, struct arena *a);
void entries_done(struct entries *e); /* before the arena */
/* Finds for each of `now` what it was in `old`. */
void entries_match(struct entries *now, const struct entries *old, struct arena *a);
/* "server 10.0.0.11:9000", "host shop.example.com": how it is called. */
void entry_title(const struct entry *e, struct buf *out);
/* Its words but for KEY=VALUE and what it is known by, in the arena; returns how many. */
size_t entry_plain_words(const struct entry *e, struct arena *a, struct slice **ret_words);
/* Is this word one of its settings, KEY=VALUE? */
bool entry_is_setting(const struct entry *e, const struct conf_word *word);

#endif
