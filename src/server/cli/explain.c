/* SPDX-License-Identifier: Apache-2.0 */
/* `signet explain`: which way a request would take through a configuration. */
#include "server/explain.h"

#include "base/mem.h"
#include "http/query.h"
#include "server/cli.h"
#include "server/cli/args.h"
#include "server/cli/load.h"
#include "server/cli/remote.h"

#include <stdlib.h>

struct job {
    struct remote remote; /* its config_path and json count without --live too */
    bool live;
    struct addr client;
    struct fields fields;
    const char **urls; /* "-": one a line from stdin */
    size_t url_count, url_cap;
    struct arena arena; /* of the words above */
};

/* --- the command line */

static int add_field(struct job *job, const char *text)
{
    const char *why = explain_add_field(&job->fields, slice_str(text));
    if (why == NULL)
        return 0;
    fprintf(stderr, "error: \"%s\" is %s\n", text, why);
    return EXIT_USAGE;
}

static int set_client(struct job *job, const char *text)
{
    if (addr_parse_ip(slice_str(text), &job->client) == 0)
        return 0;
    fprintf(stderr, "error: \"%s\" is no IP address; write --client 192.0.2.1\n", text);
    return EXIT_USAGE;
}

static int add_url(struct job *job, const char *url)
{
    job->urls =
        arena_grow(&job->arena, job->urls, job->url_count, &job->url_cap, sizeof(*job->urls));
    job->urls[job->url_count++] = url;
    return 0;
}

enum { OPTION_CONFIG, OPTION_JSON, OPTION_HEADER, OPTION_CLIENT, OPTION_LIVE, OPTION_CONTROL };
static const struct cli_option options[] = {
    [OPTION_CONFIG] = { "config", 'c', true },
    [OPTION_JSON] = { "json", 0, false },
    [OPTION_HEADER] = { "header", 'H', true },
    [OPTION_CLIENT] = { "client", 0, true },
    [OPTION_LIVE] = { "live", 0, false },
    [OPTION_CONTROL] = { "control", 0, true },
    { NULL, 0, false },
};

static int take(struct job *job, int option, const char *value)
{
    switch (option) {
    case OPTION_CONFIG:
        job->remote.config_path = value;
        return 0;
    case OPTION_JSON:
        job->remote.json = true;
        return 0;
    case OPTION_LIVE:
        job->live = true;
        return 0;
    case OPTION_CONTROL:
        job->remote.control = value;
        return 0;
    case OPTION_HEADER:
        return add_field(job, value);
    case OPTION_CLIENT:
        return set_client(job, value);
    case CLI_OPERAND:
        return add_url(job, value);
    default:
        return EXIT_USAGE;
    }
}

static int read_args(struct job *job, int argc, char **argv)
{
    struct cli_args args = cli_args(argc, argv);
    const char *value;
    for (int option; (option = cli_next(&args, options, &value)) != CLI_END;) {
        int r = take(job, option, value);
        if (r != 0)
            return r;
    }
    if (job->url_count == 0) {
        fprintf(stderr, "error: no URL to explain\nsee: signet explain --help\n");
        return EXIT_USAGE;
    }
    if (job->remote.control != NULL && !job->live) {
        fprintf(stderr, "error: \"--control\" goes with \"--live\"\n");
        return EXIT_USAGE;
    }
    return 0;
}

/* --- the work: here by a configuration, or by the running signet, `c` NULL */

static void add_parameter(struct buf *target, const char *name, struct slice value)
{
    buf_add(target, name);
    query_escape(target, value);
}

static int ask_live(const struct job *job, struct arena *a, struct slice url)
{
    char client[ADDR_TEXT_MAX];
    struct buf target;
    buf_init(&target);
    add_parameter(&target, "/v1/explain?url=", url);
    add_parameter(&target, "&client=", slice_str(addr_ip_text(&job->client, client)));
    for (size_t i = 0; i < job->fields.count; i++) {
        const struct field *f = &job->fields.list[i];
        add_parameter(&target, "&header=",
                      arena_printf(a, "%.*s: %.*s", SLICE_ARG(f->name), SLICE_ARG(f->value)));
    }
    int result = remote_run(&job->remote, "GET", buf_view(&target), REMOTE_ANSWER_MS);
    buf_done(&target);
    return result;
}

static int explain_one(const struct job *job, const struct config *c, struct arena *a,
                       struct slice url)
{
    static const struct config nothing = { 0 };
    struct explain_request request = { url, &job->fields, &job->client };
    struct explanation e;
    struct buf out;
    int r = explain(c != NULL ? c : &nothing, &request, a, &e);
    if (r == 0 && c == NULL)
        return ask_live(job, a, url);
    buf_init(&out);
    if (r < 0)
        fprintf(stderr, "error: \"%.*s\" is no URL to ask for: %s\n", SLICE_ARG(url), e.malformed);
    if (job->remote.json) /* malformed ones too: one line a URL */
        explain_print_json(&e, &out);
    else if (r == 0)
        explain_print(&e, &out);
    cli_print(stdout, &out);
    buf_done(&out);
    return r == 0 ? EXIT_GOOD : EXIT_USAGE;
}

static int explain_stdin(const struct job *job, const struct config *c,
                         struct arena_recycler *blocks)
{
    char *line = NULL;
    size_t room = 0;
    int worst = EXIT_GOOD;
    for (ssize_t len; (len = getline(&line, &room, stdin)) >= 0;) {
        struct slice url = slice_of(line, (size_t)len);
        if (slice_ends(url, SLICE("\n")))
            url.len--;
        if (slice_trim(url).len == 0)
            continue;
        struct arena a;
        arena_init(&a, blocks);
        int r = explain_one(job, c, &a, url);
        arena_done(&a);
        if (r != EXIT_GOOD)
            worst = r;
    }
    mem_free(line); /* getline()'s */
    return worst;
}

static int explain_all(const struct job *job, const struct config *c)
{
    struct arena_recycler blocks;
    arena_recycler_init(&blocks, 16);
    int worst = EXIT_GOOD;
    for (size_t i = 0; i < job->url_count; i++) {
        struct slice url = slice_str(job->urls[i]);
        struct arena a;
        arena_init(&a, &blocks);
        int r = slice_eq(url, SLICE("-")) ? explain_stdin(job, c, &blocks)
                                          : explain_one(job, c, &a, url);
        arena_done(&a);
        if (r != EXIT_GOOD)
            worst = r;
    }
    arena_recycler_done(&blocks);
    return worst;
}

static int explain_with_config(const struct job *job)
{
    struct loaded l;
    int result = EXIT_BAD_CONFIG;
    if (loaded_init(&l, job->remote.config_path) == 0)
        result = explain_all(job, l.config);
    else
        cli_print_diags(l.diags, "nothing is explained");
    loaded_done(&l);
    return result;
}

int cli_explain(int argc, char **argv)
{
    struct job job = { .remote = { .config_path = config_default_path() } };
    arena_init(&job.arena, NULL);
    fields_init(&job.fields, &job.arena);
    addr_parse_ip(SLICE("127.0.0.1"), &job.client);
    int result = read_args(&job, argc, argv);
    if (result == 0)
        result = job.live ? explain_all(&job, NULL) : explain_with_config(&job);
    arena_done(&job.arena);
    return result;
}
