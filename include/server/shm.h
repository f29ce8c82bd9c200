/* SPDX-License-Identifier: Apache-2.0 */
/* The memory that master and workers share: one row a process incarnation, not a worker number, as
 * an old and a new process of one number may overlap. The owner of a row alone writes it; the
 * master claims rows, and folds a dead one's counters into the totals. Behind the rows lies the
 * census of client connections, with the same rows. A memfd that can neither shrink nor grow. What
 * stands in it is never trusted. */
#ifndef SERVER_SHM_H
#define SERVER_SHM_H

#include "base/census.h"
#include "base/counter.h"
#include "base/err.h"
#include "server/config.h"

#include <stdalign.h>
#include <stdint.h>

struct shm_row {
    alignas(64) _Atomic uint64_t incarnation; /* from 1, never used twice; 0: free */
    _Atomic uint64_t stamp_ms;                /* monotonic clock of the owner's last heartbeat */
    _Atomic uint32_t pid;
    _Atomic uint32_t worker; /* number */
    struct counters counters;
};

struct shm;
/* The master's. `addresses`: how many different ones of clients a row can count, 0: none. 0 or
 * -errno. */
int shm_new(unsigned rows, unsigned addresses, struct shm **ret_shm);
/* For this configuration, with room for what a reload may make of it: memory that nobody touches
 * costs nothing. 0 or -errno. */
int shm_new_for(const struct config *c, struct shm **ret_shm);
/* The directive for which another configuration has no room in it ("workers", "limit"), or NULL. */
const char *shm_lacks(const struct shm *s, const struct config *c);
/* The worker's view of what shm_new() made. Takes the descriptor, also when it fails: -EINVAL with
 * words in `e`. */
int shm_attach(int fd, struct shm **ret_shm, struct err *e);
void shm_free(struct shm *s);    /* NULL is fine; the memory lives on in the other processes */
int shm_fd(const struct shm *s); /* borrowed */
unsigned shm_rows(const struct shm *s);
struct shm_row *shm_row(struct shm *s, unsigned index); /* NULL: no such row */
/* Borrowed. The owner of a row joins the census with the row's index. */
struct census *shm_census(const struct shm *s);

/* --- the master's alone, by its own book: what a worker writes over its row frees none and keeps
 * none from being claimed. */

/* A free row for a new incarnation of `worker`, zeroed. 0, or -ENOSPC. */
int shm_claim(struct shm *s, unsigned worker, unsigned *ret_index);
/* The incarnation is dead: adds its counters to the totals, gives back its places in the census and
 * frees the row. */
void shm_fold(struct shm *s, unsigned index);
/* A counter over the whole life of the program: the totals and every row in use, and of the error
 * log's lines those that the master lost. */
uint64_t shm_total(struct shm *s, enum counter which);

#endif
