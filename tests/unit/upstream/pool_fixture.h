/* SPDX-License-Identifier: Apache-2.0 */
/* The pool with its real codec, against an origin of raw sockets that the test itself plays, turn
 * by turn in one loop. */
#ifndef TESTS_UPSTREAM_POOL_FIXTURE_H
#define TESTS_UPSTREAM_POOL_FIXTURE_H

#include "upstream/pool.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "conn/scratch.h"

#define PATIENCE_MS 3000 /* for what must happen */
#define ORIGINS     2

struct fixture {
    struct loop *loop;
    struct scratch scratch;
    struct arena_recycler arenas;
    struct counters counters;
    struct pool *pool;
    struct servers *registry;
    struct server *server;
    struct cluster_conf conf;
    int listening[ORIGINS];
    struct addr addrs[ORIGINS];
};

/* For cmocka_unit_test_setup_teardown: the server has the first origin's address. */
int set_up(void **state);
int tear_down(void **state);
void pass_ms(struct fixture *f, unsigned ms); /* turns the loop meanwhile */
void set_addrs(struct fixture *f, const struct addr *addrs, size_t count); /* of the server */
uint64_t count_of(struct fixture *f, enum counter which);

/* --- the origin */
struct addr loopback(void);                  /* port 0 */
int listen_at(struct addr *at, int backlog); /* sets the port that the kernel chose */
bool readable(int fd);
int origin_accept(struct fixture *f, unsigned which);
void origin_say(int fd, const char *text);
void origin_answer(struct fixture *f, int fd);     /* takes one request and answers it */
void origin_expect_end(struct fixture *f, int fd); /* the pool closes its side; closes fd */

/* --- the user of a lend: what an exchange is */
struct user {
    struct lend lend;
    struct stream *stream; /* while it is ours */
    struct arena arena;
    unsigned lent, failed, done, reset, status;
    bool reused;
    enum lend_failure why;
    int err;
};

enum { PLAIN = 0, FRESH = 1, PEEK = 2 };
void ask(struct fixture *f, struct user *u, int how);
void user_over(struct user *u);                          /* after the user's own reset() */
void wait_lent(struct fixture *f, const struct user *u); /* or failed */
void wait_over(struct fixture *f, const struct user *u);
void wait_idle(struct fixture *f, uint64_t count); /* so many idle connections */
/* One whole request on a new connection, left idle. Returns the origin's side of it. */
int make_idle(struct fixture *f);

#endif
