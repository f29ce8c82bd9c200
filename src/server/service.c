/* SPDX-License-Identifier: Apache-2.0 */
#include "server/service.h"

#include "base/mem.h"
#include "conn/scratch.h"
#include "proxy/frontend.h"
#include "server/accept_set.h"
#include "server/bundle.h"
#include "server/config_build.h"
#include "server/sandbox.h"

#include <errno.h>
#include <sys/random.h>
#include <unistd.h>

#define ARENA_BLOCKS   1024 /* of 4 kB, kept for reuse */
#define SETTLING_TURNS 4    /* of the loop, in which closed connections free themselves */

struct service {
    struct loop *loop; /* borrowed */
    struct counters *counters;
    struct tls_tickets *tickets;
    struct servers *registry;
    struct config *config;
    struct scratch scratch;
    struct arena_recycler arenas;
    struct proxy proxy;
    struct frontend *frontend;
    struct accept_set *accepts;
    uint64_t failures_counted; /* of accept_set_failures() */
};

/* The first line of what the configuration's builder had to say. */
static int config_failed(const struct diags *d, struct err *e)
{
    struct buf text;
    buf_init(&text);
    diags_print(d, false, "", &text);
    struct slice all = buf_view(&text);
    struct slice first = slice_first(all, slice_find(all, '\n'));
    int r = err_set(e, -EINVAL, "the bundled configuration does not build: %.*s", SLICE_ARG(first));
    buf_done(&text);
    return r;
}

static int build_config(struct service *s, const struct bundle *b, struct err *e)
{
    struct sources *sources;
    if (sources_load(b->sources, &sources) < 0)
        return err_set(e, -EINVAL, "the bundle's sources are damaged");
    char *path = mem_text(b->config_path);
    struct diags *d = diags_new();
    s->tickets = tls_tickets_new(b->ticket_secret);
    s->registry = servers_new();
    s->config = config_build(sources, path, s->registry, s->tickets, d);
    int r = 0;
    if (s->config != NULL) {
        config_forget_sources(s->config);
        config_use(s->config);
    } else {
        r = config_failed(d, e);
    }
    diags_free(d);
    mem_free(path);
    sources_free(sources); /* wipes: private keys are among them */
    return r;
}

/* The bundle and every copy of its contents are gone when this returns; only what was built from it
 * stays. */
static int read_bundle(struct service *s, int bundle_fd, struct err *e)
{
    struct bundle b;
    struct slice bytes;
    int r = bundle_map(bundle_fd, &b, &bytes, e);
    if (r < 0)
        return r;
    r = build_config(s, &b, e);
    if (r == 0)
        r = identity_become(&b.identity, e);
    mem_wipe(b.ticket_secret, sizeof(b.ticket_secret));
    bundle_unmap(bytes);
    return r;
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
    s->accepts = accept_set_new(s->loop, s->frontend, s->config);
}

int service_new(const struct service_setup *setup, struct service **ret_service, struct err *e)
{
    struct service *s = mem_zalloc(sizeof(*s));
    s->loop = setup->loop;
    s->counters = setup->counters;
    int r = read_bundle(s, setup->bundle_fd, e);
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
    if (s->frontend != NULL)
        free_machinery(s);
    if (s->config != NULL)
        config_unref(s->config);
    if (s->registry != NULL)
        servers_free(s->registry);
    if (s->tickets != NULL)
        tls_tickets_unref(s->tickets);
    mem_free(s);
}

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
