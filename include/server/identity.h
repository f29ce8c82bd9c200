/* SPDX-License-Identifier: Apache-2.0 */
/* Who a worker becomes once everything is open: the `user` directive. */
#ifndef SERVER_IDENTITY_H
#define SERVER_IDENTITY_H

#include "base/err.h"
#include "base/slice.h"

#include <stdbool.h>
#include <stdint.h>

struct identity {
    bool change; /* else the process stays who it is */
    uint32_t uid, gid;
};

/* The ids of `user` and `group` (empty: the user's own), asked from the system; no change when we
 * are not root or `user` is empty. 0, or -ENOENT with words in `e`. */
int identity_find(struct slice user, struct slice group, struct identity *ret_id, struct err *e);
/* For the rest of the process' life: no supplementary groups, no capabilities, no way back, and no
 * new privileges by exec. 0 or -errno with words in `e`. */
int identity_become(const struct identity *id, struct err *e);

#endif
