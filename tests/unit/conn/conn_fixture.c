/* SPDX-License-Identifier: Apache-2.0 */
#include "conn_fixture.h"

#include "conn/plain.h"

#include <errno.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#define PATIENCE_MS 5000

static void note(struct owner *o, char event)
{
    size_t n = strlen(o->trace);
    assert_true(n + 1 < sizeof o->trace);
    o->trace[n] = event;
}

static void on_open(struct conn *c)
{
    note(conn_user(c), 'o');
}

static size_t on_data(struct conn *c, struct slice bytes)
{
    struct owner *o = conn_user(c);
    note(o, 'd');
    o->last_offer = bytes.len;
    struct slice used = slice_first(bytes, o->use);
    buf_append(&o->got, used);
    if (o->answer.len > 0)
        conn_write(c, o->answer);
    if (o->on_data)
        o->on_data(o);
    return used.len;
}

static void on_flushed(struct conn *c)
{
    struct owner *o = conn_user(c);
    note(o, 'f');
    if (o->on_flushed)
        o->on_flushed(o);
}

static void on_end(struct conn *c, enum conn_end how)
{
    struct owner *o = conn_user(c);
    note(o, 'e');
    o->how = how;
    o->error = conn_errno(c);
    if (o->on_end)
        o->on_end(o);
}

static const struct conn_events events = {
    .on_open = on_open,
    .on_data = on_data,
    .on_flushed = on_flushed,
    .on_end = on_end,
};

void owner_init(struct owner *o)
{
    *o = (struct owner){ .loop = loop_new(), .use = SIZE_MAX };
    scratch_init(&o->scratch);
}

void owner_done(struct owner *o)
{
    if (o->conn != NULL)
        owner_abort(o);
    scratch_done(&o->scratch); /* with whatever still lingers */
    loop_free(o->loop);
    buf_done(&o->got);
}

void owner_take(struct owner *o, struct transport *t, const char *peer)
{
    struct addr a;
    assert_int_equal(addr_parse(slice_str(peer), &a), 0);
    o->conn = conn_new_accepted(o->loop, &o->scratch, t, &a, &o->conf);
    conn_set_events(o->conn, &events, o);
}

int owner_take_pair(struct owner *o)
{
    int fds[2];
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds), 0);
    owner_take(o, plain_new(fds[0], &o->scratch), "unix:/peer");
    return fds[1];
}

static struct transport *wrap_plain(void *user, int fd, struct scratch *s)
{
    assert_ptr_equal(user, s);
    return plain_new(fd, s);
}

void owner_dial(struct owner *o, const struct addr *to)
{
    o->conn = conn_new_dialed(o->loop, &o->scratch, to, &o->conf, wrap_plain, &o->scratch);
    conn_set_events(o->conn, &events, o);
}

void owner_start(struct owner *o)
{
    conn_start(o->conn);
}

void owner_close(struct owner *o)
{
    conn_close(o->conn);
    o->conn = NULL;
}

void owner_abort(struct owner *o)
{
    conn_abort(o->conn);
    o->conn = NULL;
}

static uint64_t now_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

static void do_nothing(struct timer *t)
{
}

/* Turns the loop for `ms`, or until the event came. */
static void turn(struct owner *o, char event, unsigned ms)
{
    struct timer bell; /* so that a turn ends when nothing happens */
    uint64_t until = now_ms() + ms;
    timer_init(&bell, do_nothing);
    while (now_ms() < until && (event == '\0' || strchr(o->trace, event) == NULL)) {
        timer_start(&bell, o->loop, 5);
        loop_turn(o->loop, true);
    }
    timer_stop(&bell);
}

void owner_wait_for(struct owner *o, char event)
{
    turn(o, event, PATIENCE_MS);
    if (strchr(o->trace, event) == NULL)
        fail_msg("no '%c' in \"%s\"", event, o->trace);
}

void owner_pass_ms(struct owner *o, unsigned ms)
{
    turn(o, '\0', ms);
    loop_turn(o->loop, false);
}

int peer_listen(struct addr *ret_at)
{
    struct addr at;
    assert_int_equal(addr_parse_ip(SLICE("127.0.0.1"), &at), 0);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(fd, &at.sa, at.len), 0);
    assert_int_equal(listen(fd, 1), 0);
    assert_int_equal(sock_local(fd, ret_at), 0);
    return fd;
}

int peer_accept(int listening)
{
    struct pollfd p = { .fd = listening, .events = POLLIN };
    assert_int_equal(poll(&p, 1, PATIENCE_MS), 1);
    int fd = accept4(listening, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    assert_true(fd >= 0);
    return fd;
}

size_t peer_read_to_end(int fd, int *ret_error)
{
    char bytes[65536];
    size_t total = 0;
    for (;;) {
        struct pollfd p = { .fd = fd, .events = POLLIN };
        assert_int_equal(poll(&p, 1, PATIENCE_MS), 1);
        ssize_t n = read(fd, bytes, sizeof bytes);
        if (n <= 0) {
            *ret_error = n < 0 ? -errno : 0;
            return total;
        }
        total += (size_t)n;
    }
}
