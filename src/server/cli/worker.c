/* SPDX-License-Identifier: Apache-2.0 */
#include "server/worker.h"

#include "base/parse.h"
#include "server/channel.h"
#include "server/cli.h"

#include <stdio.h>
#include <sys/socket.h>

static bool channel_is_there(void)
{
    int type;
    socklen_t len = sizeof(type);
    return getsockopt(CHANNEL_FD, SOL_SOCKET, SO_TYPE, &type, &len) == 0 && type == SOCK_SEQPACKET;
}

int cli_worker(int argc, char **argv)
{
    uint64_t number;
    if (argc != 2 || parse_uint(slice_str(argv[1]), UINT16_MAX, &number) < 0 ||
        !channel_is_there()) {
        fprintf(stderr, "error: workers are started by \"signet run\"\n");
        return EXIT_USAGE;
    }
    return worker_run((unsigned)number);
}
