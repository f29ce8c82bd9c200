/* SPDX-License-Identifier: Apache-2.0 */
#include "server/listen_set.h"

#include "base/mem.h"
#include "event/sock.h"
#include "event/sock_diag.h"

#include <errno.h>
#include <time.h>
#include <unistd.h>

#define LISTEN_BACKLOG 4096 /* the kernel cuts it to net.core.somaxconn */
#define IN_USE_WAIT_MS 2000 /* a killed signet's workers close their sockets within this */
#define IN_USE_POLL_MS 50

struct listen_set {
    int *fds; /* workers x addresses; -1: not open yet */
    unsigned workers;
    size_t addresses;
};

/* One address of the configuration, with its place. */
struct place {
    const struct addr *addr;
    const struct span *span;
};

static size_t count_addresses(const struct config *c)
{
    size_t count = 0;
    for (size_t i = 0; i < c->listener_count; i++)
        count += c->listeners[i].addr_count;
    return count;
}

static struct place *places_new(const struct config *c, size_t count)
{
    struct place *places = mem_array(count, sizeof(*places));
    size_t at = 0;
    for (size_t i = 0; i < c->listener_count; i++)
        for (size_t k = 0; k < c->listeners[i].addr_count; k++, at++)
            places[at] = (struct place){ &c->listeners[i].addrs[k], &c->addr_spans[i][k] };
    return places;
}

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

/* Names the address in front of the reason. */
static int failed(const struct place *place, int r, const struct err *why, struct span *ret_at,
                  struct err *e)
{
    char text[ADDR_TEXT_MAX];
    *ret_at = *place->span;
    return err_set(e, r, "cannot listen on %s: %s", addr_text(place->addr, text),
                   why->text[0] != '\0' ? why->text : strerror(-r));
}

static int check_all(const struct place *places, size_t count, struct span *ret_at, struct err *e)
{
    unsigned budget_ms = IN_USE_WAIT_MS;
    for (size_t i = 0; i < count; i++) {
        struct err why = { 0 };
        int r = wait_free(places[i].addr, &budget_ms, &why);
        if (r < 0)
            return failed(&places[i], r, &why, ret_at, e);
    }
    return 0;
}

static int open_all(struct listen_set *s, const struct place *places, struct span *ret_at,
                    struct err *e)
{
    for (unsigned w = 0; w < s->workers; w++) {
        for (size_t i = 0; i < s->addresses; i++) {
            int r = sock_listen(places[i].addr, LISTEN_BACKLOG, &s->fds[w * s->addresses + i]);
            if (r < 0)
                return failed(&places[i], r, &(struct err){ 0 }, ret_at, e);
        }
    }
    return 0;
}

int listen_set_open(const struct config *c, unsigned workers, struct listen_set **ret_set,
                    struct span *ret_at, struct err *e)
{
    struct listen_set *s = mem_zalloc(sizeof(*s));
    s->workers = workers;
    s->addresses = count_addresses(c);
    s->fds = mem_array(workers * s->addresses, sizeof(int));
    for (size_t i = 0; i < workers * s->addresses; i++)
        s->fds[i] = -1;

    struct place *places = places_new(c, s->addresses);
    int r = check_all(places, s->addresses, ret_at, e);
    if (r == 0)
        r = open_all(s, places, ret_at, e);
    mem_free(places);
    if (r < 0) {
        listen_set_close(s);
        return r;
    }
    *ret_set = s;
    return 0;
}

void listen_set_close(struct listen_set *s)
{
    if (s == NULL)
        return;
    for (size_t i = 0; i < s->workers * s->addresses; i++)
        if (s->fds[i] >= 0)
            close(s->fds[i]);
    mem_free(s->fds);
    mem_free(s);
}

size_t listen_set_addresses(const struct listen_set *s)
{
    return s->addresses;
}

const int *listen_set_of(const struct listen_set *s, unsigned worker)
{
    return s->fds + worker * s->addresses;
}
