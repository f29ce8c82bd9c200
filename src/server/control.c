/* SPDX-License-Identifier: Apache-2.0 */
#include "server/control.h"

#include "base/log.h"
#include "base/mem.h"
#include "http/query.h"
#include "server/control_answer.h"
#include "server/control_reload.h"
#include "server/explain.h"
#include "server/status.h"

#include <errno.h>
#include <stdio.h>
#include <unistd.h>

struct control {
    struct control_setup setup;
    struct control_server *server;
    struct running_reload last;
    bool reloaded; /* `last` is set */
    bool draining;
    uint64_t started_ms;
    int64_t started_wall_ms, loaded_wall_ms;
};

/* --- what runs */

static struct running running_now(const struct control *c)
{
    return (struct running){
        .config_path = c->setup.config_path,
        .held = c->setup.held,
        .children = c->setup.children,
        .last = c->reloaded ? &c->last : NULL,
        .now_ms = loop_now_ms(c->setup.loop),
        .wall_ms = loop_wall_ms(c->setup.loop),
        .started_ms = c->started_ms,
        .started_wall_ms = c->started_wall_ms,
        .loaded_wall_ms = c->loaded_wall_ms,
        .draining = c->draining,
    };
}

static void show_status(struct control *c, struct control_call *call)
{
    struct running now = running_now(c);
    bool text = control_wants_text(call);
    struct buf body;
    if (!control_has_no_query(call))
        return;
    buf_init(&body);
    if (text)
        status_print(&now, &body);
    else
        status_print_json(&now, &body);
    control_answer_with(call, 200, text, &body);
    buf_done(&body);
}

static void show_config(struct control *c, struct control_call *call)
{
    struct running now = running_now(c);
    struct buf body;
    if (!control_has_no_query(call))
        return;
    buf_init(&body);
    status_print_config_json(&now, &body);
    control_answer_with(call, 200, false, &body);
    buf_done(&body);
}

static void show_pools(struct control *c, struct control_call *call)
{
    struct buf body;
    if (!control_has_no_query(call))
        return;
    buf_init(&body);
    status_print_pools_json(c->setup.held->config, &body);
    control_answer_with(call, 200, false, &body);
    buf_done(&body);
}

/* --- explain */

struct question { /* one /v1/explain */
    struct slice url;
    struct fields fields;
    struct addr client;
};

/* NULL, or what is wrong with the parameter. */
static const char *take_parameter(struct question *q, struct slice name, struct slice value)
{
    if (slice_eq(name, SLICE("url"))) {
        if (q->url.ptr != NULL)
            return "one url at a time";
        q->url = value;
        return NULL;
    }
    if (slice_eq(name, SLICE("header")))
        return explain_add_field(&q->fields, value);
    if (!slice_eq(name, SLICE("client")))
        return "unknown parameter: there are url, header and client";
    return addr_parse_ip(value, &q->client) == 0 ? NULL : "client is no IP address";
}

static const char *read_question(struct question *q, struct control_call *call)
{
    struct slice rest = call->request->uri.query, name, value;
    fields_init(&q->fields, call->arena);
    addr_parse_ip(SLICE("127.0.0.1"), &q->client);
    const char *why = NULL;
    int r;
    while (why == NULL && (r = query_next(&rest, call->arena, &name, &value)) != 0)
        why = r < 0 ? "a percent sign stands without two digits" : take_parameter(q, name, value);
    return why == NULL && q->url.ptr == NULL ? "url is missing: /v1/explain?url=..." : why;
}

static void show_explanation(struct control *c, struct control_call *call)
{
    struct question q = { 0 };
    const char *why = read_question(&q, call);
    if (why != NULL) {
        control_fail(call, 400, why);
        return;
    }
    const struct explain_request request = { q.url, &q.fields, &q.client };
    struct explanation e;
    if (explain(c->setup.held->config, &request, call->arena, &e) < 0) {
        control_fail(call, 400, e.malformed);
        return;
    }
    bool text = control_wants_text(call);
    struct buf body;
    buf_init(&body);
    if (text)
        explain_print(&e, &body);
    else
        explain_print_json(&e, &body);
    control_answer_with(call, 200, text, &body);
    buf_done(&body);
}

/* --- reload, stop, reopen */

/* Zero or one "now=1". False: something else was said. */
static bool read_now(struct control_call *call, bool *ret_now)
{
    struct slice rest = call->request->uri.query, name, value;
    int r;
    *ret_now = false;
    while ((r = query_next(&rest, call->arena, &name, &value)) == 1) {
        if (!slice_eq(name, SLICE("now")) || !slice_eq(value, SLICE("1")))
            return false;
        *ret_now = true;
    }
    return r == 0;
}

static void ask_reload(struct control *c, struct control_call *call)
{
    if (c->draining)
        control_fail(call, 503, "signet is ending");
    else
        control_reload(call, c->setup.reload);
}

static void ask_stop(struct control *c, struct control_call *call)
{
    bool now, text = control_wants_text(call);
    if (!read_now(call, &now)) {
        control_fail(call, 400, "its one parameter is now=1");
        return;
    }
    uint64_t drain_ms = now ? 0 : c->setup.held->config->drain_ms;
    struct buf body;
    buf_init(&body);
    if (now && text)
        buf_add(&body, "ending at once\n");
    else if (text)
        buf_printf(&body, "finishing what is in flight, for up to %llu ms\n",
                   (unsigned long long)drain_ms);
    else
        buf_printf(&body, "{\"stopping\":true,\"drain_ms\":%llu}\n", (unsigned long long)drain_ms);
    control_answer_with(call, 202, text, &body);
    buf_done(&body);
    c->setup.stop(c->setup.user, now);
}

static void ask_reopen(struct control *c, struct control_call *call)
{
    struct err e = { 0 };
    bool text = control_wants_text(call);
    if (!control_has_no_query(call))
        return;
    if (c->setup.reopen(c->setup.user, &e) < 0) {
        control_fail(call, 500, e.text);
        return;
    }
    struct buf body;
    buf_init(&body);
    buf_add(&body, text ? "the logs are open anew\n" : "{\"reopened\":true}\n");
    control_answer_with(call, 200, text, &body);
    buf_done(&body);
}

/* --- who may ask what */

/* A row a line. */
/* clang-format off */
static const struct endpoint {
    const char *path;
    bool changes; /* POST, and a line in the log; else GET and HEAD */
    void (*serve)(struct control *c, struct control_call *call); /* NULL: not by this version */
} endpoints[] = {
    { "/v1/status", false, show_status },
    { "/v1/config", false, show_config },
    { "/v1/pools", false, show_pools },
    { "/v1/explain", false, show_explanation },
    { "/v1/reload", true, ask_reload },
    { "/v1/stop", true, ask_stop },
    { "/v1/reopen", true, ask_reopen },
    { "/v1/upgrade", true, NULL },
    { "/metrics", false, NULL },
};
/* clang-format on */

static const struct endpoint *find_endpoint(struct slice path)
{
    static const struct endpoint pool_state = { "/v1/pools/", true, NULL };
    for (size_t i = 0; i < sizeof(endpoints) / sizeof(endpoints[0]); i++)
        if (slice_eq(path, slice_str(endpoints[i].path)))
            return &endpoints[i];
    return slice_starts(path, slice_str(pool_state.path)) ? &pool_state : NULL;
}

static bool method_fits(const struct endpoint *at, enum method method)
{
    if (at->changes)
        return method == METHOD_POST;
    return method == METHOD_GET || method == METHOD_HEAD;
}

struct suspect {
    pid_t pid;
    bool is_worker;
};

static void compare(void *user, const struct child_info *child)
{
    struct suspect *s = user;
    s->is_worker = s->is_worker || child->pid == s->pid;
}

/* Whoever may connect by the socket's mode has to be root, or who we are. Where workers are that
 * too, one that was taken over gains nothing here. */
static bool may_ask(const struct control *c, const struct control_call *call)
{
    struct suspect s = { .pid = call->pid };
    if (call->uid != 0 && call->uid != geteuid())
        return false;
    children_each(c->setup.children, compare, &s);
    return !s.is_worker;
}

static void serve(struct control *c, struct control_call *call)
{
    const struct endpoint *at = find_endpoint(call->request->uri.path);
    if (at == NULL) {
        control_fail(call, 404, "no such path");
    } else if (at->serve == NULL) {
        control_fail(call, 501, "not supported by this version");
    } else if (!method_fits(at, call->request->method_id)) {
        control_fail_method(call, at->changes ? "POST" : "GET, HEAD");
    } else {
        if (at->changes)
            log_info("pid %d, uid %u asks for %s", (int)call->pid, (unsigned)call->uid, at->path);
        at->serve(c, call);
    }
}

static void on_call(void *user, struct control_call *call)
{
    if (may_ask(user, call))
        serve(user, call);
    else
        control_fail(call, 403, "only root and the user that Signet runs as may ask");
}

/* --- life */

struct control *control_new(const struct control_setup *setup)
{
    struct control *c = mem_zalloc(sizeof(*c));
    c->setup = *setup;
    c->server = control_server_new(setup->loop, on_call, c);
    c->started_ms = loop_now_ms(setup->loop);
    c->started_wall_ms = c->loaded_wall_ms = loop_wall_ms(setup->loop);
    return c;
}

void control_free(struct control *c)
{
    if (c == NULL)
        return;
    control_server_free(c->server);
    mem_free(c);
}

int control_listen(struct control *c, const struct control_conf *conf, struct err *e)
{
    return control_server_listen(c->server, conf, e);
}

void control_note_reload(struct control *c, const struct reload_outcome *o)
{
    c->reloaded = true;
    c->last = (struct running_reload){ .committed = o->committed,
                                       .generation = o->generation,
                                       .took_ms = o->took_ms,
                                       .at_ms = loop_wall_ms(c->setup.loop) };
    snprintf(c->last.why, sizeof(c->last.why), "%.*s", SLICE_ARG(o->why));
    if (o->committed)
        c->loaded_wall_ms = c->last.at_ms;
}

void control_note_stop(struct control *c)
{
    c->draining = true;
}
