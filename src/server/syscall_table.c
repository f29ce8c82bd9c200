/* SPDX-License-Identifier: Apache-2.0 */
/* Made from what workers were seen to use (strace over the end-to-end tests, Debian 12 and 13) and
 * from what the libraries' sources show for rarer paths. Calls on the hot path have no condition:
 * the kernel then decides by a bitmap, without running the filter. */
#include "server/syscall_table.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/mman.h>
#include <sys/socket.h>

#define INT_ARG(i, is)                                                                             \
    {                                                                                              \
        (i), UINT32_MAX, (is)                                                                      \
    }
#define BITS_ARG(i, bits, are)                                                                     \
    {                                                                                              \
        (i), (bits), (are)                                                                         \
    }

/* A stream socket of a family, of its usual protocol: (family, type | flags, 0). */
#define STREAM_OF(family)                                                                          \
    {                                                                                              \
        INT_ARG(0, (family)), BITS_ARG(1, 0xf, SOCK_STREAM), INT_ARG(2, 0)                         \
    }
#define OPTION(level, name)                                                                        \
    {                                                                                              \
        INT_ARG(1, (level)), INT_ARG(2, (name))                                                    \
    }

const struct syscall_row syscall_table[] = {
    /* what a request costs */
    { "epoll_wait", "the loop" },
    { "epoll_pwait", "the loop, on machines without epoll_wait" },
    { "recvfrom", "bytes of clients and servers" },
    { "sendmsg", "bytes to clients and servers; words to the master" },
    { "sendto", "few bytes to a client that finds no place" },
    { "recvmsg", "what the master says, with new sockets, logs and bundles" },
    /* connections */
    { "accept4", "a client" },
    { "socket", "a connection to a server over IPv4", STREAM_OF(AF_INET) },
    { "socket", "over IPv6", STREAM_OF(AF_INET6) },
    { "socket", "over a unix socket", STREAM_OF(AF_UNIX) },
    { "connect", "a connection to a server; Landlock leaves it free too, for reloads" },
    { "getsockopt", "whether a dial succeeded, what a peer has acknowledged" },
    { "setsockopt", "small writes are not held back", OPTION(IPPROTO_TCP, TCP_NODELAY) },
    { "setsockopt", "what waits unsent is bounded", OPTION(IPPROTO_TCP, TCP_NOTSENT_LOWAT) },
    { "setsockopt", "what a server may send unread", OPTION(IPPROTO_TCP, TCP_WINDOW_CLAMP) },
    { "setsockopt", "the same", OPTION(SOL_SOCKET, SO_RCVBUF) },
    { "setsockopt", "a connection is reset on purpose", OPTION(SOL_SOCKET, SO_LINGER) },
    { "getsockname", "which `listen` block a socket belongs to" },
    { "getpeername", "who is at the other end" },
    { "shutdown", "an orderly end of what we send" },
    { "close", "the end of everything" },
    { "epoll_ctl", "interest in a connection" },
    { "epoll_create1", "listening sockets have a set of their own; libev makes its own anew when "
                       "the kernel reports a descriptor that is closed" },
    /* logs and bundles: descriptors that the master opened */
    { "write", "log lines" },
    { "writev", "log lines, and a library's last words before abort()" },
    { "poll", "whether a log takes bytes without blocking" },
    { "ppoll", "the same, on machines without poll" },
    { "fcntl", "whether a log makes its writer wait", { INT_ARG(1, F_GETFL) } },
    { "ftruncate", "what a full disk took of half a line is taken back" },
    { "lseek", "the next line follows the one before it" },
    { "fstat", "how long a bundle is; what a log is, and where it ends" },
    { "newfstatat", "fstat() of glibc; no path", { BITS_ARG(3, AT_EMPTY_PATH, AT_EMPTY_PATH) } },
    { "fcntl", "whether a bundle is sealed", { INT_ARG(1, F_GET_SEALS) } },
    /* memory: never executable, so what was written cannot be run */
    { "brk", "the heap grows" },
    { "mmap", "the heap, bundles", { BITS_ARG(2, PROT_EXEC, 0) } },
    { "mprotect", "the heap", { BITS_ARG(2, PROT_EXEC, 0) } },
    { "munmap", "the heap, bundles" },
    { "mremap", "large blocks of the heap grow" },
    { "madvise", "the heap gives pages back" },
    { "futex", "OpenSSL's locks, which wake whoever might wait" },
    /* time, chance, facts */
    { "clock_gettime", "the clock, where the kernel is needed to read it" },
    { "gettimeofday", "the same" },
    { "time", "the same" },
    { "clock_getres", "libev asks how fine it is" },
    { "getrandom", "OpenSSL's random numbers" },
    { "getpid", "OpenSSL sees by it that it was not forked" },
    { "gettid", "abort()" },
    { "sysinfo", "qsort() of glibc asks how much memory there is" },
    { "prlimit64",
      "how many descriptors it may have; to be read alone",
      { INT_ARG(0, 0), { 2, UINT64_MAX, 0 } } },
    { "sched_getaffinity", "the heap of glibc asks how many processors there are" },
    /* the end */
    { "exit_group", "exit" },
    { "exit", "exit" },
    { "tgkill", "abort()", .own_pid = true },
    { "rt_sigprocmask", "abort()" },
    { "rt_sigaction", "abort()" },
    { "rt_sigreturn", "the way back out of a signal's handler" },
    { "restart_syscall", "the kernel's own, after a stop was continued" },
    /* libraries try these and do without: a refusal that they understand instead of an end */
    { "openat", "time zones, OpenSSL's configuration, /proc", .refusal = EACCES },
    { "open", "the same", .refusal = EACCES },
    { "access", "the same", .refusal = EACCES },
    { "faccessat", "the same", .refusal = EACCES },
    { "faccessat2", "the same", .refusal = EACCES },
    { "stat", "the same", .refusal = EACCES },
    { "lstat", "the same", .refusal = EACCES },
    { "statx", "the same", .refusal = EACCES },
    { "newfstatat", "the same, by path", { BITS_ARG(3, AT_EMPTY_PATH, 0) }, .refusal = EACCES },
    { "readlink", "the same", .refusal = EACCES },
    { "readlinkat", "the same", .refusal = EACCES },
    { "getcwd", "the same", .refusal = EACCES },
    { "ioctl", "whether a descriptor is a terminal, by stdio", .refusal = ENOTTY },
    { "prctl", "newer glibc names its memory for debuggers", .refusal = EINVAL },
    { NULL },
};
