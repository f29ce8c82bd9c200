/* SPDX-License-Identifier: Apache-2.0 */
#include "fake_worker.h"

#include "server/channel.h"
#include "server/shm.h"

#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define STAMP_MS 50

struct fake {
    const char *number, *how;
    struct shm *shm;
    struct shm_row *row;
    unsigned sockets_due;
    bool over;
    int exit_code;
};

static const char *name_of(unsigned number, char out[static 40])
{
    snprintf(out, 40, "FAKE_WORKER_%u", number);
    return out;
}

void fake_worker_behave(unsigned number, const char *how)
{
    char name[40];
    setenv(name_of(number, name), how, 1);
}

void fake_worker_report(const char *path)
{
    setenv("FAKE_WORKER_REPORT", path, 1);
}

static bool is(const struct fake *f, const char *how)
{
    return strcmp(f->how, how) == 0;
}

static void report(const struct fake *f, const struct channel_message *m)
{
    char line[128];
    int len = snprintf(line, sizeof(line), "w%s %s generation=%u fds=%zu of=%u\n", f->number,
                       channel_kind_text(m->kind), m->generation, m->fd_count, m->worker);
    int fd = open(getenv("FAKE_WORKER_REPORT"), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0 || write(fd, line, (size_t)len) != len)
        abort();
    close(fd);
}

static void say(enum channel_kind kind, uint32_t generation, const char *text)
{
    struct channel_message m = { .kind = kind, .generation = generation };
    snprintf(m.text, sizeof(m.text), "%s", text);
    channel_send(CHANNEL_FD, &m);
}

static void hang(void)
{
    for (;;)
        pause();
}

static void babble(void)
{
    for (;;) {
        struct pollfd writable = { .fd = CHANNEL_FD, .events = POLLOUT };
        poll(&writable, 1, -1);
        if (write(CHANNEL_FD, "what?", 5) < 0 && (writable.revents & POLLHUP) != 0)
            _exit(0);
    }
}

static void shout(void)
{
    for (;;) {
        struct pollfd writable = { .fd = CHANNEL_FD, .events = POLLOUT };
        poll(&writable, 1, -1);
        say(CHANNEL_READY, 0, "");
    }
}

static void ready(struct fake *f)
{
    say(CHANNEL_READY, 0, "");
    if (is(f, "hangs"))
        hang();
    if (is(f, "babbles"))
        babble();
    if (is(f, "shouts"))
        shout();
}

static void prepare(struct fake *f, const struct channel_message *m)
{
    if (is(f, "falls")) {
        f->over = true;
        f->exit_code = 9;
    } else if (is(f, "cannot")) {
        say(CHANNEL_CANNOT, m->generation, "it is not to my taste");
    } else if (!is(f, "mute")) {
        if (is(f, "late"))
            say(CHANNEL_PREPARED, m->generation - 1, "");
        say(CHANNEL_PREPARED, m->generation, "");
    }
}

static void start(struct fake *f, struct channel_message *m)
{
    struct err e = { 0 };
    if (is(f, "slow"))
        poll(NULL, 0, 500);
    if (shm_attach(m->fds[START_SHM], &f->shm, &e) < 0)
        abort();
    m->fds[START_SHM] = -1;
    f->row = shm_row(f->shm, m->row);
    f->sockets_due = m->sockets;
}

static void obey(struct fake *f, struct channel_message *m)
{
    report(f, m);
    switch (m->kind) {
    case CHANNEL_START:
        start(f, m);
        break;
    case CHANNEL_LEND:
        if (f->sockets_due > 0 && (f->sockets_due -= (unsigned)m->fd_count) == 0)
            ready(f);
        break;
    case CHANNEL_PREPARE:
        prepare(f, m);
        break;
    case CHANNEL_DRAIN:
        f->over = !is(f, "stays");
        break;
    case CHANNEL_STOP:
        f->over = true;
        break;
    default:
        break;
    }
    channel_close_fds(m);
}

static void stamp(const struct fake *f)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    uint64_t now_ms = (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
    if (f->row != NULL)
        f->row->stamp_ms = is(f, "future") ? now_ms + 3600000 : now_ms;
}

int fake_worker_main(int argc, char **argv)
{
    if (argc != 3 || strcmp(argv[1], "worker") != 0)
        return -1;
    char name[40];
    const char *how = getenv(name_of((unsigned)strtoul(argv[2], NULL, 10), name));
    struct fake f = { .number = argv[2], .how = how != NULL ? how : "good" };
    while (!f.over) {
        struct pollfd readable = { .fd = CHANNEL_FD, .events = POLLIN };
        struct channel_message m;
        struct err e = { 0 };
        if (poll(&readable, 1, STAMP_MS) > 0) {
            int r = channel_recv(CHANNEL_FD, CHANNEL_MASTER, &m, &e);
            if (r == 1)
                obey(&f, &m);
            else
                f.over = true;
        }
        stamp(&f);
    }
    shm_free(f.shm);
    return f.exit_code;
}
