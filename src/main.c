/* SPDX-License-Identifier: Apache-2.0 */
#include "base/mem.h"
#include "server/cli.h"

int main(int argc, char **argv)
{
    mem_init();
    return cli_main(argc, argv);
}
