/* SPDX-License-Identifier: Apache-2.0 */
/* `signet reload`: the running signet takes its configuration anew, or says why not. */
#include "server/cli.h"
#include "server/cli/remote.h"

#define WAIT_MS 60000 /* reading, preparing and committing have bounds of their own within it */

int cli_reload(int argc, char **argv)
{
    struct remote r;
    if (remote_args(&r, argc, argv, true, NULL, NULL) != 0)
        return EXIT_USAGE;
    return remote_run(&r, "POST", SLICE("/v1/reload"), WAIT_MS);
}
