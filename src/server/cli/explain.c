/* SPDX-License-Identifier: Apache-2.0 */
/* `signet explain`: which way a request would take through a configuration. */
#include "server/explain.h"

#include "base/mem.h"
#include "server/cli.h"
#include "server/cli/args.h"
#include "server/cli/load.h"

#include <stdlib.h>

struct job {
    const char *path;
    bool json;
    struct addr client;
    struct fields fields;
    const char **urls; /* "-": one a line from stdin */
    size_t url_count, url_cap;
    struct arena arena; /* of the words above */
};

/* --- the command line */

static int add_field(struct job *job, const char *text)
{
    struct slice line = slice_str(text);
    size_t colon = slice_find(line, ':');
    struct slice name = slice_first(line, colon), value = slice_trim(slice_from(line, colon + 1));
    if (colon == 0 || colon == line.len) {
        fprintf(stderr, "error: \"%s\" is no header field; write -H 'Name: value'\n", text);
        return EXIT_USAGE;
    }
    if (field_id(name) == FIELD_HOST && fields_find(&job->fields, FIELD_HOST) != NULL) {
        fprintf(stderr, "error: a request has one Host\n");
        return EXIT_USAGE;
    }
    fields_add(&job->fields, name, value);
    return 0;
}

static int set_client(struct job *job, const char *text)
{
    if (addr_parse_ip(slice_str(text), &job->client) == 0)
        return 0;
    fprintf(stderr, "error: \"%s\" is no IP address; write --client 192.0.2.1\n", text);
    return EXIT_USAGE;
}

static int refuse_live(void)
{
    fprintf(stderr, "error: \"--live\" is not supported by this version\n");
    return EXIT_USAGE;
}

static int add_url(struct job *job, const char *url)
{
    job->urls =
        arena_grow(&job->arena, job->urls, job->url_count, &job->url_cap, sizeof(*job->urls));
    job->urls[job->url_count++] = url;
    return 0;
}

enum { OPTION_CONFIG, OPTION_JSON, OPTION_HEADER, OPTION_CLIENT, OPTION_LIVE };
static const struct cli_option options[] = {
    [OPTION_CONFIG] = { "config", 'c', true }, [OPTION_JSON] = { "json", 0, false },
    [OPTION_HEADER] = { "header", 'H', true }, [OPTION_CLIENT] = { "client", 0, true },
    [OPTION_LIVE] = { "live", 0, false },      { NULL, 0, false },
};

static int take(struct job *job, int option, const char *value)
{
    switch (option) {
    case OPTION_CONFIG:
        job->path = value;
        return 0;
    case OPTION_JSON:
        job->json = true;
        return 0;
    case OPTION_HEADER:
        return add_field(job, value);
    case OPTION_CLIENT:
        return set_client(job, value);
    case OPTION_LIVE:
        return refuse_live();
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
    if (job->url_count > 0)
        return 0;
    fprintf(stderr, "error: no URL to explain\nsee: signet explain --help\n");
    return EXIT_USAGE;
}

/* --- the work */

static int explain_one(const struct job *job, const struct config *c, struct arena *a,
                       struct slice url)
{
    struct explain_request request = { url, &job->fields, &job->client };
    struct explanation e;
    struct buf out;
    buf_init(&out);
    int r = explain(c, &request, a, &e);
    if (r < 0)
        fprintf(stderr, "error: \"%.*s\" is no URL to ask for: %s\n", SLICE_ARG(url), e.malformed);
    if (job->json) /* malformed ones too: one line a URL */
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
    if (loaded_init(&l, job->path) == 0)
        result = explain_all(job, l.config);
    else
        cli_print_diags(l.diags, "nothing is explained");
    loaded_done(&l);
    return result;
}

int cli_explain(int argc, char **argv)
{
    struct job job = { .path = config_default_path() };
    arena_init(&job.arena, NULL);
    fields_init(&job.fields, &job.arena);
    addr_parse_ip(SLICE("127.0.0.1"), &job.client);
    int result = read_args(&job, argc, argv);
    if (result == 0)
        result = explain_with_config(&job);
    arena_done(&job.arena);
    return result;
}
