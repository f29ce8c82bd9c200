/* SPDX-License-Identifier: Apache-2.0 */
/* `signet check`: everything that `run` would find out, without listening. */
#include "server/cli.h"
#include "server/cli/args.h"
#include "server/cli/load.h"
#include "server/control_socket.h"
#include "server/logs.h"

static const char *plural(size_t count)
{
    return count == 1 ? "" : "s";
}

static void print_good(const char *path, const struct config *c)
{
    size_t hosts = 0;
    for (size_t i = 0; i < c->listener_count; i++)
        hosts += c->listeners[i].host_count;
    printf("%s is good: %zu listener%s, %zu host%s, %zu pool%s\n", path, c->listener_count,
           plural(c->listener_count), hosts, plural(hosts), c->cluster_count,
           plural(c->cluster_count));
}

static void print_json(const struct diags *d)
{
    struct buf text;
    buf_init(&text);
    diags_print_json(d, &text);
    cli_print(stdout, &text);
    buf_done(&text);
}

static int check_logs(struct loaded *l)
{
    struct err why = { 0 };
    const struct log_conf *bad;
    int r = logs_check(l->config, &bad, &why);
    if (r < 0)
        diags_add(l->diags, DIAG_ERROR, "cannot-open-log", &bad->span, "%s", why.text);
    return r;
}

/* The default one that cannot be had stops nobody. */
static int check_control(struct loaded *l)
{
    struct err why = { 0 };
    const struct control_conf *control = &l->config->control;
    int r = control->by_default ? 0 : control_socket_check(control, &why);
    if (r < 0)
        diags_add(l->diags, DIAG_ERROR, "cannot-listen", &control->span, "%s", why.text);
    return r;
}

static int check(const char *path, bool json)
{
    struct loaded l;
    int r = loaded_init(&l, path);
    if (r == 0) {
        int logs = check_logs(&l), control = check_control(&l);
        r = logs < 0 ? logs : control;
    }
    if (json)
        print_json(l.diags);
    else
        cli_print_diags(l.diags, r == 0 ? "it would start" : "it would not start");
    if (r == 0 && !json)
        print_good(path, l.config);
    loaded_done(&l);
    return r == 0 ? EXIT_GOOD : EXIT_BAD_CONFIG;
}

int cli_check(int argc, char **argv)
{
    static const struct cli_option options[] = { { "config", 'c', true },
                                                 { "json", 0, false },
                                                 { NULL, 0, false } };
    struct cli_args args = cli_args(argc, argv);
    const char *path = config_default_path(), *value;
    bool json = false;
    for (int option; (option = cli_next(&args, options, &value)) != CLI_END;) {
        if (option == CLI_BAD)
            return EXIT_USAGE;
        if (option == CLI_OPERAND)
            return cli_surplus(&args, value);
        if (option == 0)
            path = value;
        else
            json = true;
    }
    return check(path, json);
}
