/* SPDX-License-Identifier: Apache-2.0 */
/* Reads a configuration into a draft, checks it as a whole, and makes it: one block, one host, some
 * points of a ring at a time. Order never matters: what inner blocks inherit or name is read before
 * them. */
#include "server/config_build.h"

#include "base/log.h"
#include "base/mem.h"
#include "base/stopwatch.h"
#include "server/config_make.h"
#include "server/config_own.h"

/* What one step does of work that can be cut anywhere: a tenth of a millisecond, or some of them
 * while the memory it fills is new. */
#define BYTES_A_STEP  8192 /* of text */
#define POINTS_A_STEP 1024 /* of a ring */

enum stage {
    STAGE_PARSE,
    STAGE_ROOT,
    STAGE_POOL,          /* reads each pool */
    STAGE_LISTEN,        /* begins each listener, then: */
    STAGE_HOST,          /*   reads each of its hosts */
    STAGE_CONTEXT,       /*   builds TLS for each */
    STAGE_LISTEN_END,    /*   ends it */
    STAGE_CHECK,         /* the whole; the end when there are errors */
    STAGE_CLUSTER,       /* begins each pool's cluster */
    STAGE_RING,          /*   grows it */
    STAGE_MAKE_LISTENER, /* makes each listener, then: */
    STAGE_MAKE_HOST,     /*   each of its hosts, and its tables */
    STAGE_OVER
};
struct config_builder {
    const char *path;         /* borrowed */
    struct servers *registry; /* borrowed */
    struct draft draft;
    struct arena arena; /* the draft's */
    struct dir_run run;
    struct config_share share;
    struct config *made; /* owned; complete when the stage is OVER and there are no errors */
    enum stage stage;
    struct conf_parser *parser; /* owned; NULL before and after its stage */
    const struct conf_node *nodes;
    struct pool_draft *pool; /* the next one of this stage; NULL behind the last */
    struct listen_draft *listen;
    struct host_draft *host;
};

static void draft_init(struct draft *draft, struct sources *s)
{
    draft->pools_end = &draft->pools;
    draft->listens_end = &draft->listens;
    map_init(&draft->pools_by_name, 0);
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

struct config_builder *config_builder_new(struct sources *s, const char *path,
                                          struct servers *registry, struct tls_tickets *tickets,
                                          const struct config *former, struct diags *d)
{
    struct config_builder *b = mem_zalloc(sizeof(*b));
    b->path = path;
    b->registry = registry;
    b->made = config_new();
    config_share_init(&b->share, former, b->made);
    b->draft.tickets = tickets;
    b->draft.share = &b->share;
    draft_init(&b->draft, s);
    arena_init(&b->arena, NULL);
    b->run = (struct dir_run){ .arena = &b->arena, .diags = d, .sources = s, .user = &b->draft };
    if (former != NULL)
        config_inherit_grave(b->made, former);
    return b;
}

/* --- reading. Each does one unit of work and says what comes next. */

static enum stage parse(struct config_builder *b)
{
    if (b->parser == NULL)
        b->parser = conf_parser_new(b->run.sources, b->path, b->run.arena, b->run.diags);
    if (conf_parser_step(b->parser, BYTES_A_STEP))
        return STAGE_PARSE;
    b->nodes = conf_parser_end(b->parser);
    b->parser = NULL;
    return STAGE_ROOT;
}

static enum stage read_root(struct config_builder *b)
{
    directive_apply(&b->run, root_directives, b->nodes, &b->draft);
    b->pool = b->draft.pools;
    return STAGE_POOL;
}

static enum stage read_pool(struct config_builder *b)
{
    if (b->pool == NULL) {
        b->listen = b->draft.listens;
        return STAGE_LISTEN;
    }
    pool_read(&b->run, b->pool);
    b->pool = b->pool->next;
    return STAGE_POOL;
}

static enum stage begin_listen(struct config_builder *b)
{
    if (b->listen == NULL)
        return STAGE_CHECK;
    listen_begin(&b->run, b->listen);
    b->host = b->listen->hosts;
    return STAGE_HOST;
}

static enum stage read_host(struct config_builder *b)
{
    if (b->host == NULL) {
        b->host = b->listen->speaks_tls ? b->listen->hosts : NULL;
        return STAGE_CONTEXT;
    }
    host_read(&b->run, b->listen, b->host);
    b->host = b->host->next;
    return STAGE_HOST;
}

static enum stage build_context(struct config_builder *b)
{
    if (b->host == NULL)
        return STAGE_LISTEN_END;
    host_build_tls(&b->run, b->listen, b->host);
    b->host = b->host->next;
    return STAGE_CONTEXT;
}

static enum stage end_listen(struct config_builder *b)
{
    listen_end(&b->run, b->listen);
    b->listen = b->listen->next;
    return STAGE_LISTEN;
}

/* --- checks of the whole */

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
    /* It stands nowhere, so the place is where the file begins. */
    struct span at = { .file = path, .line = 1, .column = 1, .end_column = 2 };
    sources_file(run->sources, path, &at.text, NULL);
    diags_add(run->diags, DIAG_ERROR, "no-listener", &at, "nothing is listened on");
    diags_hint(run->diags, NULL, "write: listen 0.0.0.0:443 { tls; host NAME { ... } }");
}

static enum stage check(struct config_builder *b)
{
    check_listens(&b->run, &b->draft, b->path);
    control_check(&b->run, &b->draft);
    warn_unused(&b->run, &b->draft);
    if (diags_errors(b->run.diags) > 0)
        return STAGE_OVER;
    config_make_root(b->made, &b->draft);
    b->pool = b->draft.pools;
    return STAGE_CLUSTER;
}

/* --- making */

static enum stage begin_cluster(struct config_builder *b)
{
    if (b->pool == NULL) {
        b->listen = b->draft.listens;
        return STAGE_MAKE_LISTENER;
    }
    config_make_pool(b->made, b->pool, b->registry,
                     config_share_cluster(&b->share, b->pool->conf.name));
    return STAGE_RING;
}

static enum stage grow_ring(struct config_builder *b)
{
    if (cluster_grow(b->pool->cluster, POINTS_A_STEP))
        return STAGE_RING;
    b->pool = b->pool->next;
    return STAGE_CLUSTER;
}

static enum stage make_listener(struct config_builder *b)
{
    if (b->listen == NULL)
        return STAGE_OVER;
    config_make_listener(b->made, b->listen);
    b->host = b->listen->hosts;
    return STAGE_MAKE_HOST;
}

static enum stage make_host(struct config_builder *b)
{
    if (b->host == NULL) {
        config_make_tables(b->listen);
        b->listen = b->listen->next;
        return STAGE_MAKE_LISTENER;
    }
    config_make_host(b->made, b->listen, b->host);
    b->host = b->host->next;
    return STAGE_MAKE_HOST;
}

/* --- all of it */

static enum stage (*const stages[])(struct config_builder *b) = {
    [STAGE_PARSE] = parse,
    [STAGE_ROOT] = read_root,
    [STAGE_POOL] = read_pool,
    [STAGE_LISTEN] = begin_listen,
    [STAGE_HOST] = read_host,
    [STAGE_CONTEXT] = build_context,
    [STAGE_LISTEN_END] = end_listen,
    [STAGE_CHECK] = check,
    [STAGE_CLUSTER] = begin_cluster,
    [STAGE_RING] = grow_ring,
    [STAGE_MAKE_LISTENER] = make_listener,
    [STAGE_MAKE_HOST] = make_host,
};

bool config_builder_step(struct config_builder *b, uint64_t budget_us)
{
    uint64_t end = stopwatch_us() + budget_us;
    while (b->stage != STAGE_OVER) {
        b->stage = stages[b->stage](b);
        if (stopwatch_us() >= end)
            break;
    }
    return b->stage != STAGE_OVER;
}

struct config *config_builder_end(struct config_builder *b)
{
    struct config *made = b->made;
    if (b->stage != STAGE_OVER || diags_errors(b->run.diags) > 0) {
        config_unref(made);
        made = NULL;
    }
    if (b->parser != NULL)
        conf_parser_end(b->parser);
    map_done(&b->draft.pools_by_name);
    config_share_done(&b->share);
    arena_done(&b->arena);
    mem_free(b);
    return made;
}

struct config *config_build(struct sources *s, const char *path, struct servers *registry,
                            struct tls_tickets *tickets, struct diags *d)
{
    struct config_builder *b = config_builder_new(s, path, registry, tickets, NULL, d);
    while (config_builder_step(b, UINT64_MAX / 2))
        ;
    return config_builder_end(b);
}

void config_use(struct config *c)
{
    for (size_t i = 0; i < c->cluster_count; i++)
        cluster_use(c->clusters[i]);
}
