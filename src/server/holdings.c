/* SPDX-License-Identifier: Apache-2.0 */
#include "server/holdings.h"

#include "base/mem.h"
#include "server/bundle.h"
#include "server/config_build.h"

#include <assert.h>
#include <errno.h>
#include <unistd.h>

static int read_config(struct holdings *h, const char *path, struct bundle *b, struct diags *d,
                       struct err *e)
{
    if (tls_tickets_make_secret(b->ticket_secret) < 0)
        return err_set(e, -EIO, "there are no random bytes for the ticket keys");
    h->tickets = tls_tickets_new(b->ticket_secret);
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

static int open_logs(struct holdings *h, struct diags *d)
{
    struct err why = { 0 };
    const struct log_conf *bad;
    if (logs_open(h->config, &h->logs, &bad, &why) == 0)
        return 0;
    diags_add(d, DIAG_ERROR, "cannot-open-log", &bad->span, "%s", why.text);
    return -EINVAL;
}

static int open_sockets(struct holdings *h, struct diags *d)
{
    struct err why = { 0 };
    struct span at;
    int r = listen_set_open(h->config, (unsigned)h->config->workers, &h->sockets, &at, &why);
    if (r == 0)
        return 0;
    diags_add(d, DIAG_ERROR, r == -EADDRINUSE ? "address-in-use" : "cannot-listen", &at, "%s",
              why.text);
    return -EINVAL;
}

static int make_bundle(struct holdings *h, struct bundle *b, struct err *e)
{
    struct buf saved;
    buf_init(&saved);
    sources_save(h->sources, &saved);
    b->sources = buf_view(&saved);
    int r = bundle_make(b, &h->bundle);
    mem_wipe(saved.base, saved.cap); /* keys are among it */
    buf_done(&saved);
    return r < 0 ? err_set(e, r, "cannot make the bundle: %s", strerror(-r)) : 0;
}

static int make_shm(struct holdings *h, struct err *e)
{
    int r = shm_new_for(h->config, &h->shm);
    return r < 0 ? err_set(e, r, "cannot make the shared memory: %s", strerror(-r)) : 0;
}

static int open_all(struct holdings *h, struct bundle *b, struct diags *d, struct err *e)
{
    assert(h->config != NULL);
    int r = find_identity(h->config, &b->identity, d);
    if (open_logs(h, d) < 0 || r < 0)
        return -EINVAL;
    r = open_sockets(h, d);
    if (r == 0)
        r = make_bundle(h, b, e);
    if (r == 0)
        r = make_shm(h, e);
    return r;
}

int holdings_open(const char *config_path, struct holdings *ret_h, struct diags *d, struct err *e)
{
    struct holdings h = { .logs = { -1, -1 }, .bundle = -1, .generation = 1 };
    struct bundle b = { .config_path = slice_str(config_path) };
    int r = read_config(&h, config_path, &b, d, e);
    if (r == 0)
        r = open_all(&h, &b, d, e);
    mem_wipe(b.ticket_secret, sizeof(b.ticket_secret));
    if (r < 0) {
        holdings_close(&h);
        return r;
    }
    *ret_h = h;
    return 0;
}

void holdings_close(struct holdings *h)
{
    if (h->bundle >= 0)
        close(h->bundle);
    shm_free(h->shm);
    listen_set_close(h->sockets);
    logs_close(&h->logs);
    if (h->config != NULL)
        config_unref(h->config);
    if (h->registry != NULL)
        servers_free(h->registry);
    if (h->tickets != NULL)
        tls_tickets_unref(h->tickets);
    if (h->sources != NULL)
        sources_free(h->sources);
    *h = (struct holdings){ .logs = { -1, -1 }, .bundle = -1 };
}
