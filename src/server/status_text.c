/* SPDX-License-Identifier: Apache-2.0 */
#include "base/table.h"
#include "server/descriptors.h"
#include "server/status.h"
#include "version.h"

#include <stdio.h>
#include <sys/resource.h>
#include <unistd.h>

#define INDENT 2

/* "2d 3h", "3h 4m", "4m 5s", "5s": two units are as exact as anybody reads. */
#define SPAN_TEXT_MAX 48
static const char *span_text(uint64_t ms, char out[static SPAN_TEXT_MAX])
{
    unsigned long long s = ms / 1000, m = s / 60, h = m / 60, d = h / 24;
    if (d > 0)
        snprintf(out, SPAN_TEXT_MAX, "%llud %lluh", d, h % 24);
    else if (h > 0)
        snprintf(out, SPAN_TEXT_MAX, "%lluh %llum", h, m % 60);
    else if (m > 0)
        snprintf(out, SPAN_TEXT_MAX, "%llum %llus", m, s % 60);
    else
        snprintf(out, SPAN_TEXT_MAX, "%llus", s);
    return out;
}

/* --- the program */

static void add_reload(struct table *t, const struct running_reload *last)
{
    char at[RUNNING_TIME_MAX];
    if (last == NULL)
        return;
    table_cell(t, "last reload");
    if (last->committed)
        table_cell(t, "generation %u in force after %llu ms, %s", last->generation,
                   (unsigned long long)last->took_ms, running_time(last->at_ms, at));
    else
        table_cell(t, "refused %s: %s", running_time(last->at_ms, at), last->why);
}

static void add_listeners(struct table *t, const struct config *c)
{
    char text[ADDR_TEXT_MAX];
    const char *name = "listening";
    for (size_t i = 0; i < c->listener_count; i++) {
        for (size_t k = 0; k < c->listeners[i].addr_count; k++, name = "") {
            table_cell(t, "%s", name);
            table_cell(t, "%s://%s", c->listeners[i].sni != NULL ? "https" : "http",
                       addr_text(&c->listeners[i].addrs[k], text));
        }
    }
}

static void add_descriptors(struct table *t, const struct config *c)
{
    struct rlimit limit;
    uint64_t needed = descriptors_needed(c);
    if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
        return;
    table_cell(t, "descriptors");
    if (needed > 0)
        table_cell(t, "limit %llu, a worker may need %llu", (unsigned long long)limit.rlim_cur,
                   (unsigned long long)needed);
    else
        table_cell(t, "limit %llu", (unsigned long long)limit.rlim_cur);
}

static void put_program(const struct running *r, struct buf *out)
{
    char up[SPAN_TEXT_MAX], loaded[RUNNING_TIME_MAX];
    struct table t;
    buf_printf(out, "signet %s, pid %d, up %s%s\n", SIGNET_VERSION, getpid(),
               span_text(r->now_ms - r->started_ms, up),
               r->draining ? ", ending: finishing what is in flight" : "");
    table_init(&t, 2);
    table_cell(&t, "configuration");
    table_cell(&t, "%s, generation %u, loaded %s", r->config_path, r->held->generation,
               running_time(r->loaded_wall_ms, loaded));
    add_reload(&t, r->last);
    add_listeners(&t, r->held->config);
    add_descriptors(&t, r->held->config);
    table_print(&t, INDENT, out);
    table_done(&t);
}

/* --- workers */

struct seen {
    const struct running *running;
    struct table *table;
};

static void add_worker(void *user, const struct child_info *child)
{
    const struct seen *s = user;
    struct running_worker w = running_worker(s->running, child);
    char age[SPAN_TEXT_MAX];
    table_cell(s->table, "%u", child->number);
    table_cell(s->table, child->pid != 0 ? "%d" : "-", child->pid);
    table_cell(s->table, "%s", child->state);
    table_cell(s->table, "%s", span_text(child->age_ms, age));
    table_cell(s->table, "%llu", (unsigned long long)w.connections);
    table_cell(s->table, "%llu", (unsigned long long)w.in_flight);
    table_cell(s->table, "%llu ms", (unsigned long long)w.silent_ms);
    table_cell(s->table, "%llu", (unsigned long long)child->falls);
    if (child->lent_to >= 0)
        table_cell(s->table, "worker %d accepts for it", child->lent_to);
    else
        table_cell(s->table, "%s", "");
}

static void put_workers(const struct running *r, struct buf *out)
{
    static const char *const heads[] = { "worker",    "pid",    "state", "age", "connections",
                                         "in flight", "silent", "falls", "" };
    struct table t;
    struct seen s = { r, &t };
    table_init(&t, sizeof(heads) / sizeof(heads[0]));
    for (size_t i = 0; i < sizeof(heads) / sizeof(heads[0]); i++)
        table_cell(&t, "%s", heads[i]);
    children_each(r->children, add_worker, &s);
    buf_add(out, "\n");
    table_print(&t, INDENT, out);
    table_done(&t);
}

/* --- pools and certificates */

static size_t passed_over(const struct cluster *c)
{
    size_t count = 0;
    for (size_t i = 0; i < cluster_conf(c)->server_count; i++)
        count += cluster_skip_reason(c, i) != NULL;
    return count;
}

static void put_pools(const struct config *c, struct buf *out)
{
    struct table t;
    table_init(&t, 6);
    for (size_t i = 0; i < c->cluster_count; i++) {
        const struct cluster_conf *conf = cluster_conf(c->clusters[i]);
        size_t skipped = passed_over(c->clusters[i]);
        table_cell(&t, "pool %.*s", SLICE_ARG(conf->name));
        table_cell(&t, "%s", conf->balance->name);
        table_cell(&t, "key=%.*s", SLICE_ARG(conf->key.text));
        table_cell(&t, "%016llx", (unsigned long long)cluster_fingerprint(c->clusters[i]));
        table_cell(&t, "%zu server%s", conf->server_count, conf->server_count == 1 ? "" : "s");
        if (skipped > 0)
            table_cell(&t, "%zu passed over", skipped);
        else
            table_cell(&t, "%s", "");
    }
    if (c->cluster_count > 0)
        buf_add(out, "\n");
    table_print(&t, INDENT, out);
    table_done(&t);
}

static void add_certificate(struct table *t, const struct running *r, const struct host_conf *host,
                            size_t n)
{
    const struct tls_cert_info *info = tls_ctx_cert(host->tls, n);
    char until[RUNNING_TIME_MAX];
    long long days = (long long)running_days_until(r, info->not_after);
    table_cell(t, "host %.*s", SLICE_ARG(host->names[0]));
    table_cell(t, "%s", info->key_type);
    table_cell(t, "until %.10s", running_time(info->not_after * 1000, until));
    if (days < 0)
        table_cell(t, "expired");
    else
        table_cell(t, "%lld day%s left", days, days == 1 ? "" : "s");
    table_cell(t, "%.*s", SLICE_ARG(host->cert_files[n]));
}

static void put_certificates(const struct running *r, struct buf *out)
{
    const struct config *c = r->held->config;
    struct table t;
    table_init(&t, 5);
    for (size_t i = 0; i < c->listener_count; i++) {
        for (size_t k = 0; k < c->listeners[i].host_count; k++) {
            const struct host_conf *host = &c->listeners[i].hosts[k];
            size_t count = host->tls != NULL ? tls_ctx_cert_count(host->tls) : 0;
            for (size_t n = 0; n < count; n++)
                add_certificate(&t, r, host, n);
        }
    }
    if (t.count > 0)
        buf_add(out, "\n");
    table_print(&t, INDENT, out);
    table_done(&t);
}

/* --- counters: those that are not zero */

static void add_count(struct table *t, const char *of, const char *name, uint64_t count)
{
    if (count == 0)
        return;
    table_cell(t, "%s%s", of, name);
    table_cell(t, "%llu", (unsigned long long)count);
}

static void put_counters(struct shm *shm, struct buf *out)
{
    struct table t;
    table_init(&t, 2);
    for (int i = 0; i < COUNTER_NAMED; i++)
        add_count(&t, "", counter_name((enum counter)i), shm_total(shm, (enum counter)i));
    for (int i = REFUSAL_NONE + 1; i < REFUSAL_COUNT; i++)
        add_count(&t, "refused: ", refusal_label((enum refusal)i),
                  shm_total(shm, counter_refused((enum refusal)i)));
    for (int i = REFUSAL_NONE + 1; i < REFUSAL_COUNT; i++)
        add_count(&t, "distrusted: ", refusal_label((enum refusal)i),
                  shm_total(shm, counter_distrusted((enum refusal)i)));
    if (t.count > 0)
        buf_add(out, "\n");
    table_print(&t, INDENT, out);
    table_done(&t);
}

void status_print(const struct running *r, struct buf *out)
{
    put_program(r, out);
    put_workers(r, out);
    put_pools(r->held->config, out);
    put_certificates(r, out);
    put_counters(r->held->shm, out);
}
