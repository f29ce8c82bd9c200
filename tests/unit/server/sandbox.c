/* SPDX-License-Identifier: Apache-2.0 */
/* Each row runs in a process of its own, which locks itself in, does one thing and tells by its end
 * how that went. */
#include "server/sandbox.h"

#include "event/fdpass.h"
#include "server/bundle.h"
#include "server/identity.h"
#include "server/landlock.h"
#include "server/syscall_filter.h"
#include "server/syscall_table.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/sched.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

/* Opened before the lock, as the master opens them for a worker. */
static struct {
    int inet, inet6, local; /* listening; inet6 is -1 where there is none */
    int bundle;
    int pair[2];
    struct sockaddr_un local_at;
} open_before;

static int listen_at(const struct sockaddr *at, socklen_t len)
{
    int fd = socket(at->sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd >= 0 && bind(fd, at, len) == 0 && listen(fd, 8) == 0)
        return fd;
    close(fd);
    return -1;
}

static int open_all(void **state)
{
    struct sockaddr_in in = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    struct sockaddr_in6 in6 = { .sin6_family = AF_INET6, .sin6_addr = IN6ADDR_LOOPBACK_INIT };
    open_before.local_at = (struct sockaddr_un){ .sun_family = AF_UNIX };
    snprintf(open_before.local_at.sun_path, sizeof(open_before.local_at.sun_path),
             "/tmp/signet-unit-sandbox-%d", getpid());
    open_before.inet = listen_at((struct sockaddr *)&in, sizeof(in));
    open_before.inet6 = listen_at((struct sockaddr *)&in6, sizeof(in6));
    open_before.local =
        listen_at((struct sockaddr *)&open_before.local_at, sizeof(open_before.local_at));
    const struct bundle b = { .config_path = SLICE("/c"), .sources = SLICE("s") };
    return open_before.inet < 0 || open_before.local < 0 ||
           bundle_make(&b, &open_before.bundle) < 0 ||
           socketpair(AF_UNIX, SOCK_SEQPACKET, 0, open_before.pair) < 0;
}

static int close_all(void **state)
{
    const int fds[] = { open_before.inet,   open_before.inet6,   open_before.local,
                        open_before.bundle, open_before.pair[0], open_before.pair[1] };
    for (size_t i = 0; i < sizeof(fds) / sizeof(fds[0]); i++)
        if (fds[i] >= 0)
            close(fds[i]);
    return unlink(open_before.local_at.sun_path);
}

/* --- what is tried: 0 or an errno */

#define TRY(name, call)                                                                            \
    static int name(void)                                                                          \
    {                                                                                              \
        return (call) < 0 ? errno : 0;                                                             \
    }
static char *const no_words[] = { NULL };
static char page[4096] __attribute__((aligned(4096)));
static const struct sockaddr_in anywhere = { .sin_family = AF_INET };

TRY(reads_its_limits, getrlimit(RLIMIT_NOFILE, &(struct rlimit){ 0 }))
TRY(opens, syscall(SYS_openat, AT_FDCWD, "/etc/passwd", O_RDONLY))
TRY(opens_itself, syscall(SYS_openat, AT_FDCWD, "/proc/self/maps", O_RDONLY))
TRY(creates, syscall(SYS_openat, AT_FDCWD, "/tmp/signet-unit", O_WRONLY | O_CREAT, 0600))
TRY(opens_by_handle, syscall(SYS_open_by_handle_at, AT_FDCWD, NULL, 0))
TRY(looks, syscall(SYS_faccessat, AT_FDCWD, "/etc/passwd", R_OK))
TRY(removes, unlinkat(AT_FDCWD, "/tmp/signet-unit-none", 0))
TRY(makes_a_directory, mkdirat(AT_FDCWD, "/tmp/signet-unit", 0700))
TRY(executes, execve("/bin/true", no_words, no_words))
TRY(executes_what_is_open, syscall(SYS_execveat, 0, "", no_words, no_words, AT_EMPTY_PATH))
TRY(is_traced, ptrace(PTRACE_TRACEME, 0, NULL, NULL))
TRY(traces, ptrace(PTRACE_ATTACH, getppid(), NULL, NULL))
TRY(reads_its_parent, syscall(SYS_process_vm_readv, getppid(), NULL, 0, NULL, 0, 0))
TRY(takes_a_descriptor, syscall(SYS_pidfd_open, getppid(), 0))
TRY(forks, syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0))
TRY(forks_anew, syscall(SYS_clone3, NULL, sizeof(struct clone_args)))
TRY(signals_its_parent, kill(getppid(), 0))
TRY(signals_a_thread, syscall(SYS_tgkill, getppid(), getppid(), 0))
TRY(binds,
    bind(socket(AF_INET, SOCK_STREAM, 0), (const struct sockaddr *)&anywhere, sizeof(anywhere)))
TRY(listens, listen(open_before.local, 9))
TRY(makes_datagrams, socket(AF_INET, SOCK_DGRAM, 0))
TRY(makes_raw, socket(AF_INET, SOCK_RAW, 255))
TRY(makes_mptcp, socket(AF_INET, SOCK_STREAM, 262))
TRY(makes_netlink, socket(AF_NETLINK, SOCK_RAW, 0))
TRY(makes_packet, socket(AF_PACKET, SOCK_RAW, 0))
TRY(makes_vsock, socket(AF_VSOCK, SOCK_STREAM, 0))
TRY(filters_packets, setsockopt(open_before.inet, SOL_SOCKET, SO_ATTACH_FILTER, NULL, 0))
TRY(layers_a_protocol, setsockopt(open_before.inet, IPPROTO_TCP, TCP_ULP, "tls", 3))
TRY(makes_code, mprotect(page, sizeof(page), PROT_READ | PROT_EXEC))
TRY(maps_code,
    mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) == MAP_FAILED ? -1
                                                                                              : 0)
TRY(makes_a_file_in_memory, memfd_create("x", 0))
TRY(becomes_root, setresuid(0, 0, 0))
TRY(becomes_dumpable, prctl(PR_SET_DUMPABLE, 1, 0, 0, 0))
TRY(types_into_the_terminal, syscall(SYS_ioctl, 0, 0x5412, "x"))
TRY(owns_signals, fcntl(open_before.inet, F_SETOWN, getppid()))
TRY(makes_a_ring, syscall(SYS_io_uring_setup, 1, NULL))
TRY(makes_a_program, syscall(SYS_bpf, 0, NULL, 0))
TRY(handles_its_faults, syscall(SYS_userfaultfd, 0))
TRY(makes_keys, syscall(SYS_keyctl, 0, 0, 0, 0, 0))
TRY(makes_namespaces, syscall(SYS_unshare, 0x10000000))
TRY(changes_its_machine, syscall(SYS_personality, 0x0400000))

static int maps_a_bundle(void)
{
    struct bundle b;
    struct slice bytes;
    return -bundle_map(open_before.bundle, &b, &bytes, NULL);
}

/* A byte from a dialled connection to an accepted one. */
static int talks(int to, int from)
{
    char bytes[2];
    return send(to, "x", 1, MSG_NOSIGNAL) == 1 && shutdown(to, SHUT_WR) == 0 &&
                   recv(from, bytes, sizeof(bytes), 0) == 1
               ? 0
               : errno;
}

static int dials(int listener)
{
    struct sockaddr_storage at = { 0 };
    socklen_t len = sizeof(at);
    if (getsockname(listener, (struct sockaddr *)&at, &len) < 0)
        return errno;
    int fd = socket(at.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0 || (connect(fd, (struct sockaddr *)&at, len) < 0 && errno != EINPROGRESS))
        return errno;
    int error;
    len = sizeof(error);
    if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &len) < 0 || error != 0)
        return EIO;
    const int one = 1;
    if (at.ss_family != AF_UNIX && setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one)) < 0)
        return errno;
    int peer = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    return peer < 0 ? errno : talks(fd, peer);
}

static int dials_inet(void)
{
    return dials(open_before.inet);
}

static int dials_inet6(void)
{
    return open_before.inet6 < 0 ? 0 : dials(open_before.inet6);
}

static int dials_unix(void)
{
    return dials(open_before.local);
}

static int watches(void)
{
    int set = epoll_create1(EPOLL_CLOEXEC);
    struct epoll_event event = { .events = EPOLLOUT };
    return set >= 0 && epoll_ctl(set, EPOLL_CTL_ADD, open_before.pair[0], &event) == 0 &&
                   epoll_wait(set, &event, 1, 1000) == 1
               ? 0
               : errno;
}

static int is_handed_a_descriptor(void)
{
    char byte;
    int got[FDPASS_MAX];
    size_t count;
    long r = fdpass_send(open_before.pair[0], "x", 1, &open_before.inet, 1);
    if (r >= 0)
        r = fdpass_recv(open_before.pair[1], &byte, 1, got, FDPASS_MAX, &count);
    return r < 0 ? (int)-r : count == 1 ? 0 : EIO;
}

static int compare(const void *a, const void *b)
{
    return memcmp(a, b, 64);
}

/* The heap in all sizes, and a sort that asks for how much memory there is. */
static int uses_the_heap(void)
{
    static const size_t sizes[] = { 100, 100000, 10u << 20, 40u << 20 };
    char *blocks[4];
    for (size_t i = 0; i < 4; i++) {
        blocks[i] = realloc(calloc(1, sizes[i] / 2), sizes[i]);
        memset(blocks[i], (int)i, sizes[i]);
    }
    qsort(blocks[1], sizes[1] / 64, 64, compare);
    qsort(blocks[2], sizes[2] / 64, 64, compare);
    for (size_t i = 0; i < 4; i++)
        free(blocks[i]);
    return 0;
}

static int tells_the_time(void)
{
    time_t now = time(NULL);
    struct tm tm;
    char text[64];
    struct timespec precise;
    return clock_gettime(CLOCK_MONOTONIC, &precise) == 0 && localtime_r(&now, &tm) != NULL &&
                   strftime(text, sizeof(text), "%z %Z", &tm) > 0
               ? 0
               : EIO;
}

static int is_random(void)
{
    unsigned char bytes[32];
    return getentropy(bytes, sizeof(bytes)) < 0 ? errno : 0;
}

static int stats_a_bundle(void)
{
    struct stat st;
    return fstat(open_before.bundle, &st) < 0 ? errno : 0;
}

static int aborts(void)
{
    abort();
}

/* --- and how it went */

#define KILLED 1000 /* and the signal */

static int attempt(enum sandbox_mode mode, int (*try)(void))
{
    pid_t pid = fork();
    if (pid == 0) {
        struct err e = { 0 };
        if (identity_become(&(struct identity){ 0 }, &e) < 0 || sandbox_enter(mode, &e) < 0)
            _exit(200);
        _exit(try());
    }
    int status;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    return WIFSIGNALED(status) ? KILLED + WTERMSIG(status) : WEXITSTATUS(status);
}

struct row {
    const char *why;
    int (*try)(void);
    int want; /* errno, or KILLED + signal */
};

static void run_rows(enum sandbox_mode mode, const struct row *rows, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        int got = attempt(mode, rows[i].try);
        if (got != rows[i].want)
            fail_msg("%s: %d instead of %d", rows[i].why, got, rows[i].want);
    }
}
#define RUN(mode, rows) run_rows(mode, rows, sizeof(rows) / sizeof((rows)[0]))
#define ENDS            KILLED + SIGSYS

static void forbids(void **state)
{
    static const struct row rows[] = {
        { "files are refused: libraries may try", opens, EACCES },
        { "its own too", opens_itself, EACCES },
        { "new ones", creates, EACCES },
        { "files behind the permissions' back", opens_by_handle, ENDS },
        { "whether there is one", looks, EACCES },
        { "nothing is removed", removes, ENDS },
        { "nothing is made", makes_a_directory, ENDS },
        { "no program", executes, ENDS },
        { "not even an open one", executes_what_is_open, ENDS },
        { "ptrace, one way", is_traced, ENDS },
        { "and the other", traces, ENDS },
        { "another's memory", reads_its_parent, ENDS },
        { "another's descriptors", takes_a_descriptor, ENDS },
        { "another process", forks, ENDS },
        { "the newer call", forks_anew, ENDS },
        { "a signal to another", signals_its_parent, ENDS },
        { "by the call that abort() uses", signals_a_thread, ENDS },
        { "an address", binds, ENDS },
        { "listening", listens, ENDS },
        { "UDP", makes_datagrams, ENDS },
        { "raw IP", makes_raw, ENDS },
        { "another protocol of streams", makes_mptcp, ENDS },
        { "the kernel's tables", makes_netlink, ENDS },
        { "frames", makes_packet, ENDS },
        { "the hypervisor", makes_vsock, ENDS },
        { "a filter of packets", filters_packets, ENDS },
        { "TLS of the kernel", layers_a_protocol, ENDS },
        { "what was written cannot run", makes_code, ENDS },
        { "nor what is mapped", maps_code, ENDS },
        { "a file without a name", makes_a_file_in_memory, ENDS },
        { "the way back", becomes_root, ENDS },
        { "cores", becomes_dumpable, EINVAL },
        { "the terminal's keyboard", types_into_the_terminal, ENOTTY },
        { "signals by way of a socket", owns_signals, ENDS },
        { "io_uring, which would go round the filter", makes_a_ring, ENDS },
        { "bpf", makes_a_program, ENDS },
        { "userfaultfd", handles_its_faults, ENDS },
        { "the kernel's keys", makes_keys, ENDS },
        { "a user namespace, which is root inside", makes_namespaces, ENDS },
        { "readable is executable", changes_its_machine, ENDS },
    };
    RUN(SANDBOX_ON, rows);
}

static const struct row needed[] = {
    { "how many descriptors it may have", reads_its_limits, 0 },
    { "a server over IPv4", dials_inet, 0 },
    { "over IPv6", dials_inet6, 0 },
    { "over a unix socket", dials_unix, 0 },
    { "the loop", watches, 0 },
    { "what the master hands over", is_handed_a_descriptor, 0 },
    { "a reload's bundle", maps_a_bundle, 0 },
    { "how long it is", stats_a_bundle, 0 },
    { "the heap", uses_the_heap, 0 },
    { "the clock and its zone", tells_the_time, 0 },
    { "random bytes", is_random, 0 },
    { "an assertion ends as such", aborts, KILLED + SIGABRT },
};

static void allows_what_a_worker_does(void **state)
{
    RUN(SANDBOX_ON, needed);
    RUN(SANDBOX_LOG, needed);
}

/* Where system calls are only logged, what Landlock forbids shows by itself. */
static void has_a_second_wall(void **state)
{
    static const struct {
        int abi;
        struct row row;
    } rows[] = {
        { 1, { "reading", opens, EACCES } },
        { 1, { "writing", creates, EACCES } },
        { 1, { "removing", removes, ENOENT } }, /* looked up first; nothing is there */
        { 1, { "making", makes_a_directory, EACCES } },
        { 1, { "executing", executes, EACCES } },
        { 4, { "listening", binds, EACCES } },
        { 6, { "signals", signals_its_parent, EPERM } },
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        if (landlock_abi() >= rows[i].abi)
            run_rows(SANDBOX_LOG, &rows[i].row, 1);
}

static int enters_again(void)
{
    return sandbox_enter(SANDBOX_OFF, NULL);
}

static void off_is_off(void **state)
{
    static const struct row rows[] = {
        { "files", opens, 0 },
        { "nothing to do", enters_again, 0 },
    };
    RUN(SANDBOX_OFF, rows);
}

static void gives_a_reason_a_row(void **state)
{
    for (const struct syscall_row *row = syscall_table; row->name != NULL; row++)
        if (row->why == NULL || row->why[0] == '\0')
            fail_msg("%s has no reason", row->name);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(forbids),
        cmocka_unit_test(allows_what_a_worker_does),
        cmocka_unit_test(has_a_second_wall),
        cmocka_unit_test(off_is_off),
        cmocka_unit_test(gives_a_reason_a_row),
    };
    return cmocka_run_group_tests(tests, open_all, close_all);
}
