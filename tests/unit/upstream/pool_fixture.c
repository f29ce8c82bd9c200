/* SPDX-License-Identifier: Apache-2.0 */
#include "pool_fixture.h"

#include <poll.h>
#include <unistd.h>

/* --- the origin */

int listen_at(struct addr *at, int backlog)
{
    int fd = socket(at->sa.sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    assert_true(fd >= 0);
    assert_int_equal(bind(fd, &at->sa, at->len), 0);
    assert_int_equal(listen(fd, backlog), 0);
    assert_int_equal(getsockname(fd, &at->sa, &at->len), 0); /* the port the kernel chose */
    return fd;
}

struct addr loopback(void)
{
    struct addr a = { .len = sizeof(a.in) };
    a.in = (struct sockaddr_in){ .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    return a;
}

bool readable(int fd)
{
    struct pollfd p = { .fd = fd, .events = POLLIN };
    return poll(&p, 1, 0) > 0;
}

void pass_ms(struct fixture *f, unsigned ms)
{
    for (unsigned i = 0; i < ms; i++) {
        loop_turn(f->loop, false);
        usleep(1000);
    }
}

static void wait_readable(struct fixture *f, int fd)
{
    for (unsigned ms = 0; !readable(fd); ms++) {
        assert_true(ms < PATIENCE_MS);
        pass_ms(f, 1);
    }
}

int origin_accept(struct fixture *f, unsigned which)
{
    wait_readable(f, f->listening[which]);
    int fd = accept4(f->listening[which], NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    assert_true(fd >= 0);
    return fd;
}

void origin_say(int fd, const char *text)
{
    assert_int_equal(write(fd, text, strlen(text)), strlen(text));
}

void origin_answer(struct fixture *f, int fd)
{
    char head[4096];
    wait_readable(f, fd);
    assert_true(read(fd, head, sizeof(head)) > 0);
    origin_say(fd, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi");
}

void origin_expect_end(struct fixture *f, int fd)
{
    char c;
    wait_readable(f, fd);
    assert_true(read(fd, &c, 1) <= 0);
    close(fd);
}

/* --- the user of a lend: what an exchange is */

static void user_on_head(struct stream *s, struct message *m, enum head_kind kind, bool end)
{
    ((struct user *)s->user)->status = m->status;
}

static void user_on_body(struct stream *s, struct slice bytes, bool end)
{
}

static void user_on_trailers(struct stream *s, struct fields *f)
{
}

static void user_on_writable(struct stream *s)
{
}

void user_over(struct user *u)
{
    u->stream = NULL;
    arena_done(&u->arena);
}

static void user_on_done(struct stream *s)
{
    struct user *u = s->user;
    u->done++;
    user_over(u);
}

static void user_on_reset(struct stream *s, enum reset_reason why, uint32_t wire_code)
{
    struct user *u = s->user;
    u->reset++;
    user_over(u);
}

static const struct stream_events user_events = { .on_head = user_on_head,
                                                  .on_body = user_on_body,
                                                  .on_trailers = user_on_trailers,
                                                  .on_writable = user_on_writable,
                                                  .on_done = user_on_done,
                                                  .on_reset = user_on_reset };

static void on_stream(struct lend *l, struct stream *s, bool reused)
{
    struct user *u = CONTAINER_OF(l, struct user, lend);
    u->lent++;
    u->reused = reused;
    u->stream = s;
    s->events = &user_events;
    s->user = u;

    struct message m;
    message_init(&m, &u->arena);
    m.method_id = METHOD_GET;
    m.method = SLICE("GET");
    m.authority = SLICE("origin.test");
    m.uri = (struct uri){ .path = SLICE("/"), .host = SLICE("origin.test") };
    assert_int_equal(s->ops->send_head(s, &m, HEAD_FINAL, true), 0);
    s->ops->grant(s, 65536);
}

static void on_failed(struct lend *l, enum lend_failure why, int err)
{
    struct user *u = CONTAINER_OF(l, struct user, lend);
    u->failed++;
    u->why = why;
    u->err = err;
}

void ask(struct fixture *f, struct user *u, int how)
{
    *u = (struct user){ .lend = { .on_stream = on_stream, .on_failed = on_failed } };
    arena_init(&u->arena, &f->arenas);
    pool_lend(f->pool, &u->lend, f->server, &f->conf, how & FRESH, how & PEEK);
}

void wait_lent(struct fixture *f, const struct user *u)
{
    for (unsigned ms = 0; u->lent + u->failed == 0; ms++) {
        assert_true(ms < PATIENCE_MS);
        pass_ms(f, 1);
    }
}

void wait_over(struct fixture *f, const struct user *u)
{
    for (unsigned ms = 0; u->done + u->reset + u->failed == 0; ms++) {
        assert_true(ms < PATIENCE_MS);
        pass_ms(f, 1);
    }
    pass_ms(f, 1);
}

void wait_idle(struct fixture *f, uint64_t count)
{
    for (unsigned ms = 0; f->server->idle_count != count; ms++) {
        assert_true(ms < PATIENCE_MS);
        pass_ms(f, 1);
    }
}

int make_idle(struct fixture *f)
{
    struct user u;
    uint64_t before = f->server->idle_count;
    ask(f, &u, FRESH);
    int fd = origin_accept(f, 0);
    origin_answer(f, fd);
    wait_over(f, &u);
    assert_int_equal(u.done, 1);
    assert_int_equal(u.status, 200);
    assert_int_equal(f->server->in_flight, 0);
    wait_idle(f, before + 1);
    return fd;
}

uint64_t count_of(struct fixture *f, enum counter which)
{
    return counter_read(&f->counters, which);
}

/* --- the fixture: a server with the first origin's address */

void set_addrs(struct fixture *f, const struct addr *addrs, size_t count)
{
    server_update(f->server, &(struct server_conf){ .addrs = addrs, .addr_count = count });
}

int set_up(void **state)
{
    struct fixture *f = test_calloc(1, sizeof(*f));
    f->loop = loop_new();
    scratch_init(&f->scratch);
    arena_recycler_init(&f->arenas, 16);
    f->pool = pool_new(f->loop, &f->scratch, &f->arenas, &f->counters);
    f->registry = servers_new();
    for (unsigned i = 0; i < ORIGINS; i++) {
        f->addrs[i] = loopback();
        f->listening[i] = listen_at(&f->addrs[i], 16);
    }
    const struct server_conf one = { .id = SLICE("a"), .addrs = f->addrs, .addr_count = 1 };
    f->server = servers_get(f->registry, SLICE("app"), one.id);
    server_update(f->server, &one);
    f->server->keepalive = (struct keepalive_conf){ .max = 8, .idle_ms = 60000 };
    f->conf = (struct cluster_conf){ .connect_ms = 2000, .send_ms = 2000 };
    *state = f;
    return 0;
}

int tear_down(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(f->server->in_flight, 0);
    pool_free(f->pool);
    pass_ms(f, 5); /* codecs and connections free themselves */
    server_unref(f->server);
    servers_free(f->registry);
    for (unsigned i = 0; i < ORIGINS; i++)
        close(f->listening[i]);
    scratch_done(&f->scratch);
    loop_free(f->loop);
    arena_recycler_done(&f->arenas);
    test_free(f);
    return 0;
}
