/* SPDX-License-Identifier: Apache-2.0 */
/* What commands to a running signet have in common: where its control socket is, how what it
 * answers becomes output and exit code. */
#ifndef SERVER_CLI_REMOTE_H
#define SERVER_CLI_REMOTE_H

#include "server/cli/control_client.h"

#define REMOTE_ANSWER_MS 10000 /* for what takes no time */

struct remote {              /* from the command line; borrowed */
    const char *config_path; /* -c: names the control socket */
    const char *control;     /* --control PATH, which goes before it; or NULL */
    bool json;               /* --json */
};
/* Reads -c, --control and, where the command has them, --json and one more option without a value,
 * named `flag` (NULL: none). 0 or EXIT_USAGE, said. */
int remote_args(struct remote *r, int argc, char **argv, bool has_json, const char *flag,
                bool *ret_flag);
/* 0, and *ret_reply is to be given back; else an exit code, and stderr has been told why. */
int remote_ask(const struct remote *r, const char *method, struct slice target, uint64_t wait_ms,
               struct control_reply *ret_reply);
/* What went well to stdout, what did not to stderr. Returns the exit code. */
int remote_print(const struct control_reply *reply);
/* All of it. */
int remote_run(const struct remote *r, const char *method, struct slice target, uint64_t wait_ms);

#endif
