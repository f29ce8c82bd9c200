/* SPDX-License-Identifier: Apache-2.0 */
#include "event/loop.h"

#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

/* Everything a test's callbacks do is written here, one letter each, in order. */
struct trace {
    struct loop *loop;
    char text[64];
};

struct work {
    struct deferred deferred;
    struct trace *trace;
    char letter;
    struct work *then_after, *then_later, *then_cancel;
};

static void note(struct trace *t, char letter)
{
    size_t n = strlen(t->text);
    assert_true(n + 1 < sizeof t->text);
    t->text[n] = letter;
}

static void do_work(struct deferred *d)
{
    struct work *w = CONTAINER_OF(d, struct work, deferred);
    note(w->trace, w->letter);
    if (w->then_after)
        loop_after(w->trace->loop, &w->then_after->deferred);
    if (w->then_later)
        loop_defer(w->trace->loop, &w->then_later->deferred);
    if (w->then_cancel)
        deferred_cancel(&w->then_cancel->deferred);
}

static void work_init(struct work *w, struct trace *t, char letter)
{
    *w = (struct work){ .trace = t, .letter = letter };
    deferred_init(&w->deferred, do_work);
}

/* --- work for later */

static void deferred_runs_once_in_order(void **state)
{
    struct trace t = { .loop = loop_new() };
    struct work a, b, c;
    work_init(&a, &t, 'a');
    work_init(&b, &t, 'b');
    work_init(&c, &t, 'c');
    loop_defer(t.loop, &a.deferred);
    loop_defer(t.loop, &b.deferred);
    loop_defer(t.loop, &a.deferred);
    loop_after(t.loop, &c.deferred); /* outside of a callback: at the end of the turn */
    assert_string_equal(t.text, "");
    loop_turn(t.loop, true); /* does not wait, there is work */
    assert_string_equal(t.text, "cab");
    loop_turn(t.loop, false);
    assert_string_equal(t.text, "cab");
    loop_free(t.loop);
}

static void deferred_anew_waits_a_turn(void **state)
{
    struct trace t = { .loop = loop_new() };
    struct work a;
    work_init(&a, &t, 'a');
    a.then_later = &a;
    loop_defer(t.loop, &a.deferred);
    loop_turn(t.loop, true);
    assert_string_equal(t.text, "a");
    loop_turn(t.loop, true);
    assert_string_equal(t.text, "aa");
    deferred_cancel(&a.deferred);
    deferred_cancel(&a.deferred);
    loop_turn(t.loop, false);
    assert_string_equal(t.text, "aa");
    loop_free(t.loop);
}

static void cancelled_inside_the_sweep(void **state)
{
    struct trace t = { .loop = loop_new() };
    struct work a, b, c;
    work_init(&a, &t, 'a');
    work_init(&b, &t, 'b');
    work_init(&c, &t, 'c');
    a.then_cancel = &b;
    a.then_after = &c;
    loop_defer(t.loop, &a.deferred);
    loop_defer(t.loop, &b.deferred);
    loop_turn(t.loop, false);
    assert_string_equal(t.text, "ac"); /* c right after a, in the same sweep */
    loop_free(t.loop);
}

/* --- descriptors */

struct pipe_end {
    struct watch watch;
    struct trace *trace;
    struct work *after, *later;
    unsigned seen;
};

static void on_pipe(struct watch *w, unsigned events)
{
    struct pipe_end *p = CONTAINER_OF(w, struct pipe_end, watch);
    p->seen = events;
    note(p->trace, 'R');
    if (p->later)
        loop_defer(p->trace->loop, &p->later->deferred);
    if (p->after)
        loop_after(p->trace->loop, &p->after->deferred);
}

/* Whichever became ready first, and whichever began to be watched first. */
static void the_first_is_told_first(void **state)
{
    for (int chosen = 0; chosen < 2; chosen++) {
        struct trace t = { .loop = loop_new() };
        struct work marks[2];
        struct pipe_end ends[2];
        int fds[2][2];
        for (int i = 0; i < 2; i++) {
            assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fds[i]), 0);
            work_init(&marks[i], &t, i == chosen ? '!' : '-');
            ends[i] = (struct pipe_end){ .trace = &t, .after = &marks[i] };
            watch_init(&ends[i].watch, t.loop, fds[i][0], on_pipe);
            if (i == chosen)
                watch_first(&ends[i].watch);
            watch_set(&ends[i].watch, WATCH_READ);
            assert_int_equal(write(fds[i][1], "x", 1), 1);
        }
        loop_turn(t.loop, true);
        assert_string_equal(t.text, "R!R-");
        for (int i = 0; i < 2; i++) {
            watch_done(&ends[i].watch);
            close(fds[i][0]);
            close(fds[i][1]);
        }
        loop_free(t.loop);
    }
}

static void after_comes_between_callbacks(void **state)
{
    struct trace t = { .loop = loop_new() };
    struct work after[2], later;
    struct pipe_end ends[2];
    int fds[2][2];
    work_init(&later, &t, 'z');
    for (int i = 0; i < 2; i++) {
        assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fds[i]), 0);
        work_init(&after[i], &t, 'a');
        ends[i] = (struct pipe_end){ .trace = &t, .after = &after[i], .later = &later };
        watch_init(&ends[i].watch, t.loop, fds[i][0], on_pipe);
        watch_set(&ends[i].watch, WATCH_READ);
        assert_int_equal(write(fds[i][1], "x", 1), 1);
    }
    loop_turn(t.loop, true);
    assert_string_equal(t.text, "RaRaz");
    for (int i = 0; i < 2; i++) {
        watch_done(&ends[i].watch);
        watch_done(&ends[i].watch);
        close(fds[i][0]);
        close(fds[i][1]);
    }
    loop_free(t.loop);
}

static void interest_decides(void **state)
{
    static const struct {
        const char *why;
        unsigned interest, want;
    } rows[] = {
        { "nothing wanted, nothing told", 0, 0 },
        { "readable", WATCH_READ, WATCH_READ },
        { "reading no longer wanted", 0, 0 },
        { "nor in the next turn", 0, 0 },
        { "writable", WATCH_WRITE, WATCH_WRITE },
        { "both", WATCH_READ | WATCH_WRITE, WATCH_READ | WATCH_WRITE },
        { "writing no longer wanted", WATCH_READ, WATCH_READ },
        { "only writing, though bytes wait", WATCH_WRITE, WATCH_WRITE },
        { "and reading again", WATCH_READ, WATCH_READ },
    };
    struct trace t = { .loop = loop_new() };
    struct pipe_end end = { .trace = &t };
    int fds[2];
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
    assert_int_equal(write(fds[1], "x", 1), 1);
    watch_init(&end.watch, t.loop, fds[0], on_pipe);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        end.seen = 0;
        watch_set(&end.watch, rows[i].interest);
        loop_turn(t.loop, false);
        if (end.seen != rows[i].want)
            fail_msg("%s: %u", rows[i].why, end.seen);
    }
    watch_done(&end.watch);
    close(fds[0]);
    close(fds[1]);
    loop_free(t.loop);
}

/* A descriptor number that is used again must not inherit what the kernel knew of the old one. */
static void number_reused_within_a_turn(void **state)
{
    struct trace t = { .loop = loop_new() };
    struct pipe_end end = { .trace = &t };
    int fds[2], again[2];
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
    watch_init(&end.watch, t.loop, fds[0], on_pipe);
    watch_set(&end.watch, WATCH_READ);
    loop_turn(t.loop, false);
    watch_done(&end.watch);
    close(fds[0]);
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, again), 0);
    assert_int_equal(again[0], fds[0]);
    watch_init(&end.watch, t.loop, again[0], on_pipe);
    watch_set(&end.watch, WATCH_READ);
    assert_int_equal(write(again[1], "x", 1), 1);
    loop_turn(t.loop, false);
    assert_int_equal(end.seen, WATCH_READ);
    watch_done(&end.watch);
    close(fds[1]);
    close(again[0]);
    close(again[1]);
    loop_free(t.loop);
}

/* --- timers */

struct alarm {
    struct timer timer;
    struct trace *trace;
    char letter;
    unsigned restarts;
    uint64_t again_ms;
    struct alarm *stops;
    struct work *after;
    uint64_t fired_ms;
};

static void on_alarm(struct timer *timer)
{
    struct alarm *a = CONTAINER_OF(timer, struct alarm, timer);
    note(a->trace, a->letter);
    a->fired_ms = loop_now_ms(a->trace->loop);
    assert_false(timer_running(timer));
    if (a->restarts > 0) {
        a->restarts--;
        timer_start(timer, a->trace->loop, a->again_ms);
    }
    if (a->after)
        loop_after(a->trace->loop, &a->after->deferred);
    if (a->stops)
        timer_stop(&a->stops->timer);
}

static void alarm_init(struct alarm *a, struct trace *t, char letter)
{
    *a = (struct alarm){ .trace = t, .letter = letter };
    timer_init(&a->timer, on_alarm);
}

static void turn_until(struct trace *t, size_t events)
{
    for (int turns = 0; strlen(t->text) < events && turns < 1000; turns++)
        loop_turn(t->loop, true);
}

static void timers_come_in_order_of_due(void **state)
{
    struct trace t = { .loop = loop_new() };
    struct alarm a, b, c;
    alarm_init(&a, &t, 'a');
    alarm_init(&b, &t, 'b');
    alarm_init(&c, &t, 'c');
    timer_start(&a.timer, t.loop, 30);
    timer_start(&b.timer, t.loop, 10);
    timer_start(&c.timer, t.loop, 10);
    uint64_t start_ms = loop_now_ms(t.loop);
    turn_until(&t, 3);
    assert_string_equal(t.text, "bca");
    assert_true(b.fired_ms >= start_ms + 10);
    assert_true(a.fired_ms >= start_ms + 30);
    loop_free(t.loop);
}

static void after_comes_between_timers(void **state)
{
    struct trace t = { .loop = loop_new() };
    struct alarm a, b;
    struct work w;
    alarm_init(&a, &t, 'a');
    alarm_init(&b, &t, 'b');
    work_init(&w, &t, 'w');
    a.after = &w;
    timer_start(&a.timer, t.loop, 5);
    timer_start(&b.timer, t.loop, 5);
    turn_until(&t, 3);
    assert_string_equal(t.text, "awb");
    loop_free(t.loop);
}

static void restart_moves_a_timer_back(void **state)
{
    struct trace t = { .loop = loop_new() };
    struct alarm a, b;
    alarm_init(&a, &t, 'a');
    alarm_init(&b, &t, 'b');
    timer_start(&a.timer, t.loop, 10);
    timer_start(&b.timer, t.loop, 10);
    timer_start(&a.timer, t.loop, 10); /* behind b now */
    turn_until(&t, 2);
    assert_string_equal(t.text, "ba");
    loop_free(t.loop);
}

static void restarted_in_its_own_callback(void **state)
{
    struct trace t = { .loop = loop_new() };
    struct alarm a, b;
    alarm_init(&a, &t, 'a');
    alarm_init(&b, &t, 'b');
    a.restarts = 2; /* of no duration: must not spin inside one callback */
    timer_start(&a.timer, t.loop, 0);
    timer_start(&b.timer, t.loop, 0);
    turn_until(&t, 4);
    assert_string_equal(t.text, "abaa");
    loop_free(t.loop);
}

static void stopped_by_a_neighbour_due_at_once(void **state)
{
    struct trace t = { .loop = loop_new() };
    struct alarm a, b, c;
    alarm_init(&a, &t, 'a');
    alarm_init(&b, &t, 'b');
    alarm_init(&c, &t, 'c');
    a.stops = &b;
    timer_start(&a.timer, t.loop, 5);
    timer_start(&b.timer, t.loop, 5);
    timer_start(&c.timer, t.loop, 5);
    turn_until(&t, 2);
    assert_string_equal(t.text, "ac");
    timer_stop(&b.timer);
    loop_free(t.loop);
}

/* A class whose first timer was stopped still wakes for the next one. */
static void emptied_class_is_used_again(void **state)
{
    struct trace t = { .loop = loop_new() };
    struct alarm a;
    alarm_init(&a, &t, 'a');
    timer_start(&a.timer, t.loop, 20);
    timer_stop(&a.timer);
    nanosleep(&(struct timespec){ .tv_nsec = 10000000 }, NULL);
    timer_start(&a.timer, t.loop, 20);
    uint64_t start_ms = loop_now_ms(t.loop);
    turn_until(&t, 1);
    assert_string_equal(t.text, "a");
    assert_true(a.fired_ms >= start_ms + 20);
    assert_true(a.fired_ms < start_ms + 1000);
    loop_free(t.loop);
}

static void many_durations(void **state)
{
    struct trace t = { .loop = loop_new() };
    enum { MANY = 500 };
    static struct alarm all[MANY];
    struct alarm last;
    for (int i = 0; i < MANY; i++) {
        alarm_init(&all[i], &t, 'x');
        timer_start(&all[i].timer, t.loop, 10000 + (uint64_t)i);
    }
    alarm_init(&last, &t, 'a');
    timer_start(&last.timer, t.loop, 1);
    for (int i = 0; i < MANY; i++)
        timer_stop(&all[i].timer);
    for (int i = 0; i < MANY; i++) { /* computed durations, each used once */
        timer_start(&all[0].timer, t.loop, 20000 + (uint64_t)i);
        timer_stop(&all[0].timer);
    }
    turn_until(&t, 1);
    assert_string_equal(t.text, "a");
    loop_free(t.loop);
}

static void loop_free_forgets_what_runs(void **state)
{
    struct trace t = { .loop = loop_new() };
    struct alarm a;
    struct work w;
    alarm_init(&a, &t, 'a');
    work_init(&w, &t, 'w');
    timer_start(&a.timer, t.loop, 1000);
    loop_defer(t.loop, &w.deferred);
    loop_free(t.loop);
    assert_false(timer_running(&a.timer));
    timer_stop(&a.timer);
    deferred_cancel(&w.deferred);
    assert_string_equal(t.text, "");
}

/* --- the rest */

static void stop_loop(struct deferred *d)
{
    struct work *w = CONTAINER_OF(d, struct work, deferred);
    note(w->trace, 's');
    loop_stop(w->trace->loop);
}

static void stops_after_the_turn(void **state)
{
    struct trace t = { .loop = loop_new() };
    struct work stop, later;
    work_init(&stop, &t, 's');
    stop.deferred.run = stop_loop;
    work_init(&later, &t, 'l');
    loop_defer(t.loop, &stop.deferred);
    loop_defer(t.loop, &later.deferred);
    loop_run(t.loop);
    assert_string_equal(t.text, "sl");
    loop_free(t.loop);
}

struct signal_trace {
    struct signal_watch watch;
    struct trace *trace;
    struct work *after;
    int signo;
};

static void on_usr1(struct signal_watch *s, int signo)
{
    struct signal_trace *t = CONTAINER_OF(s, struct signal_trace, watch);
    t->signo = signo;
    loop_after(t->trace->loop, &t->after->deferred);
    loop_stop(t->trace->loop);
}

static void signals_arrive(void **state)
{
    struct trace t = { .loop = loop_new() };
    struct work after;
    work_init(&after, &t, 'a');
    struct signal_trace s = { .trace = &t, .after = &after };
    signal_watch_start(&s.watch, t.loop, SIGUSR1, on_usr1);
    raise(SIGUSR1);
    loop_run(t.loop);
    assert_int_equal(s.signo, SIGUSR1);
    assert_string_equal(t.text, "a");
    signal_watch_stop(&s.watch);
    signal_watch_stop(&s.watch);
    loop_free(t.loop);
}

static void clocks_run(void **state)
{
    struct loop *l = loop_new();
    uint64_t before_ms = loop_now_ms(l);
    nanosleep(&(struct timespec){ .tv_nsec = 5000000 }, NULL);
    assert_true(loop_now_ms(l) == before_ms); /* once a turn */
    loop_turn(l, false);
    assert_true(loop_now_ms(l) >= before_ms + 4);
    assert_true(llabs(loop_wall_ms(l) / 1000 - (long long)time(NULL)) <= 1);
    loop_free(l);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(deferred_runs_once_in_order),
        cmocka_unit_test(deferred_anew_waits_a_turn),
        cmocka_unit_test(cancelled_inside_the_sweep),
        cmocka_unit_test(the_first_is_told_first),
        cmocka_unit_test(after_comes_between_callbacks),
        cmocka_unit_test(interest_decides),
        cmocka_unit_test(number_reused_within_a_turn),
        cmocka_unit_test(timers_come_in_order_of_due),
        cmocka_unit_test(after_comes_between_timers),
        cmocka_unit_test(restart_moves_a_timer_back),
        cmocka_unit_test(restarted_in_its_own_callback),
        cmocka_unit_test(stopped_by_a_neighbour_due_at_once),
        cmocka_unit_test(emptied_class_is_used_again),
        cmocka_unit_test(many_durations),
        cmocka_unit_test(loop_free_forgets_what_runs),
        cmocka_unit_test(stops_after_the_turn),
        cmocka_unit_test(signals_arrive),
        cmocka_unit_test(clocks_run),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
