/* SPDX-License-Identifier: Apache-2.0 */
/* Lending: no queue waits for a worker that is down, starting, silent or no more. Its sockets are
 * lent to a neighbour that serves, and taken back when it serves again. */
#ifndef SERVER_LOANS_H
#define SERVER_LOANS_H

#include "server/crew.h"

/* After anything that may have changed who serves: ends what is needless, lends what is needed,
 * and starts a stand-in where a silent one has no neighbour. */
void loans_settle(struct crew *c);
/* There are sockets of added addresses: whoever has changed over and accepts for another gets that
 * one's too. */
void loans_extend(struct crew *c);

#endif
