/* SPDX-License-Identifier: Apache-2.0 */
/* The descriptors of the two logs. Opened by the master, which alone may touch the file system, and
 * handed to every worker. */
#ifndef SERVER_LOGS_H
#define SERVER_LOGS_H

#include "base/err.h"
#include "server/config.h"

struct logs { /* owned */
    int error_fd;
    int access_fd; /* -1: off */
};

/* Files are appended to, created with mode 0640. 0, or -errno with words in `e` and the directive
 * at fault in *ret_bad. */
int logs_open(const struct config *c, struct logs *ret_logs, const struct log_conf **ret_bad,
              struct err *e);
/* The logs of `c` where those of `running` are `open`: one whose path is the same keeps its
 * descriptor, which then stands in both. As logs_open(). */
int logs_open_next(const struct config *running, const struct logs *open, const struct config *c,
                   struct logs *ret_logs, const struct log_conf **ret_bad, struct err *e);
/* Whether logs_open() would succeed, without making a file. */
int logs_check(const struct config *c, const struct log_conf **ret_bad, struct err *e);
/* As logs_open_next() would open them. */
int logs_check_next(const struct config *running, const struct config *c,
                    const struct log_conf **ret_bad, struct err *e);
void logs_close(struct logs *l);
void logs_close_but(struct logs *l,
                    const struct logs *kept); /* those that do not stand in `kept` */

#endif
