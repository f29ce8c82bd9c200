/* SPDX-License-Identifier: Apache-2.0 */
#include "server/listen_set.h"

#include "base/log.h"
#include "base/mem.h"
#include "event/sock.h"
#include "event/sock_diag.h"

#include <errno.h>
#include <fcntl.h>
#include <time.h>
#include <unistd.h>

#define LISTEN_BACKLOG 4096 /* the kernel cuts it to net.core.somaxconn */
#define IN_USE_WAIT_MS 2000 /* a killed signet's workers close their sockets within this */
#define IN_USE_POLL_MS 50

struct listen_set {
    int *fds;           /* workers x addresses; -1: not open yet */
    struct addr *addrs; /* of each worker's sockets, in their order */
    bool *added;        /* beside the addresses */
    unsigned workers;
    size_t addresses;
};

static size_t count_addresses(const struct config *c)
{
    size_t count = 0;
    for (size_t i = 0; i < c->listener_count; i++)
        count += c->listeners[i].addr_count;
    return count;
}

static struct listen_set *set_new(const struct config *c, unsigned workers)
{
    struct listen_set *s = mem_zalloc(sizeof(*s));
    s->workers = workers;
    s->addresses = count_addresses(c);
    s->addrs = mem_array(s->addresses, sizeof(*s->addrs));
    s->added = mem_array(s->addresses, sizeof(*s->added));
    s->fds = mem_array(workers * s->addresses, sizeof(int));
    for (size_t i = 0; i < workers * s->addresses; i++)
        s->fds[i] = -1;
    size_t at = 0;
    for (size_t i = 0; i < c->listener_count; i++)
        for (size_t k = 0; k < c->listeners[i].addr_count; k++)
            s->addrs[at++] = c->listeners[i].addrs[k];
    return s;
}

static int *socket_of(const struct listen_set *s, unsigned worker, size_t address)
{
    return &s->fds[worker * s->addresses + address];
}

static const struct span *place_of(const struct config *c, size_t address)
{
    size_t i = 0;
    for (; address >= c->listeners[i].addr_count; i++)
        address -= c->listeners[i].addr_count;
    return &c->addr_spans[i][address];
}

/* --- is it free? */

/* A signet that is going away, or somebody whom /proc does not name: both may be gone soon. */
static bool may_go_soon(const struct sock_holder *h)
{
    return h->pid == 0 || strcmp(h->name, "signet") == 0;
}

static int wait_free(const struct addr *addr, unsigned *budget_ms, struct err *e)
{
    const struct timespec pause = { .tv_nsec = IN_USE_POLL_MS * 1000000L };
    for (;;) {
        struct sock_holder holder;
        int r = sock_check_free(addr, &holder, e);
        if (r != -EADDRINUSE || *budget_ms < IN_USE_POLL_MS || !may_go_soon(&holder))
            return r;
        nanosleep(&pause, NULL);
        *budget_ms -= IN_USE_POLL_MS;
    }
}

/* --- opening */

/* A set that is being opened, and what for. */
struct opening {
    struct listen_set *set;
    const struct config *config;
    unsigned wait_ms; /* may be spent yet on waiting for others to close */
    struct span *at;  /* where to say what was asked for in vain, and why */
    struct err *e;
};

/* Names the address in front of the reason. */
static int failed(const struct opening *o, size_t address, int r, const struct err *why)
{
    char text[ADDR_TEXT_MAX];
    *o->at = *place_of(o->config, address);
    return err_set(o->e, r, "cannot listen on %s: %s", addr_text(&o->set->addrs[address], text),
                   why->text[0] != '\0' ? why->text : strerror(-r));
}

static int check_added(struct opening *o)
{
    for (size_t i = 0; i < o->set->addresses; i++) {
        struct err why = { 0 };
        if (!o->set->added[i])
            continue;
        int r = wait_free(&o->set->addrs[i], &o->wait_ms, &why);
        if (r < 0)
            return failed(o, i, r, &why);
    }
    return 0;
}

static int bind_missing(struct opening *o)
{
    for (unsigned w = 0; w < o->set->workers; w++) {
        for (size_t i = 0; i < o->set->addresses; i++) {
            int *fd = socket_of(o->set, w, i);
            int r = *fd < 0 ? sock_bind(&o->set->addrs[i], fd) : 0;
            if (r < 0)
                return failed(o, i, r, &(struct err){ 0 });
        }
    }
    return 0;
}

static int listen_all(struct opening *o)
{
    for (unsigned w = 0; w < o->set->workers; w++) {
        for (size_t i = 0; i < o->set->addresses; i++) {
            int r = sock_begin_listen(*socket_of(o->set, w, i), LISTEN_BACKLOG);
            if (r < 0)
                return failed(o, i, r, &(struct err){ 0 });
        }
    }
    return 0;
}

int listen_set_open(const struct config *c, unsigned workers, struct listen_set **ret_set,
                    struct span *ret_at, struct err *e)
{
    struct opening o = { set_new(c, workers), c, IN_USE_WAIT_MS, ret_at, e };
    for (size_t i = 0; i < o.set->addresses; i++)
        o.set->added[i] = true;
    int r = check_added(&o);
    if (r == 0)
        r = bind_missing(&o);
    if (r == 0)
        r = listen_all(&o);
    if (r < 0) {
        listen_set_close(o.set);
        return r;
    }
    *ret_set = o.set;
    return 0;
}

/* --- another configuration */

/* Its number in the set, or the number of addresses. */
static size_t find(const struct listen_set *s, const struct addr *addr)
{
    size_t i = 0;
    while (i < s->addresses && !addr_eq(&s->addrs[i], addr))
        i++;
    return i;
}

static int share(const struct listen_set *old, size_t from, struct opening *o, size_t to)
{
    for (unsigned w = 0; w < old->workers; w++) {
        int *fd = socket_of(o->set, w, to);
        *fd = fcntl(*socket_of(old, w, from), F_DUPFD_CLOEXEC, 0);
        if (*fd < 0)
            return failed(o, to, -errno, &(struct err){ 0 });
    }
    return 0;
}

static int share_all(const struct listen_set *old, struct opening *o)
{
    int r = 0;
    for (size_t i = 0; i < o->set->addresses && r == 0; i++) {
        size_t from = find(old, &o->set->addrs[i]);
        o->set->added[i] = from == old->addresses;
        if (!o->set->added[i])
            r = share(old, from, o, i);
    }
    return r;
}

int listen_set_next(const struct listen_set *old, const struct config *c, unsigned workers,
                    struct listen_set **ret_set, struct span *ret_at, struct err *e)
{
    struct listen_set *s = set_new(c, workers > old->workers ? workers : old->workers);
    struct opening o = { s, c, 0, ret_at, e };
    int r = share_all(old, &o);
    if (r == 0)
        r = check_added(&o);
    if (r == 0)
        r = bind_missing(&o);
    if (r < 0) {
        listen_set_close(s);
        return r;
    }
    *ret_set = s;
    return 0;
}

void listen_set_begin(const struct listen_set *s)
{
    for (size_t i = 0; i < s->workers * s->addresses; i++) {
        char text[ADDR_TEXT_MAX];
        int r = sock_begin_listen(s->fds[i], LISTEN_BACKLOG);
        if (r < 0)
            log_error("cannot listen on %s: %s", addr_text(&s->addrs[i % s->addresses], text),
                      strerror(-r));
    }
}

static void close_one(int *fd)
{
    if (*fd >= 0)
        close(*fd);
    *fd = -1;
}

static void refuse_new(int fd)
{
    int r = sock_refuse_new(fd);
    if (r < 0)
        log_warn("cannot turn new connections away before a socket closes: %s", strerror(-r));
}

void listen_set_retire(struct listen_set *old, const struct listen_set *next)
{
    for (size_t i = 0; i < old->addresses; i++) {
        bool lives_on = find(next, &old->addrs[i]) < next->addresses;
        for (unsigned w = 0; w < old->workers; w++)
            if (lives_on)
                close_one(socket_of(old, w, i));
            else
                refuse_new(*socket_of(old, w, i));
    }
}

void listen_set_close(struct listen_set *s)
{
    if (s == NULL)
        return;
    for (size_t i = 0; i < s->workers * s->addresses; i++)
        close_one(&s->fds[i]);
    mem_free(s->fds);
    mem_free(s->addrs);
    mem_free(s->added);
    mem_free(s);
}

size_t listen_set_addresses(const struct listen_set *s)
{
    return s->addresses;
}

unsigned listen_set_workers(const struct listen_set *s)
{
    return s->workers;
}

const int *listen_set_of(const struct listen_set *s, unsigned worker)
{
    return s->fds + worker * s->addresses;
}

bool listen_set_added(const struct listen_set *s, size_t address)
{
    return s->added[address];
}
