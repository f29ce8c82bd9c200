/* SPDX-License-Identifier: Apache-2.0 */
#include "server/cli/load.h"

#include "server/config_build.h"
#include "upstream/server.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

int loaded_init(struct loaded *l, const char *path)
{
    l->sources = sources_new_system();
    l->servers = servers_new();
    l->diags = diags_new();
    config_resolve(l->sources, path);
    l->config = config_build(l->sources, path, l->servers, NULL, l->diags);
    return l->config != NULL ? 0 : -EINVAL;
}

void loaded_done(struct loaded *l)
{
    config_unref(l->config);
    diags_free(l->diags);
    servers_free(l->servers);
    sources_free(l->sources);
}

void cli_print(FILE *to, const struct buf *text)
{
    if (buf_len(text) > 0)
        fwrite(buf_view(text).ptr, 1, buf_len(text), to);
}

void cli_print_diags(const struct diags *d, const char *outcome)
{
    const char *no_color = getenv("NO_COLOR"); /* https://no-color.org: any value but the empty */
    bool colour = isatty(STDERR_FILENO) && (no_color == NULL || no_color[0] == '\0');
    struct buf text;
    buf_init(&text);
    diags_print(d, colour, outcome, &text);
    cli_print(stderr, &text);
    buf_done(&text);
}
