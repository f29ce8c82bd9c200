/* SPDX-License-Identifier: Apache-2.0 */
/* A configuration text of any kind: built or refused with reasons, never worse. Files, names and
 * users it asks for are not there. */
#include "server/config_build.h"

#include <stdint.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count)
{
    struct sources *sources = sources_new_memory();
    struct servers *servers = servers_new();
    struct diags *diags = diags_new();
    sources_put(sources, "file", "/f.conf", slice_of((const char *)bytes, count));
    sources_put(sources, "name", "a.internal", SLICE("10.0.0.1\n::1\n"));

    struct config *config = config_build(sources, "/f.conf", servers, NULL, diags);
    if ((config == NULL) != (diags_errors(diags) > 0))
        abort();
    sources_free(sources); /* neither the configuration nor the diagnostics need them any more */
    struct buf said;
    buf_init(&said);
    diags_print(diags, true, "done", &said);
    diags_print_json(diags, &said);
    buf_done(&said);
    config_unref(config);
    diags_free(diags);
    servers_free(servers);
    return 0;
}
