/* SPDX-License-Identifier: Apache-2.0 */
/* Access records: one a request, gathered in one buffer a worker and written once per 64 kB or
 * second. A full disk or a dead pipe never stops traffic: records are dropped and counted, whole
 * ones only, so what stands in the file is always complete lines. The error log says so, at most
 * once a minute. */
#ifndef PROXY_ACCESS_LOG_H
#define PROXY_ACCESS_LOG_H

#include "base/counter.h"
#include "event/loop.h"
#include "proxy/access_format.h"

struct access_log;
/* fd is borrowed; -1 writes nothing. */
struct access_log *access_log_new(struct loop *l, int fd, enum access_format format,
                                  struct counters *c);
void access_log_free(struct access_log *log); /* writes what waits; NULL is fine */
void access_log_write(struct access_log *log, const struct access_record *r);
void access_log_flush(struct access_log *log);
void access_log_set_format(struct access_log *log, enum access_format format); /* from now on */
/* After SIGUSR1 or a reload: what waits goes to the old descriptor, which is then the caller's to
 * close. */
void access_log_reopen(struct access_log *log, int fd, enum access_format format);

#endif
