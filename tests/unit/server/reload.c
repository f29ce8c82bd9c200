/* SPDX-License-Identifier: Apache-2.0 */
/* A reload with everything that is the master's own: files, the reader's process, sockets, bundle.
 * Only the workers are not there: the children below do what the test says. */
#include "server/reload.h"

#include "event/sock.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#define TURNS_MAX 3000

/* --- children */

struct children {
    const char *why;    /* what prepare comes to; NULL: all have it */
    bool mute;          /* it comes to nothing at all */
    unsigned asked;     /* to prepare */
    unsigned forgotten; /* times */
    unsigned committed;
    uint32_t generation; /* asked for last */
    struct children_next next;
    struct deferred answer;
    struct loop *loop;
    void (*on_prepared)(void *user, const char *why);
    void *user;
};

static void on_answer(struct deferred *d)
{
    struct children *c = CONTAINER_OF(d, struct children, answer);
    c->on_prepared(c->user, c->why);
}

void children_prepare(struct children *c, uint32_t generation, int bundle,
                      void (*on_prepared)(void *user, const char *why), void *user)
{
    assert_true(generation > c->generation); /* a late answer to another one must not fit */
    assert_true(bundle >= 0);
    c->asked++;
    c->generation = generation;
    c->on_prepared = on_prepared;
    c->user = user;
    deferred_init(&c->answer, on_answer);
    if (!c->mute)
        loop_defer(c->loop, &c->answer);
}

void children_commit(struct children *c, const struct children_next *next)
{
    c->committed++;
    c->next = *next;
}

void children_forget(struct children *c)
{
    c->forgotten++;
    deferred_cancel(&c->answer);
}

/* --- the bench */

struct bench {
    char folder[32], path[64];
    unsigned port;
    struct loop *loop;
    struct timer turn; /* so that a turn of the loop ends soon */
    struct holdings held;
    struct children children;
    struct reload *reload;
    int refusal; /* of before_commit */
    unsigned outcomes;
};
struct asker {
    struct reload_wish wish;
    unsigned told;
    bool committed;
    uint32_t generation;
    char changes[512], diags[1024], json[1024], lines[1024], why[256];
};

static void on_turn(struct timer *t)
{
    struct bench *b = CONTAINER_OF(t, struct bench, turn);
    timer_start(&b->turn, b->loop, 5);
}

static void keep(char *to, size_t room, struct slice text)
{
    snprintf(to, room, "%.*s", SLICE_ARG(text));
}

static void on_done(struct reload_wish *w, const struct reload_outcome *o)
{
    struct asker *a = CONTAINER_OF(w, struct asker, wish);
    a->told++;
    a->committed = o->committed;
    a->generation = o->generation;
    keep(a->changes, sizeof(a->changes), o->changes);
    keep(a->diags, sizeof(a->diags), o->diags);
    keep(a->json, sizeof(a->json), o->diags_json);
    keep(a->lines, sizeof(a->lines), o->diags_lines);
    keep(a->why, sizeof(a->why), o->why);
}

static void on_outcome(void *user, const struct reload_outcome *o)
{
    ((struct bench *)user)->outcomes++;
}

static int before_commit(void *user, const struct config *next, struct diags *d)
{
    struct bench *b = user;
    assert_int_equal(b->children.asked, b->children.generation - 1); /* it is the last step */
    if (b->refusal < 0)
        diags_add(d, DIAG_ERROR, "test", &next->error_log.span, "not so");
    return b->refusal;
}

static void write_config(const struct bench *b, const char *text)
{
    FILE *f = fopen(b->path, "we");
    assert_non_null(f);
    fprintf(f,
            "control off\naccess_log off\nerror_log /dev/null level=error\nworkers 1\n"
            "listen 127.0.0.1:%u { host a { %s } }\n",
            b->port, text);
    assert_int_equal(fclose(f), 0);
}

static unsigned free_port(void)
{
    struct addr any, got;
    int fd;
    assert_int_equal(addr_parse_ip(SLICE("127.0.0.1"), &any), 0);
    assert_int_equal(sock_listen(&any, 1, &fd), 0);
    assert_int_equal(sock_local(fd, &got), 0);
    close(fd);
    return addr_port(&got);
}

static int open_bench(void **state)
{
    struct bench *b = calloc(1, sizeof(*b));
    snprintf(b->folder, sizeof(b->folder), "/tmp/signet-reload-XXXXXX");
    assert_non_null(mkdtemp(b->folder));
    snprintf(b->path, sizeof(b->path), "%s/signet.conf", b->folder);
    b->port = free_port();
    write_config(b, "respond 200 one");
    b->loop = loop_new();
    timer_init(&b->turn, on_turn);
    timer_start(&b->turn, b->loop, 5);
    struct diags *d = diags_new();
    struct err e = { 0 };
    assert_int_equal(holdings_open(b->path, &b->held, d, &e), 0);
    diags_free(d);
    b->children = (struct children){ .loop = b->loop, .generation = 1 };
    const struct reload_setup setup = {
        .loop = b->loop,
        .config_path = b->path,
        .held = &b->held,
        .children = &b->children,
        .before_commit = before_commit,
        .on_outcome = on_outcome,
        .user = b,
    };
    b->reload = reload_new(&setup);
    *state = b;
    return 0;
}

static int close_bench(void **state)
{
    struct bench *b = *state;
    reload_free(b->reload);
    holdings_close(&b->held);
    timer_stop(&b->turn);
    loop_free(b->loop);
    unlink(b->path);
    assert_int_equal(rmdir(b->folder), 0);
    free(b);
    return 0;
}

static void ask(struct bench *b, struct asker *a)
{
    *a = (struct asker){ .wish.on_done = on_done };
    list_init(&a->wish.link);
    reload_ask(b->reload, &a->wish);
    assert_int_equal(a->told, 0); /* never inside the call */
}

static void run_until_told(struct bench *b, const struct asker *a)
{
    for (int i = 0; i < TURNS_MAX && a->told == 0; i++)
        loop_turn(b->loop, true);
    assert_int_equal(a->told, 1);
}

static void reload(struct bench *b, const char *text, struct asker *a)
{
    write_config(b, text);
    ask(b, a);
    run_until_told(b, a);
}

/* --- */

static void a_good_one_comes_into_force(void **state)
{
    struct bench *b = *state;
    struct asker a;
    const struct config *before = b->held.config;
    reload(b, "respond 200 two", &a);
    assert_true(a.committed);
    assert_int_equal(a.generation, 2);
    assert_non_null(strstr(a.changes, "host a: respond 200 one -> 200 two\n"));
    assert_string_equal(a.why, "");
    assert_string_equal(a.diags, "");
    assert_ptr_not_equal(b->held.config, before);
    assert_int_equal(b->held.generation, 2);
    assert_int_equal(b->children.committed, 1);
    assert_int_equal(b->children.forgotten, 0);
    assert_ptr_equal(b->children.next.sockets, b->held.sockets);
    assert_ptr_equal(b->children.next.logs, &b->held.logs);
    assert_int_equal(b->children.next.bundle, b->held.bundle);
    assert_false(reload_running(b->reload));
    reload(b, "respond  200  \"two\"", &a);
    assert_true(a.committed);
    assert_string_equal(a.changes, "");
}

static void a_log_that_stays_keeps_its_descriptor(void **state)
{
    struct bench *b = *state;
    struct asker a;
    int fd = b->held.logs.error_fd;
    reload(b, "respond 200 two", &a);
    assert_int_equal(b->held.logs.error_fd, fd);
    assert_true(fcntl(fd, F_GETFD) >= 0);
}

/* What the reader refuses never comes as far as the workers. */
static void a_bad_one_is_told_in_three_ways(void **state)
{
    struct bench *b = *state;
    struct asker a;
    reload(b, "respnd 200", &a);
    assert_false(a.committed);
    assert_int_equal(a.generation, 1);
    assert_string_equal(a.why, "the configuration has errors");
    assert_non_null(strstr(a.diags, "error: unknown directive \"respnd\""));
    assert_non_null(strstr(a.diags, "; the running configuration is unchanged\n"));
    assert_int_equal(strncmp(a.json, "[{\"severity\":\"error\"", 20), 0);
    assert_non_null(strstr(a.lines, "signet.conf:5:"));
    assert_int_equal(b->children.asked, 0);
    assert_int_equal(b->held.generation, 1);
}

/* Each way in which one comes to nothing after the reader found it good. */
static void nothing_changes_when_it_fails_late(void **state)
{
    struct bench *b = *state;
    struct asker a;
    struct holdings before = b->held;
    b->children.why = "worker 7 cannot";
    reload(b, "respond 200 two", &a);
    assert_false(a.committed);
    assert_string_equal(a.why, "worker 7 cannot");
    b->children.why = NULL;
    b->refusal = -EINVAL;
    reload(b, "respond 200 two", &a);
    assert_false(a.committed);
    assert_non_null(strstr(a.lines, "error: "));
    assert_non_null(strstr(a.lines, "not so\n"));
    b->refusal = 0;
    assert_int_equal(b->children.asked, 2);
    assert_int_equal(b->children.forgotten, 2);
    assert_memory_equal(&before, &b->held, sizeof(before));
    reload(b, "respond 200 two", &a);
    assert_true(a.committed);
    assert_int_equal(a.generation, 4); /* 2 and 3 were asked for */
    assert_int_equal(b->outcomes, 3);
}

static void asking_meanwhile_is_one_more(void **state)
{
    struct bench *b = *state;
    struct asker first, more[5];
    write_config(b, "respond 200 two");
    ask(b, &first);
    loop_turn(b->loop, true); /* it begins; its reader takes many turns */
    assert_true(reload_running(b->reload));
    for (int i = 0; i < 5; i++)
        ask(b, &more[i]);
    reload_ask(b->reload, NULL); /* a signal: nobody waits */
    run_until_told(b, &first);
    assert_int_equal(more[0].told, 0);
    run_until_told(b, &more[4]);
    for (int i = 0; i < 5; i++)
        assert_int_equal(more[i].told, 1);
    assert_int_equal(more[0].generation, 3);
    assert_int_equal(b->outcomes, 2);
    assert_false(reload_running(b->reload));
}

static void who_has_left_is_not_told(void **state)
{
    struct bench *b = *state;
    struct asker gone, other;
    ask(b, &gone);
    ask(b, &other);
    reload_cancel(b->reload, &gone.wish);
    run_until_told(b, &other);
    assert_int_equal(gone.told, 0);
    assert_int_equal(b->outcomes, 1);
}

/* After so many turns it is in this or that state; whichever it is, ending it is clean. */
static void an_end_is_told_at_once_and_later(void **state)
{
    struct bench *b = *state;
    struct asker a, late;
    b->children.mute = true;
    ask(b, &a);
    for (int i = 0; i < 40 && b->children.asked == 0; i++)
        loop_turn(b->loop, true);
    reload_end(b->reload, "it is over");
    assert_int_equal(a.told, 1);
    assert_string_equal(a.why, "it is over");
    assert_false(a.committed);
    assert_int_equal(b->children.forgotten, b->children.asked);
    ask(b, &late);
    run_until_told(b, &late);
    assert_string_equal(late.why, "it is over");
    assert_int_equal(b->outcomes, 2); /* the log is told of both */
    assert_false(reload_running(b->reload));
    assert_int_equal(b->held.generation, 1);
}

static void it_can_be_dropped_after_any_turn(void **state)
{
    struct bench *b = *state;
    for (int turns = 0; turns < 24; turns++) {
        b->children.mute = turns % 2 == 0;
        const struct reload_setup setup = {
            .loop = b->loop,
            .config_path = b->path,
            .held = &b->held,
            .children = &b->children,
            .on_outcome = on_outcome,
            .user = b,
        };
        struct reload *r = reload_new(&setup);
        b->children.generation = b->held.generation;
        reload_ask(r, NULL);
        for (int i = 0; i < turns; i++)
            loop_turn(b->loop, true);
        reload_free(r);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_good_one_comes_into_force, open_bench, close_bench),
        cmocka_unit_test_setup_teardown(a_log_that_stays_keeps_its_descriptor, open_bench,
                                        close_bench),
        cmocka_unit_test_setup_teardown(a_bad_one_is_told_in_three_ways, open_bench, close_bench),
        cmocka_unit_test_setup_teardown(nothing_changes_when_it_fails_late, open_bench,
                                        close_bench),
        cmocka_unit_test_setup_teardown(asking_meanwhile_is_one_more, open_bench, close_bench),
        cmocka_unit_test_setup_teardown(who_has_left_is_not_told, open_bench, close_bench),
        cmocka_unit_test_setup_teardown(an_end_is_told_at_once_and_later, open_bench, close_bench),
        cmocka_unit_test_setup_teardown(it_can_be_dropped_after_any_turn, open_bench, close_bench),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
