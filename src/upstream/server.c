/* SPDX-License-Identifier: Apache-2.0 */
#include "upstream/server.h"

#include "base/hash.h"
#include "base/mem.h"

#include <assert.h>

#define REGISTRY_CHAINS 256

struct servers { /* chained by the hash of pool and id: a chain stays short up to thousands */
    struct link chains[REGISTRY_CHAINS];
    struct link retry_budgets;
};

struct servers *servers_new(void)
{
    struct servers *r = mem_alloc(sizeof(*r));
    for (size_t i = 0; i < REGISTRY_CHAINS; i++)
        list_init(&r->chains[i]);
    list_init(&r->retry_budgets);
    return r;
}

void servers_free(struct servers *r)
{
    if (r == NULL)
        return;
    for (size_t i = 0; i < REGISTRY_CHAINS; i++)
        assert(list_empty(&r->chains[i]));
    assert(list_empty(&r->retry_budgets));
    mem_free(r);
}

struct link *servers_retry_budgets(struct servers *r)
{
    return &r->retry_budgets;
}

static struct link *chain_of(struct servers *r, struct slice pool_name, struct slice id)
{
    return &r->chains[hash_xxh3(id, hash_xxh3(pool_name, 0)) % REGISTRY_CHAINS];
}

static struct slice own(struct slice s)
{
    return slice_of(mem_text(s), s.len);
}

static struct server *server_new(struct slice pool_name, struct slice id)
{
    struct server *s = mem_zalloc(sizeof(*s));
    s->pool_name = own(pool_name);
    s->id = own(id);
    list_init(&s->idle);
    list_init(&s->in_registry);
    return s;
}

static struct server *find(struct link *chain, struct slice pool_name, struct slice id)
{
    LIST_EACH (chain, at) {
        struct server *s = CONTAINER_OF(at, struct server, in_registry);
        if (slice_eq(s->id, id) && slice_eq(s->pool_name, pool_name))
            return s;
    }
    return NULL;
}

struct server *servers_get(struct servers *r, struct slice pool_name, struct slice id)
{
    struct link *chain = chain_of(r, pool_name, id);
    struct server *s = find(chain, pool_name, id);
    if (s == NULL) {
        s = server_new(pool_name, id);
        list_append(chain, &s->in_registry);
    }
    return server_ref(s);
}

static bool has_addrs(const struct server *s, const struct server_conf *conf)
{
    if (s->addr_count != conf->addr_count)
        return false;
    for (size_t i = 0; i < s->addr_count; i++) {
        if (!addr_eq(&s->addrs[i], &conf->addrs[i]))
            return false;
    }
    return true;
}

void server_update(struct server *s, const struct server_conf *conf)
{
    if (has_addrs(s, conf))
        return; /* the dials go on in turn */
    mem_free(s->addrs);
    s->addrs = mem_array(conf->addr_count, sizeof(*s->addrs));
    for (size_t i = 0; i < conf->addr_count; i++)
        s->addrs[i] = conf->addrs[i];
    s->addr_count = conf->addr_count;
    s->next_addr = 0;
}

struct server *server_ref(struct server *s)
{
    s->refs++;
    return s;
}

void server_unref(struct server *s)
{
    if (s == NULL || --s->refs > 0)
        return;
    assert(s->in_flight == 0 && list_empty(&s->idle));
    list_remove(&s->in_registry);
    mem_free((char *)s->pool_name.ptr);
    mem_free((char *)s->id.ptr);
    mem_free(s->addrs);
    mem_free(s);
}
