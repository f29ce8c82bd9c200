/* SPDX-License-Identifier: Apache-2.0 */
/* `signet --version`: what this program is made of, and what it runs with. */
#include "version.h"

#include "conn/tls_ctx.h"
#include "event/loop.h"
#include "http/h1_parse.h"
#include "server/cli.h"
#include "server/cli/args.h"

#include <stdio.h>

static const char *const features[] = { "http/1.0", "http/1.1", "tls1.2", "tls1.3",
                                        "ring",     "ketama",   NULL };

static void print_text(void)
{
    printf("signet %s\n", SIGNET_VERSION);
    printf("%s (built with %s)\n", tls_library_running(), tls_library_built());
    printf("llhttp %s\n", h1_parser_version());
    printf("libev %s\n", loop_backend());
    printf("features:");
    for (const char *const *f = features; *f != NULL; f++)
        printf(" %s", *f);
    printf("\n");
}

static void print_json(void)
{
    printf("{\"version\":\"%s\",\"openssl\":\"%s\",\"openssl_built\":\"%s\",\"llhttp\":\"%s\","
           "\"libev\":\"%s\",\"features\":[",
           SIGNET_VERSION, tls_library_running(), tls_library_built(), h1_parser_version(),
           loop_backend());
    for (const char *const *f = features; *f != NULL; f++)
        printf("%s\"%s\"", f == features ? "" : ",", *f);
    printf("]}\n");
}

int cli_version(int argc, char **argv)
{
    static const struct cli_option options[] = { { "json", 0, false }, { NULL, 0, false } };
    struct cli_args args = cli_args(argc, argv);
    const char *value;
    bool json = false;
    for (int option; (option = cli_next(&args, options, &value)) != CLI_END;) {
        if (option == CLI_BAD)
            return EXIT_USAGE;
        if (option == CLI_OPERAND)
            return cli_surplus(&args, value);
        json = true;
    }
    if (json)
        print_json();
    else
        print_text();
    return EXIT_GOOD;
}
