/* SPDX-License-Identifier: Apache-2.0 */
/* A worker process: one loop that serves. It is built from what the master hands it over the
 * channel, gives up its privileges, then never touches the file system again. Signals are the
 * master's; the worker obeys the channel, and its end means that the master is gone. */
#ifndef SERVER_WORKER_H
#define SERVER_WORKER_H

/* Speaks to the master over CHANNEL_FD until told to end, or until the master has died and all
 * connections are done. Returns an exit code. */
int worker_run(unsigned number);

#endif
