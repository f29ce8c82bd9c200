/* SPDX-License-Identifier: Apache-2.0 */
/* A worker's service over real sockets, with the test as master, client and origin: what a reload
 * does to connections, in all orders of its steps. */
#include "server/service.h"

#include "../conn/test_certs.h"
#include "event/sock.h"
#include "server/bundle.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#define PATH        "/etc/t.conf"
#define PATIENCE_MS 5000

struct bench {
    struct loop *loop;
    struct service *service;
    struct counters counters;
    struct test_cert certs[2];
    struct addr at[2], origin_at; /* clients', the origin's */
    int entrances[2], origin_fd;
    int log_fd;
    bool told; /* the outcome of the last preparation */
    char why[256];
};

/* --- what the master does */

/* A bundle of that configuration, in which @0, @1 and @o are the addresses of the bench. */
static int bundle_of(const struct bench *b, const char *text)
{
    struct sources *sources = sources_new_memory();
    struct buf config, saved;
    char addr[ADDR_TEXT_MAX];
    buf_init(&config);
    buf_init(&saved);
    buf_add(&config, "sandbox off\n");
    for (const char *at = text; *at != '\0'; at++) {
        if (*at != '@')
            buf_append(&config, slice_of(at, 1));
        else
            buf_add(&config, addr_text(*++at == 'o' ? &b->origin_at : &b->at[*at - '0'], addr));
    }
    sources_put(sources, "file", PATH, buf_view(&config));
    for (int i = 0; i < 2; i++) {
        char path[32];
        snprintf(path, sizeof(path), "/etc/%d.crt", i);
        sources_put(sources, "file", path, slice_str(b->certs[i].chain));
        snprintf(path, sizeof(path), "/etc/%d.key", i);
        sources_put(sources, "file", path, slice_str(b->certs[i].key));
    }
    sources_save(sources, &saved);
    const struct bundle bundle = {
        .config_path = SLICE(PATH),
        .sources = buf_view(&saved),
        .ticket_secret = "any",
    };
    int fd;
    assert_int_equal(bundle_make(&bundle, &fd), 0);
    buf_done(&config);
    buf_done(&saved);
    sources_free(sources);
    return fd;
}

static void turn(struct bench *b, unsigned times)
{
    for (unsigned i = 0; i < times; i++) {
        loop_turn(b->loop, false);
        usleep(500);
    }
}

static void on_built(void *user, const char *why)
{
    struct bench *b = user;
    assert_false(b->told);
    b->told = true;
    snprintf(b->why, sizeof(b->why), "%s", why != NULL ? why : "");
}

static void prepare(struct bench *b, const char *text)
{
    b->told = false;
    service_prepare(b->service, bundle_of(b, text), on_built, b);
    assert_false(b->told);
}

static void wait_built(struct bench *b)
{
    for (int ms = 0; !b->told; ms++) {
        assert_true(ms < PATIENCE_MS);
        turn(b, 1);
    }
}

static void reload(struct bench *b, const char *text)
{
    prepare(b, text);
    wait_built(b);
    assert_string_equal(b->why, "");
    service_commit(b->service);
}

/* --- life */

static int listen_somewhere(struct addr *ret_at)
{
    int fd;
    assert_int_equal(addr_parse_ip(SLICE("127.0.0.1"), ret_at), 0);
    assert_int_equal(sock_listen(ret_at, 16, &fd), 0);
    assert_int_equal(sock_local(fd, ret_at), 0);
    return fd;
}

static void bench_open(struct bench *b, const char *text)
{
    struct err e = { 0 };
    *b = (struct bench){ .loop = loop_new(), .log_fd = memfd_create("log", MFD_CLOEXEC) };
    test_cert_make(&b->certs[0], TEST_P256, "a.test", "DNS:a.test");
    test_cert_make(&b->certs[1], TEST_P256, "b.test", "DNS:b.test");
    for (int i = 0; i < 2; i++)
        b->entrances[i] = listen_somewhere(&b->at[i]);
    b->origin_fd = listen_somewhere(&b->origin_at);
    const struct service_setup setup = {
        .loop = b->loop,
        .bundle_fd = bundle_of(b, text),
        .access_fd = b->log_fd,
        .counters = &b->counters,
    };
    if (service_new(&setup, &b->service, &e) < 0)
        fail_msg("%s", e.text);
    for (unsigned i = 0; i < 2; i++) {
        if (service_lend(b->service, 0, dup(b->entrances[i]), &e) < 0)
            print_message("%s\n", e.text);
    }
}

static void bench_close(struct bench *b)
{
    service_free(b->service);
    turn(b, 4);
    loop_free(b->loop);
    for (int i = 0; i < 2; i++) {
        close(b->entrances[i]);
        test_cert_done(&b->certs[i]);
    }
    close(b->origin_fd);
    close(b->log_fd);
}

/* --- clients and origins: descriptors that are read without waiting */

#define GET "GET / HTTP/1.1\r\nHost: a.test\r\n\r\n"

static void say(struct bench *b, int fd, const char *text)
{
    assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
    turn(b, 1);
}

static int come(struct bench *b, int entrance)
{
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const struct addr *to = &b->at[entrance];
    assert_int_equal(connect(fd, &to->sa, to->len), 0);
    return fd;
}

/* Waits until what was heard holds `part`, or has ended when that is NULL. Returns all of it. */
static const char *hear(struct bench *b, int fd, const char *part)
{
    static char heard[8192];
    size_t len = 0;
    for (int ms = 0; ms < PATIENCE_MS; ms++) {
        ssize_t n = recv(fd, heard + len, sizeof(heard) - 1 - len, MSG_DONTWAIT);
        len += n > 0 ? (size_t)n : 0;
        heard[len] = '\0';
        bool over = n == 0 || (n < 0 && errno != EAGAIN);
        if (part != NULL ? strstr(heard, part) != NULL : over)
            return heard;
        if (over)
            break;
        turn(b, 1);
    }
    fail_msg("no \"%s\" in \"%s\"", part != NULL ? part : "end", heard);
    return NULL;
}

static int accept_origin(struct bench *b)
{
    struct addr peer;
    int fd;
    for (int ms = 0; sock_accept(b->origin_fd, &fd, &peer) < 0; ms++) {
        assert_true(ms < PATIENCE_MS);
        turn(b, 1);
    }
    return fd;
}

static void assert_answers(struct bench *b, int client, const char *part)
{
    say(b, client, GET);
    hear(b, client, part);
}

/* --- tests */

#define LISTEN(inside) "listen @0 @1 { host a.test { " inside " } }"
#define SAYS(letter)   LISTEN("respond 200 \"I say " letter "\"")
/* The same with much around it that is shared with the former one, or is not. */
#define RICH(letter, vnodes)                                                                       \
    SAYS(letter)                                                                                   \
    "pool p { balance ring vnodes=" vnodes "; server 127.0.0.1:1; server 127.0.0.1:2 }\n"          \
    "listen 127.0.0.2:2 { tls; host b.test { certificate /etc/1.crt key=/etc/1.key; proxy p }\n"   \
    "host a.test { certificate /etc/0.crt key=/etc/0.key; proxy p } }\n"

enum step { PREPARE, FINISH, COMMIT, FORGET, BAD, DAMAGED, STEPS };

struct state { /* what should hold */
    char in_force, preparing;
    bool ready;
};

static void prepare_other(struct bench *b, struct state *s, char letter)
{
    static const char *const texts[] = { RICH("a", "16"), RICH("b", "16"), RICH("c", "99") };
    prepare(b, texts[letter - 'a']);
    s->preparing = letter;
    s->ready = false;
}

static void finish(struct bench *b, struct state *s)
{
    if (s->preparing == '\0')
        return;
    wait_built(b);
    assert_string_equal(b->why, "");
    s->ready = true;
}

static void refuse(struct bench *b, struct state *s, int bundle_fd, const char *part)
{
    *s = (struct state){ s->in_force, '\0', false };
    b->told = false;
    service_prepare(b->service, bundle_fd, on_built, b);
    wait_built(b);
    if (strstr(b->why, part) == NULL)
        fail_msg("\"%s\" does not say \"%s\"", b->why, part);
}

static void do_step(struct bench *b, struct state *s, enum step step, unsigned any)
{
    switch (step) {
    case PREPARE:
        prepare_other(b, s, (char)('a' + any % 3));
        turn(b, any % 4);
        break;
    case FINISH:
        finish(b, s);
        break;
    case COMMIT:
        finish(b, s);
        if (!s->ready)
            return;
        service_commit(b->service);
        *s = (struct state){ s->preparing, '\0', false };
        break;
    case FORGET:
        service_forget(b->service);
        *s = (struct state){ s->in_force, '\0', false };
        break;
    case BAD:
        refuse(b, s, bundle_of(b, LISTEN("respnd 200")), "unknown directive \"respnd\"");
        break;
    default:
        refuse(b, s, memfd_create("empty", MFD_CLOEXEC), "not a sealed memfd");
        break;
    }
}

static void all_orders(void **state)
{
    struct bench b;
    struct state s = { .in_force = 'a' };
    unsigned seed = 7, commits = 0;
    bench_open(&b, RICH("a", "16"));
    int client = come(&b, 0); /* one connection through all of it */
    for (unsigned i = 0; i < 200; i++) {
        char says[] = "I say ?";
        enum step step = (enum step)((unsigned)rand_r(&seed) % STEPS);
        commits += step == COMMIT;
        do_step(&b, &s, step, (unsigned)rand_r(&seed));
        says[6] = s.in_force;
        assert_answers(&b, client, says);
    }
    assert_true(commits > 20);
    close(client);
    bench_close(&b); /* perhaps within a preparation */
}

static void ends_while_preparing(void **state)
{
    for (unsigned turns = 0; turns < 4; turns++) {
        struct bench b;
        bench_open(&b, SAYS("a"));
        prepare(&b, RICH("b", "4096"));
        turn(&b, turns);
        if (turns % 2 == 1) {
            service_drain(b.service);
            turn(&b, 50);
            assert_true(service_idle(b.service));
            assert_false(b.told);
        }
        bench_close(&b);
    }
}

/* An answer and a tunnel that have begun go on without their host. */
static void test_h80_what_is_in_flight_goes_on(void **state)
{
    struct bench b;
    bench_open(&b, "pool p { server @o } " LISTEN("proxy p"));
    int download = come(&b, 0), tunnel = come(&b, 0);
    say(&b, download, GET);
    int from = accept_origin(&b);
    hear(&b, from, "\r\n\r\n");
    say(&b, from, "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n01234");
    hear(&b, download, "01234");
    say(&b, tunnel, "GET / HTTP/1.1\r\nHost: a.test\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n");
    int to = accept_origin(&b);
    hear(&b, to, "\r\n\r\n");
    say(&b, to,
        "HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\nhello");
    hear(&b, tunnel, "hello");

    reload(&b, "listen @0 { host other.test { respond 204 } }");
    say(&b, from, "56789");
    hear(&b, download, "56789");
    assert_answers(&b, download, "HTTP/1.1 421 "); /* the same connection, the next request */
    hear(&b, from, NULL);                          /* its server is in no configuration */
    say(&b, tunnel, "up");
    hear(&b, to, "up");
    say(&b, to, "down");
    hear(&b, tunnel, "down");
    close(download);
    close(tunnel);
    close(from);
    close(to);
    bench_close(&b);
}

/* One block becomes two, and one again: nobody loses a connection. */
static void blocks_split_and_merge(void **state)
{
    struct bench b;
    bench_open(&b, SAYS("a"));
    int clients[] = { come(&b, 0), come(&b, 1) };
    for (int i = 0; i < 2; i++)
        assert_answers(&b, clients[i], "I say a");
    reload(&b, "listen @1 { host a.test { respond 200 \"second\" } }\n"
               "listen @0 { host a.test { respond 200 \"first\" } }");
    assert_answers(&b, clients[0], "first");
    assert_answers(&b, clients[1], "second");
    reload(&b, SAYS("c"));
    for (int i = 0; i < 2; i++) {
        assert_answers(&b, clients[i], "I say c");
        close(clients[i]);
        int other = come(&b, i);
        assert_answers(&b, other, "I say c");
        close(other);
    }
    bench_close(&b);
}

static void an_address_goes(void **state)
{
    struct bench b;
    bench_open(&b, SAYS("a"));
    int idle = come(&b, 1);
    assert_answers(&b, idle, "I say a");
    int queued = come(&b, 1);
    reload(&b, "listen @0 { host a.test { respond 200 \"I say b\" } }");
    hear(&b, idle, NULL);
    assert_answers(&b, queued, "Connection: close");
    hear(&b, queued, NULL);
    int kept = come(&b, 0);
    assert_answers(&b, kept, "I say b");

    struct addr peer; /* the master's copy of the socket still listens, but we do not */
    int fd;
    uint64_t end_ms = loop_now_ms(b.loop) + 2500;
    while (loop_now_ms(b.loop) < end_ms)
        turn(&b, 10);
    int late = come(&b, 1);
    say(&b, late, GET);
    turn(&b, 100);
    assert_int_equal(sock_accept(b.entrances[1], &fd, &peer), 0);
    close(fd);
    close(late);
    assert_answers(&b, kept, "I say b");
    close(idle);
    close(queued);
    close(kept);
    bench_close(&b);
}

/* Idle connections to a server that stays are reused, whatever else changes. */
static void idle_connections_stay(void **state)
{
    struct bench b;
    bench_open(&b, "pool p { server @o id=x } " LISTEN("proxy p"));
    int client = come(&b, 0);
    static const char *const texts[] = {
        "pool p { server @o id=x; server 127.0.0.1:1 backup } " LISTEN("proxy p"),
        "pool p { keepalive 3 idle=30s; server @o id=x } " LISTEN("route / { proxy p }"),
    };
    say(&b, client, GET);
    int origin = accept_origin(&b);
    for (size_t i = 0; i < 2; i++) {
        hear(&b, origin, "\r\n\r\n");
        say(&b, origin, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
        hear(&b, client, "\r\n\r\nok");
        reload(&b, texts[i]);
        say(&b, client, GET);
    }
    hear(&b, origin, "\r\n\r\n");
    assert_int_equal(counter_read(&b.counters, COUNTER_UPSTREAM_DIALS), 1);
    reload(&b, "pool p { server 127.0.0.1:1 id=x } " LISTEN("proxy p")); /* it has moved */
    say(&b, origin, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
    hear(&b, client, "\r\n\r\nok");
    hear(&b, origin, NULL);
    close(client);
    close(origin);
    bench_close(&b);
}

static void the_format_of_records_follows(void **state)
{
    struct bench b;
    char text[4096];
    bench_open(&b, SAYS("a"));
    int client = come(&b, 0);
    assert_answers(&b, client, "I say a");
    reload(&b, "access_log stdout format=json\n" SAYS("b"));
    assert_answers(&b, client, "I say b");
    close(client);
    service_reopen(b.service, -1); /* writes what waits */
    ssize_t n = pread(b.log_fd, text, sizeof(text) - 1, 0);
    text[n] = '\0';
    const char *second = strchr(text, '\n') + 1;
    assert_string_not_equal(second, "");
    assert_true(text[0] != '{' && second[0] == '{');
    bench_close(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_orders),
        cmocka_unit_test(ends_while_preparing),
        cmocka_unit_test(test_h80_what_is_in_flight_goes_on),
        cmocka_unit_test(blocks_split_and_merge),
        cmocka_unit_test(an_address_goes),
        cmocka_unit_test(idle_connections_stay),
        cmocka_unit_test(the_format_of_records_follows),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
