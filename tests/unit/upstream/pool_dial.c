/* SPDX-License-Identifier: Apache-2.0 */
#include "pool_fixture.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

static struct addr refusing(void)
{
    struct addr a = loopback();
    close(listen_at(&a, 1)); /* a port that nobody listens at now */
    return a;
}

static void failures_have_their_kind(void **state)
{
    struct addr missing;
    assert_int_equal(addr_parse(SLICE("unix:/nonexistent/signet-test.sock"), &missing), 0);
    const struct addr refused = refusing();
    struct addr no_route = loopback();
    no_route.in.sin_addr.s_addr = htonl(0xffffffff);
    no_route.in.sin_port = htons(80);
    const struct {
        const char *why;
        const struct addr *addr;
        enum lend_failure want;
        uint64_t dials;
    } cases[] = {
        { "nobody listens", &refused, LEND_REFUSED, 1 },
        { "no socket file", &missing, LEND_REFUSED, 1 },
        { "no such way", &no_route, LEND_UNREACHABLE, 1 },
        { "no address", NULL, LEND_UNREACHABLE, 0 },
    };
    struct fixture *f = *state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct user u;
        uint64_t dials = count_of(f, COUNTER_UPSTREAM_DIALS);
        print_message("%s\n", cases[i].why);
        set_addrs(f, cases[i].addr, cases[i].addr != NULL);
        ask(f, &u, PLAIN);
        wait_lent(f, &u);
        assert_int_equal(u.failed, 1);
        assert_int_equal(u.lent, 0);
        assert_int_equal(u.why, cases[i].want);
        assert_true(u.err < 0);
        assert_false(pool_lend_running(&u.lend));
        assert_int_equal(f->server->in_flight, 0);
        assert_int_equal(count_of(f, COUNTER_UPSTREAM_DIALS) - dials, cases[i].dials);
    }
    assert_int_equal(count_of(f, COUNTER_UPSTREAM_DIALS_FAILED), 3);
}

static void addresses_take_turns(void **state)
{
    struct fixture *f = *state;
    struct user u;
    const struct addr three[] = { refusing(), f->addrs[0], f->addrs[1] };
    static const unsigned reached[] = { 0, 0, 1, 0 }; /* each begins one further */
    set_addrs(f, three, 3);
    for (size_t i = 0; i < 4; i++) {
        ask(f, &u, FRESH);
        int fd = origin_accept(f, reached[i]);
        origin_answer(f, fd);
        wait_over(f, &u);
        assert_int_equal(u.done, 1);
        close(fd);
    }
    assert_int_equal(count_of(f, COUNTER_UPSTREAM_DIALS), 6);
    assert_int_equal(count_of(f, COUNTER_UPSTREAM_DIALS_FAILED), 2);
    wait_idle(f, 0);
}

/* A listening socket whose queue is full: a SYN to it is dropped. */
struct hole {
    int fd, fillers[4];
    struct addr addr;
};

static void hole_open(struct hole *h)
{
    h->addr = loopback();
    h->fd = listen_at(&h->addr, 0);
    for (size_t i = 0; i < 4; i++) {
        h->fillers[i] = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
        assert_true(h->fillers[i] >= 0);
        (void)connect(h->fillers[i], &h->addr.sa, h->addr.len);
    }
    usleep(10000);
}

static void hole_close(struct hole *h)
{
    for (size_t i = 0; i < 4; i++)
        close(h->fillers[i]);
    close(h->fd);
}

static void a_black_hole_times_out(void **state)
{
    struct fixture *f = *state;
    struct user u;
    struct hole h;
    hole_open(&h);
    set_addrs(f, &h.addr, 1);
    f->conf.connect_ms = 50;
    ask(f, &u, PLAIN);
    assert_true(pool_lend_running(&u.lend));
    wait_lent(f, &u);
    assert_int_equal(u.failed, 1);
    assert_int_equal(u.why, LEND_TIMEOUT);
    assert_int_equal(u.err, -ETIMEDOUT);
    hole_close(&h);
}

static void cancel_ends_the_dial(void **state)
{
    struct fixture *f = *state;
    struct user u;
    struct hole h;
    hole_open(&h);
    set_addrs(f, &h.addr, 1);
    f->conf.connect_ms = 50;
    ask(f, &u, PLAIN);
    assert_int_equal(f->server->in_flight, 1);
    pool_cancel(&u.lend);
    assert_false(pool_lend_running(&u.lend));
    assert_int_equal(f->server->in_flight, 0);
    pool_cancel(&u.lend); /* harmless */
    pass_ms(f, 120);
    assert_int_equal(u.lent + u.failed, 0);
    hole_close(&h);
}

static void a_unix_server(void **state)
{
    struct fixture *f = *state;
    struct user u;
    char dir[] = "/tmp/signet-pool-XXXXXX", text[64];
    struct addr at;
    assert_non_null(mkdtemp(dir));
    (void)snprintf(text, sizeof(text), "unix:%s/o.sock", dir);
    assert_int_equal(addr_parse(slice_str(text), &at), 0);
    close(f->listening[0]);
    f->listening[0] = listen_at(&at, 4);
    set_addrs(f, &at, 1);

    ask(f, &u, PLAIN);
    int fd = origin_accept(f, 0);
    origin_answer(f, fd);
    wait_over(f, &u);
    assert_int_equal(u.done, 1);
    wait_idle(f, 1);
    close(fd);
    wait_idle(f, 0);
    unlink(text + 5);
    rmdir(dir);
}

static void no_descriptor_blames_nobody(void **state)
{
    struct fixture *f = *state;
    struct user u;
    struct rlimit was, none;
    set_addrs(f, f->addrs, 2);
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &was), 0);
    none = was;
    none.rlim_cur = 0;
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
    ask(f, &u, PLAIN);
    for (unsigned i = 0; i < 100 && u.failed == 0; i++)
        loop_turn(f->loop, false);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &was), 0);
    assert_int_equal(u.failed, 1);
    assert_int_equal(u.why, LEND_NO_DESCRIPTOR);
    assert_int_equal(u.err, -EMFILE);
    /* Once more at the end of the turn; the second address would fail alike. */
    assert_int_equal(count_of(f, COUNTER_UPSTREAM_DIALS), 2);
}

static void an_idle_one_gives_its_descriptor_to_a_dial(void **state)
{
    struct fixture *f = *state;
    struct user u;
    struct rlimit was, full;
    int idle = make_idle(f);
    int next = dup(idle);
    close(next);
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &was), 0);
    full = was;
    full.rlim_cur = (rlim_t)next;
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &full), 0);
    ask(f, &u, FRESH);
    wait_lent(f, &u);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &was), 0);
    assert_int_equal(u.failed, 0);
    origin_expect_end(f, idle);
    int fd = origin_accept(f, 0);
    origin_answer(f, fd);
    wait_over(f, &u);
    close(fd);
}

#define ROW(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        ROW(failures_have_their_kind),
        ROW(addresses_take_turns),
        ROW(a_black_hole_times_out),
        ROW(cancel_ends_the_dial),
        ROW(a_unix_server),
        ROW(no_descriptor_blames_nobody),
        ROW(an_idle_one_gives_its_descriptor_to_a_dial),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
