/* SPDX-License-Identifier: Apache-2.0 */
#include "conn/listener.h"

#include "base/log.h"
#include "base/mem.h"
#include "event/sock.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#define ACCEPTS_MAX 64 /* per wake-up and socket, so that others get their turn */
#define EVENTS_MAX  16
#define STARVED_MS  100
#define SAY_MS      60000 /* between two lines of the log */

struct listening {
    int fd;
    void *tag;
};

struct listeners {
    struct loop *loop;
    const struct listeners_events *events;
    void *user;
    int epoll;
    struct watch watch;     /* of the epoll set */
    struct timer starved;   /* runs while accepting pauses */
    uint64_t said_ms;       /* when the log was told of a pause, 0: never */
    struct listening *open; /* few: searched in line */
    size_t count;
    uint64_t failures;
};

static struct listening *find(struct listeners *ls, int fd)
{
    for (size_t i = 0; i < ls->count; i++) {
        if (ls->open[i].fd == fd)
            return &ls->open[i];
    }
    return NULL;
}

static void pause_accepting(struct listeners *ls, const char *why)
{
    uint64_t now_ms = loop_now_ms(ls->loop);
    ls->failures++;
    if (ls->said_ms == 0 || now_ms - ls->said_ms >= SAY_MS) {
        log_error("cannot accept: %s; trying again every %d ms", why, STARVED_MS);
        ls->said_ms = now_ms;
    }
    watch_set(&ls->watch, 0);
    timer_start(&ls->starved, ls->loop, STARVED_MS);
}

/* One connection. False when there is none, or none can be had now. */
static bool accept_one(struct listeners *ls, const struct listening *from)
{
    struct addr peer;
    int fd, r = sock_accept(from->fd, &fd, &peer);
    switch (r) {
    case 0:
        ls->events->on_accept(ls->user, from->tag, fd, &peer);
        return true;
    case -EAGAIN:
        return false;
    case -EMFILE:
    case -ENFILE:
    case -ENOBUFS:
    case -ENOMEM:
        pause_accepting(ls, strerror(-r));
        return false;
    default: /* the connection's own end, which accept(2) passes on: ECONNABORTED, EPROTO, ... */
        ls->failures++;
        return true;
    }
}

/* How many of one socket. 0 when accepting pauses. */
static unsigned room(struct listeners *ls)
{
    if (ls->events->room == NULL)
        return ACCEPTS_MAX;
    unsigned max = ls->events->room(ls->user);
    if (max == 0)
        pause_accepting(ls, "more clients would leave no descriptors for connections to servers");
    return max < ACCEPTS_MAX ? max : ACCEPTS_MAX;
}

static void on_ready(struct watch *w, unsigned events)
{
    struct listeners *ls = CONTAINER_OF(w, struct listeners, watch);
    struct epoll_event ready[EVENTS_MAX];
    int n = epoll_wait(ls->epoll, ready, EVENTS_MAX, 0);
    for (int i = 0; i < n && !timer_running(&ls->starved); i++) {
        /* Looked up each time: on_accept may remove any of them. */
        const struct listening *from = find(ls, ready[i].data.fd);
        for (unsigned left = room(ls); left > 0 && from != NULL && accept_one(ls, from); left--)
            from = find(ls, ready[i].data.fd);
    }
}

static void on_starved(struct timer *t)
{
    struct listeners *ls = CONTAINER_OF(t, struct listeners, starved);
    watch_set(&ls->watch, WATCH_READ);
}

struct listeners *listeners_new(struct loop *l, const struct listeners_events *ev, void *user)
{
    struct listeners *ls = mem_zalloc(sizeof *ls);
    ls->loop = l;
    ls->events = ev;
    ls->user = user;
    ls->epoll = epoll_create1(EPOLL_CLOEXEC);
    if (ls->epoll < 0) {
        log_error("cannot make an epoll set: %s", strerror(errno));
        exit(EXIT_FAILURE);
    }
    timer_init(&ls->starved, on_starved);
    watch_init(&ls->watch, l, ls->epoll, on_ready);
    watch_set(&ls->watch, WATCH_READ);
    return ls;
}

void listeners_free(struct listeners *ls)
{
    if (ls == NULL)
        return;
    listeners_close_all(ls);
    timer_stop(&ls->starved);
    watch_done(&ls->watch);
    close(ls->epoll);
    mem_free(ls->open);
    mem_free(ls);
}

int listeners_add(struct listeners *ls, int fd, void *tag)
{
    struct epoll_event interest = { .events = EPOLLIN, .data.fd = fd };
    if (epoll_ctl(ls->epoll, EPOLL_CTL_ADD, fd, &interest) < 0)
        return -errno;
    ls->open = mem_resize(ls->open, ls->count + 1, sizeof *ls->open);
    ls->open[ls->count++] = (struct listening){ fd, tag };
    return 0;
}

void listeners_remove(struct listeners *ls, int fd)
{
    struct listening *gone = find(ls, fd);
    if (gone == NULL)
        return;
    /* The master holds the socket too: closing alone would leave it in the set. */
    epoll_ctl(ls->epoll, EPOLL_CTL_DEL, fd, NULL);
    close(fd);
    *gone = ls->open[--ls->count];
}

void listeners_close_all(struct listeners *ls)
{
    while (ls->count > 0)
        listeners_remove(ls, ls->open[ls->count - 1].fd);
}

uint64_t listeners_failures(const struct listeners *ls)
{
    return ls->failures;
}
