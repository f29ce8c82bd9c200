/* SPDX-License-Identifier: Apache-2.0 */
/* The reader of a reload: a process forked from the master that looks up names, reads every file,
 * builds the configuration, compares it with the running one, and hands back what it has read. So
 * the master waits for no name server and no disk, and a fall over strange input costs a process.
 * It is killed after READER_MAX_MS, and by the kernel when the master ends. One that cannot be, as
 * it waits for a disk, keeps nobody else waiting: it is reaped when it ends. */
#ifndef SERVER_RELOAD_READER_H
#define SERVER_RELOAD_READER_H

#include "event/loop.h"
#include "server/holdings.h"

#define READER_MAX_MS 15000

struct reading {
    struct sources *sources; /* all that was read; NULL unless `good`. Whoever is told owns it */
    bool good;
    struct slice changes;                  /* against what runs, a line each */
    struct slice diags, diags_json, lines; /* not good: why, as `check` prints it and for a log */
    const char *why; /* there is nothing of all this: what became of the reader; else NULL */
};
struct reader_setup { /* all borrowed */
    struct loop *loop;
    const char *config_path;
    const struct holdings *held; /* what runs, as it is when the reader starts */
    /* Once, from the loop; the reading is borrowed for the call. The reader may then be freed. */
    void (*on_read)(void *user, const struct reading *reading);
    void *user;
    struct link *stuck; /* list_init()ed; those that were freed and have not ended, for the end */
};
struct reader;
/* 0, or -errno with words in `e`. */
int reader_start(const struct reader_setup *setup, struct reader **ret_reader, struct err *e);
void reader_free(struct reader *r); /* kills what still reads; NULL is fine */
/* The loop ends: those of `stuck` are left to the system. */
void readers_abandon(struct link *stuck);

#endif
