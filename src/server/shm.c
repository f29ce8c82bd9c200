/* SPDX-License-Identifier: Apache-2.0 */
#include "server/shm.h"

#include "base/log.h"
#include "base/mem.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

/* A worker number may be held by several processes at once: one that serves, its stand-in, and
 * those that drain, for as long as `drain` lets them. */
#define ROWS_PER_WORKER       4
#define ROWS_PER_WORKER_LEAST 2
#define ROWS_LEAST            64 /* of the size of a page or so together */

static const char magic[8] = "SIGNET-M";

#define SHM_VERSION  2u
#define SHM_ROWS_MAX 65536u
#define SHM_SEALS    (F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL)

/* Read once, by whoever attaches: from then on its own copy counts. */
struct head {
    char magic[8];
    uint32_t version, row_bytes;
    uint32_t rows, addresses;
    uint64_t seed; /* of the census */
};
/* What lies in the memory; the census follows the rows. */
struct layout {
    alignas(64) struct head head;
    alignas(64) struct counters of_the_dead; /* folded rows; the master's alone */
    struct shm_row rows[];
};
struct shm {
    struct layout *layout;
    struct census *census;
    size_t bytes; /* mapped */
    unsigned rows, addresses;
    int fd;
    /* The master's own book, which no worker can write: whose row is whose, 0 is free. */
    uint64_t *incarnations;
    uint64_t next_incarnation;
};

static size_t layout_bytes(unsigned rows, unsigned addresses)
{
    return sizeof(struct layout) + rows * sizeof(struct shm_row) + census_bytes(rows, addresses);
}

static struct shm *view_new(int fd, struct layout *l, const struct head *h)
{
    struct shm *s = mem_zalloc(sizeof(*s));
    s->layout = l;
    s->bytes = layout_bytes(h->rows, h->addresses);
    s->rows = h->rows;
    s->addresses = h->addresses;
    s->fd = fd;
    s->census = census_new(l->rows + h->rows, h->rows, h->addresses, h->seed);
    return s;
}

/* NULL, and errno says why. */
static struct layout *map(int fd, size_t bytes)
{
    void *at = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    return at != MAP_FAILED ? at : NULL;
}

/* A sealed memfd of zeroes: its descriptor or -errno. */
static int make(size_t bytes)
{
    int fd = memfd_create("signet-shm", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    if (fd < 0)
        return -errno;
    if (ftruncate(fd, (off_t)bytes) < 0 || fcntl(fd, F_ADD_SEALS, SHM_SEALS) < 0) {
        int r = -errno;
        close(fd);
        return r;
    }
    return fd;
}

int shm_new(unsigned rows, unsigned addresses, struct shm **ret_shm)
{
    if (rows == 0 || rows > SHM_ROWS_MAX)
        return -EINVAL;
    struct head h = {
        .version = SHM_VERSION,
        .row_bytes = sizeof(struct shm_row),
        .rows = rows,
        .addresses = addresses,
    };
    memcpy(h.magic, magic, sizeof(magic));
    if (getentropy(&h.seed, sizeof(h.seed)) < 0)
        return -errno;
    size_t bytes = layout_bytes(rows, addresses);
    int fd = make(bytes);
    if (fd < 0)
        return fd;
    struct layout *l = map(fd, bytes);
    if (l == NULL) {
        int r = -errno;
        close(fd);
        return r;
    }
    l->head = h;
    struct shm *s = view_new(fd, l, &h);
    s->incarnations = mem_array(rows, sizeof(*s->incarnations));
    s->next_incarnation = 1;
    *ret_shm = s;
    return 0;
}

/* Any one worker may get all the connections, and each may come from another address. */
static unsigned addresses_of(const struct config *c)
{
    return c->caps.all > 0 && c->caps.all < UINT32_MAX ? (unsigned)c->caps.all : UINT32_MAX;
}

static unsigned processors(void)
{
    cpu_set_t mine;
    return sched_getaffinity(0, sizeof(mine), &mine) == 0 ? (unsigned)CPU_COUNT(&mine) : 1;
}

/* Tables by address are made even for a configuration that does not use them yet, and for twice as
 * many as it allows. */
int shm_new_for(const struct config *c, struct shm **ret_shm)
{
    unsigned workers = (unsigned)c->workers > processors() ? (unsigned)c->workers : processors();
    unsigned rows = workers * ROWS_PER_WORKER;
    unsigned addresses = addresses_of(c);
    return shm_new(rows > ROWS_LEAST ? rows : ROWS_LEAST,
                   addresses < UINT32_MAX / 2 ? 2 * addresses : UINT32_MAX, ret_shm);
}

const char *shm_lacks(const struct shm *s, const struct config *c)
{
    if (c->workers * ROWS_PER_WORKER_LEAST > s->rows)
        return "workers";
    return c->caps.each > 0 && addresses_of(c) > s->addresses ? "limit" : NULL;
}

/* The size of the descriptor's memory; 0 when it is not ours to use. Without the seals somebody
 * could cut it under our feet (SIGBUS). */
static size_t sealed_bytes(int fd)
{
    struct stat st;
    int seals = fcntl(fd, F_GET_SEALS);
    if (seals < 0 || (seals & SHM_SEALS) != SHM_SEALS || fstat(fd, &st) < 0)
        return 0;
    return (size_t)st.st_size > sizeof(struct layout) ? (size_t)st.st_size : 0;
}

static bool is_ours(const struct head *h, size_t bytes)
{
    return memcmp(h->magic, magic, sizeof(magic)) == 0 && h->version == SHM_VERSION &&
           h->row_bytes == sizeof(struct shm_row) && h->rows > 0 && h->rows <= SHM_ROWS_MAX &&
           bytes == layout_bytes(h->rows, h->addresses);
}

int shm_attach(int fd, struct shm **ret_shm, struct err *e)
{
    size_t bytes = sealed_bytes(fd);
    if (bytes == 0) {
        close(fd);
        return err_set(e, -EINVAL, "the shared memory is not a sealed memfd of rows");
    }
    struct layout *l = map(fd, bytes);
    if (l == NULL) {
        int r = -errno;
        close(fd);
        return err_set(e, r, "cannot map the shared memory: %s", strerror(-r));
    }
    const struct head h = l->head;
    if (!is_ours(&h, bytes)) {
        munmap(l, bytes);
        close(fd);
        return err_set(e, -EINVAL, "the shared memory is laid out by another version");
    }
    *ret_shm = view_new(fd, l, &h);
    return 0;
}

void shm_free(struct shm *s)
{
    if (s == NULL)
        return;
    census_free(s->census);
    mem_free(s->incarnations);
    munmap(s->layout, s->bytes);
    close(s->fd);
    mem_free(s);
}

int shm_fd(const struct shm *s)
{
    return s->fd;
}

unsigned shm_rows(const struct shm *s)
{
    return s->rows;
}

struct shm_row *shm_row(struct shm *s, unsigned index)
{
    return index < s->rows ? &s->layout->rows[index] : NULL;
}

struct census *shm_census(const struct shm *s)
{
    return s->census;
}

static void counters_clear(struct counters *c)
{
    for (int i = 0; i < COUNTER_COUNT; i++)
        atomic_store_explicit(&c->value[i], 0, memory_order_relaxed);
}

int shm_claim(struct shm *s, unsigned worker, unsigned *ret_index)
{
    for (unsigned i = 0; i < s->rows; i++) {
        struct shm_row *row = &s->layout->rows[i];
        if (s->incarnations[i] != 0)
            continue;
        counters_clear(&row->counters);
        row->stamp_ms = 0;
        row->pid = 0;
        row->worker = worker;
        s->incarnations[i] = s->next_incarnation++;
        row->incarnation = s->incarnations[i];
        *ret_index = i;
        return 0;
    }
    return -ENOSPC;
}

void shm_fold(struct shm *s, unsigned index)
{
    struct shm_row *row = shm_row(s, index);
    if (row == NULL || s->incarnations[index] == 0)
        return;
    s->incarnations[index] = 0;
    census_clear(s->census, index);
    row->incarnation = 0; /* before the totals grow: a reader never counts the row twice */
    for (int i = 0; i < COUNTER_COUNT; i++)
        counter_add(&s->layout->of_the_dead, i, counter_read(&row->counters, i));
}

uint64_t shm_total(struct shm *s, enum counter which)
{
    uint64_t sum = counter_read(&s->layout->of_the_dead, which);
    if (which == COUNTER_LOG_LINES_DROPPED)
        sum += log_dropped(); /* the master has no row, and counts nothing else */
    for (unsigned i = 0; i < s->rows; i++)
        if (s->incarnations[i] != 0)
            sum += counter_read(&s->layout->rows[i].counters, which);
    return sum;
}
