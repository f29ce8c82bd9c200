/* SPDX-License-Identifier: Apache-2.0 */
#include "server/cli/remote.h"

#include "server/cli.h"
#include "server/cli/args.h"
#include "server/cli/load.h"
#include "server/config_build.h"

#include <errno.h>
#include <stdio.h>

int remote_args(struct remote *r, int argc, char **argv, bool has_json, const char *flag,
                bool *ret_flag)
{
    struct cli_option options[5] = { { "config", 'c', true }, { "control", 0, true } };
    int count = 2, json = has_json ? count++ : CLI_BAD;
    if (has_json)
        options[json].name = "json";
    if (flag != NULL)
        options[count].name = flag;
    struct cli_args args = cli_args(argc, argv);
    const char *value;
    *r = (struct remote){ .config_path = config_default_path() };
    for (int option; (option = cli_next(&args, options, &value)) != CLI_END;) {
        if (option == CLI_BAD)
            return EXIT_USAGE;
        if (option == CLI_OPERAND)
            return cli_surplus(&args, value);
        if (option == 0)
            r->config_path = value;
        else if (option == 1)
            r->control = value;
        else if (option == json)
            r->json = true;
        else
            *ret_flag = true;
    }
    return 0;
}

/* In the arena or the sources; empty: there is none. */
static struct slice socket_path(const struct remote *r, struct sources *s, struct arena *a)
{
    struct control_conf control;
    if (r->control != NULL) {
        struct slice path = slice_str(r->control);
        return slice_starts(path, SLICE("unix:")) ? slice_from(path, SLICE("unix:").len) : path;
    }
    config_find_control(s, r->config_path, a, &control);
    return control.path;
}

static int no_answer(const struct remote *r, struct slice path, int code, const struct err *e)
{
    if (path.len == 0) {
        fprintf(stderr,
                "error: no running signet answers: %s names no control socket; name it by "
                "--control PATH\n",
                r->config_path);
        return EXIT_NOT_RUNNING;
    }
    if (code == -ENOENT || code == -ECONNREFUSED) {
        fprintf(stderr, "error: no running signet answers at %.*s\n", SLICE_ARG(path));
        if (r->control == NULL)
            fprintf(stderr, "  = that is what %s says now; --control PATH names another\n",
                    r->config_path);
        return EXIT_NOT_RUNNING;
    }
    fprintf(stderr, "error: the signet at %.*s: %s\n", SLICE_ARG(path), e->text);
    return EXIT_FAILED;
}

int remote_ask(const struct remote *r, const char *method, struct slice target, uint64_t wait_ms,
               struct control_reply *ret_reply)
{
    struct arena a;
    struct err e = { 0 };
    struct sources *s = sources_new_system();
    arena_init(&a, NULL);
    struct slice path = socket_path(r, s, &a);
    const struct control_question q = { path, method, target, r->json, wait_ms };
    int code = path.len > 0 ? control_ask(&q, ret_reply, &e) : -ENOENT;
    int result = code < 0 ? no_answer(r, path, code, &e) : 0;
    arena_done(&a);
    sources_free(s);
    return result;
}

int remote_print(const struct control_reply *reply)
{
    bool good = reply->status >= 200 && reply->status < 300;
    cli_print(good ? stdout : stderr, &reply->body);
    if (good)
        return EXIT_GOOD;
    return reply->status == 422 ? EXIT_BAD_CONFIG : EXIT_FAILED;
}

int remote_run(const struct remote *r, const char *method, struct slice target, uint64_t wait_ms)
{
    struct control_reply reply;
    int result = remote_ask(r, method, target, wait_ms, &reply);
    if (result != 0)
        return result;
    result = remote_print(&reply);
    control_reply_done(&reply);
    return result;
}
