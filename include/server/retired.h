/* SPDX-License-Identifier: Apache-2.0 */
/* Sets of listening sockets that are no longer in force: kept open for a moment, in which workers
 * take in who had begun to connect to an address that is no more. */
#ifndef SERVER_RETIRED_H
#define SERVER_RETIRED_H

#include "event/loop.h"
#include "server/listen_set.h"

#define RETIRED_MS 2000 /* a worker is through with such a socket after one second */

struct retired;
struct retired *retired_new(struct loop *loop);
void retired_free(struct retired *r); /* closes all */
void retired_add(struct retired *r, struct listen_set *taken);
void retired_close(struct retired *r); /* all, now */

#endif
