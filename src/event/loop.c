/* SPDX-License-Identifier: Apache-2.0 */
#include "event/loop.h"

#include "base/log.h"
#include "base/mem.h"

#include <assert.h>
#include <errno.h>
#include <ev.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static_assert(sizeof(ev_io) <= LOOP_WATCH_BYTES && sizeof(ev_signal) <= LOOP_WATCH_BYTES,
              "libev's watchers fit their places");
static_assert(alignof(ev_io) <= 8 && alignof(ev_signal) <= 8, "and are aligned there");
static_assert((int)WATCH_READ == EV_READ && (int)WATCH_WRITE == EV_WRITE,
              "events pass as they are");

/* All running timers of one duration, in the order they were started, which is the order they are
 * due. An emptied class lets its libev timer run out instead of stopping it. */
struct timer_class {
    struct loop *loop;
    uint64_t after_ms;
    struct link timers;
    ev_timer ev;
    bool firing; /* its due timers are being called: not to be freed */
};

struct loop {
    struct ev_loop *ev;
    ev_check clock; /* reads the clocks between poll and callbacks */
    uint64_t now_ms;
    int64_t wall_ms;
    struct link after, later;        /* of struct deferred */
    struct timer_class **classes;    /* open addressing by duration, at most half full */
    size_t class_slots, class_count; /* slots: a power of two */
    bool stopping, turning;
};

#define CLASS_SLOTS_FIRST 16

/* --- the loop itself */

static uint64_t clock_ms(clockid_t id)
{
    struct timespec t;
    clock_gettime(id, &t);
    return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

static void read_clocks(struct loop *l)
{
    l->now_ms = clock_ms(CLOCK_MONOTONIC);
    l->wall_ms = (int64_t)clock_ms(CLOCK_REALTIME);
}

static void on_polled(struct ev_loop *ev, ev_check *check, int revents)
{
    read_clocks(CONTAINER_OF(check, struct loop, clock));
}

struct loop *loop_new(void)
{
    struct loop *l = mem_zalloc(sizeof *l);
    l->ev = ev_loop_new(EVBACKEND_EPOLL | EVFLAG_NOENV | EVFLAG_NOTIMERFD);
    if (l->ev == NULL) {
        log_error("cannot make an event loop: %s", strerror(errno));
        exit(EXIT_FAILURE);
    }
    list_init(&l->after);
    list_init(&l->later);
    l->class_slots = CLASS_SLOTS_FIRST;
    l->classes = mem_array(l->class_slots, sizeof(struct timer_class *));
    ev_check_init(&l->clock, on_polled);
    ev_set_priority(&l->clock, EV_MAXPRI);
    ev_check_start(l->ev, &l->clock);
    read_clocks(l);
    return l;
}

static void forget_deferred(struct link *head)
{
    LIST_EACH (head, at)
        list_remove(at);
}

static void class_free(struct timer_class *c)
{
    ev_timer_stop(c->loop->ev, &c->ev);
    LIST_EACH (&c->timers, at)
        timer_stop(CONTAINER_OF(at, struct timer, link));
    mem_free(c);
}

void loop_free(struct loop *l)
{
    if (l == NULL)
        return;
    forget_deferred(&l->after);
    forget_deferred(&l->later);
    for (size_t i = 0; i < l->class_slots; i++) {
        if (l->classes[i] != NULL)
            class_free(l->classes[i]);
    }
    mem_free(l->classes);
    ev_check_stop(l->ev, &l->clock);
    ev_loop_destroy(l->ev);
    mem_free(l);
}

static struct deferred *take_first(struct link *head)
{
    struct link *first = head->next;
    list_remove(first);
    return CONTAINER_OF(first, struct deferred, link);
}

static void run_after(struct loop *l)
{
    while (!list_empty(&l->after)) {
        struct deferred *d = take_first(&l->after);
        d->run(d);
    }
}

static void run_later(struct loop *l)
{
    struct link batch; /* what a run defers anew waits for the next turn */
    list_init(&batch);
    list_splice(&batch, &l->later);
    while (!list_empty(&batch)) {
        struct deferred *d = take_first(&batch);
        d->run(d);
        run_after(l);
    }
}

bool loop_has_work(const struct loop *l)
{
    return !list_empty(&l->after) || !list_empty(&l->later);
}

void loop_run_deferred(struct loop *l)
{
    run_after(l);
    run_later(l);
}

void loop_turn(struct loop *l, bool wait)
{
    bool idle = !loop_has_work(l);
    l->turning = true;
    ev_run(l->ev, wait && idle ? EVRUN_ONCE : EVRUN_NOWAIT);
    loop_run_deferred(l);
    l->turning = false;
}

void loop_run(struct loop *l)
{
    while (!l->stopping)
        loop_turn(l, true);
    l->stopping = false;
}

void loop_stop(struct loop *l)
{
    l->stopping = true;
}

uint64_t loop_now_ms(const struct loop *l)
{
    return l->now_ms;
}

int64_t loop_wall_ms(const struct loop *l)
{
    return l->wall_ms;
}

/* --- descriptors */

static ev_io *io_of(struct watch *w)
{
    return (ev_io *)w->impl;
}

/* Tells libev what to ask the kernel for; it does so before it waits again, if anything changed. */
static void io_ask(struct watch *w, unsigned events)
{
    ev_io *io = io_of(w);
    ev_io_stop(w->loop->ev, io);
    ev_io_modify(io, (int)events);
    if (events != 0)
        ev_io_start(w->loop->ev, io);
}

static void on_io(struct ev_loop *ev, ev_io *io, int revents)
{
    struct watch *w = (struct watch *)io;
    struct loop *l = w->loop;
    unsigned ready = (unsigned)revents & (WATCH_READ | WATCH_WRITE);
    unsigned wanted = ready & w->interest;
    if (wanted != ready) /* the kernel would repeat it for ever */
        io_ask(w, w->interest);
    if (wanted == 0)
        return;
    w->on_ready(w, wanted);
    run_after(l);
}

void watch_init(struct watch *w, struct loop *l, int fd,
                void (*on_ready)(struct watch *w, unsigned events))
{
    *w = (struct watch){ .loop = l, .on_ready = on_ready };
    ev_io_init(io_of(w), on_io, fd, 0);
}

void watch_first(struct watch *w)
{
    ev_set_priority(io_of(w), EV_MAXPRI);
}

void watch_set(struct watch *w, unsigned interest)
{
    ev_io *io = io_of(w);
    unsigned asked = ev_is_active(io) ? (unsigned)io->events & (WATCH_READ | WATCH_WRITE) : 0;
    w->interest = interest;
    /* Reading that is no longer wanted stays asked for: often it is wanted again before anything
     * arrives. A socket is nearly always writable, so that goes at once. */
    unsigned ask = interest | (asked & WATCH_READ);
    if (ask != asked)
        io_ask(w, ask);
}

bool watch_pending(struct watch *w)
{
    return ev_is_pending(io_of(w));
}

void watch_done(struct watch *w)
{
    w->interest = 0;
    ev_io_stop(w->loop->ev, io_of(w));
}

/* --- timers */

static size_t class_slot(const struct loop *l, uint64_t after_ms)
{
    size_t mask = l->class_slots - 1;
    size_t at = (size_t)((after_ms * UINT64_C(0x9e3779b97f4a7c15)) >> 32) & mask;
    while (l->classes[at] != NULL && l->classes[at]->after_ms != after_ms)
        at = (at + 1) & mask;
    return at;
}

/* Frees the classes nobody uses, then sees to it that a quarter of the table is taken at most. So
 * durations that are computed, each used once, do not add up. */
static void classes_tidy(struct loop *l)
{
    struct timer_class **old = l->classes;
    size_t old_slots = l->class_slots, kept = 0;
    for (size_t i = 0; i < old_slots; i++) {
        struct timer_class *c = old[i];
        if (c != NULL && list_empty(&c->timers) && !c->firing) {
            class_free(c);
            old[i] = NULL;
        }
        kept += old[i] != NULL;
    }
    while (kept * 4 > l->class_slots)
        l->class_slots *= 2;
    l->classes = mem_array(l->class_slots, sizeof(struct timer_class *));
    l->class_count = kept;
    for (size_t i = 0; i < old_slots; i++) {
        if (old[i] != NULL)
            l->classes[class_slot(l, old[i]->after_ms)] = old[i];
    }
    mem_free(old);
}

static void class_arm(struct timer_class *c, uint64_t after_ms)
{
    ev_timer_stop(c->loop->ev, &c->ev);
    /* A millisecond more: both clocks are cut to milliseconds, and too early means once more. */
    ev_timer_set(&c->ev, (double)(after_ms + 1) / 1000, 0);
    ev_timer_start(c->loop->ev, &c->ev);
}

static void class_take_due(struct timer_class *c, struct link *due)
{
    LIST_EACH (&c->timers, at) {
        if (CONTAINER_OF(at, struct timer, link)->due_ms > c->loop->now_ms)
            break;
        list_remove(at);
        list_append(due, at);
    }
}

static void on_class_due(struct ev_loop *ev, ev_timer *timer, int revents)
{
    struct timer_class *c = CONTAINER_OF(timer, struct timer_class, ev);
    struct loop *l = c->loop;
    struct link due; /* a timer that is restarted meanwhile leaves it for the class's own list */
    list_init(&due);
    class_take_due(c, &due);
    c->firing = true;
    while (!list_empty(&due)) {
        struct timer *t = CONTAINER_OF(due.next, struct timer, link);
        timer_stop(t);
        t->on_due(t);
        run_after(l);
    }
    c->firing = false;
    if (list_empty(&c->timers))
        return;
    uint64_t next_ms = CONTAINER_OF(c->timers.next, struct timer, link)->due_ms;
    class_arm(c, next_ms > l->now_ms ? next_ms - l->now_ms : 0);
}

static struct timer_class *class_get(struct loop *l, uint64_t after_ms)
{
    size_t at = class_slot(l, after_ms);
    if (l->classes[at] != NULL)
        return l->classes[at];
    if ((l->class_count + 1) * 2 > l->class_slots) {
        classes_tidy(l);
        at = class_slot(l, after_ms);
    }
    struct timer_class *c = mem_zalloc(sizeof *c);
    c->loop = l;
    c->after_ms = after_ms;
    list_init(&c->timers);
    ev_timer_init(&c->ev, on_class_due, 0, 0);
    l->classes[at] = c;
    l->class_count++;
    return c;
}

void timer_init(struct timer *t, void (*on_due)(struct timer *t))
{
    *t = (struct timer){ .on_due = on_due };
    list_init(&t->link);
}

void timer_start(struct timer *t, struct loop *l, uint64_t after_ms)
{
    if (!l->turning) { /* before the first turn much time may have passed */
        ev_now_update(l->ev);
        read_clocks(l);
    }
    timer_stop(t);
    struct timer_class *c = class_get(l, after_ms);
    t->in = c;
    t->due_ms = l->now_ms + after_ms;
    list_append(&c->timers, &t->link);
    if (!ev_is_active(&c->ev))
        class_arm(c, after_ms);
}

void timer_stop(struct timer *t)
{
    list_remove(&t->link);
    t->in = NULL;
}

/* --- work for later */

void deferred_init(struct deferred *d, void (*run)(struct deferred *d))
{
    list_init(&d->link);
    d->run = run;
}

void loop_defer(struct loop *l, struct deferred *d)
{
    if (list_empty(&d->link))
        list_append(&l->later, &d->link);
}

void loop_after(struct loop *l, struct deferred *d)
{
    if (list_empty(&d->link))
        list_append(&l->after, &d->link);
}

void deferred_cancel(struct deferred *d)
{
    list_remove(&d->link);
}

/* --- signals */

static ev_signal *signal_of(struct signal_watch *s)
{
    return (ev_signal *)s->impl;
}

static void on_signal(struct ev_loop *ev, ev_signal *signal, int revents)
{
    struct signal_watch *s = (struct signal_watch *)signal;
    struct loop *l = s->loop;
    s->on_signal(s, signal->signum);
    run_after(l);
}

void signal_watch_start(struct signal_watch *s, struct loop *l, int signo,
                        void (*on_arrival)(struct signal_watch *s, int signo))
{
    *s = (struct signal_watch){ .loop = l, .on_signal = on_arrival };
    ev_signal_init(signal_of(s), on_signal, signo);
    ev_signal_start(l->ev, signal_of(s));
}

void signal_watch_stop(struct signal_watch *s)
{
    if (s->loop != NULL)
        ev_signal_stop(s->loop->ev, signal_of(s));
}

#define QUOTED(x) #x
#define DIGITS(x) QUOTED(x)

const char *loop_backend(void)
{
    return DIGITS(EV_VERSION_MAJOR) "." DIGITS(EV_VERSION_MINOR) ", epoll";
}
