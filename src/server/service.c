/* SPDX-License-Identifier: Apache-2.0 */
#include "server/service.h"

#include "base/mem.h"
#include "conn/scratch.h"
#include "proxy/frontend.h"
#include "server/accept_set.h"
#include "server/config_build.h"
#include "server/config_grave.h"
#include "server/config_load.h"
#include "server/descriptors.h"
#include "server/sandbox.h"

#include <assert.h>
#include <errno.h>
#include <sys/random.h>
#include <unistd.h>

#define ARENA_BLOCKS   1024 /* of 4 kB, kept for reuse */
#define SETTLING_TURNS 4    /* of the loop, in which closed connections free themselves */
/* Building and taking apart: so much of one loop turn, then a rest. Who asks for the processor all
 * the time is made to wait for it by the kernel, and clients with it. */
#define SLICE_US 1000
#define REST_MS  2

struct next {                   /* a configuration on its way */
    struct config_load *load;   /* while it is built */
    struct config_loaded built; /* then; config NULL: there is none */
    struct timer step;          /* runs until it is built */
    struct err failed;          /* it could not even begin */
    void (*on_built)(void *user, const char *why);
    void *user;
};

struct service {
    struct loop *loop; /* borrowed */
    struct counters *counters;
    struct tls_tickets *tickets;
    struct servers *registry;
    struct config *config;
    struct next next;
    struct config_grave *grave; /* of former ones */
    struct timer bury;
    struct scratch scratch;
    struct arena_recycler arenas;
    struct proxy proxy;
    struct frontend *frontend;
    struct accept_set *accepts;
    uint64_t failures_counted; /* of accept_set_failures() */
};

/* --- a little a turn */

static void on_grave_filled(void *user)
{
    struct service *s = user;
    if (!timer_running(&s->bury))
        timer_start(&s->bury, s->loop, REST_MS);
}

static void on_bury(struct timer *t)
{
    struct service *s = CONTAINER_OF(t, struct service, bury);
    if (config_grave_step(s->grave, SLICE_US))
        timer_start(&s->bury, s->loop, REST_MS);
}

static void on_step(struct timer *t)
{
    struct next *n = CONTAINER_OF(t, struct next, step);
    struct service *s = CONTAINER_OF(n, struct service, next);
    if (n->load != NULL && config_load_step(n->load, SLICE_US)) {
        timer_start(&n->step, s->loop, REST_MS);
        return;
    }
    int r = n->load != NULL ? config_load_end(n->load, &n->built, &n->failed) : -EINVAL;
    n->load = NULL;
    n->on_built(n->user, r < 0 ? n->failed.text : NULL);
}

/* --- life */

/* Nobody is served yet. */
static int build_first(struct service *s, int bundle_fd, struct err *e)
{
    const struct config_load_setup setup = { .bundle_fd = bundle_fd, .registry = s->registry };
    struct config_load *load;
    struct config_loaded loaded;
    int r = config_load_new(&setup, &load, e);
    if (r < 0)
        return r;
    while (config_load_step(load, SLICE_US))
        ;
    r = config_load_end(load, &loaded, e);
    if (r < 0)
        return r;
    s->config = loaded.config;
    s->tickets = loaded.tickets;
    config_bury(s->config, s->grave);
    config_use(s->config);
    return identity_become(&loaded.identity, e);
}

/* Descriptors, between clients and servers. */
static void share_room(struct service *s)
{
    unsigned room = descriptors_client_room(s->config);
    pool_set_room(s->proxy.pool, room);
    frontend_set_room(s->frontend, room);
}

static void build_machinery(struct service *s, const struct service_setup *setup)
{
    scratch_init(&s->scratch);
    arena_recycler_init(&s->arenas, ARENA_BLOCKS);
    s->proxy = (struct proxy){
        .loop = s->loop,
        .arenas = &s->arenas,
        .pool = pool_new(s->loop, &s->scratch, &s->arenas, s->counters),
        .access_log =
            access_log_new(s->loop, setup->access_fd, s->config->access_log.format, s->counters),
        .counters = s->counters,
        .census = setup->census,
    };
    s->frontend = frontend_new(&s->proxy, &s->scratch);
    share_room(s);
    s->accepts = accept_set_new(s->loop, s->frontend, s->config);
}

static struct service *service_begin(const struct service_setup *setup)
{
    struct service *s = mem_zalloc(sizeof(*s));
    s->loop = setup->loop;
    s->counters = setup->counters;
    s->registry = servers_new();
    s->grave = config_grave_new(on_grave_filled, s);
    timer_init(&s->next.step, on_step);
    timer_init(&s->bury, on_bury);
    return s;
}

int service_new(const struct service_setup *setup, struct service **ret_service, struct err *e)
{
    struct service *s = service_begin(setup);
    int r = build_first(s, setup->bundle_fd, e);
    if (r == 0) {
        build_machinery(s, setup);
        if (getentropy(s->proxy.request_id_seed, sizeof(s->proxy.request_id_seed)) < 0)
            r = err_set(e, -errno, "there are no random bytes: %s", strerror(errno));
    }
    if (r == 0)
        r = sandbox_enter(s->config->sandbox, e);
    if (r < 0) {
        service_free(s);
        return r;
    }
    *ret_service = s;
    return 0;
}

static void settle(struct service *s)
{
    for (int i = 0; i < SETTLING_TURNS; i++)
        loop_turn(s->loop, false);
}

static void free_machinery(struct service *s)
{
    accept_set_free(s->accepts);
    frontend_free(s->frontend);
    settle(s);
    pool_free(s->proxy.pool);
    settle(s);
    access_log_free(s->proxy.access_log);
    arena_recycler_done(&s->arenas);
    scratch_done(&s->scratch);
}

void service_free(struct service *s)
{
    if (s == NULL)
        return;
    service_forget(s);
    if (s->frontend != NULL)
        free_machinery(s);
    config_unref(s->config);
    timer_stop(&s->bury);
    config_grave_free(s->grave);
    servers_free(s->registry);
    tls_tickets_unref(s->tickets);
    mem_free(s);
}

/* --- another configuration */

void service_prepare(struct service *s, int bundle_fd,
                     void (*on_built)(void *user, const char *why), void *user)
{
    struct next *n = &s->next;
    const struct config_load_setup setup = {
        .bundle_fd = bundle_fd,
        .registry = s->registry,
        .tickets = s->tickets,
        .former = s->config,
    };
    service_forget(s);
    n->on_built = on_built;
    n->user = user;
    if (config_load_new(&setup, &n->load, &n->failed) < 0)
        n->load = NULL;
    timer_start(&n->step, s->loop, 0);
}

void service_forget(struct service *s)
{
    struct next *n = &s->next;
    timer_stop(&n->step);
    config_load_free(n->load);
    config_unref(n->built.config);
    tls_tickets_unref(n->built.tickets);
    n->load = NULL;
    n->built = (struct config_loaded){ 0 };
}

/* Servers that both configurations have keep their connections. */
static void change_servers(struct service *s, struct config *to)
{
    for (size_t i = 0; i < s->config->cluster_count; i++)
        cluster_leave(s->config->clusters[i]);
    config_use(to);
    pool_review(s->proxy.pool);
}

void service_commit(struct service *s)
{
    struct config_loaded *built = &s->next.built, old = { s->config, s->tickets };
    assert(built->config != NULL);
    change_servers(s, built->config);
    accept_set_use(s->accepts, built->config);
    access_log_set_format(s->proxy.access_log, built->config->access_log.format);
    s->config = built->config;
    s->tickets = built->tickets;
    *built = (struct config_loaded){ 0 };
    share_room(s);
    config_unref(old.config);
    tls_tickets_unref(old.tickets);
}

/* --- what the master wants */

int service_lend(struct service *s, unsigned owner, int fd, struct err *e)
{
    return accept_set_add(s->accepts, owner, fd, e);
}

void service_take_back(struct service *s, unsigned owner)
{
    accept_set_remove(s->accepts, owner);
}

void service_drain(struct service *s)
{
    service_forget(s);
    accept_set_finish(s->accepts);
    frontend_drain(s->frontend);
    pool_close_idle(s->proxy.pool);
}

bool service_idle(const struct service *s)
{
    return frontend_connections(s->frontend) == 0;
}

const struct config *service_config(const struct service *s)
{
    return s->config;
}

void service_reopen(struct service *s, int access_fd)
{
    access_log_reopen(s->proxy.access_log, access_fd, s->config->access_log.format);
}

void service_tick(struct service *s)
{
    uint64_t failures = accept_set_failures(s->accepts);
    counter_add(s->counters, COUNTER_ACCEPT_FAILURES, failures - s->failures_counted);
    s->failures_counted = failures;
}
