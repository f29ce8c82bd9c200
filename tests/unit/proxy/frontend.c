/* SPDX-License-Identifier: Apache-2.0 */
/* The whole way with nothing faked: a client's socket, both codecs, the pool and an origin's
 * socket, all in one process and driven turn by turn. */
#include "proxy/frontend.h"

#include "event/sock.h"
#include "upstream/ring.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

struct bench {
    struct loop *loop;
    struct scratch scratch;
    struct arena_recycler arenas;
    struct counters counters;
    struct proxy proxy;
    struct frontend *frontend;
    struct servers *registry;
    struct cluster *cluster;
    int log_fd, origin_fd; /* origin_fd listens */
    int holds;
    struct listener_conf listener, newer;
    struct host_conf host, newer_host;
    struct route_conf route, newer_route;
    struct config_hold hold, newer_hold;
    void *census_memory;
};

static void hold_ref(void *owner)
{
    ++*(int *)owner;
}

static void hold_unref(void *owner)
{
    --*(int *)owner;
}

static const struct config_hold_ops hold_ops = { hold_ref, hold_unref };
static const struct addr addrs[2]; /* that clients reach; told apart by their place alone */

static void open_origin(struct bench *b, struct addr *ret_addr)
{
    assert_int_equal(addr_parse(SLICE("127.0.0.1:1"), ret_addr), 0);
    addr_set_port(ret_addr, 0);
    b->origin_fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    assert_int_equal(bind(b->origin_fd, &ret_addr->sa, ret_addr->len), 0);
    assert_int_equal(listen(b->origin_fd, 8), 0);
    assert_int_equal(sock_local(b->origin_fd, ret_addr), 0);
}

static void open_cluster(struct bench *b)
{
    struct addr addr;
    open_origin(b, &addr);
    const struct server_conf server = {
        .address = SLICE("origin"), .id = SLICE("o1"), .weight = 1, .addrs = &addr, .addr_count = 1
    };
    const struct cluster_conf conf = {
        .name = SLICE("app"),
        .balance = &ring_balance,
        .balance_conf = { .vnodes = 4 },
        .key = { .kind = KEY_URI },
        .servers = &server,
        .server_count = 1,
        .keepalive = { .max = 4, .idle_ms = 10000 },
        .retry = { .max = 2, .on = RETRY_RESET, .budget_percent = 20 },
        .connect_ms = 1000,
        .send_ms = 1000,
    };
    b->registry = servers_new();
    b->cluster = cluster_new(&conf, b->registry);
    cluster_use(b->cluster);
}

static const struct slice host_names[] = { SLICE_INIT("shop.test") };

static void listener_make(struct listener_conf *l, struct host_conf *h, struct route_conf *r)
{
    r->text = r->path = SLICE("/");
    r->timeouts = (struct timeouts){ .body = 5000, .response = 5000 };
    *h = (struct host_conf){ .names = host_names, .name_count = 1, .routes = r, .route_count = 1 };
    *l = (struct listener_conf){
        .hosts = h,
        .host_count = 1,
        .table = host_table_new(h, 1),
        .timeouts = { .header = 5000, .idle = 5000, .send = 5000 },
        .window = 256 * 1024,
        .h1 = { .head_max = 32768,
                .fields_max = 100,
                .target_max = 8192,
                .header_ms = 5000,
                .idle_ms = 5000,
                .discard_max = 65536 },
    };
}

static void bench_open(struct bench *b)
{
    *b = (struct bench){ .loop = loop_new(), .log_fd = memfd_create("log", MFD_CLOEXEC) };
    scratch_init(&b->scratch);
    arena_recycler_init(&b->arenas, 64);
    open_cluster(b);
    b->route = (struct route_conf){ .action = ACTION_PROXY, .cluster = b->cluster };
    b->newer_route =
        (struct route_conf){ .action = ACTION_RESPOND, .status = 200, .body = SLICE("newer") };
    listener_make(&b->listener, &b->host, &b->route);
    listener_make(&b->newer, &b->newer_host, &b->newer_route);
    b->hold = (struct config_hold){ &b->listener, &addrs[0], &b->holds, &hold_ops };
    b->newer_hold = (struct config_hold){ &b->newer, &addrs[0], &b->holds, &hold_ops };
    b->census_memory = aligned_alloc(64, census_bytes(1, 16));
    memset(b->census_memory, 0, census_bytes(1, 16));
    b->proxy = (struct proxy){
        .loop = b->loop,
        .arenas = &b->arenas,
        .pool = pool_new(b->loop, &b->scratch, &b->arenas, &b->counters),
        .access_log = access_log_new(b->loop, b->log_fd, ACCESS_JSON, &b->counters),
        .counters = &b->counters,
        .census = census_new(b->census_memory, 1, 16, 1),
    };
    b->frontend = frontend_new(&b->proxy, &b->scratch);
}

static void turn(struct bench *b)
{
    for (int i = 0; i < 10; i++) {
        loop_turn(b->loop, false);
        usleep(500);
    }
}

static void bench_close(struct bench *b)
{
    frontend_free(b->frontend);
    turn(b);
    assert_int_equal(b->proxy.in_flight, 0);
    assert_int_equal(b->holds, 0);
    pool_free(b->proxy.pool);
    turn(b);
    access_log_free(b->proxy.access_log);
    host_table_free(b->listener.table);
    host_table_free(b->newer.table);
    cluster_free(b->cluster);
    servers_free(b->registry);
    arena_recycler_done(&b->arenas);
    scratch_done(&b->scratch);
    assert_int_equal(census_count(b->proxy.census), 0);
    census_free(b->proxy.census);
    free(b->census_memory);
    close(b->origin_fd);
    close(b->log_fd);
    loop_free(b->loop);
}

/* A client: one end of a pair, the other accepted. */
static int connect_client(struct bench *b)
{
    int pair[2];
    struct addr peer;
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair), 0);
    addr_parse(SLICE("192.0.2.7:4711"), &peer);
    frontend_accept(b->frontend, &b->hold, pair[0], &peer);
    return pair[1];
}

static void say(struct bench *b, int fd, const char *text)
{
    assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
    turn(b);
}

static const char *hear(int fd, char *buf, size_t room)
{
    ssize_t n = read(fd, buf, room - 1);
    buf[n > 0 ? n : 0] = '\0';
    return n == 0 ? "EOF" : buf;
}

static int accept_origin(struct bench *b)
{
    int fd = accept4(b->origin_fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    assert_true(fd >= 0);
    return fd;
}

static void assert_has(const char *text, const char *part)
{
    if (strstr(text, part) == NULL)
        fail_msg("no \"%s\" in \"%s\"", part, text);
}

static void assert_record(struct bench *b, const char *part)
{
    char text[16384];
    access_log_flush(b->proxy.access_log);
    ssize_t n = pread(b->log_fd, text, sizeof text - 1, 0);
    text[n > 0 ? n : 0] = '\0';
    assert_has(text, part);
}

#define GET "GET /x HTTP/1.1\r\nHost: shop.test\r\n\r\n"
#define OK  "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"

static void test_keep_alive(void **state)
{
    struct bench b;
    char buf[4096];
    bench_open(&b);
    int client = connect_client(&b);
    say(&b, client, GET);
    int origin = accept_origin(&b);
    assert_has(hear(origin, buf, sizeof buf), "GET /x HTTP/1.1\r\nHost: shop.test\r\n");
    assert_has(buf, "X-Forwarded-For: 192.0.2.7\r\n");
    assert_has(buf, "Via: 1.1 signet\r\n");
    say(&b, origin, OK);
    assert_has(hear(client, buf, sizeof buf), "HTTP/1.1 200 OK\r\n");
    assert_has(buf, "\r\n\r\nok");

    say(&b, client, GET); /* the same two connections */
    assert_has(hear(origin, buf, sizeof buf), "GET /x");
    say(&b, origin, OK);
    assert_has(hear(client, buf, sizeof buf), "HTTP/1.1 200 OK\r\n");
    assert_int_equal(counter_read(&b.counters, COUNTER_UPSTREAM_REUSED), 1);
    assert_int_equal(counter_read(&b.counters, COUNTER_REQUESTS), 2);
    assert_record(&b, "\"reused\":true");
    close(client);
    close(origin);
    bench_close(&b);
}

/* A request to its end; the origin closes behind it. */
static void be_answered(struct bench *b, int client)
{
    char buf[4096];
    say(b, client, GET);
    int origin = accept_origin(b);
    say(b, origin, "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok");
    assert_has(hear(client, buf, sizeof buf), "200 OK");
    close(origin);
    turn(b);
}

static void test_client_leaves(void **state)
{
    struct bench b;
    char buf[4096];
    bench_open(&b);
    int client = connect_client(&b);
    say(&b, client, GET);
    int origin = accept_origin(&b);
    hear(origin, buf, sizeof buf);
    close(client);
    turn(&b);
    assert_string_equal(hear(origin, buf, sizeof buf), "EOF"); /* it can stop working */
    assert_record(&b, "\"status\":499");
    assert_record(&b, "\"abort_phase\":\"wait\"");
    assert_int_equal(frontend_connections(b.frontend), 0);
    close(origin);
    bench_close(&b);
}

/* The origin closes the idle connection just as it is used again. */
static void test_retry(void **state)
{
    struct bench b;
    char buf[4096];
    bench_open(&b);
    int client = connect_client(&b);
    say(&b, client, GET);
    int origin = accept_origin(&b);
    hear(origin, buf, sizeof buf);
    say(&b, origin, OK);
    hear(client, buf, sizeof buf);
    assert_int_equal(write(client, GET, strlen(GET)), (ssize_t)strlen(GET));
    loop_turn(b.loop, false); /* it is on its way */
    close(origin);
    turn(&b);
    origin = accept_origin(&b);
    assert_has(hear(origin, buf, sizeof buf), "GET /x");
    say(&b, origin, OK);
    assert_has(hear(client, buf, sizeof buf), "200 OK");
    assert_int_equal(counter_read(&b.counters, COUNTER_UPSTREAM_RETRIES), 1);
    close(client);
    close(origin);
    bench_close(&b);
}

/* The first address has another listener now, the second is gone. */
static bool find_newer(void *user, const struct config_hold *from, struct config_hold *ret_to)
{
    const struct bench *b = user;
    *ret_to = b->newer_hold;
    return from->at == &addrs[0];
}

static void test_reload(void **state)
{
    struct bench b;
    char buf[4096];
    bench_open(&b);
    int client = connect_client(&b);
    say(&b, client, GET);
    int origin = accept_origin(&b);
    hear(origin, buf, sizeof buf);
    frontend_replace_config(b.frontend, find_newer, &b);
    say(&b, origin, OK); /* what is in flight ends as it began */
    assert_has(hear(client, buf, sizeof buf), "\r\n\r\nok");
    say(&b, client, GET); /* the next one takes the new way, on the same connection */
    assert_has(hear(client, buf, sizeof buf), "\r\n\r\nnewer");
    close(client);
    close(origin);
    bench_close(&b);
}

/* Connections that cannot follow: one idle, one with a request in flight, one on its way in. */
static void assert_all_drain(struct bench *b)
{
    char buf[4096];
    int idle = connect_client(b), busy = connect_client(b), fresh = connect_client(b);
    be_answered(b, idle);
    say(b, busy, GET);
    int origin = accept_origin(b);
    frontend_replace_config(b->frontend, find_newer, b);
    turn(b);
    assert_string_equal(hear(idle, buf, sizeof buf), "EOF");
    say(b, origin, OK);
    assert_has(hear(busy, buf, sizeof buf), "Connection: close\r\n");
    assert_has(buf, "\r\n\r\nok");
    assert_string_equal(hear(busy, buf, sizeof buf), "EOF");
    say(b, fresh, GET);
    say(b, origin, OK); /* the connection to it was kept */
    assert_has(hear(fresh, buf, sizeof buf), "Connection: close\r\n");
    close(idle);
    close(busy);
    close(fresh);
    close(origin);
}

static void test_reload_without_the_address(void **state)
{
    struct bench b;
    bench_open(&b);
    b.hold.at = &addrs[1];
    assert_all_drain(&b);
    bench_close(&b);
}

static void test_reload_to_tls(void **state)
{
    struct bench b;
    bench_open(&b);
    b.newer.sni = tls_sni_new();
    assert_all_drain(&b);
    bench_close(&b);
    tls_sni_free(b.newer.sni);
}

/* Who came to an address that is gone is served once. */
static void test_last_ones_in(void **state)
{
    struct bench b;
    char buf[4096];
    bench_open(&b);
    b.hold.at = NULL;
    int client = connect_client(&b);
    say(&b, client, GET);
    int origin = accept_origin(&b);
    say(&b, origin, OK);
    assert_has(hear(client, buf, sizeof buf), "Connection: close\r\n");
    assert_string_equal(hear(client, buf, sizeof buf), "EOF");
    close(client);
    close(origin);
    bench_close(&b);
}

static void test_drain(void **state)
{
    struct bench b;
    char buf[4096];
    bench_open(&b);
    int busy = connect_client(&b), idle = connect_client(&b), racing = connect_client(&b);
    be_answered(&b, idle);
    be_answered(&b, racing);
    say(&b, busy, GET);
    int origin = accept_origin(&b);
    assert_int_equal(write(racing, GET, strlen(GET)), (ssize_t)strlen(GET)); /* in the kernel */
    frontend_drain(b.frontend);
    loop_run_deferred(b.loop); /* before anybody looks for events */
    turn(&b);
    assert_string_equal(hear(idle, buf, sizeof buf), "EOF");
    int other = accept_origin(&b);
    say(&b, other, OK);
    assert_has(hear(racing, buf, sizeof buf), "Connection: close\r\n");
    close(racing);
    close(other);
    say(&b, origin, OK);
    assert_has(hear(busy, buf, sizeof buf), "Connection: close\r\n");
    assert_has(buf, "\r\n\r\nok");
    assert_string_equal(hear(busy, buf, sizeof buf), "EOF");
    turn(&b);
    assert_int_equal(frontend_connections(b.frontend), 0);
    close(busy);
    close(idle);
    close(origin);
    bench_close(&b);
}

/* A few of them a turn of the loop; who asks before its turn has come gets its last answer. */
static void test_drain_of_many(void **state)
{
    struct bench b;
    char buf[4096];
    int clients[40], ended = 0;
    const int count = sizeof(clients) / sizeof(clients[0]), last = count - 1;
    bench_open(&b);
    for (int i = 0; i < count; i++) {
        clients[i] = connect_client(&b);
        be_answered(&b, clients[i]);
    }
    frontend_drain(b.frontend);
    assert_int_equal(write(clients[last], GET, strlen(GET)), (ssize_t)strlen(GET));
    loop_turn(b.loop, false);
    for (int i = 0; i < count; i++)
        ended += strcmp(hear(clients[i], buf, sizeof buf), "EOF") == 0;
    assert_in_range(ended, 1, last - 1);
    turn(&b);
    int origin = accept_origin(&b);
    say(&b, origin, OK);
    assert_has(hear(clients[last], buf, sizeof buf), "Connection: close\r\n");
    for (int i = 0; i < count; i++) {
        assert_string_equal(hear(clients[i], buf, sizeof buf), "EOF");
        close(clients[i]);
    }
    turn(&b);
    assert_int_equal(frontend_connections(b.frontend), 0);
    close(origin);
    bench_close(&b);
}

static void test_end_at_once(void **state)
{
    struct bench b;
    char buf[4096];
    bench_open(&b);
    int client = connect_client(&b);
    say(&b, client, GET);
    int origin = accept_origin(&b);
    frontend_free(b.frontend);
    turn(&b);
    assert_string_equal(hear(client, buf, sizeof buf), "EOF");
    assert_record(&b, "\"abort_by\":\"shutdown\"");
    b.frontend = NULL;
    close(client);
    close(origin);
    bench_close(&b);
}

static void test_nonsense(void **state)
{
    struct bench b;
    char buf[4096];
    bench_open(&b);
    int client = connect_client(&b);
    say(&b, client, "GET /\r\n\r\n");
    assert_has(hear(client, buf, sizeof buf), "HTTP/1.1 400 Bad Request\r\n");
    assert_record(&b, "\"status\":400");
    close(client);
    int quiet = connect_client(&b); /* leaves without a byte: no record of it */
    close(quiet);
    turn(&b);
    assert_int_equal(counter_read(&b.counters, COUNTER_LOG_RECORDS), 1);
    bench_close(&b);
}

/* A place is held as long as the descriptor is open, whatever the connection does meanwhile. */
static void test_places(void **state)
{
    struct bench b;
    char buf[4096];
    bench_open(&b);
    b.listener.caps = (struct census_caps){ .all = 2, .each = 2 };
    int idle = connect_client(&b), refused = connect_client(&b);
    say(&b, refused, "GET /\r\n\r\n");
    assert_has(hear(refused, buf, sizeof buf), "400 Bad Request");
    assert_int_equal(frontend_connections(b.frontend), 1);
    assert_int_equal(census_count(b.proxy.census), 2); /* it lingers */
    int outside = connect_client(&b);
    turn(&b);
    assert_has(hear(outside, buf, sizeof buf), "HTTP/1.1 503 ");
    assert_int_equal(counter_read(&b.counters, COUNTER_CONNECTIONS_ACCEPTED), 2);
    assert_int_equal(counter_read(&b.counters, COUNTER_CONNECTIONS_REFUSED), 1);
    assert_int_equal(counter_read(&b.counters, COUNTER_LOG_RECORDS), 1);
    close(refused);
    close(outside);
    turn(&b);
    assert_int_equal(census_count(b.proxy.census), 1);
    int next = connect_client(&b);
    assert_int_equal(census_count(b.proxy.census), 2);
    close(idle);
    turn(&b);
    assert_int_equal(census_count(b.proxy.census), 1);
    assert_int_equal(counter_read(&b.counters, COUNTER_LOG_RECORDS), 1);
    bench_close(&b); /* the last one is still there, and gives back its place */
    close(next);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_keep_alive),
        cmocka_unit_test(test_client_leaves),
        cmocka_unit_test(test_retry),
        cmocka_unit_test(test_reload),
        cmocka_unit_test(test_reload_without_the_address),
        cmocka_unit_test(test_reload_to_tls),
        cmocka_unit_test(test_last_ones_in),
        cmocka_unit_test(test_drain),
        cmocka_unit_test(test_drain_of_many),
        cmocka_unit_test(test_end_at_once),
        cmocka_unit_test(test_nonsense),
        cmocka_unit_test(test_places),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
