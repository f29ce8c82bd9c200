/* SPDX-License-Identifier: Apache-2.0 */
#include "server/master.h"

#include "base/log.h"
#include "base/mem.h"
#include "server/child.h"
#include "server/children.h"
#include "server/cli.h"
#include "server/cli/load.h"
#include "server/control.h"
#include "server/descriptors.h"
#include "server/holdings.h"
#include "server/reload.h"
#include "server/sandbox.h"
#include "server/totals.h"
#include "version.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

#define CHANGES_LOGGED 100 /* of one reload */
/* How much longer than it was given a worker may take to end. */
#define PATIENCE_MS 2000

enum { ON_TERM, ON_INT, ON_HUP, ON_USR1, ON_USR2, ON_CHLD, SIGNALS };
struct master {
    const struct master_options *options;
    struct loop *loop;
    struct holdings held;
    struct children *children;
    struct reload *reload;
    struct control *control;
    int program; /* descriptor of what workers are started from; -1: not open */
    struct signal_watch signals[SIGNALS];
    struct deferred start;
    struct timer patience;
    bool draining;
    int exit_code;
};

/* --- signals */

static void on_patience_over(struct timer *t)
{
    struct master *m = CONTAINER_OF(t, struct master, patience);
    log_warn("workers are still there; killing them");
    children_kill(m->children);
}

static void drain(struct master *m)
{
    uint64_t drain_ms = m->held.config->drain_ms;
    log_info("finishing what is in flight, for up to %llu ms", (unsigned long long)drain_ms);
    m->draining = true;
    reload_end(m->reload, "signet is ending");
    control_note_stop(m->control);
    timer_start(&m->patience, m->loop, drain_ms + PATIENCE_MS);
    /* Ours go first: then a socket dies with the worker's, after it has emptied its queue. */
    listen_set_close(m->held.sockets);
    m->held.sockets = NULL;
    children_drain(m->children);
}

static void end_at_once(struct master *m)
{
    log_info("ending at once");
    m->draining = true;
    reload_end(m->reload, "signet is ending");
    control_note_stop(m->control);
    timer_start(&m->patience, m->loop, PATIENCE_MS);
    children_stop(m->children);
}

static void on_end(struct signal_watch *s, int signo)
{
    struct master *m = CONTAINER_OF(s, struct master, signals[signo == SIGTERM ? ON_TERM : ON_INT]);
    if (m->draining)
        end_at_once(m);
    else
        drain(m);
}

/* Asking again for an orderly end changes nothing: only a signal has no other way to say "now". */
static void on_stop_asked(void *user, bool at_once)
{
    struct master *m = user;
    if (at_once)
        end_at_once(m);
    else if (!m->draining)
        drain(m);
}

static int reopen(void *user, struct err *e)
{
    struct master *m = user;
    struct logs logs;
    const struct log_conf *bad;
    int r = logs_open(m->held.config, &logs, &bad, e);
    if (r < 0) {
        log_error("the logs stay as they are: %s", e->text);
        return r;
    }
    struct logs old = m->held.logs;
    m->held.logs = logs;
    log_open(logs.error_fd, m->held.config->error_log.level, "master");
    children_reopen(m->children);
    logs_close(&old);
    log_info("reopened the logs");
    return 0;
}

static void on_reopen(struct signal_watch *s, int signo)
{
    struct err e = { 0 };
    reopen(CONTAINER_OF(s, struct master, signals[ON_USR1]), &e);
}

static void on_reload(struct signal_watch *s, int signo)
{
    reload_ask(CONTAINER_OF(s, struct master, signals[ON_HUP])->reload, NULL);
}

static void on_upgrade(struct signal_watch *s, int signo)
{
    log_warn("upgrade is not supported by this version; restart to apply");
}

static void on_child(struct signal_watch *s, int signo)
{
    children_reap(CONTAINER_OF(s, struct master, signals[ON_CHLD])->children);
}

static const struct {
    int signo;
    void (*on_signal)(struct signal_watch *s, int signo);
} signals[SIGNALS] = {
    [ON_TERM] = { SIGTERM, on_end },     [ON_INT] = { SIGINT, on_end },
    [ON_HUP] = { SIGHUP, on_reload },    [ON_USR1] = { SIGUSR1, on_reopen },
    [ON_USR2] = { SIGUSR2, on_upgrade }, [ON_CHLD] = { SIGCHLD, on_child },
};

/* --- reload */

/* Where `c` wants it. 0, or -EINVAL when it asks for one that cannot be had. */
static int listen_for_control(struct master *m, const struct config *c, struct diags *d)
{
    struct err e = { 0 };
    int r = control_listen(m->control, &c->control, &e);
    if (r == 0)
        return 0;
    if (c->control.by_default) {
        log_warn("no command reaches this signet, it has no control socket: %s; name another one "
                 "with \"control unix:PATH\", or want none with \"control off\"",
                 e.text);
        return 0;
    }
    diags_add(d, DIAG_ERROR, r == -EADDRINUSE ? "address-in-use" : "cannot-listen",
              &c->control.span, "%s", e.text);
    return -EINVAL;
}

static int before_commit(void *user, const struct config *next, struct diags *d)
{
    return listen_for_control(user, next, d);
}

static void log_diags(struct slice lines)
{
    struct slice line;
    while (slice_split(&lines, '\n', &line)) {
        if (line.len == 0)
            continue;
        bool warning = slice_starts(line, SLICE("warning: "));
        struct slice words = slice_from(line, slice_find(line, ' ') + 1);
        log_line(warning ? LOG_WARN : LOG_ERROR, "%.*s", SLICE_ARG(words));
    }
}

static size_t count_lines(struct slice text)
{
    size_t count = 0;
    for (size_t i = 0; i < text.len; i++)
        count += text.ptr[i] == '\n';
    return count;
}

static void log_commit(const struct reload_outcome *o)
{
    size_t count = count_lines(o->changes);
    struct slice rest = o->changes, line = SLICE("nothing changed");
    if (count == 1)
        slice_split(&rest, '\n', &line);
    char many[32];
    snprintf(many, sizeof(many), "%zu changes", count);
    log_info("generation %u in force after %llu ms: %.*s", o->generation,
             (unsigned long long)o->took_ms, SLICE_ARG(count > 1 ? slice_str(many) : line));
    if (count < 2)
        return;
    for (size_t i = 0; i < CHANGES_LOGGED && i < count && slice_split(&rest, '\n', &line); i++)
        log_info("changed: %.*s", SLICE_ARG(line));
    if (count > CHANGES_LOGGED)
        log_info("changed: %zu more", count - CHANGES_LOGGED);
}

static void on_outcome(void *user, const struct reload_outcome *o)
{
    struct master *m = user;
    control_note_reload(m->control, o);
    log_diags(o->diags_lines);
    if (o->committed)
        log_commit(o);
    else
        log_error("the running configuration is unchanged (generation %u): %.*s", o->generation,
                  SLICE_ARG(o->why));
}

/* --- what the workers tell */

static void on_serving(void *user)
{
    const struct master *m = user;
    const struct config *c = m->held.config;
    struct buf at;
    buf_init(&at);
    for (size_t i = 0; i < c->listener_count; i++) {
        for (size_t k = 0; k < c->listeners[i].addr_count; k++) {
            char text[ADDR_TEXT_MAX];
            buf_printf(&at, ", %s://%s", c->listeners[i].sni != NULL ? "https" : "http",
                       addr_text(&c->listeners[i].addrs[k], text));
        }
    }
    log_info("signet %s ready: pid %d, %llu worker%s%.*s", SIGNET_VERSION, getpid(),
             (unsigned long long)c->workers, c->workers == 1 ? "" : "s", SLICE_ARG(buf_view(&at)));
    buf_done(&at);
}

static void on_hopeless(void *user, const char *why)
{
    struct master *m = user;
    log_error("no worker could start: the last one %s", why);
    if (!slice_eq(m->held.config->error_log.path, SLICE("stderr")))
        dprintf(STDERR_FILENO, "error: no worker could start: the last one %s\n", why);
    m->exit_code = EXIT_FAILED;
    loop_stop(m->loop);
}

static void on_gone(void *user, bool orderly)
{
    struct master *m = user;
    totals_log(m->held.shm);
    log_info("ended");
    if (!orderly)
        m->exit_code = EXIT_FAILED;
    loop_stop(m->loop);
}

/* --- the life of it */

/* A log that went to descriptor 2 by accident of order would be somebody's socket later. */
static int open_standard_streams(void)
{
    int fd;
    do {
        fd = open("/dev/null", O_RDWR | O_CLOEXEC);
    } while (fd >= 0 && fd <= STDERR_FILENO);
    if (fd < 0)
        return -errno;
    close(fd);
    return 0;
}

/* Who knows our pid may signal us. Until somebody listens the signals wait: HUP would end us. */
static void hold_signals(int how)
{
    sigset_t ours;
    sigemptyset(&ours);
    for (size_t i = 0; i < SIGNALS; i++)
        sigaddset(&ours, signals[i].signo);
    sigprocmask(how, &ours, NULL);
}

static int write_pid_file(const char *path, struct err *e)
{
    char text[16];
    int len = snprintf(text, sizeof(text), "%d\n", getpid());
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    if (fd < 0)
        return err_set(e, -errno, "cannot write %s: %s", path, strerror(errno));
    int r = 0;
    if (write(fd, text, (size_t)len) != len)
        r = err_set(e, -EIO, "cannot write %s", path);
    close(fd);
    return r;
}

/* 0 or an exit code, the reason said. */
static int master_open(struct master *m)
{
    struct err e = { 0 };
    struct diags *d = diags_new();
    int r = open_standard_streams();
    if (r == 0)
        r = child_open_program(&m->program);
    if (r == 0)
        r = holdings_open(m->options->config_path, &m->held, d, &e);
    else
        err_set(&e, r, "cannot open what it needs to start: %s", strerror(-r));
    hold_signals(SIG_BLOCK);
    if (r == 0 && m->options->pid_file != NULL)
        r = write_pid_file(m->options->pid_file, &e);

    cli_print_diags(d, r == 0 ? "starting" : "nothing was started");
    bool bad_config = diags_errors(d) > 0;
    diags_free(d);
    if (r < 0 && !bad_config)
        dprintf(STDERR_FILENO, "error: %s\n", e.text);
    return r == 0 ? 0 : bad_config ? EXIT_BAD_CONFIG : EXIT_FAILED;
}

static void on_start(struct deferred *d)
{
    children_start(CONTAINER_OF(d, struct master, start)->children);
}

static void make_control(struct master *m)
{
    m->control = control_new(&(struct control_setup){
        .loop = m->loop,
        .config_path = m->options->config_path,
        .held = &m->held,
        .children = m->children,
        .reload = m->reload,
        .stop = on_stop_asked,
        .reopen = reopen,
        .user = m,
    });
}

/* 0 or an exit code, the reason said. */
static int open_control(struct master *m)
{
    struct diags *d = diags_new();
    int r = listen_for_control(m, m->held.config, d);
    cli_print_diags(d, "nothing was started");
    diags_free(d);
    return r < 0 ? EXIT_BAD_CONFIG : 0;
}

static void make_children(struct master *m)
{
    const struct children_setup setup = {
        .loop = m->loop,
        .count = (unsigned)m->held.config->workers,
        .program = m->program,
        .generation = m->held.generation,
        .bundle = m->held.bundle,
        .shm = m->held.shm,
        .logs = &m->held.logs,
        .sockets = m->held.sockets,
        .prepare_ms = CHILDREN_PREPARE_MS,
        .on_serving = on_serving,
        .on_hopeless = on_hopeless,
        .on_gone = on_gone,
        .user = m,
    };
    m->children = children_new(&setup);
    m->reload = reload_new(&(struct reload_setup){
        .loop = m->loop,
        .config_path = m->options->config_path,
        .held = &m->held,
        .children = m->children,
        .before_commit = before_commit,
        .on_outcome = on_outcome,
        .user = m,
    });
}

static void master_serve(struct master *m)
{
    for (size_t i = 0; i < SIGNALS; i++)
        signal_watch_start(&m->signals[i], m->loop, signals[i].signo, signals[i].on_signal);
    hold_signals(SIG_UNBLOCK);
    deferred_init(&m->start, on_start);
    loop_defer(m->loop, &m->start);
    loop_run(m->loop);

    for (size_t i = 0; i < SIGNALS; i++)
        signal_watch_stop(&m->signals[i]);
    timer_stop(&m->patience);
}

static void master_work(struct master *m)
{
    m->loop = loop_new();
    timer_init(&m->patience, on_patience_over);
    make_children(m);
    make_control(m);
    m->exit_code = open_control(m);
    if (m->exit_code == 0)
        master_serve(m);
    control_free(m->control);
    reload_free(m->reload);
    children_free(m->children);
    loop_free(m->loop);
}

int master_run(const struct master_options *options)
{
    struct master m = { .options = options, .program = -1 };
    m.held = (struct holdings){ .logs = { -1, -1 }, .bundle = -1 };
    log_open(STDERR_FILENO, LOG_INFO, "master");
    signal(SIGPIPE, SIG_IGN);
    signal(SIGXFSZ, SIG_IGN); /* a log may reach RLIMIT_FSIZE: its lines are lost, not we */
    descriptors_raise();      /* before the sockets are opened: one for each worker and address */
    m.exit_code = master_open(&m);
    if (m.exit_code == 0) {
        const struct config *c = m.held.config;
        log_open(m.held.logs.error_fd, c->error_log.level, "master");
        descriptors_warn(c);
        sandbox_master(c->sandbox);
        master_work(&m);
        if (options->pid_file != NULL)
            unlink(options->pid_file);
        log_open(STDERR_FILENO, LOG_INFO, "master");
    }
    holdings_close(&m.held);
    if (m.program >= 0)
        close(m.program);
    return m.exit_code;
}
