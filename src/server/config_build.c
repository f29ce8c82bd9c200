/* SPDX-License-Identifier: Apache-2.0 */
/* Reads a configuration into a draft, checks it as a whole, and makes it. */
#include "server/config_build.h"

#include "base/log.h"
#include "server/config_make.h"

static void draft_init(struct draft *draft, struct sources *s, const struct tls_tickets *tickets)
{
    *draft = (struct draft){ .tickets = tickets };
    draft->pools_end = &draft->pools;
    draft->listens_end = &draft->listens;
    draft->access_log.path = SLICE("stdout");
    draft->access_log.format = ACCESS_COMBINED;
    draft->error_log.path = SLICE("stderr");
    draft->error_log.level = LOG_INFO;
    directive_defaults(root_directives, draft);
    directive_defaults(timeout_keys, &draft->scope);
    directive_defaults(limit_keys, draft);
    fact_defaults(s, draft);
    control_default(s, draft);
}

static void draft_done(struct draft *draft)
{
    for (struct listen_draft *l = draft->listens; l != NULL; l = l->next)
        for (struct host_draft *h = l->hosts; h != NULL; h = h->next)
            tls_ctx_unref(h->tls);
}

static void warn_unused(struct dir_run *run, const struct draft *draft)
{
    if (diags_errors(run->diags) > 0) /* a misspelled `proxy` is the likelier mistake */
        return;
    for (const struct pool_draft *p = draft->pools; p != NULL; p = p->next) {
        if (p->used)
            continue;
        diags_add(run->diags, DIAG_WARNING, "unused-pool", &p->node->words[0].span,
                  "no route passes anything to pool \"%.*s\"", SLICE_ARG(p->conf.name));
    }
}

static void check_listens(struct dir_run *run, const struct draft *draft, const char *path)
{
    if (draft->listens != NULL || diags_errors(run->diags) > 0)
        return;
    struct span at = { .file = path };
    diags_add(run->diags, DIAG_ERROR, "no-listener", &at, "nothing is listened on");
    diags_hint(run->diags, NULL, "write: listen 0.0.0.0:443 { tls; host NAME { ... } }");
}

/* Order never matters: what inner blocks inherit or name is read before them. */
static void draft_read(struct dir_run *run, struct draft *draft, const struct conf_node *nodes,
                       const char *path)
{
    directive_apply(run, root_directives, nodes, draft);
    for (struct pool_draft *p = draft->pools; p != NULL; p = p->next)
        pool_read(run, p);
    for (struct listen_draft *l = draft->listens; l != NULL; l = l->next)
        listen_read(run, l);
    check_listens(run, draft, path);
    control_check(run, draft);
    warn_unused(run, draft);
}

struct config *config_build(struct sources *s, const char *path, struct servers *registry,
                            const struct tls_tickets *tickets, struct diags *d)
{
    struct arena a;
    arena_init(&a, NULL);
    struct draft draft;
    draft_init(&draft, s, tickets);
    struct dir_run run = { .arena = &a, .diags = d, .sources = s, .user = &draft };
    const struct conf_node *nodes = conf_parse(s, path, &a, d);
    draft_read(&run, &draft, nodes, path);
    struct config *made = diags_errors(d) == 0 ? config_make(&draft, registry) : NULL;
    draft_done(&draft);
    arena_done(&a);
    return made;
}
