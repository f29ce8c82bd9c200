/* SPDX-License-Identifier: Apache-2.0 */
#include "config_fixture.h"

#include "conf/diag_list.h"
#include "server/config_build.h"

#include <stdio.h>

void fixture_open(struct fixture *f)
{
    *f = (struct fixture){ .sources = sources_new_memory(), .servers = servers_new() };
    f->diags = diags_new();
}

void fixture_file(struct fixture *f, const char *path, const char *contents)
{
    sources_put(f->sources, "file", path, slice_str(contents));
}

void fixture_build(struct fixture *f, const char *text)
{
    fixture_file(f, "/etc/t.conf", text);
    f->config = config_build(f->sources, "/etc/t.conf", f->servers, NULL, f->diags);
}

const char *fixture_first(struct fixture *f, enum diag_severity severity)
{
    f->said[0] = '\0';
    LIST_EACH (&f->diags->shown, at) {
        const struct diag *d = CONTAINER_OF(at, struct diag, link);
        if (d->severity != severity)
            continue;
        snprintf(f->said, sizeof(f->said), "%u:%u: %.*s", d->span.line, d->span.column,
                 SLICE_ARG(d->message));
        break;
    }
    return f->said;
}

void fixture_close(struct fixture *f)
{
    config_unref(f->config);
    diags_free(f->diags);
    servers_free(f->servers);
    sources_free(f->sources);
}
