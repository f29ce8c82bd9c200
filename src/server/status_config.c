/* SPDX-License-Identifier: Apache-2.0 */
#include "base/json.h"
#include "server/status.h"

#define TEXT_MAX (1u << 20) /* bytes of all files together */

struct listing {
    struct json json;
    size_t bytes;
};

static void put_file(void *user, const char *path, struct slice contents)
{
    struct listing *l = user;
    json_object(&l->json, NULL);
    json_word(&l->json, "path", path);
    l->bytes += contents.len;
    if (l->bytes > TEXT_MAX)
        json_null(&l->json, "text");
    else
        json_text(&l->json, "text", contents.len > 0 ? contents : SLICE(""));
    json_object_end(&l->json);
}

void status_print_config_json(const struct running *r, struct buf *out)
{
    char loaded[RUNNING_TIME_MAX];
    struct listing l = { .json = json_to(out) };
    json_object(&l.json, NULL);
    json_word(&l.json, "path", r->config_path);
    json_number(&l.json, "generation", r->held->generation);
    json_word(&l.json, "loaded", running_time(r->loaded_wall_ms, loaded));
    json_list(&l.json, "files");
    sources_each_file(r->held->sources, put_file, &l);
    json_list_end(&l.json);
    json_object_end(&l.json);
    buf_add(out, "\n");
}
