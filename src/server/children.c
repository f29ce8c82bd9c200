/* SPDX-License-Identifier: Apache-2.0 */
#include "server/children.h"

#include "base/log.h"
#include "base/mem.h"
#include "server/channel.h"
#include "server/child.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

enum child_state { CHILD_DOWN, CHILD_STARTING, CHILD_READY };
struct child { /* one worker number: its process, or the wait for the next */
    struct children *of;
    struct child *lent_to; /* who accepts for it while it is not ready; NULL: nobody */
    unsigned number;
    enum child_state state;
    pid_t pid;   /* 0: none */
    int channel; /* -1: none */
    struct watch watch;
    struct timer restart;
    unsigned row;
    uint64_t started_ms;
    unsigned falls; /* in a row, each soon after its start */
    char why[CHANNEL_TEXT_MAX];
};
struct children {
    struct children_setup setup;
    struct child *all;
    bool any_served, all_served; /* ever */
    bool ending;                 /* nobody is replaced any more */
    bool disorderly;             /* while ending, one did not end as it should */
};

#define EACH_CHILD(c, at) for (struct child *at = (c)->all; at < (c)->all + (c)->setup.count; at++)

static void child_start(struct child *w);

/* --- what is said to a worker */

/* One that does not read what it is told is no use; its end is then handled like every other. */
static void child_send(struct child *w, const struct channel_message *m)
{
    if (w->channel < 0)
        return;
    int r = channel_send(w->channel, m);
    if (r == 0 || r == -EPIPE || r == -ECONNRESET) /* it has ended; SIGCHLD is on its way */
        return;
    log_error("worker %u (pid %d) cannot be told \"%s\": %s", w->number, w->pid,
              channel_kind_text(m->kind), strerror(-r));
    kill(w->pid, SIGKILL);
}

static void child_tell(struct child *w, enum channel_kind kind)
{
    child_send(w, &(struct channel_message){ .kind = kind });
}

static void send_start(struct child *w)
{
    const struct children_setup *setup = &w->of->setup;
    struct channel_message m = {
        .kind = CHANNEL_START,
        .worker = w->number,
        .row = w->row,
        .generation = setup->generation,
        .sockets = (uint32_t)listen_set_addresses(setup->sockets),
        .fds = { [START_BUNDLE] = setup->bundle,
                 [START_SHM] = shm_fd(setup->shm),
                 [START_ERROR_LOG] = setup->logs->error_fd,
                 [START_ACCESS_LOG] = setup->logs->access_fd },
        .fd_count = setup->logs->access_fd < 0 ? START_ACCESS_LOG : START_ACCESS_LOG + 1,
    };
    child_send(w, &m);
}

static void send_sockets(struct child *to, unsigned owner)
{
    const int *fds = listen_set_of(to->of->setup.sockets, owner);
    size_t left = listen_set_addresses(to->of->setup.sockets);
    while (left > 0) {
        struct channel_message m = { .kind = CHANNEL_LEND, .worker = owner };
        m.fd_count = left < FDPASS_MAX ? left : FDPASS_MAX;
        memcpy(m.fds, fds, m.fd_count * sizeof(int));
        child_send(to, &m);
        fds += m.fd_count;
        left -= m.fd_count;
    }
}

/* --- lending: no queue waits for a worker that is down */

static struct child *find_neighbour(struct child *w)
{
    struct children *c = w->of;
    for (unsigned i = 1; i < c->setup.count; i++) {
        struct child *other = &c->all[(w->number + i) % c->setup.count];
        if (other->state == CHILD_READY)
            return other;
    }
    return NULL;
}

static void lend_where_needed(struct children *c)
{
    EACH_CHILD(c, w)
    {
        if (c->ending || w->state == CHILD_READY || w->falls == 0 || w->lent_to != NULL)
            continue;
        w->lent_to = find_neighbour(w);
        if (w->lent_to == NULL)
            continue;
        log_info("worker %u accepts for worker %u", w->lent_to->number, w->number);
        send_sockets(w->lent_to, w->number);
    }
}

static void take_back(struct child *w)
{
    if (w->lent_to == NULL)
        return;
    child_send(w->lent_to,
               &(struct channel_message){ .kind = CHANNEL_TAKE_BACK, .worker = w->number });
    w->lent_to = NULL;
}

/* Its own loans end with the process; who accepts for it is chosen anew. */
static void forget_loans(struct child *w)
{
    EACH_CHILD(w->of, other)
    if (other->lent_to == w)
        other->lent_to = NULL;
}

/* --- what a worker says */

static bool all_in_state(const struct children *c, enum child_state state)
{
    EACH_CHILD(c, w)
    if (w->state != state)
        return false;
    return true;
}

static void on_ready(struct child *w)
{
    if (w->state != CHILD_STARTING)
        return;
    struct children *c = w->of;
    w->state = CHILD_READY;
    c->any_served = true;
    log_debug("worker %u (pid %d) is ready", w->number, w->pid);
    take_back(w);
    lend_where_needed(c);
    if (!c->all_served && all_in_state(c, CHILD_READY)) {
        c->all_served = true;
        c->setup.on_serving(c->setup.user);
    }
}

static void on_failed(struct child *w, const char *why)
{
    snprintf(w->why, sizeof(w->why), "(pid %d) cannot serve: %.400s", w->pid, why);
}

static void channel_end(struct child *w)
{
    if (w->channel < 0)
        return;
    watch_done(&w->watch);
    close(w->channel);
    w->channel = -1;
}

static void on_channel(struct watch *watch, unsigned events)
{
    struct child *w = CONTAINER_OF(watch, struct child, watch);
    struct channel_message m;
    struct err e = { 0 };
    int r = channel_recv(w->channel, CHANNEL_WORKER, &m, &e);
    if (r == -EAGAIN)
        return;
    if (r == -EPROTO) {
        log_warn("worker %u (pid %d) sent %s", w->number, w->pid, e.text);
        return;
    }
    if (r <= 0) { /* it is ending; and if it is not, nobody could tell it anything any more */
        kill(w->pid, SIGKILL);
        channel_end(w);
        return;
    }
    if (m.kind == CHANNEL_READY)
        on_ready(w);
    else if (m.kind == CHANNEL_FAILED)
        on_failed(w, m.text);
    else
        log_debug("worker %u (pid %d) is %s", w->number, w->pid, channel_kind_text(m.kind));
}

/* --- life and death of a process */

static bool hopeless(const struct children *c)
{
    if (c->any_served)
        return false;
    EACH_CHILD(c, w)
    if (w->falls == 0)
        return false;
    return true;
}

static void give_up(struct child *w)
{
    struct children *c = w->of;
    c->ending = true;
    c->setup.on_hopeless(c->setup.user, w->why);
}

/* There is no process, or no longer: the next one starts now or after a pause. */
static void child_fell(struct child *w)
{
    struct children *c = w->of;
    uint64_t lived_ms = loop_now_ms(c->setup.loop) - w->started_ms;
    w->falls = lived_ms < CHILD_SETTLED_MS ? w->falls + 1 : 1;
    forget_loans(w); /* what was lent for it stays lent: that neighbour still accepts */
    if (hopeless(c)) {
        give_up(w);
        return;
    }
    uint64_t pause_ms = child_backoff_ms(w->falls);
    if (pause_ms == 0)
        log_error("worker %u %s; starting another", w->number, w->why);
    else
        log_error("worker %u %s; starting another in %llu ms", w->number, w->why,
                  (unsigned long long)pause_ms);
    lend_where_needed(c);
    timer_start(&w->restart, c->setup.loop, pause_ms);
}

static void on_restart(struct timer *t)
{
    child_start(CONTAINER_OF(t, struct child, restart));
}

static int spawn(struct child *w)
{
    const struct children_setup *setup = &w->of->setup;
    int r = shm_claim(setup->shm, w->number, &w->row);
    if (r < 0)
        return r;
    r = child_spawn(setup->program, w->number, &w->pid, &w->channel);
    if (r < 0) {
        shm_fold(setup->shm, w->row);
        return r;
    }
    shm_row(setup->shm, w->row)->pid = (uint32_t)w->pid;
    return 0;
}

static void child_start(struct child *w)
{
    struct loop *loop = w->of->setup.loop;
    w->started_ms = loop_now_ms(loop);
    int r = spawn(w);
    if (r < 0) {
        snprintf(w->why, sizeof(w->why), "could not be started: %s", strerror(-r));
        child_fell(w);
        return;
    }
    w->state = CHILD_STARTING;
    w->why[0] = '\0';
    watch_init(&w->watch, loop, w->channel, on_channel);
    watch_set(&w->watch, WATCH_READ);
    send_start(w);
    send_sockets(w, w->number);
}

/* What it said before it ended is why it ended. */
static void drain_channel(struct child *w)
{
    struct channel_message m;
    while (w->channel >= 0 && channel_recv(w->channel, CHANNEL_WORKER, &m, NULL) == 1)
        if (m.kind == CHANNEL_FAILED)
            on_failed(w, m.text);
}

static void child_ended(struct child *w, int status)
{
    struct children *c = w->of;
    char text[CHILD_STATUS_MAX];
    child_status_text(status, text);
    drain_channel(w);
    channel_end(w);
    shm_fold(c->setup.shm, w->row);
    pid_t pid = w->pid;
    w->pid = 0;
    w->state = CHILD_DOWN;
    if (!c->ending) {
        if (w->why[0] == '\0')
            snprintf(w->why, sizeof(w->why), "(pid %d) %s", pid, text);
        child_fell(w);
    } else if (status != 0) {
        c->disorderly = true;
        log_error("worker %u (pid %d) %s", w->number, pid, text);
    }
}

static void end_if_gone(struct children *c)
{
    if (c->ending && all_in_state(c, CHILD_DOWN))
        c->setup.on_gone(c->setup.user, !c->disorderly);
}

void children_reap(struct children *c)
{
    EACH_CHILD(c, w)
    {
        int status;
        if (w->pid > 0 && waitpid(w->pid, &status, WNOHANG) == w->pid)
            child_ended(w, status);
    }
    end_if_gone(c);
}

/* --- all of them */

struct children *children_new(const struct children_setup *setup)
{
    struct children *c = mem_zalloc(sizeof(*c));
    c->setup = *setup;
    c->all = mem_array(setup->count, sizeof(*c->all));
    EACH_CHILD(c, w)
    {
        w->of = c;
        w->number = (unsigned)(w - c->all);
        w->channel = -1;
        timer_init(&w->restart, on_restart);
    }
    return c;
}

void children_free(struct children *c)
{
    if (c == NULL)
        return;
    children_kill(c);
    EACH_CHILD(c, w)
    {
        timer_stop(&w->restart);
        channel_end(w);
        if (w->pid > 0 && waitpid(w->pid, NULL, 0) == w->pid)
            shm_fold(c->setup.shm, w->row);
    }
    mem_free(c->all);
    mem_free(c);
}

void children_start(struct children *c)
{
    EACH_CHILD(c, w)
    if (!c->ending)
        child_start(w);
}

static void end_all(struct children *c, enum channel_kind how)
{
    c->ending = true;
    EACH_CHILD(c, w)
    {
        timer_stop(&w->restart);
        child_tell(w, how);
    }
    end_if_gone(c);
}

void children_drain(struct children *c)
{
    end_all(c, CHANNEL_DRAIN);
}

void children_stop(struct children *c)
{
    end_all(c, CHANNEL_STOP);
}

void children_kill(struct children *c)
{
    EACH_CHILD(c, w)
    if (w->pid > 0)
        kill(w->pid, SIGKILL);
}

void children_reopen(struct children *c)
{
    const struct logs *logs = c->setup.logs;
    struct channel_message m = {
        .kind = CHANNEL_REOPEN,
        .fds = { [REOPEN_ERROR_LOG] = logs->error_fd, [REOPEN_ACCESS_LOG] = logs->access_fd },
        .fd_count = logs->access_fd < 0 ? REOPEN_ACCESS_LOG : REOPEN_ACCESS_LOG + 1,
    };
    EACH_CHILD(c, w)
    child_send(w, &m);
}
