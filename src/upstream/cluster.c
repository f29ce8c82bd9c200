/* SPDX-License-Identifier: Apache-2.0 */
#include "upstream/cluster.h"

#include "base/mem.h"

struct tier { /* the primaries, or the backups: a balancer of their own */
    struct balance *balance;
    size_t *places; /* of each member, in conf.servers */
    size_t count;
};
struct cluster {
    struct arena arena; /* what conf points at, and the arrays here */
    struct cluster_conf conf;
    struct server **servers; /* a reference each; as conf.servers */
    struct retry_budget *retry_budget;
    const char **skip_reasons;
    struct tier primaries, backups;
    bool has_fingerprint; /* it is complete */
    uint64_t fingerprint;
    struct fingerprint growing; /* until then */
};

static struct addr *copy_addrs(struct arena *a, const struct server_conf *from)
{
    struct addr *to = arena_alloc(a, from->addr_count * sizeof(*to));
    for (size_t i = 0; i < from->addr_count; i++)
        to[i] = from->addrs[i];
    return to;
}

static void copy_server(struct arena *a, const struct server_conf *from, struct server_conf *to)
{
    *to = *from;
    to->address = arena_copy(a, from->address);
    to->id = arena_copy(a, from->id);
    to->addrs = copy_addrs(a, from);
    if (from->why_unresolved != NULL)
        to->why_unresolved = arena_copy(a, slice_str(from->why_unresolved)).ptr;
}

static void copy_conf(struct arena *a, const struct cluster_conf *from, struct cluster_conf *to)
{
    struct server_conf *servers = arena_alloc(a, from->server_count * sizeof(*servers));
    for (size_t i = 0; i < from->server_count; i++)
        copy_server(a, &from->servers[i], &servers[i]);
    *to = *from;
    to->name = arena_copy(a, from->name);
    to->key.name = arena_copy(a, from->key.name);
    to->key.text = arena_copy(a, from->key.text);
    to->servers = servers;
}

static const char *skip_reason(struct arena *a, const struct server_conf *s)
{
    if (s->addr_count > 0)
        return NULL;
    if (s->why_unresolved == NULL)
        return "unresolved";
    return arena_printf(a, "unresolved: %s", s->why_unresolved).ptr;
}

/* --- tiers */

static struct balance_member member_of(const struct cluster *c, const struct tier *t, size_t member)
{
    const struct server_conf *s = &c->conf.servers[t->places[member]];
    struct slice identity = c->conf.balance->by_address ? s->address : s->id;
    return (struct balance_member){ identity, s->weight };
}

static bool same_balance(const struct cluster *a, const struct cluster *b)
{
    return a->conf.balance == b->conf.balance &&
           a->conf.balance_conf.vnodes == b->conf.balance_conf.vnodes &&
           a->conf.balance_conf.seed == b->conf.balance_conf.seed;
}

/* Would both be built from the same? */
static bool same_tier(const struct cluster *a, const struct tier *t, const struct cluster *b,
                      const struct tier *u)
{
    if (!same_balance(a, b) || t->count != u->count)
        return false;
    for (size_t i = 0; i < t->count; i++) {
        struct balance_member m = member_of(a, t, i), n = member_of(b, u, i);
        if (m.weight != n.weight || !slice_eq(m.identity, n.identity))
            return false;
    }
    return true;
}

static void list_places(struct cluster *c, bool backup, struct tier *t)
{
    t->places = arena_alloc(&c->arena, c->conf.server_count * sizeof(*t->places));
    for (size_t i = 0; i < c->conf.server_count; i++)
        if (c->conf.servers[i].backup == backup)
            t->places[t->count++] = i;
}

static struct balance *begin_balance(const struct cluster *c, const struct tier *t)
{
    struct balance_member *members = mem_array(t->count, sizeof(*members));
    for (size_t i = 0; i < t->count; i++)
        members[i] = member_of(c, t, i);
    struct balance *b = c->conf.balance->begin(members, t->count, &c->conf.balance_conf);
    mem_free(members);
    return b;
}

static void begin_tier(struct cluster *c, struct tier *t, const struct cluster *former,
                       const struct tier *former_tier)
{
    list_places(c, t == &c->backups, t);
    if (former != NULL && same_tier(c, t, former, former_tier))
        t->balance = balance_ref(former_tier->balance);
    else
        t->balance = begin_balance(c, t);
}

/* --- life */

static void begin_tiers(struct cluster *c, const struct cluster *former)
{
    begin_tier(c, &c->primaries, former, former != NULL ? &former->primaries : NULL);
    begin_tier(c, &c->backups, former, former != NULL ? &former->backups : NULL);
    if (former == NULL || former->primaries.balance != c->primaries.balance ||
        !slice_eq(former->conf.key.text, c->conf.key.text))
        return;
    c->has_fingerprint = true;
    c->fingerprint = former->fingerprint;
}

struct cluster *cluster_begin(const struct cluster_conf *conf, struct servers *registry,
                              const struct cluster *former)
{
    struct cluster *c = mem_zalloc(sizeof(*c));
    arena_init(&c->arena, NULL);
    copy_conf(&c->arena, conf, &c->conf);
    c->retry_budget = retry_budget_get(servers_retry_budgets(registry), c->conf.name);
    c->servers = arena_alloc(&c->arena, conf->server_count * sizeof(struct server *));
    c->skip_reasons = arena_alloc(&c->arena, conf->server_count * sizeof(*c->skip_reasons));
    for (size_t i = 0; i < conf->server_count; i++) {
        c->servers[i] = servers_get(registry, c->conf.name, c->conf.servers[i].id);
        c->skip_reasons[i] = skip_reason(&c->arena, &c->conf.servers[i]);
    }
    begin_tiers(c, former);
    return c;
}

/* Adds to the fingerprint until it is complete. */
static bool grow_fingerprint(struct cluster *c, size_t points)
{
    if (c->has_fingerprint)
        return false;
    if (c->growing.digest == NULL)
        fingerprint_begin(&c->growing);
    if (fingerprint_add(&c->growing, c->primaries.balance, points))
        return true;
    c->fingerprint = fingerprint_end(&c->growing, c->primaries.balance, c->conf.key.text);
    c->has_fingerprint = true;
    return false;
}

bool cluster_grow(struct cluster *c, size_t points)
{
    const struct balance_ops *ops = c->conf.balance;
    return ops->grow(c->primaries.balance, points) || ops->grow(c->backups.balance, points) ||
           grow_fingerprint(c, points);
}

struct cluster *cluster_new(const struct cluster_conf *conf, struct servers *registry)
{
    struct cluster *c = cluster_begin(conf, registry, NULL);
    while (cluster_grow(c, BALANCE_POINTS_MAX))
        ;
    return c;
}

void cluster_use(const struct cluster *c)
{
    for (size_t i = 0; i < c->conf.server_count; i++) {
        server_update(c->servers[i], &c->conf.servers[i]);
        c->servers[i]->keepalive = c->conf.keepalive;
    }
}

void cluster_leave(const struct cluster *c)
{
    for (size_t i = 0; i < c->conf.server_count; i++)
        c->servers[i]->keepalive = (struct keepalive_conf){ 0 };
}

void cluster_free(struct cluster *c)
{
    if (c == NULL)
        return;
    balance_unref(c->primaries.balance);
    balance_unref(c->backups.balance);
    fingerprint_done(&c->growing);
    for (size_t i = 0; i < c->conf.server_count; i++)
        server_unref(c->servers[i]);
    retry_budget_unref(c->retry_budget);
    arena_done(&c->arena);
    mem_free(c);
}

struct slice cluster_name(const struct cluster *c)
{
    return c->conf.name;
}

const struct cluster_conf *cluster_conf(const struct cluster *c)
{
    return &c->conf;
}

uint64_t cluster_fingerprint(const struct cluster *c)
{
    return c->fingerprint;
}

struct retry_budget *cluster_retry_budget(const struct cluster *c)
{
    return c->retry_budget;
}

void cluster_shares(const struct cluster *c, double *owners)
{
    const struct tier *t = &c->primaries;
    double *shares = mem_array(t->count, sizeof(*shares));
    c->conf.balance->shares(t->balance, shares);
    for (size_t i = 0; i < c->conf.server_count; i++)
        owners[i] = 0;
    for (size_t m = 0; m < t->count; m++)
        owners[t->places[m]] = shares[m];
    mem_free(shares);
}

static void start_backups(struct cluster_walk *w)
{
    w->in_backups = true;
    w->cluster->conf.balance->start(w->cluster->backups.balance, w->key, &w->backup_walk);
}

void cluster_walk_start(struct cluster_walk *w, const struct cluster *c, struct slice key,
                        struct arena *a)
{
    *w = (struct cluster_walk){ .cluster = c, .key = key, .walk.arena = a, .backup_walk.arena = a };
    if (c->primaries.count > 0) {
        c->conf.balance->start(c->primaries.balance, key, &w->walk);
    } else {
        start_backups(w);
        w->walk = w->backup_walk;
    }
}

/* The next place in conf.servers, or WALK_END. */
static size_t next_place(struct cluster_walk *w)
{
    const struct cluster *c = w->cluster;
    const struct balance_ops *ops = c->conf.balance;

    if (!w->in_backups) {
        size_t member = ops->next(&w->walk);
        if (member != WALK_END)
            return c->primaries.places[member];
        start_backups(w);
    }
    size_t member = ops->next(&w->backup_walk);
    return member != WALK_END ? c->backups.places[member] : WALK_END;
}

struct server *cluster_walk_next(struct cluster_walk *w, size_t *ret_index)
{
    size_t place = next_place(w);
    if (place == WALK_END)
        return NULL;
    if (ret_index != NULL)
        *ret_index = place;
    return w->cluster->servers[place];
}

const char *cluster_skip_reason(const struct cluster *c, size_t index)
{
    return c->skip_reasons[index];
}
