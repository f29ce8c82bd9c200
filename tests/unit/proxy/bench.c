/* SPDX-License-Identifier: Apache-2.0 */
#include "bench.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#define WINDOW 100

static void hold_ref(void *owner)
{
    ++*(int *)owner;
}

static void hold_unref(void *owner)
{
    --*(int *)owner;
}

/* --- one listener: shop.test proxies, with other routes beside */

static const struct slice shop_names[] = { SLICE_INIT("shop.test") };
static const struct header_edit shop_edits[] = { { SLICE_INIT("X-Env"), SLICE_INIT("test"),
                                                   false } };
#define TIMEOUTS                                                                                   \
    {                                                                                              \
        .body = SHORT_MS, .response = SHORT_MS, .tunnel = TUNNEL_MS                                \
    }
static const struct route_conf shop_routes[] = {
    { .text = SLICE_INIT("/"),
      .path = SLICE_INIT("/"),
      .action = ACTION_PROXY,
      .edits = shop_edits,
      .edit_count = 1,
      .timeouts = TIMEOUTS,
      .body_max = 8 },
    { .text = SLICE_INIT("= /ping"),
      .path = SLICE_INIT("/ping"),
      .exact = true,
      .action = ACTION_RESPOND,
      .status = 200,
      .body = SLICE_INIT("pong\n"),
      .timeouts = TIMEOUTS },
    { .text = SLICE_INIT("/slow/"),
      .path = SLICE_INIT("/slow/"),
      .action = ACTION_PROXY,
      .timeouts = { .body = LONG_MS, .response = SHORT_MS } },
    { .text = SLICE_INIT("/old/"),
      .path = SLICE_INIT("/old/"),
      .action = ACTION_REDIRECT,
      .status = 308,
      .timeouts = TIMEOUTS },
};
static const struct slice api_names[] = { SLICE_INIT("api.test") };
static const struct route_conf api_routes[] = {
    { .text = SLICE_INIT("/v1/"),
      .path = SLICE_INIT("/v1/"),
      .action = ACTION_PROXY,
      .timeouts = TIMEOUTS },
};
static const struct host_conf hosts[] = {
    { .tls = (struct tls_ctx *)&fake_shop_tls,
      .names = shop_names,
      .name_count = 1,
      .routes = shop_routes,
      .route_count = 4 },
    { .tls = (struct tls_ctx *)&fake_api_tls,
      .names = api_names,
      .name_count = 1,
      .routes = api_routes,
      .route_count = 1 },
};
static const struct config_hold_ops hold_ops = { hold_ref, hold_unref };
static const struct addr local;
static struct listener_conf listener = { .hosts = hosts, .host_count = 2 };

void bench_open(struct bench *b)
{
    *b = (struct bench){ .loop = loop_new() };
    arena_recycler_init(&b->arenas, 16);
    b->log_fd = memfd_create("log", MFD_CLOEXEC);
    listener.table = host_table_new(hosts, 2);
    listener.sni = NULL;
    listener.window = WINDOW;
    listener.min_rate = 0;
    b->listener = &listener;
    b->hold = (struct config_hold){ &listener, &local, &b->holds, &hold_ops };
    b->proxy = (struct proxy){
        .loop = b->loop,
        .arenas = &b->arenas,
        .access_log = access_log_new(b->loop, b->log_fd, ACCESS_JSON, &b->counters),
        .counters = &b->counters,
    };
    list_init(&b->proxy.exchanges);
    fake_stream_init(&b->down);
    arena_init(&b->arena, NULL);
    world = (struct fake_world){
        .servers = 2,
        .retry = { 2, RETRY_CONNECT | RETRY_REFUSED | RETRY_RESET, 20 },
    };
    addr_parse(SLICE("192.0.2.7:4711"), &world.peer);
}

void bench_close(struct bench *b)
{
    assert_int_equal(b->proxy.in_flight, 0);
    loop_turn(b->loop, false); /* frees the exchange */
    assert_int_equal(b->holds, 0);
    access_log_free(b->proxy.access_log);
    host_table_free(listener.table);
    close(b->log_fd);
    fake_stream_done(&b->down);
    for (size_t i = 0; i < world.up_count; i++)
        fake_stream_done(&world.up[i]);
    arena_done(&b->arena);
    arena_recycler_done(&b->arenas);
    loop_free(b->loop);
}
