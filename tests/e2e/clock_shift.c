/* SPDX-License-Identifier: Apache-2.0 */
/* Preloaded into a program, moves its wall clock by as many seconds as the file CLOCK_SHIFT_FILE
 * says now: a 64-bit number, mapped, so that a change of the file is a jump of the clock. The
 * monotonic clock is left alone, as by whoever sets the time. */
#include <fcntl.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

static const volatile int64_t *shift_s;

/* Before main(), while files can still be opened. */
__attribute__((constructor)) static void map_shift(void)
{
    const char *path = getenv("CLOCK_SHIFT_FILE");
    int fd = path != NULL ? open(path, O_RDONLY | O_CLOEXEC) : -1;
    void *p = fd >= 0 ? mmap(NULL, sizeof *shift_s, PROT_READ, MAP_SHARED, fd, 0) : MAP_FAILED;
    if (fd >= 0)
        close(fd);
    if (p == MAP_FAILED)
        _exit(99); /* a test without a shift would prove nothing */
    shift_s = p;
}

int clock_gettime(clockid_t id, struct timespec *t)
{
    long r = syscall(SYS_clock_gettime, id, t);
    if (r == 0 && shift_s != NULL && (id == CLOCK_REALTIME || id == CLOCK_REALTIME_COARSE))
        t->tv_sec += *shift_s;
    return (int)r;
}

int gettimeofday(struct timeval *restrict t, void *restrict zone)
{
    struct timespec now;
    (void)zone;
    int r = clock_gettime(CLOCK_REALTIME, &now);
    *t = (struct timeval){ .tv_sec = now.tv_sec, .tv_usec = now.tv_nsec / 1000 };
    return r;
}

time_t time(time_t *ret_t)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    if (ret_t != NULL)
        *ret_t = now.tv_sec;
    return now.tv_sec;
}
