/* SPDX-License-Identifier: Apache-2.0 */
#include "server/reload_reader.h"

#include "base/log.h"
#include "base/mem.h"
#include "server/child.h"
#include "server/config_build.h"
#include "server/config_changes.h"
#include "server/reload_check.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/close_range.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* How long to wait for one that is killed: it may have much memory to give back. */
#define END_MAX_MS 200

#define BUILD_US    1000000 /* of one step; the reader has nothing else to do */
#define READER_NICE 10      /* those who serve come first */

/* What the reader found out travels as facts of this kind, among the sources it has read. */
#define REPORT "reading"

struct reader {
    struct link link; /* in setup.stuck, once it is freed and has not ended */
    struct reader_setup setup;
    pid_t pid;  /* 0: it has ended */
    int report; /* memfd with saved sources, complete when the process ended with EXIT_SUCCESS */
    int alive;  /* the reading end of a pipe whose other end is open as long as the process runs */
    struct watch watch;
    struct timer limit;
};

/* --- in the process that reads */

static void put_diags(struct sources *into, const struct diags *d)
{
    struct buf text;
    buf_init(&text);
    diags_print(d, false, "the running configuration is unchanged", &text);
    sources_put(into, REPORT, "diagnostics", buf_view(&text));
    buf_clear(&text);
    diags_print_json(d, &text);
    sources_put(into, REPORT, "json", buf_view(&text));
    buf_clear(&text);
    diags_print_lines(d, &text);
    sources_put(into, REPORT, "lines", buf_view(&text));
    buf_done(&text);
}

static void put_changes(struct sources *into, const struct reader_setup *setup)
{
    const struct config_version old = { setup->held->sources, setup->config_path };
    const struct config_version now = { into, setup->config_path };
    struct buf lines;
    buf_init(&lines);
    config_changes(&old, &now, &lines);
    sources_put(into, REPORT, "changes", buf_view(&lines));
    buf_done(&lines);
}

/* Checked by building it. What the running one has alike was good when that was built, and here is
 * a copy of it. */
static struct config *build(const struct holdings *held, struct sources *s, const char *path,
                            struct diags *d)
{
    struct config_builder *b =
        config_builder_new(s, path, held->registry, held->tickets, held->config, d);
    while (config_builder_step(b, BUILD_US))
        ;
    return config_builder_end(b);
}

/* Everything that was read and found out, or of a bad configuration what is wrong with it. */
static struct sources *read_all(const struct reader_setup *setup)
{
    struct sources *s = sources_new_system();
    struct diags *d = diags_new();
    config_resolve(s, setup->config_path);
    struct config *c = build(setup->held, s, setup->config_path, d);
    if (c != NULL)
        reload_check(setup->held, c, s, setup->config_path, d);
    if (diags_errors(d) == 0) {
        put_changes(s, setup);
        return s;
    }
    struct sources *refusal = sources_new_memory();
    put_diags(refusal, d);
    return refusal;
}

static bool write_all(int to, struct slice bytes)
{
    while (bytes.len > 0) {
        ssize_t n = write(to, bytes.ptr, bytes.len);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return false;
        bytes = slice_from(bytes, (size_t)n);
    }
    return true;
}

static void close_between(unsigned after, unsigned before)
{
    if (after + 1 < before)
        close_range(after + 1, before - 1, 0);
}

/* The master's sockets, logs and channels are not ours to hold open. */
static void close_all_but(int a, int b)
{
    unsigned low = (unsigned)(a < b ? a : b), high = (unsigned)(a < b ? b : a);
    close_between(STDERR_FILENO, low);
    close_between(low, high);
    close_range(high + 1, ~0u, 0);
}

/* Ends with exit(2) alone: nothing here is worth giving back, and what the master registered to run
 * at its end is the master's. */
static _Noreturn void reader_run(const struct reader_setup *setup, pid_t master, int report,
                                 int alive)
{
    close_all_but(report, alive);
    log_open(STDERR_FILENO, LOG_ERROR, "reader");
    child_leave_signals();
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != master)
        _exit(EXIT_FAILURE);
    setpriority(PRIO_PROCESS, 0, READER_NICE); /* it is in nobody's way, or no less than before */
    struct buf saved;
    buf_init(&saved);
    sources_save(read_all(setup), &saved);
    _exit(write_all(report, buf_view(&saved)) ? EXIT_SUCCESS : EXIT_FAILURE);
}

/* --- in the master */

/* False: it is still there. Who waits for a disk, or for a file system whose server hangs, ends no
 * sooner than that answers, killed or not. */
static bool end_process(struct reader *r)
{
    const struct timespec pause = { .tv_nsec = 1000000 };
    if (r->pid == 0)
        return true;
    kill(r->pid, SIGKILL);
    for (int i = 0; i < END_MAX_MS; i++) {
        if (waitpid(r->pid, NULL, WNOHANG) == r->pid)
            return true;
        nanosleep(&pause, NULL);
    }
    return false;
}

static void reader_done(struct reader *r)
{
    list_remove(&r->link);
    timer_stop(&r->limit);
    watch_done(&r->watch);
    close(r->alive);
    close(r->report);
    mem_free(r);
}

/* Its end of the pipe closes as it ends, so waiting for it now takes no time; the signal is for one
 * that closed it and goes on. */
static int wait_status(struct reader *r)
{
    int status = 0;
    kill(r->pid, SIGKILL);
    while (waitpid(r->pid, &status, 0) < 0 && errno == EINTR)
        ;
    r->pid = 0;
    return status;
}

static int load_report(int fd, struct sources **ret_sources)
{
    struct stat st;
    if (fstat(fd, &st) < 0)
        return -errno;
    if (st.st_size <= 0)
        return -EINVAL;
    size_t len = (size_t)st.st_size;
    char *bytes = mmap(NULL, len, PROT_READ, MAP_PRIVATE, fd, 0);
    if (bytes == MAP_FAILED)
        return -errno;
    int r = sources_load(slice_of(bytes, len), ret_sources);
    munmap(bytes, len);
    return r;
}

static struct slice found_out(const struct sources *s, const char *what)
{
    struct slice text = { 0 };
    sources_get(s, REPORT, what, &text);
    return text;
}

static void tell_report(struct reader *r, struct sources *s)
{
    struct slice changes;
    struct reading reading = { .good = sources_get(s, REPORT, "changes", &changes) };
    if (reading.good) {
        reading.sources = s;
        reading.changes = changes;
    } else {
        reading.diags = found_out(s, "diagnostics");
        reading.diags_json = found_out(s, "json");
        reading.lines = found_out(s, "lines");
    }
    bool good = reading.good;
    r->setup.on_read(r->setup.user, &reading); /* the reader may be gone behind this */
    if (!good)
        sources_free(s);
}

static void tell_failure(struct reader *r, const char *why)
{
    r->setup.on_read(r->setup.user, &(struct reading){ .why = why });
}

static void on_alive(struct watch *w, unsigned events)
{
    struct reader *r = CONTAINER_OF(w, struct reader, watch);
    watch_set(&r->watch, 0);
    timer_stop(&r->limit);
    int status = wait_status(r);
    if (!list_empty(&r->link)) { /* nobody asks any more */
        reader_done(r);
        return;
    }
    if (!WIFEXITED(status) || WEXITSTATUS(status) != EXIT_SUCCESS) {
        char end[CHILD_STATUS_MAX], why[CHILD_STATUS_MAX + 32];
        snprintf(why, sizeof(why), "the process that read it %s", child_status_text(status, end));
        tell_failure(r, why);
        return;
    }
    struct sources *s = NULL;
    if (load_report(r->report, &s) == 0)
        tell_report(r, s);
    else
        tell_failure(r, "what the reading process reported is damaged");
}

static void on_limit(struct timer *t)
{
    struct reader *r = CONTAINER_OF(t, struct reader, limit);
    watch_set(&r->watch, 0);
    char why[64];
    snprintf(why, sizeof(why), "reading it took longer than %d s", READER_MAX_MS / 1000);
    tell_failure(r, why);
}

/* Forks; ends[0] and *ret_report stay with the master. */
static int spawn(const struct reader_setup *setup, pid_t *ret_pid, int *ret_alive, int *ret_report)
{
    int ends[2];
    int report = memfd_create("signet-reading", MFD_CLOEXEC);
    if (report < 0)
        return -errno;
    if (pipe2(ends, O_CLOEXEC | O_NONBLOCK) < 0) {
        int r = -errno;
        close(report);
        return r;
    }
    pid_t master = getpid(), pid;
    int r = child_fork(&pid);
    if (r == 0 && pid == 0)
        reader_run(setup, master, report, ends[1]);
    close(ends[1]);
    if (r < 0) {
        close(ends[0]);
        close(report);
        return r;
    }
    *ret_pid = pid;
    *ret_alive = ends[0];
    *ret_report = report;
    return 0;
}

int reader_start(const struct reader_setup *setup, struct reader **ret_reader, struct err *e)
{
    struct reader *r = mem_zalloc(sizeof(*r));
    list_init(&r->link);
    r->setup = *setup;
    int failed = spawn(setup, &r->pid, &r->alive, &r->report);
    if (failed < 0) {
        mem_free(r);
        return err_set(e, failed, "cannot start a process to read it: %s", strerror(-failed));
    }
    watch_init(&r->watch, setup->loop, r->alive, on_alive);
    watch_set(&r->watch, WATCH_READ);
    timer_init(&r->limit, on_limit);
    timer_start(&r->limit, setup->loop, READER_MAX_MS);
    *ret_reader = r;
    return 0;
}

void reader_free(struct reader *r)
{
    if (r == NULL)
        return;
    if (end_process(r)) {
        reader_done(r);
        return;
    }
    log_warn("the process that read the configuration (pid %d) is killed and does not end; it "
             "waits for a disk or a file system",
             r->pid);
    timer_stop(&r->limit);
    watch_set(&r->watch, WATCH_READ); /* on_alive() sees to the rest */
    list_append(r->setup.stuck, &r->link);
}

void readers_abandon(struct link *stuck)
{
    LIST_EACH (stuck, at)
        reader_done(CONTAINER_OF(at, struct reader, link));
}
