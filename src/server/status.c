/* SPDX-License-Identifier: Apache-2.0 */
#include "server/status.h"

#include "base/json.h"
#include "server/descriptors.h"
#include "version.h"

#include <sys/resource.h>
#include <unistd.h>

static void put_time(struct json *j, const char *name, int64_t wall_ms)
{
    char text[RUNNING_TIME_MAX];
    json_word(j, name, running_time(wall_ms, text));
}

static void put_program(struct json *j, const struct running *r)
{
    json_word(j, "version", SIGNET_VERSION);
    json_number(j, "pid", (uint64_t)getpid());
    json_word(j, "config", r->config_path);
    json_number(j, "generation", r->held->generation);
    json_bool(j, "draining", r->draining);
    put_time(j, "started", r->started_wall_ms);
    json_number(j, "uptime_ms", r->now_ms - r->started_ms);
    put_time(j, "loaded", r->loaded_wall_ms);
}

static void put_reload(struct json *j, const struct running_reload *last)
{
    if (last == NULL) {
        json_null(j, "reload");
        return;
    }
    json_object(j, "reload");
    json_bool(j, "committed", last->committed);
    json_number(j, "generation", last->generation);
    json_number(j, "ms", last->took_ms);
    put_time(j, "at", last->at_ms);
    json_word(j, "why", last->committed ? NULL : last->why);
    json_object_end(j);
}

static void put_listeners(struct json *j, const struct config *c)
{
    char text[ADDR_TEXT_MAX];
    json_list(j, "listeners");
    for (size_t i = 0; i < c->listener_count; i++) {
        for (size_t k = 0; k < c->listeners[i].addr_count; k++) {
            json_object(j, NULL);
            json_word(j, "address", addr_text(&c->listeners[i].addrs[k], text));
            json_bool(j, "tls", c->listeners[i].sni != NULL);
            json_object_end(j);
        }
    }
    json_list_end(j);
}

static void put_descriptors(struct json *j, const struct config *c)
{
    struct rlimit limit;
    json_object(j, "descriptors");
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0)
        json_number(j, "limit", limit.rlim_cur);
    else
        json_null(j, "limit");
    json_number(j, "needed", descriptors_needed(c));
    json_object_end(j);
}

/* --- processes */

struct seen {
    const struct running *running;
    struct json *j;
};

static void put_worker(void *user, const struct child_info *child)
{
    const struct seen *s = user;
    struct running_worker w = running_worker(s->running, child);
    json_object(s->j, NULL);
    json_number(s->j, "number", child->number);
    json_signed(s->j, "pid", child->pid);
    json_word(s->j, "state", child->state);
    json_number(s->j, "connections", w.connections);
    json_number(s->j, "in_flight", w.in_flight);
    json_number(s->j, "silent_ms", w.silent_ms);
    json_number(s->j, "age_ms", child->age_ms);
    json_number(s->j, "falls", child->falls);
    if (child->lent_to >= 0)
        json_signed(s->j, "lent_to", child->lent_to);
    else
        json_null(s->j, "lent_to");
    json_object_end(s->j);
}

static void put_workers(struct json *j, const struct running *r)
{
    struct seen s = { r, j };
    json_list(j, "workers");
    children_each(r->children, put_worker, &s);
    json_list_end(j);
}

/* --- counters */

static void put_counters(struct json *j, struct shm *shm)
{
    json_object(j, "counters");
    for (int i = 0; i < COUNTER_NAMED; i++)
        json_number(j, counter_name((enum counter)i), shm_total(shm, (enum counter)i));
    json_object_end(j);
}

/* There are a hundred reasons: those that have not happened are left out. */
static void put_reasons(struct json *j, struct shm *shm, const char *name,
                        enum counter (*counter_of)(enum refusal))
{
    json_object(j, name);
    for (int i = REFUSAL_NONE + 1; i < REFUSAL_COUNT; i++) {
        uint64_t count = shm_total(shm, counter_of((enum refusal)i));
        if (count > 0)
            json_number(j, refusal_label((enum refusal)i), count);
    }
    json_object_end(j);
}

/* --- pools and certificates */

static void put_pools(struct json *j, const struct config *c)
{
    json_list(j, "pools");
    for (size_t i = 0; i < c->cluster_count; i++) {
        const struct cluster_conf *conf = cluster_conf(c->clusters[i]);
        json_object(j, NULL);
        json_text(j, "name", conf->name);
        json_word(j, "balance", conf->balance->name);
        json_text(j, "key", conf->key.text);
        json_hash(j, "fingerprint", cluster_fingerprint(c->clusters[i]));
        json_number(j, "servers", conf->server_count);
        json_object_end(j);
    }
    json_list_end(j);
}

static void put_certificate(struct json *j, const struct running *r, const struct host_conf *host,
                            size_t n)
{
    const struct tls_cert_info *info = tls_ctx_cert(host->tls, n);
    json_object(j, NULL);
    json_text(j, "host", host->names[0]);
    json_text(j, "file", host->cert_files[n]);
    json_word(j, "subject", info->subject);
    json_word(j, "names", info->names);
    json_word(j, "key_type", info->key_type);
    put_time(j, "not_before", info->not_before * 1000);
    put_time(j, "not_after", info->not_after * 1000);
    json_signed(j, "days_left", running_days_until(r, info->not_after));
    json_object_end(j);
}

static void put_certificates(struct json *j, const struct running *r)
{
    const struct config *c = r->held->config;
    json_list(j, "certificates");
    for (size_t i = 0; i < c->listener_count; i++) {
        for (size_t k = 0; k < c->listeners[i].host_count; k++) {
            const struct host_conf *host = &c->listeners[i].hosts[k];
            size_t count = host->tls != NULL ? tls_ctx_cert_count(host->tls) : 0;
            for (size_t n = 0; n < count; n++)
                put_certificate(j, r, host, n);
        }
    }
    json_list_end(j);
}

void status_print_json(const struct running *r, struct buf *out)
{
    struct json j = json_to(out);
    json_object(&j, NULL);
    put_program(&j, r);
    put_reload(&j, r->last);
    put_listeners(&j, r->held->config);
    put_descriptors(&j, r->held->config);
    put_workers(&j, r);
    put_counters(&j, r->held->shm);
    put_reasons(&j, r->held->shm, "refused", counter_refused);
    put_reasons(&j, r->held->shm, "distrusted", counter_distrusted);
    put_pools(&j, r->held->config);
    put_certificates(&j, r);
    json_object_end(&j);
    buf_add(out, "\n");
}
