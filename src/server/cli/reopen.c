/* SPDX-License-Identifier: Apache-2.0 */
/* `signet reopen`: the logs' files were moved away; open them anew. */
#include "server/cli.h"
#include "server/cli/remote.h"

int cli_reopen(int argc, char **argv)
{
    struct remote r;
    if (remote_args(&r, argc, argv, false, NULL, NULL) != 0)
        return EXIT_USAGE;
    return remote_run(&r, "POST", SLICE("/v1/reopen"), REMOTE_ANSWER_MS);
}
