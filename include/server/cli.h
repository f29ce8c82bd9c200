/* SPDX-License-Identifier: Apache-2.0 */
/* The commands of `signet`: one file each in src/server/cli. */
#ifndef SERVER_CLI_H
#define SERVER_CLI_H

enum exit_code {
    EXIT_GOOD = 0,
    EXIT_FAILED = 1,
    EXIT_USAGE = 2,
    EXIT_BAD_CONFIG = 3,
    EXIT_NOT_RUNNING = 5
};

struct command {
    const char *name;
    int (*run)(int argc, char **argv); /* argv[0] is the command's name; returns an exit code.
                                          NULL: not supported by this version */
    const char *usage;                 /* "signet check [-c FILE] [--json]" */
    const char *help;                  /* what it does, one line; NULL: hidden */
    const char *details;               /* the rest of --help, or NULL */
};
int cli_main(int argc, char **argv); /* finds the command; knows --help and --version */

int cli_run(int argc, char **argv);
int cli_check(int argc, char **argv);
int cli_explain(int argc, char **argv);
int cli_status(int argc, char **argv);
int cli_reload(int argc, char **argv);
int cli_stop(int argc, char **argv);
int cli_reopen(int argc, char **argv);
int cli_version(int argc, char **argv);
int cli_directives(int argc, char **argv); /* hidden: prints docs/config.md's tables */
int cli_worker(int argc, char **argv);     /* hidden: what the master execs */

#endif
