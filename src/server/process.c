/* SPDX-License-Identifier: Apache-2.0 */
#include "server/process.h"

#include "base/log.h"
#include "base/mem.h"
#include "server/child.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

/* So many messages in a row without sense are no accident. Each costs the master a line in the log
 * and a turn of its loop. */
#define NONSENSE_MAX 16

/* --- what is said to it */

void process_send(struct process *p, const struct channel_message *m)
{
    if (p->channel < 0)
        return;
    int r = channel_send(p->channel, m);
    if (r == 0 || r == -EPIPE || r == -ECONNRESET) /* it has ended; SIGCHLD is on its way */
        return;
    log_error("worker %u (pid %d) cannot be told \"%s\": %s", p->number, p->pid,
              channel_kind_text(m->kind), strerror(-r));
    process_kill(p);
}

void process_tell(struct process *p, enum channel_kind kind)
{
    process_send(p, &(struct channel_message){ .kind = kind });
}

static void send_start(struct process *p)
{
    const struct process_means *means = p->means;
    struct channel_message m = {
        .kind = CHANNEL_START,
        .worker = p->number,
        .row = p->row,
        .generation = means->generation,
        .sockets = (uint32_t)listen_set_addresses(means->sockets),
        .fds = { [START_BUNDLE] = means->bundle,
                 [START_SHM] = shm_fd(means->shm),
                 [START_ERROR_LOG] = means->logs->error_fd,
                 [START_ACCESS_LOG] = means->logs->access_fd },
        .fd_count = means->logs->access_fd < 0 ? START_ACCESS_LOG : START_ACCESS_LOG + 1,
    };
    process_send(p, &m);
}

void process_reopen(struct process *p)
{
    const struct logs *logs = p->means->logs;
    struct channel_message m = {
        .kind = CHANNEL_REOPEN,
        .fds = { [REOPEN_ERROR_LOG] = logs->error_fd, [REOPEN_ACCESS_LOG] = logs->access_fd },
        .fd_count = logs->access_fd < 0 ? REOPEN_ACCESS_LOG : REOPEN_ACCESS_LOG + 1,
    };
    process_send(p, &m);
}

void process_lend(struct process *p, unsigned owner, enum process_sockets which)
{
    const struct listen_set *set = p->means->sockets;
    const int *fds = listen_set_of(set, owner);
    size_t count = listen_set_addresses(set);
    struct channel_message m = { .kind = CHANNEL_LEND, .worker = owner };
    for (size_t i = 0; i < count; i++) {
        if (which == SOCKETS_ALL || listen_set_added(set, i))
            m.fds[m.fd_count++] = fds[i];
        if (m.fd_count == FDPASS_MAX || (i + 1 == count && m.fd_count > 0)) {
            process_send(p, &m);
            m.fd_count = 0;
        }
    }
}

void process_take_back(struct process *p, unsigned owner)
{
    process_send(p, &(struct channel_message){ .kind = CHANNEL_TAKE_BACK, .worker = owner });
}

void process_leave(struct process *p, enum channel_kind how)
{
    p->state = PROCESS_LEAVING;
    process_tell(p, how);
}

void process_kill(struct process *p)
{
    if (p->pid <= 0 || p->doomed)
        return;
    p->doomed = true;
    kill(p->pid, SIGKILL);
}

bool process_serves(const struct process *p)
{
    return p != NULL && p->state == PROCESS_READY && !p->silent;
}

/* --- what it says */

static void on_ready(struct process *p)
{
    if (p->state != PROCESS_STARTING) /* told to leave meanwhile */
        return;
    p->state = PROCESS_READY;
    p->pulse.silence_ms = 0; /* it had no loop to turn until now */
    log_debug("worker %u (pid %d) is ready", p->number, p->pid);
    p->means->events->on_ready(p);
}

static void on_failed(struct process *p, const char *why)
{
    snprintf(p->why, sizeof(p->why), "(pid %d) cannot serve: %.400s", p->pid, why);
}

static bool on_answer(struct process *p, const struct channel_message *m)
{
    if (p->owed == 0)
        return false;
    p->owed--;
    p->means->events->on_answer(p, m->generation, m->kind == CHANNEL_CANNOT ? m->text : NULL);
    return true;
}

/* False: it had no such thing to say. */
static bool understand(struct process *p, const struct channel_message *m)
{
    if (m->kind == CHANNEL_PREPARED || m->kind == CHANNEL_CANNOT)
        return on_answer(p, m);
    unsigned bit = 1u << m->kind;
    bool again = (p->said & bit) != 0;
    p->said |= bit;
    if (m->kind == CHANNEL_READY && !again)
        on_ready(p);
    else if (m->kind == CHANNEL_FAILED && !again)
        on_failed(p, m->text);
    return !again;
}

static void on_nonsense(struct process *p, const char *what)
{
    log_warn("worker %u (pid %d) sent %s", p->number, p->pid, what);
    if (++p->nonsense < NONSENSE_MAX)
        return;
    log_error("worker %u (pid %d) sends nothing but nonsense; killing it", p->number, p->pid);
    watch_set(&p->watch, 0);
    process_kill(p);
}

static void channel_end(struct process *p)
{
    if (p->channel < 0)
        return;
    watch_done(&p->watch);
    close(p->channel);
    p->channel = -1;
}

static void on_channel(struct watch *watch, unsigned events)
{
    struct process *p = CONTAINER_OF(watch, struct process, watch);
    struct channel_message m;
    struct err e = { 0 };
    int r = channel_recv(p->channel, CHANNEL_WORKER, &m, &e);
    if (r == -EAGAIN)
        return;
    if (r == -EPROTO) {
        on_nonsense(p, e.text);
    } else if (r <= 0) { /* it ends; and if it does not, nobody could tell it anything any more */
        process_kill(p);
        channel_end(p);
    } else if (understand(p, &m)) {
        p->nonsense = 0;
    } else {
        snprintf(e.text, sizeof(e.text), "\"%s\" at the wrong time", channel_kind_text(m.kind));
        on_nonsense(p, e.text);
    }
}

/* What it said before it ended is why it ended. */
static void read_last_words(struct process *p)
{
    struct channel_message m;
    while (p->channel >= 0 && channel_recv(p->channel, CHANNEL_WORKER, &m, NULL) == 1)
        if (m.kind == CHANNEL_FAILED)
            understand(p, &m);
}

/* --- life and death */

static int spawn(struct process *p, struct err *e)
{
    const struct process_means *means = p->means;
    int r = shm_claim(means->shm, p->number, &p->row);
    if (r < 0)
        return err_set(e, r, "all %u rows of the shared memory are taken, by processes that drain",
                       shm_rows(means->shm));
    r = child_spawn(means->program, p->number, &p->pid, &p->channel);
    if (r < 0) {
        shm_fold(means->shm, p->row);
        return err_set(e, r, "%s", strerror(-r));
    }
    shm_row(means->shm, p->row)->pid = (uint32_t)p->pid;
    return 0;
}

int process_start(const struct process_means *means, unsigned number, struct process **ret_process,
                  struct err *e)
{
    struct process *p = mem_zalloc(sizeof(*p));
    list_init(&p->link);
    p->means = means;
    p->number = number;
    p->started_ms = loop_now_ms(means->loop);
    int r = spawn(p, e);
    if (r < 0) {
        mem_free(p);
        return r;
    }
    watch_init(&p->watch, means->loop, p->channel, on_channel);
    watch_set(&p->watch, WATCH_READ);
    send_start(p);
    process_lend(p, number, SOCKETS_ALL);
    *ret_process = p;
    means->events->on_started(p);
    return 0;
}

static void on_stop(struct process *p, int status)
{
    if (WIFCONTINUED(status)) {
        pulse_go_on(&p->pulse);
        return;
    }
    pulse_stop(&p->pulse, loop_now_ms(p->means->loop));
    log_warn("worker %u (pid %d) is stopped by signal %d", p->number, p->pid, WSTOPSIG(status));
}

bool process_reap(struct process *p, int *ret_status)
{
    int status;
    while (waitpid(p->pid, &status, WNOHANG | WUNTRACED | WCONTINUED) == p->pid) {
        if (WIFSTOPPED(status) || WIFCONTINUED(status)) {
            on_stop(p, status);
            continue;
        }
        read_last_words(p);
        char text[CHILD_STATUS_MAX];
        if (p->why[0] == '\0')
            snprintf(p->why, sizeof(p->why), "(pid %d) %s", p->pid,
                     child_status_text(status, text));
        p->pid = 0;
        *ret_status = status;
        return true;
    }
    return false;
}

void process_free(struct process *p)
{
    if (p->pid > 0) {
        process_kill(p);
        while (waitpid(p->pid, NULL, 0) < 0 && errno == EINTR)
            ;
    }
    list_remove(&p->link);
    channel_end(p);
    shm_fold(p->means->shm, p->row);
    mem_free(p);
}
