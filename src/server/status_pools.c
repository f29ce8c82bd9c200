/* SPDX-License-Identifier: Apache-2.0 */
#include "base/json.h"
#include "base/mem.h"
#include "server/status.h"

static void put_server(struct json *j, const struct cluster *c, size_t index, double share)
{
    const struct server_conf *server = &cluster_conf(c)->servers[index];
    json_object(j, NULL);
    json_text(j, "id", server->id);
    json_text(j, "address", server->address);
    json_number(j, "weight", server->weight);
    json_bool(j, "backup", server->backup);
    json_fraction(j, "share", share);
    json_word(j, "skipped", cluster_skip_reason(c, index));
    json_object_end(j);
}

static void put_pool(struct json *j, const struct cluster *c)
{
    const struct cluster_conf *conf = cluster_conf(c);
    double *shares = mem_array(conf->server_count + 1, sizeof(*shares)); /* there may be none */
    cluster_shares(c, shares);
    json_object(j, NULL);
    json_text(j, "name", conf->name);
    json_word(j, "balance", conf->balance->name);
    json_text(j, "key", conf->key.text);
    json_hash(j, "fingerprint", cluster_fingerprint(c));
    json_list(j, "servers");
    for (size_t i = 0; i < conf->server_count; i++)
        put_server(j, c, i, shares[i]);
    json_list_end(j);
    json_object_end(j);
    mem_free(shares);
}

void status_print_pools_json(const struct config *c, struct buf *out)
{
    struct json j = json_to(out);
    json_object(&j, NULL);
    json_list(&j, "pools");
    for (size_t i = 0; i < c->cluster_count; i++)
        put_pool(&j, c->clusters[i]);
    json_list_end(&j);
    json_object_end(&j);
    buf_add(out, "\n");
}
