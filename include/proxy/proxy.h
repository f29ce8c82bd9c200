/* SPDX-License-Identifier: Apache-2.0 */
/* What the exchanges of one worker share, and how they keep the configuration they began with. */
#ifndef PROXY_PROXY_H
#define PROXY_PROXY_H

#include "base/arena.h"
#include "base/counter.h"
#include "base/list.h"
#include "event/loop.h"
#include "http/date.h"
#include "proxy/access_log.h"
#include "proxy/door.h"
#include "proxy/route.h"
#include "upstream/pool.h"

/* Outlives its exchanges and the scratch. Filled in by its owner, `exchanges`, `date` and `door`
 * aside: all zero there. */
struct proxy {
    struct loop *loop;
    struct arena_recycler *arenas;
    struct pool *pool;
    struct access_log *access_log;
    struct counters *counters;
    struct census *census; /* of client connections, all workers'; NULL: they have no caps */
    uint64_t in_flight;    /* exchanges alive */
    uint64_t
        request_id_seed[2]; /* random per process; request ids are made from it and a counter */
    uint64_t request_id_count;
    struct link exchanges;  /* those alive; initialised by frontend_new() */
    struct date_cache date; /* for responses without a Date */
    struct door door;       /* frontend_new() opens it */
};

/* A configuration that a request in flight keeps alive: reference counting is handed down by
 * floor 8. */
struct config_hold_ops {
    void (*ref)(void *owner);
    void (*unref)(void *owner);
};
struct config_hold {
    const struct listener_conf *listener;
    const struct addr *at; /* the address that the client reached, one of listener->addrs: by it a
                              reload finds what the connection takes next. NULL: nobody listens
                              there any more, and the connection ends behind its first answer */
    void *owner;           /* opaque */
    const struct config_hold_ops *ops;
};

#endif
