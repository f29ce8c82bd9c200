/* SPDX-License-Identifier: Apache-2.0 */
/* What was counted over the whole life of the program, as lines of the error log. */
#ifndef SERVER_TOTALS_H
#define SERVER_TOTALS_H

#include "server/shm.h"

/* At level info, each a line of "name=count" for all that are not zero, and no line where all are:
 * `totals:` for the named counters, `refused:` for requests and `distrusted:` for servers' answers
 * by the reason's label. Reasons that do not fit on a line go on in another that begins alike. */
void totals_log(struct shm *s);

#endif
