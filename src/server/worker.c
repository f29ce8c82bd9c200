/* SPDX-License-Identifier: Apache-2.0 */
#include "server/worker.h"

#include "base/log.h"
#include "conn/tls_memory.h"
#include "server/channel.h"
#include "server/cli.h"
#include "server/logs.h"
#include "server/service.h"
#include "server/shm.h"

#include <errno.h>
#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <unistd.h>

#define HEARTBEAT_MS  250
#define DRAIN_POLL_MS 20

struct worker {
    unsigned number;
    struct loop *loop;
    struct watch channel;
    struct timer heartbeat, drain_poll, drain_limit;
    struct shm *shm;
    struct shm_row *row;
    uint64_t lines_dropped; /* of the error log: so many are counted */
    struct logs logs;
    struct service *service;  /* NULL before START */
    unsigned sockets_due;     /* of our own, still to come before we are ready */
    uint32_t next_generation; /* that is being prepared, or is prepared */
    bool prepared;
    bool draining;
    bool ended; /* the loop stops with this turn */
    int exit_code;
};

static void end(struct worker *w)
{
    w->ended = true;
    loop_stop(w->loop);
}

/* --- what is said to the master */

static void tell(struct worker *w, enum channel_kind kind, const char *text)
{
    struct channel_message m = { .kind = kind, .generation = w->next_generation };
    snprintf(m.text, sizeof(m.text), "%s", text);
    int r = channel_send(CHANNEL_FD, &m);
    if (r < 0 && r != -EPIPE) /* a master that is gone needs no news */
        log_warn("the master cannot be told \"%s\": %s", channel_kind_text(kind), strerror(-r));
}

static void cannot(struct worker *w, const struct err *e)
{
    tell(w, CHANNEL_FAILED, e->text);
    w->exit_code = EXIT_FAILED;
    end(w);
}

static void ready_when_complete(struct worker *w)
{
    if (w->sockets_due == 0)
        tell(w, CHANNEL_READY, "");
}

/* --- the end of it */

static void on_drain_poll(struct timer *t)
{
    struct worker *w = CONTAINER_OF(t, struct worker, drain_poll);
    if (!service_idle(w->service)) {
        timer_start(&w->drain_poll, w->loop, DRAIN_POLL_MS);
        return;
    }
    tell(w, CHANNEL_DRAINED, "");
    end(w);
}

static void on_drain_limit(struct timer *t)
{
    struct worker *w = CONTAINER_OF(t, struct worker, drain_limit);
    log_warn("connections are cut that did not end within the time to drain");
    end(w);
}

static void drain(struct worker *w)
{
    if (w->service == NULL) {
        end(w);
        return;
    }
    if (w->draining)
        return;
    w->draining = true;
    w->prepared = false;
    service_drain(w->service);
    timer_start(&w->drain_limit, w->loop, service_config(w->service)->drain_ms);
    timer_start(&w->drain_poll, w->loop, 0);
}

static void on_master_gone(struct worker *w)
{
    watch_done(&w->channel); /* the descriptor stays: the master sees us end by it */
    log_warn("the master is gone; finishing what is in flight");
    drain(w);
}

/* --- what the master says */

static int take_fd(struct channel_message *m, size_t index)
{
    if (index >= m->fd_count)
        return -1;
    int fd = m->fds[index];
    m->fds[index] = -1;
    return fd;
}

static int take_row(struct worker *w, struct channel_message *m, struct err *e)
{
    int r = shm_attach(take_fd(m, START_SHM), &w->shm, e);
    if (r < 0)
        return r;
    w->row = shm_row(w->shm, m->row);
    if (w->row == NULL)
        return err_set(e, -EINVAL, "there is no row %u in the shared memory", m->row);
    census_join(shm_census(w->shm), m->row);
    timer_start(&w->heartbeat, w->loop, 0);
    return 0;
}

static void open_log(struct worker *w, int level)
{
    char who[32];
    snprintf(who, sizeof(who), "worker %u", w->number);
    log_open(w->logs.error_fd, level, who);
}

static int start(struct worker *w, struct channel_message *m, struct err *e)
{
    w->logs.error_fd = take_fd(m, START_ERROR_LOG);
    w->logs.access_fd = take_fd(m, START_ACCESS_LOG);
    w->sockets_due = m->sockets;
    open_log(w, LOG_INFO);
    int r = take_row(w, m, e);
    if (r < 0)
        return r;
    const struct service_setup setup = {
        .loop = w->loop,
        .bundle_fd = take_fd(m, START_BUNDLE),
        .access_fd = w->logs.access_fd,
        .counters = &w->row->counters,
        .census = shm_census(w->shm),
    };
    r = service_new(&setup, &w->service, e);
    if (r == 0)
        log_set_level(service_config(w->service)->error_log.level);
    return r;
}

static void on_start(struct worker *w, struct channel_message *m)
{
    struct err e = { 0 };
    if (start(w, m, &e) < 0)
        cannot(w, &e);
    else
        ready_when_complete(w);
}

static void on_lend(struct worker *w, struct channel_message *m)
{
    bool own = m->worker == w->number && w->sockets_due > 0;
    for (size_t i = 0; i < m->fd_count; i++) {
        struct err e = { 0 };
        if (service_lend(w->service, m->worker, take_fd(m, i), &e) == 0)
            continue;
        if (own) {
            cannot(w, &e);
            return;
        }
        log_error("cannot accept for worker %u: %s", m->worker, e.text);
    }
    if (!own)
        return;
    w->sockets_due -= m->fd_count < w->sockets_due ? (unsigned)m->fd_count : w->sockets_due;
    ready_when_complete(w);
}

static void on_take_back(struct worker *w, struct channel_message *m)
{
    service_take_back(w->service, m->worker);
}

static void on_built(void *user, const char *why)
{
    struct worker *w = user;
    w->prepared = why == NULL;
    if (why == NULL)
        tell(w, CHANNEL_PREPARED, "");
    else
        tell(w, CHANNEL_CANNOT, why);
}

static void on_prepare(struct worker *w, struct channel_message *m)
{
    w->next_generation = m->generation;
    w->prepared = false;
    if (w->draining)
        tell(w, CHANNEL_CANNOT, "it is draining");
    else
        service_prepare(w->service, take_fd(m, 0), on_built, w);
}

static void on_commit(struct worker *w, struct channel_message *m)
{
    if (!w->prepared || m->generation != w->next_generation) {
        log_warn("the master wants generation %u, which is not prepared", m->generation);
        return;
    }
    w->prepared = false;
    service_commit(w->service);
    log_set_level(service_config(w->service)->error_log.level);
}

static void on_forget(struct worker *w, struct channel_message *m)
{
    w->prepared = false;
    service_forget(w->service);
}

static void on_drain(struct worker *w, struct channel_message *m)
{
    drain(w);
}

static void on_stop(struct worker *w, struct channel_message *m)
{
    end(w);
}

static void on_reopen(struct worker *w, struct channel_message *m)
{
    struct logs old = w->logs;
    w->logs.error_fd = take_fd(m, REOPEN_ERROR_LOG);
    w->logs.access_fd = take_fd(m, REOPEN_ACCESS_LOG);
    open_log(w, service_config(w->service)->error_log.level);
    service_reopen(w->service, w->logs.access_fd);
    logs_close(&old);
}

/* Which messages make sense when: START once and first; until then only the end. */
static const struct {
    void (*on_message)(struct worker *w, struct channel_message *m);
    bool before_start, after_start;
} messages[] = {
    [CHANNEL_START] = { on_start, true, false },
    [CHANNEL_LEND] = { on_lend, false, true },
    [CHANNEL_TAKE_BACK] = { on_take_back, false, true },
    [CHANNEL_DRAIN] = { on_drain, true, true },
    [CHANNEL_STOP] = { on_stop, true, true },
    [CHANNEL_REOPEN] = { on_reopen, false, true },
    [CHANNEL_PREPARE] = { on_prepare, false, true },
    [CHANNEL_COMMIT] = { on_commit, false, true },
    [CHANNEL_FORGET] = { on_forget, false, true },
};

static void obey(struct worker *w, struct channel_message *m)
{
    bool started = w->service != NULL;
    if (started ? messages[m->kind].after_start : messages[m->kind].before_start)
        messages[m->kind].on_message(w, m);
    else
        log_warn("the master said \"%s\" at the wrong time", channel_kind_text(m->kind));
    channel_close_fds(m);
}

/* This process may open no more, so what came with the message is gone. Without a socket of its own
 * it would let clients wait for ever, so another has to serve; for all else there is another time.
 */
static void on_lost(struct worker *w, const struct channel_message *m)
{
    struct err e = { 0 };
    err_set(&e, -EMFILE, "no descriptor is free for what comes with \"%s\"",
            channel_kind_text(m->kind));
    if (m->kind == CHANNEL_START || (m->kind == CHANNEL_LEND && m->worker == w->number)) {
        cannot(w, &e);
    } else if (m->kind == CHANNEL_PREPARE) {
        w->next_generation = m->generation;
        w->prepared = false;
        tell(w, CHANNEL_CANNOT, e.text);
    } else {
        log_error("%s", e.text);
    }
}

/* Takes one message; false: that was all. */
static bool hear(struct worker *w)
{
    struct channel_message m;
    struct err e = { 0 };
    int r = channel_recv(CHANNEL_FD, CHANNEL_MASTER, &m, &e);
    if (r == 1)
        obey(w, &m);
    else if (r == -EMFILE)
        on_lost(w, &m);
    else if (r == -EPROTO)
        log_warn("the master sent %s", e.text);
    else if (r != -EAGAIN)
        on_master_gone(w);
    return (r == 1 || r == -EMFILE || r == -EPROTO) && !w->ended;
}

/* All that has been said is obeyed before anything else is looked at: who was told by the master
 * that a reload is over, and then asks a worker, is asking the new configuration. */
static void on_channel(struct watch *watch, unsigned events)
{
    struct worker *w = CONTAINER_OF(watch, struct worker, channel);
    while (hear(w))
        ;
}

static void count_dropped_lines(struct worker *w)
{
    uint64_t dropped = log_dropped();
    counter_add(&w->row->counters, COUNTER_LOG_LINES_DROPPED, dropped - w->lines_dropped);
    w->lines_dropped = dropped;
}

static void on_heartbeat(struct timer *t)
{
    struct worker *w = CONTAINER_OF(t, struct worker, heartbeat);
    w->row->stamp_ms = loop_now_ms(w->loop);
    if (w->service != NULL)
        service_tick(w->service);
    count_dropped_lines(w);
    timer_start(&w->heartbeat, w->loop, HEARTBEAT_MS);
}

/* --- the life of it */

/* The top of the heap stays for the next burst, and buffers of a body come from it rather than from
 * fresh pages of the kernel (SPEED, "Where it goes"). */
static void tune_heap(void)
{
    mallopt(M_TRIM_THRESHOLD, 16 * 1024 * 1024);
    mallopt(M_MMAP_THRESHOLD, 1024 * 1024);
}

static void ignore_signals(void)
{
    static const int ignored[] = { SIGINT, SIGTERM, SIGHUP, SIGUSR1, SIGUSR2, SIGPIPE, SIGXFSZ };
    for (size_t i = 0; i < sizeof(ignored) / sizeof(ignored[0]); i++)
        signal(ignored[i], SIG_IGN);
}

static void worker_init(struct worker *w)
{
    w->loop = loop_new();
    watch_init(&w->channel, w->loop, CHANNEL_FD, on_channel);
    watch_first(&w->channel);
    watch_set(&w->channel, WATCH_READ);
    timer_init(&w->heartbeat, on_heartbeat);
    timer_init(&w->drain_poll, on_drain_poll);
    timer_init(&w->drain_limit, on_drain_limit);
}

static void worker_done(struct worker *w)
{
    timer_stop(&w->heartbeat);
    timer_stop(&w->drain_poll);
    timer_stop(&w->drain_limit);
    watch_done(&w->channel);
    service_free(w->service);
    loop_free(w->loop);
    if (w->row != NULL)
        count_dropped_lines(w);
    shm_free(w->shm);
    log_open(STDERR_FILENO, LOG_INFO, "worker");
    logs_close(&w->logs);
}

int worker_run(unsigned number)
{
    struct worker w = { .number = number, .logs = { -1, -1 } };
    prctl(PR_SET_NAME, "signet");
    ignore_signals();
    tune_heap();
    tls_memory_take_over();
    worker_init(&w);
    loop_run(w.loop);
    worker_done(&w);
    return w.exit_code;
}
