/* SPDX-License-Identifier: Apache-2.0 */
#include "proxy/access_log.h"

#include "base/log.h"
#include "base/mem.h"
#include "base/sink.h"

#include <errno.h>
#include <string.h>

#define FLUSH_BYTES (64 * 1024)
#define FLUSH_MS    1000
#define WARN_MS     60000 /* between two lines of the error log about lost records */

/* The buffer holds whole lines, but for its first `torn` bytes: the rest of a line that was written
 * in part and must be finished before anything else is. */
struct access_log {
    struct loop *loop;
    struct counters *counters;
    struct sink sink;
    enum access_format format;
    struct access_time time;
    struct timer flush;
    struct timer quiet; /* runs for WARN_MS after each line about lost records */
    uint64_t unsaid;    /* records dropped since that line */
    int failure;        /* -errno of the last write that failed */
    size_t len, torn;
    char lines[FLUSH_BYTES + ACCESS_LINE_MAX];
};

static void set_fd(struct access_log *log, int fd, enum access_format format)
{
    log->sink = sink_of(fd);
    log->format = format;
}

static void on_flush_due(struct timer *t)
{
    access_log_flush(CONTAINER_OF(t, struct access_log, flush));
}

/* At most once in WARN_MS: a full disk must not fill the error log too. */
static void warn(struct access_log *log)
{
    if (log->unsaid == 0 || timer_running(&log->quiet))
        return;
    const char *why = log->failure == -EAGAIN ? "its reader is too slow" : strerror(-log->failure);
    log_error("access log: %llu records dropped: %s", (unsigned long long)log->unsaid, why);
    log->unsaid = 0;
    timer_start(&log->quiet, log->loop, WARN_MS);
}

static void on_quiet_over(struct timer *t)
{
    warn(CONTAINER_OF(t, struct access_log, quiet));
}

struct access_log *access_log_new(struct loop *l, int fd, enum access_format format,
                                  struct counters *c)
{
    struct access_log *log = mem_alloc(sizeof *log);
    log->loop = l;
    log->counters = c;
    log->time = (struct access_time){ 0 };
    log->len = log->torn = 0;
    log->unsaid = 0;
    log->failure = 0;
    timer_init(&log->flush, on_flush_due);
    timer_init(&log->quiet, on_quiet_over);
    set_fd(log, fd, format);
    return log;
}

/* Writes from the front until all is gone or it fails. *ret_done: bytes written. */
static int write_all(const struct access_log *log, size_t *ret_done)
{
    size_t done = 0;
    int r = 0;
    while (done < log->len && r == 0) {
        ssize_t n = sink_write(&log->sink, slice_of(log->lines + done, log->len - done));
        if (n > 0)
            done += (size_t)n;
        else
            r = (int)n;
    }
    *ret_done = done;
    return r;
}

static size_t lines_in(struct slice bytes)
{
    size_t count = 0;
    const char *end = bytes.ptr + bytes.len;
    for (const char *at = bytes.ptr; at < end; at++, count++) {
        at = memchr(at, '\n', (size_t)(end - at));
        if (at == NULL)
            break;
    }
    return count;
}

/* Forgets the first `done` bytes, which are written. What is left of a line cut there is torn. */
static void consume(struct access_log *log, size_t done)
{
    if (done == 0)
        return;
    bool cut = done < log->len && log->lines[done - 1] != '\n';
    log->len -= done;
    memmove(log->lines, log->lines + done, log->len);
    log->torn = cut ? slice_find(slice_of(log->lines, log->len), '\n') + 1 : 0;
}

static void drop_whole_lines(struct access_log *log)
{
    struct slice whole = slice_of(log->lines + log->torn, log->len - log->torn);
    size_t dropped = lines_in(whole);
    counter_add(log->counters, COUNTER_LOG_RECORDS_DROPPED, dropped);
    log->unsaid += dropped;
    log->len = log->torn;
    warn(log);
}

/* A reader that is merely slow (-EAGAIN) gets what waits a second later, as long as there is room.
 */
static void settle(struct access_log *log, int failure)
{
    log->failure = failure;
    if (failure != -EAGAIN || log->len >= FLUSH_BYTES)
        drop_whole_lines(log);
    if (log->len > log->torn)
        timer_start(&log->flush, log->loop, FLUSH_MS);
}

void access_log_flush(struct access_log *log)
{
    size_t done = 0;
    timer_stop(&log->flush);
    if (log->len == 0)
        return;
    int r = write_all(log, &done);
    consume(log, done);
    if (r < 0)
        settle(log, r);
}

void access_log_write(struct access_log *log, const struct access_record *r)
{
    if (log->sink.fd < 0)
        return;
    counter_add(log->counters, COUNTER_LOG_RECORDS, 1);
    log->len += access_format_record(log->format, r, &log->time, log->lines + log->len);
    if (log->len >= FLUSH_BYTES)
        access_log_flush(log);
    else if (!timer_running(&log->flush))
        timer_start(&log->flush, log->loop, FLUSH_MS);
}

/* What the descriptor does not take now is lost: it will not be ours any more. */
static void leave_fd(struct access_log *log)
{
    access_log_flush(log);
    timer_stop(&log->flush);
    drop_whole_lines(log);
    log->len = log->torn = 0;
}

void access_log_set_format(struct access_log *log, enum access_format format)
{
    log->format = format;
}

void access_log_reopen(struct access_log *log, int fd, enum access_format format)
{
    leave_fd(log);
    set_fd(log, fd, format);
}

void access_log_free(struct access_log *log)
{
    if (log == NULL)
        return;
    leave_fd(log);
    timer_stop(&log->quiet);
    mem_free(log);
}
