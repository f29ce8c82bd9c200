/* SPDX-License-Identifier: Apache-2.0 */
#include "server/config_load.h"

#include "base/mem.h"
#include "server/config_build.h"

#include <errno.h>

struct config_load {
    struct slice mapped; /* the bundle */
    bool begun;
    struct bundle bundle;
    struct servers *registry;
    struct tls_tickets *tickets; /* a reference; may be NULL before the sources are loaded */
    const struct config *former;
    struct sources *sources; /* views `mapped`; NULL: not loaded yet, or damaged */
    char *path;
    struct diags *diags;
    struct config_builder *builder;
};

int config_load_new(const struct config_load_setup *setup, struct config_load **ret_load,
                    struct err *e)
{
    struct config_load *l = mem_zalloc(sizeof(*l));
    int r = bundle_map(setup->bundle_fd, &l->bundle, &l->mapped, e);
    if (r < 0) {
        mem_free(l);
        return r;
    }
    l->registry = setup->registry;
    l->tickets = setup->tickets != NULL ? tls_tickets_ref(setup->tickets) : NULL;
    l->former = setup->former;
    l->diags = diags_new();
    *ret_load = l;
    return 0;
}

/* Sessions resume across reloads because the secret is the same. Should it be another one, it
 * counts: the other workers have it too. */
static void choose_tickets(struct config_load *l)
{
    struct tls_tickets *fresh = tls_tickets_new(l->bundle.ticket_secret);
    if (l->tickets != NULL && slice_eq(tls_tickets_name(l->tickets), tls_tickets_name(fresh))) {
        tls_tickets_unref(fresh);
        return;
    }
    tls_tickets_unref(l->tickets);
    l->tickets = fresh;
}

/* False: they are damaged. */
static bool load_sources(struct config_load *l)
{
    l->begun = true;
    int r = sources_view(l->bundle.sources, &l->sources);
    l->path = mem_text(l->bundle.config_path);
    choose_tickets(l);
    mem_wipe(l->bundle.ticket_secret, sizeof(l->bundle.ticket_secret));
    if (r < 0)
        return false;
    l->builder =
        config_builder_new(l->sources, l->path, l->registry, l->tickets, l->former, l->diags);
    return true;
}

bool config_load_step(struct config_load *l, uint64_t budget_us)
{
    if (!l->begun)
        return load_sources(l);
    return l->builder != NULL && config_builder_step(l->builder, budget_us);
}

/* The first line of what the configuration's builder had to say. */
static int say_why(const struct config_load *l, struct err *e)
{
    if (l->sources == NULL)
        return err_set(e, -EINVAL, "the bundle's sources are damaged");
    struct buf text;
    buf_init(&text);
    diags_print(l->diags, false, "", &text);
    struct slice all = buf_view(&text);
    struct slice first = slice_first(all, slice_find(all, '\n'));
    int r = err_set(e, -EINVAL, "the bundled configuration does not build: %.*s", SLICE_ARG(first));
    buf_done(&text);
    return r;
}

static struct config *take_config(struct config_load *l)
{
    struct config *c = l->builder != NULL ? config_builder_end(l->builder) : NULL;
    l->builder = NULL;
    if (c != NULL)
        config_forget_sources(c);
    return c;
}

int config_load_end(struct config_load *l, struct config_loaded *ret_loaded, struct err *e)
{
    struct config *c = take_config(l);
    int r = c != NULL ? 0 : say_why(l, e);
    if (r == 0)
        *ret_loaded = (struct config_loaded){ c, tls_tickets_ref(l->tickets), l->bundle.identity };
    config_load_free(l);
    return r;
}

void config_load_free(struct config_load *l)
{
    if (l == NULL)
        return;
    config_unref(take_config(l));
    diags_free(l->diags);
    mem_free(l->path);
    if (l->sources != NULL)
        sources_free(l->sources);
    mem_wipe(l->bundle.ticket_secret, sizeof(l->bundle.ticket_secret));
    bundle_unmap(l->mapped); /* and with it the only copy of private keys in this process */
    tls_tickets_unref(l->tickets);
    mem_free(l);
}
