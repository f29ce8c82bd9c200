/* SPDX-License-Identifier: Apache-2.0 */
/* `signet status`: what is running now. */
#include "server/cli.h"
#include "server/cli/remote.h"

int cli_status(int argc, char **argv)
{
    struct remote r;
    if (remote_args(&r, argc, argv, true, NULL, NULL) != 0)
        return EXIT_USAGE;
    return remote_run(&r, "GET", SLICE("/v1/status"), REMOTE_ANSWER_MS);
}
