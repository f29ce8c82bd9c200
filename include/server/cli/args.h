/* SPDX-License-Identifier: Apache-2.0 */
/* The words of a command line, one after the other: options (`-c FILE`, `-cFILE`, `--json`,
 * `--client IP`, `--client=IP`) and operands, in any order; `--` ends the options, `-` alone is an
 * operand. */
#ifndef SERVER_CLI_ARGS_H
#define SERVER_CLI_ARGS_H

#include <stdbool.h>

struct cli_option {
    const char *name; /* "json", without dashes; NULL ends a table */
    char letter;      /* 0: none */
    bool takes_value;
};
struct cli_args {
    int argc;
    char **argv; /* argv[0] is the command's name */
    int at;      /* the next word; starts at 1 */
    bool operands_only;
};
enum { CLI_OPERAND = -1, CLI_END = -2, CLI_BAD = -3 };

struct cli_args cli_args(int argc, char **argv);
/* The next option's index in `options`, or one of the three above. *ret_value is the option's value
 * or the operand, NULL otherwise. CLI_BAD: stderr has been told what is wrong. */
int cli_next(struct cli_args *a, const struct cli_option *options, const char **ret_value);
/* For a word the command has no use for: says so, returns EXIT_USAGE. */
int cli_surplus(const struct cli_args *a, const char *word);

#endif
