/* SPDX-License-Identifier: Apache-2.0 */
/* What an exchange touches, made of nothing: streams that write down what was done to them, and a
 * pool, a cluster and a connection that stand in for the real ones at link time. */
#ifndef TEST_PROXY_FAKES_H
#define TEST_PROXY_FAKES_H

#include "http/stream.h"
#include "proxy/proxy.h"

#define FAKE_SERVERS 3

struct fake_stream {
    struct stream base; /* first */
    char did[512];      /* "head=200 body=ok. reset"; a point: the end */
    uint64_t granted;
    size_t waiting;  /* what send_body says */
    int head_result; /* what send_head says */
    int trailers_result;
    enum refusal odd;   /* why RESET_PROTOCOL */
    bool over;          /* no op may follow */
    struct fields sent; /* of the last head, in `arena` */
    struct message last;
    struct arena arena;
};
void fake_stream_init(struct fake_stream *s);
void fake_stream_done(struct fake_stream *s);

/* The pool: what the next wishes get. */
enum fake_lend { FAKE_NEW, FAKE_REUSED, FAKE_REFUSED, FAKE_TIMEOUT, FAKE_NO_FD, FAKE_LATER };
struct fake_world {
    enum fake_lend lends[8];
    size_t lend_count, lend_at;
    struct fake_stream up[8]; /* one per stream lent */
    size_t up_count;
    struct lend *waiting; /* FAKE_LATER */
    bool cancelled, asked_fresh, asked_peek;
    char tried[64]; /* identities of servers, in order: "a,b" */
    const char *skip[FAKE_SERVERS];
    size_t servers; /* in the cluster */
    struct retry_conf retry;
    struct retry_budget budget;
    struct addr peer;
    const struct tls_info *tls;
    bool same_policy; /* of the two contexts below */
};
extern struct fake_world world;
/* Contexts of shop.test (the first one, too) and api.test: nothing but addresses. */
extern char fake_shop_tls, fake_api_tls;
void fake_lend_now(struct lend *l, enum fake_lend how); /* ends a FAKE_LATER */

#endif
