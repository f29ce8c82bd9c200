/* SPDX-License-Identifier: Apache-2.0 */
#include "server/reload_check.h"

#include "conf/parser.h"

struct check {                     /* one reload_check() */
    const struct conf_node *nodes; /* of the new configuration */
    const char *path;
    struct diags *diags;
};

static const struct conf_node *find(const struct check *c, const char *name)
{
    for (const struct conf_node *n = c->nodes; n != NULL; n = n->next)
        if (slice_eq(n->name.text, slice_str(name)))
            return n;
    return NULL;
}

/* `name` stands at the top, or has been taken away. */
static void needs_restart(const struct check *c, const char *name, const char *why)
{
    const struct conf_node *node = find(c, name);
    const struct span gone = { .file = c->path };
    diags_add(c->diags, DIAG_ERROR, "needs-restart", node != NULL ? &node->span : &gone,
              "\"%s\" cannot change by reload%s%s; restart signet", name,
              node != NULL ? "" : ", and it has been taken away", why);
}

static void check_user(const struct check *c, const struct config *running,
                       const struct config *now)
{
    if (!slice_eq(running->user, now->user) || !slice_eq(running->group, now->group))
        needs_restart(c, "user", "");
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
        needs_restart(&c, "sandbox", "");
    const char *lacking = shm_lacks(held->shm, now);
    if (lacking != NULL)
        needs_restart(&c, lacking, " so far: the memory shared by workers is as large as at start");
    check_logs(&c, held->config, now);
    diags_free(unread);
    arena_done(&a);
}
