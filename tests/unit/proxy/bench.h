/* SPDX-License-Identifier: Apache-2.0 */
/* Everything around one exchange: loop, log, a configuration, fake streams. The listener has two
 * hosts: shop.test proxies "/" to pool app (limit body=8), answers "/ping", redirects "/old/", and
 * has another pace for "/slow/"; api.test proxies "/v1/" alone. */
#ifndef TEST_PROXY_BENCH_H
#define TEST_PROXY_BENCH_H

#include "fakes.h"
#include "proxy/proxy.h"

#define SHORT_MS  20  /* the routes' timeouts body and response */
#define TUNNEL_MS 200 /* and tunnel */
#define LONG_MS   400 /* timeout body of "/slow/" */

struct bench {
    struct loop *loop;
    struct arena_recycler arenas;
    struct counters counters;
    struct proxy proxy;
    struct listener_conf *listener;
    struct config_hold hold;
    int holds; /* references to the configuration */
    int log_fd;
    struct fake_stream down;
    struct arena arena; /* of the messages that streams receive */
    struct message request;
};

void bench_open(struct bench *b);
void bench_close(struct bench *b); /* fails the test when anything is left */

#endif
