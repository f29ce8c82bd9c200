/* SPDX-License-Identifier: Apache-2.0 */
#include "server/holdings.h"

#include "base/mem.h"
#include "server/bundle.h"
#include "server/config_build.h"

#include <assert.h>
#include <errno.h>
#include <unistd.h>

/* --- the first */

static int read_config(struct holdings *h, const char *path, struct diags *d, struct err *e)
{
    unsigned char secret[TLS_TICKET_SECRET_BYTES];
    if (tls_tickets_make_secret(secret) < 0)
        return err_set(e, -EIO, "there are no random bytes for the ticket keys");
    h->tickets = tls_tickets_new(secret);
    mem_wipe(secret, sizeof(secret));
    h->sources = sources_new_system();
    h->registry = servers_new();
    config_resolve(h->sources, path);
    h->config = config_build(h->sources, path, h->registry, h->tickets, d);
    return h->config != NULL ? 0 : -EINVAL;
}

static int find_identity(const struct config *c, struct identity *ret_id, struct diags *d)
{
    struct err why = { 0 };
    if (identity_find(c->user, c->group, ret_id, &why) == 0)
        return 0;
    diags_add(d, DIAG_ERROR, "unknown-user", &(struct span){ 0 }, "%s", why.text);
    return -EINVAL;
}

static int cannot_open_log(struct diags *d, const struct log_conf *bad, const struct err *why)
{
    diags_add(d, DIAG_ERROR, "cannot-open-log", &bad->span, "%s", why->text);
    return -EINVAL;
}

static int open_logs(struct holdings *h, struct diags *d)
{
    struct err why = { 0 };
    const struct log_conf *bad;
    return logs_open(h->config, &h->logs, &bad, &why) < 0 ? cannot_open_log(d, bad, &why) : 0;
}

static int cannot_listen(struct diags *d, int r, const struct span *at, const struct err *why)
{
    diags_add(d, DIAG_ERROR, r == -EADDRINUSE ? "address-in-use" : "cannot-listen", at, "%s",
              why->text);
    return -EINVAL;
}

static int open_sockets(struct holdings *h, struct diags *d)
{
    struct err why = { 0 };
    struct span at;
    int r = listen_set_open(h->config, (unsigned)h->config->workers, &h->sockets, &at, &why);
    return r < 0 ? cannot_listen(d, r, &at, &why) : 0;
}

/* The keys among the sources are wiped: the bundle holds them now, and the configuration what was
 * built from them. */
static int make_bundle(struct holdings *h, const char *config_path, struct err *e)
{
    struct bundle b = { .config_path = slice_str(config_path), .identity = h->identity };
    struct buf saved;
    buf_init(&saved);
    sources_save(h->sources, &saved);
    b.sources = buf_view(&saved);
    tls_tickets_secret(h->tickets, b.ticket_secret);
    int r = bundle_make(&b, &h->bundle);
    mem_wipe(b.ticket_secret, sizeof(b.ticket_secret));
    mem_wipe(saved.base, saved.cap);
    buf_done(&saved);
    sources_forget_secrets(h->sources);
    return r < 0 ? err_set(e, r, "cannot make the bundle: %s", strerror(-r)) : 0;
}

static int make_shm(struct holdings *h, struct err *e)
{
    int r = shm_new_for(h->config, &h->shm);
    return r < 0 ? err_set(e, r, "cannot make the shared memory: %s", strerror(-r)) : 0;
}

static int open_all(struct holdings *h, const char *config_path, struct diags *d, struct err *e)
{
    assert(h->config != NULL);
    int r = find_identity(h->config, &h->identity, d);
    if (open_logs(h, d) < 0 || r < 0)
        return -EINVAL;
    r = open_sockets(h, d);
    if (r == 0)
        r = make_bundle(h, config_path, e);
    if (r == 0)
        r = make_shm(h, e);
    return r;
}

int holdings_open(const char *config_path, struct holdings *ret_h, struct diags *d, struct err *e)
{
    struct holdings h = { .logs = { -1, -1 }, .bundle = -1, .generation = 1 };
    int r = read_config(&h, config_path, d, e);
    if (r == 0)
        r = open_all(&h, config_path, d, e);
    if (r < 0) {
        holdings_close(&h);
        return r;
    }
    config_use(h.config);
    *ret_h = h;
    return 0;
}

/* --- the next */

struct holdings holdings_next(const struct holdings *h, uint32_t generation)
{
    return (struct holdings){ .registry = h->registry,
                              .tickets = h->tickets,
                              .identity = h->identity,
                              .shm = h->shm,
                              .logs = { -1, -1 },
                              .bundle = -1,
                              .generation = generation };
}

int holdings_open_sockets(const struct holdings *h, struct holdings *next, const char *config_path,
                          struct diags *d, struct err *e)
{
    struct err why = { 0 };
    struct span at;
    int r = listen_set_next(h->sockets, next->config, (unsigned)next->config->workers,
                            &next->sockets, &at, &why);
    if (r < 0)
        return cannot_listen(d, r, &at, &why);
    return make_bundle(next, config_path, e);
}

int holdings_open_logs(const struct holdings *h, struct holdings *next, struct diags *d)
{
    struct err why = { 0 };
    const struct log_conf *bad;
    int r = logs_open_next(h->config, &h->logs, next->config, &next->logs, &bad, &why);
    return r < 0 ? cannot_open_log(d, bad, &why) : 0;
}

void holdings_forget(const struct holdings *h, struct holdings *next)
{
    next->registry = NULL; /* what lasts is the other's */
    next->tickets = NULL;
    next->shm = NULL;
    logs_close_but(&next->logs, &h->logs);
    holdings_close(next);
}

void holdings_replace(struct holdings *h, struct holdings *next, struct holdings *ret_former)
{
    *ret_former = *h;
    *h = *next;
    *next = (struct holdings){ .logs = { -1, -1 }, .bundle = -1 };
}

void holdings_close(struct holdings *h)
{
    if (h->bundle >= 0)
        close(h->bundle);
    shm_free(h->shm);
    listen_set_close(h->sockets);
    logs_close(&h->logs);
    if (h->config != NULL) {
        config_forget_sources(h->config); /* somebody may hold it for a while */
        config_unref(h->config);
    }
    if (h->registry != NULL)
        servers_free(h->registry);
    if (h->tickets != NULL)
        tls_tickets_unref(h->tickets);
    if (h->sources != NULL)
        sources_free(h->sources);
    *h = (struct holdings){ .logs = { -1, -1 }, .bundle = -1 };
}
