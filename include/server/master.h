/* SPDX-License-Identifier: Apache-2.0 */
/* The master process: reads the configuration and every file it names, opens sockets and logs,
 * keeps the workers alive, obeys signals. It never reads a byte that a client or an upstream sent.
 */
#ifndef SERVER_MASTER_H
#define SERVER_MASTER_H

struct master_options {
    const char *config_path;
    const char *pid_file; /* NULL: none */
};
/* Serves until told to end. Returns an exit code; what failed was said on stderr or in the log. */
int master_run(const struct master_options *options);

#endif
