/* SPDX-License-Identifier: Apache-2.0 */
/* `signet run`: serve, in the foreground. */
#include "server/cli.h"
#include "server/cli/args.h"
#include "server/config.h"
#include "server/master.h"

int cli_run(int argc, char **argv)
{
    static const struct cli_option options[] = { { "config", 'c', true },
                                                 { "pid-file", 0, true },
                                                 { NULL, 0, false } };
    struct cli_args args = cli_args(argc, argv);
    struct master_options run = { .config_path = config_default_path() };
    const char *value;
    for (int option; (option = cli_next(&args, options, &value)) != CLI_END;) {
        if (option == CLI_BAD)
            return EXIT_USAGE;
        if (option == CLI_OPERAND)
            return cli_surplus(&args, value);
        if (option == 0)
            run.config_path = value;
        else
            run.pid_file = value;
    }
    return master_run(&run);
}
