/* SPDX-License-Identifier: Apache-2.0 */
#include "server/children.h"

#include "event/sock.h"
#include "fake_worker.h"
#include "server/child.h"

#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#define DEADLINE_MS 10000
#define PREPARE_MS  2500

struct bench { /* a master, as far as its children see it */
    struct loop *loop;
    struct timer turn; /* so that a turn of the loop ends soon */
    struct signal_watch sigchld;
    struct addr addrs[2];
    struct span places[2];
    const struct span *spans[1];
    struct listener_conf listener;
    struct config config;
    struct listen_set *sockets, *next_sockets;
    struct shm *shm;
    struct logs logs;
    int program, bundle;
    struct children *children;
    char report[64];
    unsigned serving, hopeless, gone, prepared;
    bool calling, orderly;
    char why[600];
};

static void on_turn(struct timer *t)
{
    struct bench *b = CONTAINER_OF(t, struct bench, turn);
    timer_start(&b->turn, b->loop, 10);
}

static void on_sigchld(struct signal_watch *s, int signo)
{
    children_reap(CONTAINER_OF(s, struct bench, sigchld)->children);
}

static void on_serving(void *user)
{
    ((struct bench *)user)->serving++;
}

static void on_hopeless(void *user, const char *why)
{
    ((struct bench *)user)->hopeless++;
}

static void on_gone(void *user, bool orderly)
{
    struct bench *b = user;
    b->gone++;
    b->orderly = orderly;
}

static void on_prepared(void *user, const char *why)
{
    struct bench *b = user;
    assert_false(b->calling);
    b->prepared++;
    snprintf(b->why, sizeof(b->why), "%s", why != NULL ? why : "");
}

static struct addr free_addr(void)
{
    struct addr any = { .len = sizeof(any.in) }, got;
    any.in.sin_family = AF_INET;
    any.in.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int fd;
    assert_int_equal(sock_listen(&any, 1, &fd), 0);
    assert_int_equal(sock_local(fd, &got), 0);
    close(fd);
    return got;
}

/* The first `addresses` of two; workers are the caller's to say. */
static void listen_on(struct bench *b, size_t addresses)
{
    b->listener.addr_count = addresses;
}

static void bench_init(struct bench *b, unsigned workers, unsigned rows)
{
    struct span at;
    struct err e = { 0 };
    *b = (struct bench){ .addrs = { free_addr(), free_addr() }, .logs = { STDERR_FILENO, -1 } };
    b->spans[0] = b->places;
    b->listener = (struct listener_conf){ .addrs = b->addrs };
    b->config = (struct config){ .listeners = &b->listener, .listener_count = 1 };
    b->config.addr_spans = b->spans;
    listen_on(b, 1);
    snprintf(b->report, sizeof(b->report), "/tmp/signet-children-%d", getpid());
    fake_worker_report(b->report);
    b->loop = loop_new();
    timer_init(&b->turn, on_turn);
    timer_start(&b->turn, b->loop, 10);
    signal_watch_start(&b->sigchld, b->loop, SIGCHLD, on_sigchld);
    assert_int_equal(listen_set_open(&b->config, workers, &b->sockets, &at, &e), 0);
    assert_int_equal(shm_new(rows, 0, &b->shm), 0);
    assert_int_equal(child_open_program(&b->program), 0);
    b->bundle = open("/dev/null", O_RDONLY | O_CLOEXEC);
    const struct children_setup setup = {
        .loop = b->loop,
        .count = workers,
        .generation = 1,
        .program = b->program,
        .bundle = b->bundle,
        .shm = b->shm,
        .logs = &b->logs,
        .sockets = b->sockets,
        .prepare_ms = PREPARE_MS,
        .on_serving = on_serving,
        .on_hopeless = on_hopeless,
        .on_gone = on_gone,
        .user = b,
    };
    b->children = children_new(&setup);
    children_start(b->children);
}

static void bench_done(struct bench *b)
{
    children_free(b->children);
    signal_watch_stop(&b->sigchld);
    timer_stop(&b->turn);
    listen_set_close(b->sockets);
    listen_set_close(b->next_sockets);
    shm_free(b->shm);
    close(b->program);
    close(b->bundle);
    loop_free(b->loop);
    unlink(b->report);
    for (unsigned i = 0; i < 4; i++)
        fake_worker_behave(i, "good");
}

static uint64_t clock_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

/* --- what can be seen */

static void read_report(const struct bench *b, char *out, size_t room)
{
    FILE *f = fopen(b->report, "re");
    size_t n = f != NULL ? fread(out, 1, room - 1, f) : 0;
    out[n] = '\0';
    if (f != NULL)
        fclose(f);
}

/* How many lines of the report begin so? */
static unsigned told(const struct bench *b, const char *line)
{
    char text[16384];
    unsigned count = 0;
    read_report(b, text, sizeof(text));
    for (const char *at = text; (at = strstr(at, line)) != NULL; at++)
        count += at == text || at[-1] == '\n';
    return count;
}

struct seen {
    unsigned number;
    struct child_info found;
    unsigned count, draining;
};

static void see(void *user, const struct child_info *i)
{
    struct seen *s = user;
    s->count++;
    if (strcmp(i->state, "draining") == 0)
        s->draining++;
    else if (i->number == s->number)
        s->found = *i;
}

static struct seen look(const struct bench *b, unsigned number)
{
    struct seen s = { .number = number, .found.state = "none" };
    children_each(b->children, see, &s);
    return s;
}

static bool is(const struct bench *b, unsigned number, const char *state)
{
    return strcmp(look(b, number).found.state, state) == 0;
}

/* Turns the loop until it is so. */
#define AWAIT(b, condition)                                                                        \
    do {                                                                                           \
        for (uint64_t begin_ = clock_ms(); !(condition); loop_turn((b)->loop, true))               \
            if (clock_ms() - begin_ > DEADLINE_MS)                                                 \
                fail_msg("never: %s", #condition);                                                 \
    } while (0)

static void turn_for(struct bench *b, uint64_t ms)
{
    for (uint64_t begin_ms = clock_ms(); clock_ms() - begin_ms < ms;)
        loop_turn(b->loop, true);
}

static void prepare(struct bench *b, uint32_t generation)
{
    b->calling = true;
    b->prepared = 0;
    children_prepare(b->children, generation, b->bundle, on_prepared, b);
    b->calling = false;
}

static void commit(struct bench *b, unsigned workers)
{
    struct span at;
    struct err e = { 0 };
    struct listen_set *next;
    assert_int_equal(listen_set_next(b->sockets, &b->config, workers, &next, &at, &e), 0);
    const struct children_next to = { workers, b->bundle, &b->logs, next };
    children_commit(b->children, &to);
    listen_set_retire(b->sockets, next);
    listen_set_close(b->sockets);
    b->sockets = next;
}

/* --- the tests */

static void all_change_over_or_none(void **state)
{
    struct bench b;
    bench_init(&b, 2, 8);
    AWAIT(&b, b.serving == 1);
    assert_int_equal(told(&b, "w0 start generation=1 fds=3"), 1);

    prepare(&b, 2);
    AWAIT(&b, b.prepared == 1);
    assert_string_equal(b.why, "");
    assert_int_equal(told(&b, "w0 commit"), 0);
    children_forget(b.children);
    AWAIT(&b, told(&b, "w0 forget generation=2") == 1 && told(&b, "w1 forget generation=2") == 1);

    prepare(&b, 3);
    AWAIT(&b, b.prepared == 1);
    commit(&b, 2);
    AWAIT(&b, told(&b, "w0 commit generation=3") == 1 && told(&b, "w1 commit generation=3") == 1);
    turn_for(&b, 50);
    assert_int_equal(told(&b, "w0 reopen"), 0); /* the logs are the same */
    assert_int_equal(told(&b, "w0 lend"), 1);   /* and so are the addresses */
    assert_int_equal(told(&b, "w0 start"), 1);
    bench_done(&b);
}

static void one_that_cannot_is_a_veto(void **state)
{
    struct bench b;
    fake_worker_behave(1, "cannot");
    bench_init(&b, 2, 8);
    AWAIT(&b, b.serving == 1);
    prepare(&b, 2);
    AWAIT(&b, b.prepared == 1);
    assert_non_null(strstr(b.why, "worker 1"));
    assert_non_null(strstr(b.why, "not to my taste"));
    children_forget(b.children);
    AWAIT(&b, told(&b, "w0 forget generation=2") == 1 && told(&b, "w1 forget generation=2") == 1);
    bench_done(&b);
}

static void one_that_falls_over_it_is_a_veto(void **state)
{
    struct bench b;
    fake_worker_behave(0, "falls");
    bench_init(&b, 2, 8);
    AWAIT(&b, b.serving == 1);
    prepare(&b, 2);
    AWAIT(&b, b.prepared == 1);
    assert_non_null(strstr(b.why, "worker 0 fell"));
    assert_non_null(strstr(b.why, "exit code 9"));
    children_forget(b.children);
    AWAIT(&b, is(&b, 0, "ready"));
    assert_int_equal(told(&b, "w0 start generation=1"), 2);
    bench_done(&b);
}

/* Each soon after its start: the pause before the sixth is 800 ms. */
static void a_commit_does_not_wait_for_the_end_of_a_pause(void **state)
{
    struct bench b;
    bench_init(&b, 2, 8);
    AWAIT(&b, b.serving == 1);
    for (int i = 0; i < 5; i++) {
        AWAIT(&b, is(&b, 1, "ready"));
        kill(look(&b, 1).found.pid, SIGKILL);
        AWAIT(&b, !is(&b, 1, "ready"));
    }
    prepare(&b, 2);
    AWAIT(&b, b.prepared == 1);
    assert_true(is(&b, 1, "down"));
    commit(&b, 2);
    turn_for(&b, 300);
    assert_int_equal(told(&b, "w1 start generation=2"), 1);
    bench_done(&b);
}

static void answers_of_former_generations_count_nothing(void **state)
{
    struct bench b;
    fake_worker_behave(0, "late");
    bench_init(&b, 1, 8);
    AWAIT(&b, b.serving == 1);
    prepare(&b, 2);
    turn_for(&b, 300);
    assert_int_equal(b.prepared, 0); /* the answer it owed is given, and was for another */
    children_forget(b.children);
    bench_done(&b);
}

static void who_starts_meanwhile_prepares_too(void **state)
{
    struct bench b;
    bench_init(&b, 2, 8);
    AWAIT(&b, b.serving == 1);
    kill(look(&b, 1).found.pid, SIGKILL);
    AWAIT(&b, is(&b, 1, "starting"));
    prepare(&b, 2);
    AWAIT(&b, b.prepared == 1);
    assert_string_equal(b.why, "");
    char text[4096];
    read_report(&b, text, sizeof(text));
    const char *start = strstr(strstr(text, "w1 start") + 1, "w1 start generation=1");
    assert_non_null(start);
    const char *lend = strstr(start, "w1 lend");
    assert_non_null(lend);
    assert_non_null(strstr(lend, "w1 prepare generation=2"));
    commit(&b, 2);
    AWAIT(&b, told(&b, "w1 commit generation=2") == 1);
    bench_done(&b);
}

/* Nobody waits for one that is known to be replaced. */
static void who_is_stopped_has_no_veto(void **state)
{
    struct bench b;
    bench_init(&b, 2, 8);
    AWAIT(&b, b.serving == 1);
    int stopped = look(&b, 1).found.pid;
    kill(stopped, SIGSTOP);
    AWAIT(&b, is(&b, 1, "silent"));
    prepare(&b, 2);
    AWAIT(&b, b.prepared == 1);
    assert_string_equal(b.why, "");
    commit(&b, 2);
    AWAIT(&b, is(&b, 1, "ready"));
    assert_int_not_equal(look(&b, 1).found.pid, stopped);
    assert_int_equal(told(&b, "w1 start generation=2"), 1);
    kill(stopped, SIGCONT);
    AWAIT(&b, look(&b, 1).draining == 0);
    assert_int_equal(told(&b, "w1 drain"), 1);
    assert_int_equal(told(&b, "w1 prepare"), 0);
    bench_done(&b);
}

static void who_falls_silent_is_waited_for_no_more(void **state)
{
    struct bench b;
    fake_worker_behave(1, "mute");
    bench_init(&b, 2, 8);
    AWAIT(&b, b.serving == 1);
    prepare(&b, 2);
    uint64_t begin_ms = clock_ms();
    turn_for(&b, 300);
    assert_int_equal(b.prepared, 0);
    kill(look(&b, 1).found.pid, SIGSTOP);
    AWAIT(&b, b.prepared == 1);
    assert_string_equal(b.why, "");
    assert_true(clock_ms() - begin_ms < PREPARE_MS);
    children_forget(b.children);
    bench_done(&b);
}

static void who_never_answers_is_replaced(void **state)
{
    struct bench b;
    fake_worker_behave(1, "mute");
    bench_init(&b, 2, 8);
    AWAIT(&b, b.serving == 1);
    int mute = look(&b, 1).found.pid;
    uint64_t begin_ms = clock_ms();
    prepare(&b, 2);
    AWAIT(&b, b.prepared == 1);
    assert_true(clock_ms() - begin_ms >= PREPARE_MS);
    assert_string_equal(b.why, "");
    commit(&b, 2);
    AWAIT(&b, told(&b, "w0 commit") == 1 && told(&b, "w1 drain") == 1);
    AWAIT(&b, is(&b, 1, "ready"));
    assert_int_not_equal(look(&b, 1).found.pid, mute);
    assert_int_equal(told(&b, "w1 start generation=2"), 1);
    assert_int_equal(told(&b, "w1 commit"), 0);
    bench_done(&b);
}

static void added_addresses_are_lent_to_whoever_accepts(void **state)
{
    struct bench b;
    bench_init(&b, 2, 8);
    AWAIT(&b, b.serving == 1);
    kill(look(&b, 1).found.pid, SIGSTOP);
    AWAIT(&b, told(&b, "w0 lend generation=0 fds=1 of=1") == 1);
    prepare(&b, 2);
    AWAIT(&b, b.prepared == 1);
    listen_on(&b, 2);
    commit(&b, 2);
    AWAIT(&b, told(&b, "w0 lend generation=0 fds=1 of=1") == 2);
    assert_int_equal(told(&b, "w0 lend generation=0 fds=1 of=0"), 2); /* its own, and the added */
    AWAIT(&b, told(&b, "w1 lend generation=0 fds=2 of=1") == 1);      /* it starts with both */
    AWAIT(&b, told(&b, "w0 take back generation=0 fds=0 of=1") == 1);
    bench_done(&b);
}

static void who_drains_gets_no_added_address(void **state)
{
    struct bench b;
    fake_worker_behave(2, "stays");
    bench_init(&b, 3, 16);
    AWAIT(&b, b.serving == 1);
    kill(look(&b, 1).found.pid, SIGSTOP);
    AWAIT(&b, told(&b, "w2 lend generation=0 fds=1 of=1") == 1);
    prepare(&b, 2);
    AWAIT(&b, b.prepared == 1);
    listen_on(&b, 2);
    commit(&b, 2);
    AWAIT(&b, told(&b, "w2 take back generation=0 fds=0 of=1") == 1);
    assert_int_equal(told(&b, "w2 lend generation=0 fds=1 of=1"), 1);
    bench_done(&b);
}

static void more_workers_and_fewer(void **state)
{
    struct bench b;
    bench_init(&b, 1, 8);
    AWAIT(&b, b.serving == 1);
    prepare(&b, 2);
    AWAIT(&b, b.prepared == 1);
    commit(&b, 3);
    assert_false(is(&b, 1, "none"));
    AWAIT(&b, is(&b, 1, "ready") && is(&b, 2, "ready"));
    assert_int_equal(told(&b, "w2 start generation=2"), 1);
    /* Their sockets listen at once: somebody accepts until they do. */
    assert_int_equal(told(&b, "w0 lend generation=0 fds=1 of=1"), 1);
    AWAIT(&b, told(&b, "w0 take back generation=0 fds=0 of=1") == 1);

    prepare(&b, 3);
    AWAIT(&b, b.prepared == 1);
    commit(&b, 1);
    AWAIT(&b, told(&b, "w1 drain") == 1 && told(&b, "w2 drain") == 1);
    AWAIT(&b, told(&b, "w0 lend generation=0 fds=1 of=1") == 2);
    AWAIT(&b, look(&b, 0).count == 1);
    turn_for(&b, 100);
    assert_int_equal(told(&b, "w1 start"), 1);

    prepare(&b, 4);
    AWAIT(&b, b.prepared == 1);
    commit(&b, 2);
    AWAIT(&b, is(&b, 1, "ready"));
    assert_int_equal(told(&b, "w1 start generation=4"), 1);
    AWAIT(&b, told(&b, "w0 take back generation=0 fds=0 of=1") == 2);
    assert_int_equal(told(&b, "w0 take back generation=0 fds=0 of=2"), 1);
    bench_done(&b);
}

static void the_queues_of_those_no_more_are_spread(void **state)
{
    struct bench b;
    bench_init(&b, 4, 16);
    AWAIT(&b, b.serving == 1);
    prepare(&b, 2);
    AWAIT(&b, b.prepared == 1);
    commit(&b, 2);
    AWAIT(&b, told(&b, "w0 lend generation=0 fds=1 of=2") == 1);
    AWAIT(&b, told(&b, "w1 lend generation=0 fds=1 of=3") == 1);
    kill(look(&b, 0).found.pid, SIGKILL); /* who has borrowed falls: another borrows */
    AWAIT(&b, told(&b, "w1 lend generation=0 fds=1 of=2") == 1);
    bench_done(&b);
}

static void other_logs_are_handed_out(void **state)
{
    struct bench b;
    bench_init(&b, 2, 8);
    AWAIT(&b, b.serving == 1);
    prepare(&b, 2);
    AWAIT(&b, b.prepared == 1);
    b.logs.access_fd = STDERR_FILENO;
    commit(&b, 2);
    AWAIT(&b, told(&b, "w0 reopen generation=0 fds=2") == 1);
    AWAIT(&b, told(&b, "w1 reopen generation=0 fds=2") == 1);
    bench_done(&b);
}

/* A neighbour accepts for one that hangs, or whose stamps lie: silent is all it can pretend. */
static void who_hangs_is_lent_for(void **state)
{
    static const char *const hows[] = { "hangs", "future" };
    for (size_t i = 0; i < sizeof(hows) / sizeof(hows[0]); i++) {
        struct bench b;
        fake_worker_behave(1, hows[i]);
        bench_init(&b, 2, 8);
        AWAIT(&b, b.serving == 1);
        uint64_t begin_ms = clock_ms();
        AWAIT(&b, told(&b, "w0 lend generation=0 fds=1 of=1") == 1);
        assert_in_range(clock_ms() - begin_ms, 400, 3000);
        assert_true(is(&b, 1, "silent"));
        assert_int_equal(look(&b, 1).found.lent_to, 0);
        bench_done(&b);
    }
}

static void without_a_neighbour_another_starts_beside(void **state)
{
    struct bench b;
    bench_init(&b, 1, 8);
    AWAIT(&b, b.serving == 1);
    int stopped = look(&b, 0).found.pid;
    kill(stopped, SIGSTOP);
    AWAIT(&b, is(&b, 0, "ready") && look(&b, 0).found.pid != stopped);
    assert_int_equal(look(&b, 0).draining, 1);
    assert_int_equal(told(&b, "w0 drain"), 0); /* it hears of it when it wakes */
    kill(stopped, SIGCONT);
    AWAIT(&b, told(&b, "w0 drain") == 1);
    AWAIT(&b, look(&b, 0).count == 1);
    bench_done(&b);
}

static void back_before_its_stand_in_it_stays(void **state)
{
    struct bench b;
    bench_init(&b, 1, 8);
    AWAIT(&b, b.serving == 1);
    int pid = look(&b, 0).found.pid;
    fake_worker_behave(0, "slow");
    kill(pid, SIGSTOP);
    AWAIT(&b, look(&b, 0).count == 2);
    kill(pid, SIGCONT);
    AWAIT(&b, is(&b, 0, "ready") && look(&b, 0).count == 1);
    assert_int_equal(look(&b, 0).found.pid, pid);
    assert_int_equal(told(&b, "w0 drain"), 1); /* the other one */
    bench_done(&b);
}

static void nonsense_costs_its_sender_the_life(void **state)
{
    static const char *const hows[] = { "babbles", "shouts" };
    for (size_t i = 0; i < sizeof(hows) / sizeof(hows[0]); i++) {
        struct bench b;
        fake_worker_behave(0, hows[i]);
        bench_init(&b, 2, 8);
        AWAIT(&b, look(&b, 0).found.falls > 0);
        fake_worker_behave(0, "good");
        AWAIT(&b, is(&b, 0, "ready") && look(&b, 0).found.age_ms > 300);
        bench_done(&b);
    }
}

/* Rows may run out while many drain: words in the log, and another try later. */
static void no_row_is_no_end(void **state)
{
    struct bench b;
    fake_worker_behave(0, "stays");
    bench_init(&b, 1, 2);
    AWAIT(&b, b.serving == 1);
    int first = look(&b, 0).found.pid;
    kill(first, SIGSTOP);
    AWAIT(&b, is(&b, 0, "ready") && look(&b, 0).draining == 1);
    fake_worker_behave(0, "good");
    int second = look(&b, 0).found.pid;
    kill(second, SIGSTOP);
    AWAIT(&b, look(&b, 0).found.falls > 0);
    kill(first, SIGKILL);
    AWAIT(&b, is(&b, 0, "ready") && look(&b, 0).found.pid != second);
    bench_done(&b);
}

static void waits_for_those_that_drain(void **state)
{
    struct bench b;
    fake_worker_behave(1, "stays");
    bench_init(&b, 2, 8);
    AWAIT(&b, b.serving == 1);
    prepare(&b, 2);
    AWAIT(&b, b.prepared == 1);
    commit(&b, 1);
    AWAIT(&b, told(&b, "w1 drain") == 1);
    prepare(&b, 3); /* those are not asked */
    AWAIT(&b, b.prepared == 1);
    children_drain(b.children);
    AWAIT(&b, told(&b, "w0 drain") == 1 && look(&b, 0).count == 2); /* down, and draining */
    assert_int_equal(told(&b, "w1 prepare generation=3"), 0);
    assert_int_equal(b.gone, 0);
    children_stop(b.children);
    AWAIT(&b, b.gone == 1);
    assert_true(b.orderly);
    bench_done(&b);
}

static void the_end_forgets_what_is_prepared(void **state)
{
    struct bench b;
    bench_init(&b, 2, 8);
    AWAIT(&b, b.serving == 1);
    prepare(&b, 2);
    children_drain(b.children);
    AWAIT(&b, b.gone == 1);
    assert_int_equal(b.prepared, 0);
    bench_done(&b);
}

int main(int argc, char **argv)
{
    int r = fake_worker_main(argc, argv);
    if (r >= 0)
        return r;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_change_over_or_none),
        cmocka_unit_test(one_that_cannot_is_a_veto),
        cmocka_unit_test(one_that_falls_over_it_is_a_veto),
        cmocka_unit_test(a_commit_does_not_wait_for_the_end_of_a_pause),
        cmocka_unit_test(answers_of_former_generations_count_nothing),
        cmocka_unit_test(who_starts_meanwhile_prepares_too),
        cmocka_unit_test(who_is_stopped_has_no_veto),
        cmocka_unit_test(who_falls_silent_is_waited_for_no_more),
        cmocka_unit_test(who_never_answers_is_replaced),
        cmocka_unit_test(added_addresses_are_lent_to_whoever_accepts),
        cmocka_unit_test(who_drains_gets_no_added_address),
        cmocka_unit_test(more_workers_and_fewer),
        cmocka_unit_test(the_queues_of_those_no_more_are_spread),
        cmocka_unit_test(other_logs_are_handed_out),
        cmocka_unit_test(who_hangs_is_lent_for),
        cmocka_unit_test(without_a_neighbour_another_starts_beside),
        cmocka_unit_test(back_before_its_stand_in_it_stays),
        cmocka_unit_test(nonsense_costs_its_sender_the_life),
        cmocka_unit_test(no_row_is_no_end),
        cmocka_unit_test(waits_for_those_that_drain),
        cmocka_unit_test(the_end_forgets_what_is_prepared),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
