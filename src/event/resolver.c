/* SPDX-License-Identifier: Apache-2.0 */
#include "event/resolver.h"

#include "base/mem.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <netdb.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* What the child says of one name: one write, one read, never cut. */
struct answer {
    uint32_t index; /* into names */
    int32_t error;  /* of getaddrinfo(3), 0 when there are addresses */
    uint32_t count;
    struct addr addrs[RESOLVER_ADDRS_MAX];
};
static_assert(sizeof(struct answer) <= PIPE_BUF, "a write to the pipe is atomic");

/* --- the child */

static void add_addr(struct answer *out, const struct addrinfo *info)
{
    bool ip = info->ai_family == AF_INET || info->ai_family == AF_INET6;
    if (!ip || out->count == RESOLVER_ADDRS_MAX || info->ai_addrlen > sizeof(struct sockaddr_in6))
        return;
    struct addr a = { .len = info->ai_addrlen };
    memcpy(&a.sa, info->ai_addr, info->ai_addrlen);
    addr_set_port(&a, 0);
    out->addrs[out->count++] = a;
}

static void report(int to, size_t index, struct gaicb *asked)
{
    struct answer out = { .index = (uint32_t)index, .error = gai_error(asked) };
    for (const struct addrinfo *i = asked->ar_result; i != NULL; i = i->ai_next)
        add_addr(&out, i);
    ssize_t written = write(to, &out, sizeof out);
    if (written != sizeof out)
        _exit(EXIT_FAILURE); /* nobody listens any more */
}

/* Asks for all names at once, reports each as soon as it is answered. */
static _Noreturn void child_run(const struct resolver_name *names, size_t count, int to)
{
    static const struct addrinfo hints = { .ai_socktype = SOCK_STREAM };
    struct gaicb *asked = mem_array(count, sizeof *asked);
    struct gaicb **waiting = mem_array(count, sizeof(struct gaicb *));
    for (size_t i = 0; i < count; i++) {
        asked[i] = (struct gaicb){ .ar_name = names[i].host, .ar_request = &hints };
        waiting[i] = &asked[i];
    }
    if (getaddrinfo_a(GAI_NOWAIT, waiting, (int)count, NULL) != 0)
        _exit(EXIT_FAILURE);
    for (size_t left = count; left > 0;) {
        gai_suspend((const struct gaicb *const *)waiting, (int)count, NULL);
        for (size_t i = 0; i < count; i++) {
            if (waiting[i] == NULL || gai_error(waiting[i]) == EAI_INPROGRESS)
                continue;
            report(to, i, waiting[i]);
            waiting[i] = NULL; /* gai_suspend passes over it from now on */
            left--;
        }
    }
    _exit(EXIT_SUCCESS);
}

/* The child dies with its parent, and the parent's signal handlers are not run in it. */
static pid_t child_start(const struct resolver_name *names, size_t count, int *ret_from)
{
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) < 0)
        return -errno;
    pid_t pid = fork();
    if (pid < 0) {
        int r = -errno;
        close(ends[0]);
        close(ends[1]);
        return r;
    }
    if (pid == 0) {
        sigset_t all;
        sigfillset(&all);
        sigprocmask(SIG_BLOCK, &all, NULL);
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        close(ends[0]);
        child_run(names, count, ends[1]);
    }
    close(ends[1]);
    *ret_from = ends[0];
    return pid;
}

/* --- the parent */

static const char *reason(int error)
{
    switch (error) {
    case EAI_NONAME:
        return "no such name";
    case EAI_NODATA:
    case EAI_ADDRFAMILY:
        return "the name has no address";
    case EAI_AGAIN:
        return "no name server answered";
    case EAI_FAIL:
        return "the name server failed";
    default:
        return gai_strerror(error);
    }
}

static bool is_ip(const struct addr *a)
{
    return (a->sa.sa_family == AF_INET && a->len == sizeof a->in) ||
           (a->sa.sa_family == AF_INET6 && a->len == sizeof a->in6);
}

/* The child read what the network sent, so its word is checked. */
static void accept_answer(struct resolver_name *names, size_t count, const struct answer *said)
{
    if (said->index >= count || said->count > RESOLVER_ADDRS_MAX)
        return;
    struct resolver_name *n = &names[said->index];
    n->count = 0;
    for (uint32_t i = 0; i < said->count; i++) {
        if (is_ip(&said->addrs[i]))
            n->addrs[n->count++] = said->addrs[i];
    }
    n->why = n->count > 0 ? NULL : reason(said->error != 0 ? said->error : EAI_NODATA);
}

static int64_t now_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* Until the child is through or the time is up. */
static void collect(struct resolver_name *names, size_t count, int from, unsigned timeout_ms)
{
    int64_t deadline = now_ms() + timeout_ms;
    for (;;) {
        int64_t left = deadline - now_ms();
        struct pollfd p = { .fd = from, .events = POLLIN };
        int ready = poll(&p, 1, left > 0 ? (int)left : 0);
        if (ready < 0 && errno == EINTR)
            continue;
        struct answer said;
        if (ready <= 0 || read(from, &said, sizeof said) != sizeof said)
            return;
        accept_answer(names, count, &said);
    }
}

static void forget_all(struct resolver_name *names, size_t count, const char *why)
{
    for (size_t i = 0; i < count; i++) {
        names[i].count = 0;
        names[i].why = why;
    }
}

int resolver_run(struct resolver_name *names, size_t count, unsigned timeout_ms)
{
    if (count == 0)
        return 0;
    forget_all(names, count, "no answer in time");
    int from = -1;
    pid_t pid = child_start(names, count, &from);
    if (pid < 0) {
        forget_all(names, count, "the resolver could not be started");
        return pid;
    }
    collect(names, count, from, timeout_ms);
    close(from);
    kill(pid, SIGKILL);
    while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
        ;
    return 0;
}
