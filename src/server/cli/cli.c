/* SPDX-License-Identifier: Apache-2.0 */
#include "server/cli.h"

#include "conf/diag.h"

#include <stdio.h>

#define CONFIG_HELP                                                                                \
    "  -c, --config FILE   the configuration; else $SIGNET_CONFIG, else "                          \
    "/etc/signet/signet.conf\n"

#define CONTROL_HELP                                                                               \
    "  -c, --config FILE   the configuration that names the control socket; else $SIGNET_CONFIG, " \
    "else\n"                                                                                       \
    "                      /etc/signet/signet.conf. Without one: /run/signet/control.sock for\n"   \
    "                      root, else $XDG_RUNTIME_DIR/signet/control.sock\n"                      \
    "      --control PATH  the control socket itself\n"

static const struct command commands[] = {
    { "run", cli_run, "signet run [-c FILE] [--pid-file FILE]", "serve, in the foreground",
      CONFIG_HELP "      --pid-file FILE where the master's process id is written\n\n"
                  "SIGTERM and SIGINT stop it once what is in flight is finished, a second one at "
                  "once.\nSIGUSR1 reopens the logs.\n" },
    { "check", cli_check, "signet check [-c FILE] [--json]",
      "find out everything that run would, without listening",
      CONFIG_HELP "      --json          print the list of diagnostics as JSON on stdout\n" },
    { "explain", cli_explain,
      "signet explain URL... [-H 'NAME: VALUE'] [--client IP] [-c FILE | --live] [--json]",
      "show where a request would go, and why",
      CONFIG_HELP "  -H, --header FIELD  a header field of the request; may be repeated\n"
                  "      --client IP     whose request it is; else 127.0.0.1\n"
                  "      --live          ask the running signet: what it serves with now\n"
                  "      --control PATH  its control socket, else the one that the configuration "
                  "names\n"
                  "      --json          one JSON object a line\n\n"
                  "A URL of \"-\" reads URLs from stdin, one a line.\n" },
    { "status", cli_status, "signet status [-c FILE | --control PATH] [--json]",
      "show what is running now", CONTROL_HELP "      --json          as one JSON object\n" },
    { "reload", cli_reload, "signet reload [-c FILE | --control PATH] [--json]",
      "let the running signet take its configuration anew, without losing anything",
      CONTROL_HELP "      --json          the outcome as one JSON object\n\n"
                   "Prints what changed, how long it took and the new generation. A configuration "
                   "with errors\nchanges nothing: they are shown, and the exit code is 3.\n" },
    { "stop", cli_stop, "signet stop [-c FILE | --control PATH] [--now]",
      "end the running signet, and wait until it has ended",
      CONTROL_HELP "      --now           at once, not when what is in flight is finished\n" },
    { "reopen", cli_reopen, "signet reopen [-c FILE | --control PATH]",
      "let the running signet open its log files anew", CONTROL_HELP },
    { "version", cli_version, "signet version [--json]",
      "what this program is made of and runs with", "      --json          as one JSON object\n" },
    { "directives", cli_directives, "signet directives", NULL,
      "Prints the reference part of docs/config.md.\n" },
    { "worker", cli_worker, "signet worker NUMBER", NULL, "Started by signet run.\n" },
    { "serve", NULL, NULL, NULL, NULL },
    { "diff", NULL, NULL, NULL, NULL },
    { "upgrade", NULL, NULL, NULL, NULL },
    { "top", NULL, NULL, NULL, NULL },
    { "pool", NULL, NULL, NULL, NULL },
};
#define COMMAND_COUNT (sizeof(commands) / sizeof(commands[0]))

static int print_help(FILE *to)
{
    fprintf(to, "signet: an HTTPS reverse proxy\n");
    for (size_t i = 0; i < COMMAND_COUNT; i++)
        if (commands[i].help != NULL)
            fprintf(to, "\n%s\n    %s\n", commands[i].usage, commands[i].help);
    fprintf(to, "\nmore about one: signet COMMAND --help\n"
                "exit codes: 0 good, 1 failed while running, 2 wrong usage, 3 bad "
                "configuration,\n            5 no running signet answers\n");
    return to == stdout ? EXIT_GOOD : EXIT_USAGE;
}

static int print_command_help(const struct command *c)
{
    printf("usage: %s\n", c->usage);
    if (c->help != NULL)
        printf("%s\n", c->help);
    printf("\n%s", c->details);
    return EXIT_GOOD;
}

static bool wants_help(int argc, char **argv)
{
    for (int i = 1; i < argc && strcmp(argv[i], "--") != 0; i++)
        if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0)
            return true;
    return false;
}

static int unknown(const char *name)
{
    const char *names[COMMAND_COUNT + 1];
    size_t n = 0;
    for (size_t i = 0; i < COMMAND_COUNT; i++)
        if (commands[i].help != NULL)
            names[n++] = commands[i].name;
    names[n] = NULL;
    const char *near = diag_nearest(slice_str(name), names);
    fprintf(stderr, "error: unknown command \"%s\"", name);
    if (near != NULL)
        fprintf(stderr, "; did you mean \"%s\"?", near);
    fprintf(stderr, "\nsee: signet --help\n");
    return EXIT_USAGE;
}

static int run(const struct command *c, int argc, char **argv)
{
    if (c->run == NULL) {
        fprintf(stderr, "error: \"signet %s\" is not supported by this version\n", c->name);
        return EXIT_USAGE;
    }
    return wants_help(argc, argv) ? print_command_help(c) : c->run(argc, argv);
}

/* What was asked for is lost on a full disk: that is no success. */
static int after_output(int result)
{
    if (fflush(stdout) == 0 && ferror(stdout) == 0)
        return result;
    fprintf(stderr, "error: cannot write to stdout\n");
    return result == EXIT_GOOD ? EXIT_FAILED : result;
}

int cli_main(int argc, char **argv)
{
    if (argc < 2)
        return print_help(stderr);
    const char *name = argv[1];
    if (strcmp(name, "--help") == 0 || strcmp(name, "-h") == 0 || strcmp(name, "help") == 0)
        return print_help(stdout);
    if (strcmp(name, "--version") == 0 || strcmp(name, "-V") == 0)
        name = "version";
    for (size_t i = 0; i < COMMAND_COUNT; i++)
        if (strcmp(commands[i].name, name) == 0)
            return after_output(run(&commands[i], argc - 1, argv + 1));
    return unknown(name);
}
