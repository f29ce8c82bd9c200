/* SPDX-License-Identifier: Apache-2.0 */
#include "server/accept_set.h"

#include "base/mem.h"
#include "conn/listener.h"
#include "event/sock.h"

#include <errno.h>
#include <unistd.h>

/* More than this may not wait in the queue of one socket that is about to close. */
#define FINISH_MAX 4096
/* Of a socket that nobody listens on any more: so long without a client is long enough, and so many
 * such waits at most, where the kernel lets new ones in all the same. */
#define DRY_MS    1000
#define WAITS_MAX 10

struct entrance { /* a socket we accept from */
    struct link link;
    struct accept_set *set;
    int fd;
    unsigned owner; /* whose it is; a worker number */
    struct config_hold leads_to;
    struct timer dry; /* runs once it is about to close */
    unsigned waits;   /* how often it ran out */
    bool leaving;     /* it is about to close */
    bool heard;       /* since the timer began somebody came */
};
struct accept_set {
    struct loop *loop;
    struct listeners *listeners; /* NULL once finished */
    struct frontend *frontend;
    struct config *config;
    struct link entrances;
    uint64_t failures; /* of the listeners, once they are gone */
};

/* --- where an address leads */

static void hold_ref(void *owner)
{
    config_ref(owner);
}

static void hold_unref(void *owner)
{
    config_unref(owner);
}

static bool find_listener(struct config *c, const struct addr *at, struct config_hold *ret_hold)
{
    static const struct config_hold_ops ops = { hold_ref, hold_unref };
    for (size_t i = 0; i < c->listener_count; i++) {
        const struct listener_conf *l = &c->listeners[i];
        for (size_t k = 0; k < l->addr_count; k++) {
            if (!addr_eq(&l->addrs[k], at))
                continue;
            *ret_hold = (struct config_hold){ l, &l->addrs[k], c, &ops };
            return true;
        }
    }
    return false;
}

/* --- an entrance */

static void on_accept(void *user, void *tag, int fd, const struct addr *peer)
{
    struct accept_set *s = user;
    struct entrance *e = tag;
    e->heard = true;
    frontend_accept(s->frontend, &e->leads_to, fd, peer);
}

static void accept_waiting(struct entrance *e)
{
    for (int i = 0; i < FINISH_MAX; i++) {
        int fd;
        struct addr peer;
        if (sock_accept(e->fd, &fd, &peer) < 0)
            return;
        on_accept(e->set, e, fd, &peer);
    }
}

static void entrance_lead(struct entrance *e, const struct config_hold *to)
{
    void *old = e->leads_to.owner;
    e->leads_to = *to;
    config_ref(to->owner);
    config_unref(old);
}

static void entrance_close(struct entrance *e)
{
    timer_stop(&e->dry);
    list_remove(&e->link);
    listeners_remove(e->set->listeners, e->fd);
    config_unref(e->leads_to.owner);
    mem_free(e);
}

static void on_dry(struct timer *t)
{
    struct entrance *e = CONTAINER_OF(t, struct entrance, dry);
    if (e->heard && ++e->waits < WAITS_MAX) {
        e->heard = false;
        timer_start(&e->dry, e->set->loop, DRY_MS);
        return;
    }
    accept_waiting(e);
    entrance_close(e);
}

static void entrance_leave(struct entrance *e)
{
    e->leads_to.at = NULL;
    if (e->leaving)
        return;
    e->leaving = true;
    e->heard = false;
    timer_start(&e->dry, e->set->loop, DRY_MS);
}

static struct entrance *entrance_new(struct accept_set *s, unsigned owner, int fd,
                                     const struct config_hold *leads_to)
{
    struct entrance *e = mem_zalloc(sizeof(*e));
    e->set = s;
    e->fd = fd;
    e->owner = owner;
    timer_init(&e->dry, on_dry);
    entrance_lead(e, leads_to);
    list_append(&s->entrances, &e->link);
    return e;
}

/* --- the set */
static unsigned room(void *user)
{
    const struct accept_set *s = user;
    return frontend_room(s->frontend);
}

static const struct listeners_events events = { .on_accept = on_accept, .room = room };

struct accept_set *accept_set_new(struct loop *l, struct frontend *f, struct config *c)
{
    struct accept_set *s = mem_zalloc(sizeof(*s));
    s->loop = l;
    s->frontend = f;
    s->config = config_ref(c);
    s->listeners = listeners_new(l, &events, s);
    list_init(&s->entrances);
    return s;
}

static void close_all(struct accept_set *s)
{
    LIST_EACH (&s->entrances, at)
        entrance_close(CONTAINER_OF(at, struct entrance, link));
    s->failures = listeners_failures(s->listeners);
    listeners_free(s->listeners);
    s->listeners = NULL;
}

void accept_set_free(struct accept_set *s)
{
    if (s == NULL)
        return;
    if (s->listeners != NULL)
        close_all(s);
    config_unref(s->config);
    mem_free(s);
}

static int find_leads_to(const struct accept_set *s, int fd, struct config_hold *ret_leads_to,
                         struct err *e)
{
    struct addr addr;
    int r = sock_local(fd, &addr);
    if (r < 0)
        return err_set(e, r, "cannot ask a listening socket for its address: %s", strerror(-r));
    char text[ADDR_TEXT_MAX];
    if (!find_listener(s->config, &addr, ret_leads_to))
        return err_set(e, -EINVAL, "no listen block for a socket on %s", addr_text(&addr, text));
    return 0;
}

int accept_set_add(struct accept_set *s, unsigned owner, int fd, struct err *e)
{
    struct config_hold leads_to = { 0 };
    int r = find_leads_to(s, fd, &leads_to, e);
    if (r == 0 && s->listeners == NULL)
        r = err_set(e, -ESHUTDOWN, "no listening socket is needed any more");
    if (r < 0) {
        close(fd);
        return r;
    }
    struct entrance *entrance = entrance_new(s, owner, fd, &leads_to);
    r = listeners_add(s->listeners, fd, entrance);
    if (r < 0) {
        entrance_close(entrance);
        close(fd);
        return err_set(e, r, "cannot watch a listening socket: %s", strerror(-r));
    }
    return 0;
}

void accept_set_remove(struct accept_set *s, unsigned owner)
{
    LIST_EACH (&s->entrances, at) {
        struct entrance *e = CONTAINER_OF(at, struct entrance, link);
        if (e->owner == owner && !e->leaving)
            entrance_close(e);
    }
}

/* --- another configuration */

struct change { /* most connections in a row came in by the same address */
    struct config *to;
    const struct addr *at; /* the one that was asked for last */
    struct config_hold found;
    bool is_found;
};

static bool find_changed(void *user, const struct config_hold *from, struct config_hold *ret_to)
{
    struct change *c = user;
    if (c->at != from->at) {
        c->at = from->at;
        c->is_found = find_listener(c->to, from->at, &c->found);
    }
    *ret_to = c->found;
    return c->is_found;
}

static void entrance_change(struct entrance *e, struct config *c)
{
    struct config_hold to;
    struct addr addr;
    if (sock_local(e->fd, &addr) == 0 && find_listener(c, &addr, &to))
        entrance_lead(e, &to);
    else
        entrance_leave(e);
}

void accept_set_use(struct accept_set *s, struct config *c)
{
    struct change change = { .to = c };
    LIST_EACH (&s->entrances, at)
        entrance_change(CONTAINER_OF(at, struct entrance, link), c);
    frontend_replace_config(s->frontend, find_changed, &change);
    config_unref(s->config);
    s->config = config_ref(c);
}

/* --- the end */

void accept_set_finish(struct accept_set *s)
{
    if (s->listeners == NULL)
        return;
    LIST_EACH (&s->entrances, at)
        accept_waiting(CONTAINER_OF(at, struct entrance, link));
    close_all(s);
}

uint64_t accept_set_failures(const struct accept_set *s)
{
    return s->listeners != NULL ? listeners_failures(s->listeners) : s->failures;
}
