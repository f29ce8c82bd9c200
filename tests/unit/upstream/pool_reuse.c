/* SPDX-License-Identifier: Apache-2.0 */
#include "pool_fixture.h"

#include "event/sock.h"

#include <unistd.h>

static void an_idle_connection_is_lent_again(void **state)
{
    struct fixture *f = *state;
    struct user u;
    int fd = make_idle(f);

    ask(f, &u, PLAIN);
    assert_int_equal(u.lent, 1); /* inside the call */
    assert_true(u.reused);
    assert_false(pool_lend_running(&u.lend));
    assert_int_equal(f->server->in_flight, 1);
    assert_int_equal(f->server->idle_count, 0);
    origin_answer(f, fd);
    wait_over(f, &u);
    assert_int_equal(u.done, 1);
    assert_int_equal(f->server->in_flight, 0);
    wait_idle(f, 1);
    assert_int_equal(count_of(f, COUNTER_UPSTREAM_DIALS), 1);
    assert_int_equal(count_of(f, COUNTER_UPSTREAM_REUSED), 1);
    assert_int_equal(count_of(f, COUNTER_UPSTREAM_DIALS_FAILED), 0);
    close(fd);
}

static void the_newest_is_lent_first(void **state)
{
    struct fixture *f = *state;
    struct user u;
    int oldest = make_idle(f), newest = make_idle(f);
    ask(f, &u, PLAIN);
    assert_true(u.reused);
    origin_answer(f, newest); /* it is there that the request arrives */
    wait_over(f, &u);
    assert_int_equal(u.done, 1);
    close(oldest);
    close(newest);
}

static void fresh_means_a_new_connection(void **state)
{
    struct fixture *f = *state;
    struct user u;
    int idle = make_idle(f);
    ask(f, &u, FRESH);
    int fd = origin_accept(f, 0);
    origin_answer(f, fd);
    wait_over(f, &u);
    assert_false(u.reused);
    assert_int_equal(u.done, 1);
    wait_idle(f, 2);
    close(idle);
    close(fd);
}

static void above_the_limit_the_oldest_goes(void **state)
{
    struct fixture *f = *state;
    f->server->keepalive.max = 2;
    int oldest = make_idle(f), middle = make_idle(f);
    struct user u;
    ask(f, &u, FRESH);
    int newest = origin_accept(f, 0);
    origin_answer(f, newest);
    wait_over(f, &u);
    origin_expect_end(f, oldest);
    assert_int_equal(f->server->idle_count, 2);
    assert_false(readable(middle));
    assert_false(readable(newest));
    close(middle);
    close(newest);
}

/* Whatever their server: descriptors are one worker's. */
static void without_room_the_oldest_goes_for_the_next_dial(void **state)
{
    struct fixture *f = *state;
    struct user u;
    int oldest = make_idle(f), newer = make_idle(f);
    pool_set_room(f->pool, 2);
    ask(f, &u, FRESH);
    origin_expect_end(f, oldest);
    int fd = origin_accept(f, 0);
    assert_false(readable(newer));
    origin_answer(f, fd);
    wait_over(f, &u);
    assert_int_equal(u.done, 1);
    assert_int_equal(f->server->idle_count, 2);

    ask(f, &u, PLAIN); /* needs no room */
    assert_true(u.reused);
    assert_false(readable(newer));
    origin_answer(f, fd);
    wait_over(f, &u);
    close(newer);
    close(fd);
}

/* The bound is on what rests, never on what is needed. */
static void without_an_idle_one_it_dials_all_the_same(void **state)
{
    struct fixture *f = *state;
    struct user first, second;
    pool_set_room(f->pool, 1);
    ask(f, &first, FRESH);
    ask(f, &second, FRESH);
    wait_lent(f, &first);
    wait_lent(f, &second);
    assert_int_equal(first.lent + second.lent, 2);
    int fds[2] = { origin_accept(f, 0), origin_accept(f, 0) };
    for (int i = 0; i < 2; i++)
        origin_answer(f, fds[i]);
    wait_over(f, &first);
    wait_over(f, &second);
    for (int i = 0; i < 2; i++)
        close(fds[i]);
}

static void what_may_not_rest_is_closed(void **state)
{
    static const struct {
        const char *why;
        struct keepalive_conf keepalive;
    } cases[] = {
        { "keepalive off", { .max = 0, .idle_ms = 1000 } },
        { "its last request", { .max = 8, .idle_ms = 1000, .requests = 1 } },
        { "idle for too long", { .max = 8, .idle_ms = 20 } },
    };
    struct fixture *f = *state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct user u;
        print_message("%s\n", cases[i].why);
        f->server->keepalive = cases[i].keepalive;
        ask(f, &u, PLAIN);
        int fd = origin_accept(f, 0);
        origin_answer(f, fd);
        wait_over(f, &u);
        assert_int_equal(u.done, 1);
        origin_expect_end(f, fd);
        wait_idle(f, 0);
    }
}

static void lent_it_is_not_idle(void **state)
{
    struct fixture *f = *state;
    struct user u;
    f->server->keepalive.idle_ms = 20;
    int fd = make_idle(f);
    ask(f, &u, PLAIN);
    pass_ms(f, 60); /* a slow answer: the idle deadline stands still */
    origin_answer(f, fd);
    wait_over(f, &u);
    assert_true(u.reused);
    assert_int_equal(u.done, 1);
    close(fd);
}

static void any_event_on_an_idle_one_is_its_end(void **state)
{
    struct fixture *f = *state;
    int fd = make_idle(f);
    close(fd); /* FIN */
    wait_idle(f, 0);

    fd = make_idle(f);
    origin_say(fd, "HTTP/1.1 408 Request Timeout\r\n\r\n"); /* bytes nobody asked for */
    wait_idle(f, 0);
    origin_expect_end(f, fd);

    fd = make_idle(f);
    sock_set_abortive(fd);
    close(fd); /* RST */
    wait_idle(f, 0);
}

/* The FIN is in the kernel, but the loop has not turned since. */
static void peek_finds_the_dead(void **state)
{
    struct fixture *f = *state;
    struct user u;
    close(make_idle(f));
    usleep(2000);
    ask(f, &u, PEEK);
    int fd = origin_accept(f, 0);
    origin_answer(f, fd);
    wait_over(f, &u);
    assert_int_equal(u.done, 1);
    assert_false(u.reused);

    ask(f, &u, PEEK); /* a live one is reused all the same */
    assert_true(u.reused);
    origin_answer(f, fd);
    wait_over(f, &u);
    assert_int_equal(u.done, 1);

    close(fd);
    usleep(2000);
    ask(f, &u, PLAIN); /* without it, the request learns by itself */
    assert_true(u.reused);
    wait_over(f, &u);
    assert_int_equal(u.reset, 1);
}

struct caller { /* asks for a connection as soon as the loop tells of its pipe */
    struct watch watch;
    struct fixture *f;
    struct user *u;
    int ends[2];
};

static void on_called(struct watch *w, unsigned events)
{
    struct caller *c = CONTAINER_OF(w, struct caller, watch);
    watch_set(w, 0);
    if (c->f->server->in_flight == 0)
        ask(c->f, c->u, PLAIN);
}

static void caller_open(struct caller *c, struct fixture *f, struct user *u)
{
    *c = (struct caller){ .f = f, .u = u };
    assert_int_equal(pipe(c->ends), 0);
    watch_init(&c->watch, f->loop, c->ends[0], on_called);
    watch_set(&c->watch, WATCH_READ);
}

static void caller_close(struct caller *c)
{
    watch_done(&c->watch);
    close(c->ends[0]);
    close(c->ends[1]);
}

/* One turn tells of the origin's bytes and of two askers: whatever the order, one comes first. */
static void what_came_before_the_request_is_no_answer_to_it(void **state)
{
    struct fixture *f = *state;
    struct user u;
    struct caller first, last;
    int idle = make_idle(f);
    caller_open(&first, f, &u);
    caller_open(&last, f, &u);
    pass_ms(f, 2);
    assert_int_equal(write(first.ends[1], "x", 1), 1);
    origin_say(idle, "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil");
    assert_int_equal(write(last.ends[1], "x", 1), 1);
    usleep(2000);
    loop_turn(f->loop, false);
    int fd = origin_accept(f, 0);
    origin_answer(f, fd);
    wait_over(f, &u);
    assert_false(u.reused);
    assert_int_equal(u.done, 1);
    origin_expect_end(f, idle);
    caller_close(&first);
    caller_close(&last);
    close(fd);
}

static void a_broken_stream_ends_the_connection(void **state)
{
    struct fixture *f = *state;
    struct user u;
    ask(f, &u, PLAIN);
    int fd = origin_accept(f, 0);
    wait_lent(f, &u);
    assert_int_equal(f->server->in_flight, 1);
    u.stream->ops->reset(u.stream, RESET_CANCEL, 0);
    user_over(&u);
    pass_ms(f, 2);
    assert_int_equal(f->server->in_flight, 0);
    assert_int_equal(f->server->idle_count, 0);
    close(fd);
}

static void close_idle_leaves_the_busy(void **state)
{
    struct fixture *f = *state;
    struct user u;
    int idle = make_idle(f);
    ask(f, &u, FRESH);
    int busy = origin_accept(f, 0);
    wait_lent(f, &u);
    pool_close_idle(f->pool);
    assert_int_equal(f->server->idle_count, 0);
    origin_expect_end(f, idle);
    origin_answer(f, busy);
    wait_over(f, &u);
    assert_int_equal(u.done, 1);
    close(busy);
}

/* A connection keeps its server, though no configuration knows it any more. */
static void idle_connections_hold_their_server(void **state)
{
    struct fixture *f = *state;
    int fd = make_idle(f);
    struct server *s = f->server;
    assert_int_equal(s->refs, 2);
    server_unref(s);
    assert_int_equal(s->idle_count, 1);
    server_ref(s);
    close(fd);
}

static void a_review_closes_what_is_no_longer_wanted(void **state)
{
    struct fixture *f = *state;
    const struct {
        const char *why;
        struct keepalive_conf keepalive;
        const struct addr *addrs;
        size_t count;
        bool stays[3]; /* the oldest first; the last one leads to the second origin */
    } rows[] = {
        { "nothing changed", { 8, 60000, 0 }, f->addrs, 2, { true, true, true } },
        { "fewer are kept: the oldest goes", { 2, 60000, 0 }, f->addrs, 2, { false, true, true } },
        { "they had their last request", { 8, 60000, 1 }, f->addrs, 2, { false, false, false } },
        { "the first address is gone", { 8, 60000, 0 }, f->addrs + 1, 1, { false, false, true } },
        { "the server has no address", { 8, 60000, 0 }, NULL, 0, { false, false, false } },
        { "it is in no configuration", { 0, 0, 0 }, f->addrs, 2, { false, false, false } },
        { "they may rest for less long", { 8, 20, 0 }, f->addrs, 2, { false, false, false } },
        { "they may rest for longer", { 8, 0, 0 }, f->addrs, 2, { true, true, true } },
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        print_message("%s\n", rows[i].why);
        set_addrs(f, f->addrs, 1);
        f->server->keepalive = (struct keepalive_conf){ 8, 60000, 0 };
        int fds[] = { make_idle(f), make_idle(f), -1 };
        struct user u;
        set_addrs(f, f->addrs, 2);
        f->server->next_addr = 1;
        ask(f, &u, FRESH);
        origin_answer(f, fds[2] = origin_accept(f, 1));
        wait_over(f, &u);
        wait_idle(f, 3);

        f->server->keepalive = rows[i].keepalive;
        set_addrs(f, rows[i].addrs, rows[i].count);
        pool_review(f->pool);
        pass_ms(f, 60);
        for (size_t k = 0; k < 3; k++) {
            assert_int_equal(readable(fds[k]), !rows[i].stays[k]);
            close(fds[k]);
        }
        wait_idle(f, 0);
    }
}

static void a_lent_one_is_reviewed_when_it_comes_back(void **state)
{
    struct fixture *f = *state;
    struct user u;
    int fd = make_idle(f);
    ask(f, &u, PLAIN);
    set_addrs(f, f->addrs + 1, 1);
    pool_review(f->pool);
    pass_ms(f, 5);
    origin_answer(f, fd);
    wait_over(f, &u);
    assert_int_equal(u.done, 1);
    origin_expect_end(f, fd);
}

static void many_are_reviewed_some_a_turn(void **state)
{
    enum { MANY = 200 };
    struct fixture *f = *state;
    int fds[MANY];
    f->server->keepalive.max = MANY;
    for (size_t i = 0; i < MANY; i++) {
        struct user u;
        ask(f, &u, FRESH);
        origin_answer(f, fds[i] = origin_accept(f, 0));
        wait_over(f, &u);
    }
    wait_idle(f, MANY);
    f->server->keepalive.max = 0;
    pool_review(f->pool);
    loop_turn(f->loop, false);
    assert_true(f->server->idle_count > 0 && f->server->idle_count < MANY);
    wait_idle(f, 0);
    for (size_t i = 0; i < MANY; i++)
        close(fds[i]);
}

#define ROW(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        ROW(an_idle_connection_is_lent_again),
        ROW(the_newest_is_lent_first),
        ROW(fresh_means_a_new_connection),
        ROW(above_the_limit_the_oldest_goes),
        ROW(what_may_not_rest_is_closed),
        ROW(without_room_the_oldest_goes_for_the_next_dial),
        ROW(without_an_idle_one_it_dials_all_the_same),
        ROW(lent_it_is_not_idle),
        ROW(any_event_on_an_idle_one_is_its_end),
        ROW(peek_finds_the_dead),
        ROW(what_came_before_the_request_is_no_answer_to_it),
        ROW(a_broken_stream_ends_the_connection),
        ROW(close_idle_leaves_the_busy),
        ROW(idle_connections_hold_their_server),
        ROW(a_review_closes_what_is_no_longer_wanted),
        ROW(a_lent_one_is_reviewed_when_it_comes_back),
        ROW(many_are_reviewed_some_a_turn),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
