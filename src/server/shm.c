/* SPDX-License-Identifier: Apache-2.0 */
#include "server/shm.h"

#include "base/mem.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

static const char magic[8] = "SIGNET-M";

#define SHM_VERSION  2u
#define SHM_ROWS_MAX 65536u
#define SHM_SEALS    (F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL)

/* What lies in the memory. The number of rows is taken from its size, not from a field. */
struct layout {
    alignas(64) char magic[8];
    uint32_t version, row_bytes;
    uint64_t next_incarnation;               /* the master's alone */
    alignas(64) struct counters of_the_dead; /* folded rows; the master's alone */
    struct shm_row rows[];
};
struct shm {
    struct layout *layout;
    unsigned rows;
    int fd;
};

static size_t layout_bytes(unsigned rows)
{
    return sizeof(struct layout) + rows * sizeof(struct shm_row);
}

static int shm_map(int fd, unsigned rows, struct shm **ret_shm)
{
    void *at = mmap(NULL, layout_bytes(rows), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (at == MAP_FAILED)
        return -errno;
    struct shm *s = mem_zalloc(sizeof(*s));
    *s = (struct shm){ .layout = at, .rows = rows, .fd = fd };
    *ret_shm = s;
    return 0;
}

int shm_new(unsigned rows, struct shm **ret_shm)
{
    if (rows == 0 || rows > SHM_ROWS_MAX)
        return -EINVAL;
    int fd = memfd_create("signet-shm", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    if (fd < 0)
        return -errno;
    int r = 0;
    if (ftruncate(fd, (off_t)layout_bytes(rows)) < 0 || fcntl(fd, F_ADD_SEALS, SHM_SEALS) < 0)
        r = -errno;
    if (r == 0)
        r = shm_map(fd, rows, ret_shm);
    if (r < 0) {
        close(fd);
        return r;
    }
    struct layout *l = (*ret_shm)->layout;
    memcpy(l->magic, magic, sizeof(magic));
    l->version = SHM_VERSION;
    l->row_bytes = sizeof(struct shm_row);
    l->next_incarnation = 1;
    return 0;
}

/* The number of rows that the descriptor's memory holds; 0 when it is not ours to use. Without the
 * seal somebody could cut it under our feet (SIGBUS). */
static unsigned rows_of(int fd)
{
    struct stat st;
    int seals = fcntl(fd, F_GET_SEALS);
    if (seals < 0 || (seals & SHM_SEALS) != SHM_SEALS || fstat(fd, &st) < 0)
        return 0;
    size_t bytes = (size_t)st.st_size;
    if (bytes <= sizeof(struct layout) || bytes > layout_bytes(SHM_ROWS_MAX))
        return 0;
    return (unsigned)((bytes - sizeof(struct layout)) / sizeof(struct shm_row));
}

int shm_attach(int fd, struct shm **ret_shm, struct err *e)
{
    unsigned rows = rows_of(fd);
    if (rows == 0) {
        close(fd);
        return err_set(e, -EINVAL, "the shared memory is not a sealed memfd of rows");
    }
    struct shm *s = NULL;
    int r = shm_map(fd, rows, &s);
    if (r < 0) {
        close(fd);
        return err_set(e, r, "cannot map the shared memory: %s", strerror(-r));
    }
    assert(s != NULL); /* shm_map() writes it on success */
    const struct layout *l = s->layout;
    if (memcmp(l->magic, magic, sizeof(magic)) != 0 || l->version != SHM_VERSION ||
        l->row_bytes != sizeof(struct shm_row)) {
        shm_free(s);
        return err_set(e, -EINVAL, "the shared memory is laid out by another version");
    }
    *ret_shm = s;
    return 0;
}

void shm_free(struct shm *s)
{
    if (s == NULL)
        return;
    munmap(s->layout, layout_bytes(s->rows));
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

static void counters_clear(struct counters *c)
{
    for (int i = 0; i < COUNTER_COUNT; i++)
        atomic_store_explicit(&c->value[i], 0, memory_order_relaxed);
}

int shm_claim(struct shm *s, unsigned worker, unsigned *ret_index)
{
    for (unsigned i = 0; i < s->rows; i++) {
        struct shm_row *row = &s->layout->rows[i];
        if (row->incarnation != 0)
            continue;
        counters_clear(&row->counters);
        row->stamp_ms = 0;
        row->pid = 0;
        row->worker = worker;
        row->incarnation = s->layout->next_incarnation++;
        *ret_index = i;
        return 0;
    }
    return -ENOSPC;
}

void shm_fold(struct shm *s, unsigned index)
{
    struct shm_row *row = shm_row(s, index);
    if (row == NULL || row->incarnation == 0)
        return;
    row->incarnation = 0; /* first, so that a reader never counts the row twice */
    for (int i = 0; i < COUNTER_COUNT; i++)
        counter_add(&s->layout->of_the_dead, i, counter_read(&row->counters, i));
}

uint64_t shm_total(struct shm *s, enum counter which)
{
    uint64_t sum = counter_read(&s->layout->of_the_dead, which);
    for (unsigned i = 0; i < s->rows; i++)
        if (s->layout->rows[i].incarnation != 0)
            sum += counter_read(&s->layout->rows[i].counters, which);
    return sum;
}
