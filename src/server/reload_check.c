/* SPDX-License-Identifier: Apache-2.0 */
#include "server/reload_check.h"

#include "conf/parser.h"

struct check {                     /* one reload_check() */
    const struct conf_node *nodes; /* of the new configuration */
    const char *path;
    struct diags *diags;
};

static bool has_key(const struct conf_node *n, const char *key)
{
    for (size_t i = 0; i < n->word_count; i++)
        if (slice_eq(n->words[i].key, slice_str(key)))
            return true;
    return false;
}

/* `key` NULL: whichever it has. NULL: it does not stand there any more. */
static const struct conf_node *find(const struct check *c, const char *name, const char *key)
{
    for (const struct conf_node *n = c->nodes; n != NULL; n = n->next)
        if (slice_eq(n->name.text, slice_str(name)) && (key == NULL || has_key(n, key)))
            return n;
    return NULL;
}

static void refuse(const struct check *c, const struct conf_node *node, const char *what)
{
    const struct span gone = { .file = c->path };
    diags_add(c->diags, DIAG_ERROR, "needs-restart", node != NULL ? &node->span : &gone,
              "%s by reload; restart signet", what);
}

/* What cannot grow in a running program, as shm_lacks() names it. */
static void check_room(const struct check *c, const char *lacking)
{
    if (lacking == NULL)
        return;
    if (strcmp(lacking, "workers") == 0)
        refuse(c, find(c, "workers", NULL), "there cannot be so many workers");
    else
        refuse(c, find(c, "limit", "per_ip"), "\"per_ip\" cannot count so many connections");
    diags_hint(c->diags, NULL, "the memory that workers share keeps the size it got at start");
}

static void check_user(const struct check *c, const struct config *running,
                       const struct config *now)
{
    if (!slice_eq(running->user, now->user) || !slice_eq(running->group, now->group))
        refuse(c, find(c, "user", NULL), "\"user\" cannot change");
}

static void check_logs(const struct check *c, const struct config *running,
                       const struct config *now)
{
    struct err why = { 0 };
    const struct log_conf *bad;
    if (logs_check_next(running, now, &bad, &why) < 0)
        diags_add(c->diags, DIAG_ERROR, "cannot-open-log", &bad->span, "%s", why.text);
}

void reload_check(const struct holdings *held, const struct config *now, struct sources *s,
                  const char *path, struct diags *d)
{
    struct arena a;
    arena_init(&a, NULL);
    struct diags *unread = diags_new(); /* it parses: it is built */
    const struct check c = { conf_parse(s, path, &a, unread), path, d };
    check_user(&c, held->config, now);
    if (held->config->sandbox != now->sandbox)
        refuse(&c, find(&c, "sandbox", NULL), "\"sandbox\" cannot change");
    check_room(&c, shm_lacks(held->shm, now));
    check_logs(&c, held->config, now);
    diags_free(unread);
    arena_done(&a);
}
