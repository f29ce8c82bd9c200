/* SPDX-License-Identifier: Apache-2.0 */
#include "proxy/door.h"

#include "base/log.h"
#include "base/mem.h"
#include "conn/linger.h"
#include "conn/plain.h"
#include "proxy/client.h"

#include <errno.h>
#include <limits.h>
#include <unistd.h>

#define REPORT_MS 1000

/* No request was read, so it might be HEAD: no body is right for all of them. */
#define TELL(details)                                                                              \
    SLICE("HTTP/1.1 503 Service Unavailable\r\n"                                                   \
          "Content-Length: 0\r\n"                                                                  \
          "Connection: close\r\n"                                                                  \
          "Retry-After: 1\r\n"                                                                     \
          "Proxy-Status: signet; error=proxy_internal_response; details=\"" details "\"\r\n\r\n")

/* A fatal internal_error (RFC 8446 6.2): something that is not the peer's fault makes it impossible
 * to go on. The others would blame what it offered. It comes before the hello is read, and so in
 * the clear. */
#define TELL_TLS SLICE("\x15\x03\x03\x00\x02\x02\x50")

struct place {
    struct door *door;
    struct census_place taken;
};

/* --- the log */

static void report(struct door_refusals *r, const char *limit)
{
    char text[ADDR_TEXT_MAX];
    if (r->count == 0)
        return;
    log_warn("refused %llu connection%s: limit %s=%llu, the last one from %s",
             (unsigned long long)r->count, r->count == 1 ? "" : "s", limit,
             (unsigned long long)r->cap, addr_ip_text(&r->last, text));
    r->count = 0;
}

static void report_both(struct door *d)
{
    report(&d->all, "connections");
    report(&d->per_ip, "per_ip");
}

static void on_report(struct timer *t)
{
    report_both(CONTAINER_OF(t, struct door, report));
}

/* --- those who stay outside */

static void on_told(void *user)
{
    struct door *d = user;
    d->lingering--;
}

static unsigned linger_max(const struct door *d)
{
    return d->room > 0 && d->room / 4 < DOOR_LINGER_MAX ? d->room / 4 : DOOR_LINGER_MAX;
}

/* Without the reading, the kernel answers what the client has said with RST, and that destroys what
 * it is told (conn/linger.h). */
static void tell(struct door *d, int fd, struct slice what)
{
    if (d->lingering >= linger_max(d)) {
        close(fd);
        return;
    }
    d->lingering++;
    struct transport *t = plain_new(fd, d->scratch);
    t->on_closed = on_told;
    t->closed_user = d;
    t->ops->write(t, what);
    linger_start(d->loop, d->scratch, t, &(struct linger_conf){ .send_ms = LINGER_MS });
}

static void remember(struct door *d, struct door_refusals *r, uint64_t cap, const struct addr *peer)
{
    r->count++;
    r->cap = cap;
    r->last = *peer;
    if (!timer_running(&d->report))
        timer_start(&d->report, d->loop, REPORT_MS);
}

static void refuse(struct door *d, const struct listener_conf *l, int fd, const struct addr *peer,
                   enum census_answer why)
{
    bool all = why == CENSUS_ALL_TAKEN;
    counter_add(d->counters, all ? COUNTER_CONNECTIONS_REFUSED : COUNTER_CONNECTIONS_REFUSED_PER_IP,
                1);
    remember(d, all ? &d->all : &d->per_ip, all ? l->caps.all : l->caps.each, peer);
    if (l->sni != NULL)
        tell(d, fd, TELL_TLS);
    else
        tell(d, fd,
             all ? TELL("too many connections") : TELL("too many connections from this address"));
}

/* --- those who come in */

unsigned door_room(const struct door *d)
{
    unsigned taken = d->inside + d->lingering;
    if (d->room == 0)
        return UINT_MAX;
    return taken < d->room ? d->room - taken : 0;
}

/* Counted by address? A proxy stands for many clients, and a unix socket has no address. */
static bool is_counted(const struct listener_conf *l, const struct addr *peer, uint64_t *ret_key)
{
    return l->caps.each > 0 && addr_client_key(peer, ret_key) && !client_trusted(l, peer);
}

int door_admit(struct door *d, const struct listener_conf *l, int fd, const struct addr *peer,
               struct place **ret_place)
{
    *ret_place = NULL;
    if (d->census == NULL)
        return 0;
    uint64_t key;
    bool counted = is_counted(l, peer, &key);
    struct census_place taken;
    enum census_answer answer = census_enter(d->census, &l->caps, counted ? &key : NULL, &taken);
    if (answer != CENSUS_IN) {
        refuse(d, l, fd, peer, answer);
        return -EUSERS;
    }
    struct place *p = mem_alloc(sizeof(*p));
    *p = (struct place){ d, taken };
    d->inside++;
    *ret_place = p;
    return 0;
}

void place_give_back(struct place *p)
{
    if (p == NULL)
        return;
    p->door->inside--;
    census_leave(p->door->census, &p->taken);
    mem_free(p);
}

static void on_closed(void *user)
{
    place_give_back(user);
}

void place_bind(struct place *p, struct transport *t)
{
    t->on_closed = on_closed;
    t->closed_user = p;
}

/* --- life */

void door_open(struct door *d, struct loop *l, struct scratch *s, struct census *census,
               struct counters *counters)
{
    *d = (struct door){ .loop = l, .scratch = s, .census = census, .counters = counters };
    timer_init(&d->report, on_report);
}

void door_close(struct door *d)
{
    timer_stop(&d->report);
    report_both(d);
}
