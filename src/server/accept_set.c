/* SPDX-License-Identifier: Apache-2.0 */
#include "server/accept_set.h"

#include "base/mem.h"
#include "conn/listener.h"
#include "event/sock.h"

#include <errno.h>
#include <unistd.h>

/* More than this may not wait in the queue of one socket that is about to close. */
#define FINISH_MAX 4096

struct entrance { /* a socket we accept from */
    int fd;
    unsigned owner; /* whose it is; a worker number */
    const struct listener_conf *leads_to;
};
struct accept_set {
    struct listeners *listeners; /* NULL once finished */
    struct frontend *frontend;
    struct config *config;
    struct entrance *entrances;
    size_t count;
    uint64_t failures; /* of the listeners, once they are gone */
};

static void hold_ref(void *owner)
{
    config_ref(owner);
}

static void hold_unref(void *owner)
{
    config_unref(owner);
}

static void on_accept(void *user, void *tag, int fd, const struct addr *peer)
{
    struct accept_set *s = user;
    const struct config_hold hold = {
        .listener = tag,
        .owner = s->config,
        .ref = hold_ref,
        .unref = hold_unref,
    };
    frontend_accept(s->frontend, &hold, fd, peer);
}

struct accept_set *accept_set_new(struct loop *l, struct frontend *f, struct config *c)
{
    struct accept_set *s = mem_zalloc(sizeof(*s));
    s->frontend = f;
    s->config = c;
    s->listeners = listeners_new(l, on_accept, s);
    return s;
}

void accept_set_free(struct accept_set *s)
{
    if (s == NULL)
        return;
    if (s->listeners != NULL)
        listeners_free(s->listeners);
    mem_free(s->entrances);
    mem_free(s);
}

static const struct listener_conf *find_listener(const struct config *c, const struct addr *addr)
{
    for (size_t i = 0; i < c->listener_count; i++)
        for (size_t k = 0; k < c->listeners[i].addr_count; k++)
            if (addr_eq(&c->listeners[i].addrs[k], addr))
                return &c->listeners[i];
    return NULL;
}

static int find_leads_to(const struct accept_set *s, int fd,
                         const struct listener_conf **ret_leads_to, struct err *e)
{
    struct addr addr;
    int r = sock_local(fd, &addr);
    if (r < 0)
        return err_set(e, r, "cannot ask a listening socket for its address: %s", strerror(-r));
    const struct listener_conf *leads_to = find_listener(s->config, &addr);
    char text[ADDR_TEXT_MAX];
    if (leads_to == NULL)
        return err_set(e, -EINVAL, "no listen block for a socket on %s", addr_text(&addr, text));
    *ret_leads_to = leads_to;
    return 0;
}

int accept_set_add(struct accept_set *s, unsigned owner, int fd, struct err *e)
{
    const struct listener_conf *leads_to = NULL;
    int r = find_leads_to(s, fd, &leads_to, e);
    if (r < 0) {
        close(fd);
        return r;
    }
    r = s->listeners != NULL ? listeners_add(s->listeners, fd, (void *)leads_to) : -ESHUTDOWN;
    if (r < 0) {
        close(fd);
        return err_set(e, r, "cannot watch a listening socket: %s", strerror(-r));
    }
    s->entrances = mem_resize(s->entrances, s->count + 1, sizeof(*s->entrances));
    s->entrances[s->count++] = (struct entrance){ fd, owner, leads_to };
    return 0;
}

void accept_set_remove(struct accept_set *s, unsigned owner)
{
    size_t kept = 0;
    for (size_t i = 0; i < s->count; i++) {
        if (s->entrances[i].owner == owner)
            listeners_remove(s->listeners, s->entrances[i].fd);
        else
            s->entrances[kept++] = s->entrances[i];
    }
    s->count = kept;
}

static void accept_waiting(struct accept_set *s, const struct entrance *from)
{
    for (int i = 0; i < FINISH_MAX; i++) {
        int fd;
        struct addr peer;
        if (sock_accept(from->fd, &fd, &peer) < 0)
            return;
        on_accept(s, (void *)from->leads_to, fd, &peer);
    }
}

void accept_set_finish(struct accept_set *s)
{
    if (s->listeners == NULL)
        return;
    for (size_t i = 0; i < s->count; i++)
        accept_waiting(s, &s->entrances[i]);
    s->failures = listeners_failures(s->listeners);
    listeners_close_all(s->listeners);
    listeners_free(s->listeners);
    s->listeners = NULL;
    s->count = 0;
}

uint64_t accept_set_failures(const struct accept_set *s)
{
    return s->listeners != NULL ? listeners_failures(s->listeners) : s->failures;
}
