/* SPDX-License-Identifier: Apache-2.0 */
/* The event loop: descriptors, timers, signals and deferred work, over libev (epoll,
 * level-triggered). One loop a process. Watches, timers and deferreds are embedded in the objects
 * they serve and owned by them; nothing here allocates per operation. Only src/event/loop.c sees
 * libev.
 *
 * Order inside a turn: each ready watch's, timer's or signal's callback runs; right after each
 * callback the work given to loop_after() runs (flushes, changes of interest); when all are
 * through, the work given to loop_defer() runs (frees). */
#ifndef EVENT_LOOP_H
#define EVENT_LOOP_H

#include "base/list.h"

#include <stdalign.h>
#include <stdbool.h>
#include <stdint.h>

struct loop;
struct loop *loop_new(void);    /* never NULL: a process that cannot make one ends, saying why */
void loop_free(struct loop *l); /* what is still queued or running is forgotten, never called */
void loop_run(struct loop *l);  /* until loop_stop() */
void loop_stop(struct loop *l); /* ends loop_run() after this turn */
/* One turn; waits for an event only when `wait`. For tests and for loops driven by hand. */
void loop_turn(struct loop *l, bool wait);
bool loop_has_work(const struct loop *l); /* something is deferred: the next turn will not wait */
/* The end of a turn alone: what is deferred runs, nobody looks for events. For loops that know no
 * descriptor and are driven by hand. */
void loop_run_deferred(struct loop *l);

const char *loop_backend(void); /* "4.33, epoll": libev and what it asks the kernel by */

/* Milliseconds of the monotonic clock, read once per turn. For deadlines and durations. */
uint64_t loop_now_ms(const struct loop *l);
/* Milliseconds since 1970 of the wall clock, read once per turn. For what people read; it may jump.
 */
int64_t loop_wall_ms(const struct loop *l);

/* --- descriptors */
enum { WATCH_READ = 1, WATCH_WRITE = 2 };
#define LOOP_WATCH_BYTES 64
struct watch {
    alignas(8) unsigned char impl[LOOP_WATCH_BYTES];
    struct loop *loop;
    /* WATCH_READ | WATCH_WRITE, never more than the interest; an error shows as all of it. */
    void (*on_ready)(struct watch *w, unsigned events);
    unsigned interest;
};
void watch_init(struct watch *w, struct loop *l, int fd,
                void (*on_ready)(struct watch *w, unsigned events));
/* Its events are told before all others of their turn. Right behind watch_init(). */
void watch_first(struct watch *w);
/* What to wait for, 0 for nothing. Costs a system call only when it differs from what the kernel
 * already watches, and that one comes before the loop waits again: what changes back meanwhile is
 * free. Taking WATCH_READ away costs none until an unwanted event shows up. */
void watch_set(struct watch *w, unsigned interest);
/* An event of this turn is still to be told: what it is about happened before the turn began. */
bool watch_pending(struct watch *w);
void watch_done(struct watch *w); /* before the descriptor is closed; harmless twice */

/* --- timers: coarse (a millisecond or a percent late is fine), O(1) to start and stop. Timers of
 * one duration share one ordered list with a single libev timer. */
struct timer_class;
struct timer {
    struct link link;
    struct timer_class *in; /* NULL: not running */
    uint64_t due_ms;
    void (*on_due)(struct timer *t);
};
void timer_init(struct timer *t, void (*on_due)(struct timer *t));
void timer_start(struct timer *t, struct loop *l,
                 uint64_t after_ms); /* restarts when it runs already */
void timer_stop(struct timer *t);    /* harmless when it does not run */
static inline bool timer_running(const struct timer *t)
{
    return t->in != NULL;
}

/* --- work for later */
struct deferred {
    struct link link;
    void (*run)(struct deferred *d);
};
void deferred_init(struct deferred *d, void (*run)(struct deferred *d));
/* Runs at the end of this turn. Once, however often it is asked for. What a run defers anew runs in
 * the next turn, which then does not wait for events. A run counts as a callback for loop_after().
 * What is queued already, either way, stays where it is. */
void loop_defer(struct loop *l, struct deferred *d);
/* Runs as soon as the callback that is running now has returned; work it adds in turn runs in the
 * same sweep. Outside of a callback: at the end of the turn, like loop_defer. */
void loop_after(struct loop *l, struct deferred *d);
void deferred_cancel(struct deferred *d); /* harmless when nothing is queued */

/* --- signals */
struct signal_watch {
    alignas(8) unsigned char impl[LOOP_WATCH_BYTES];
    struct loop *loop;
    void (*on_signal)(struct signal_watch *s, int signo);
};
void signal_watch_start(struct signal_watch *s, struct loop *l, int signo,
                        void (*on_signal)(struct signal_watch *s, int signo));
void signal_watch_stop(struct signal_watch *s);

#endif
