/* SPDX-License-Identifier: Apache-2.0 */
#include "server/reload.h"

#include "base/log.h"
#include "base/mem.h"
#include "server/config_build.h"
#include "server/reload_reader.h"
#include "server/retired.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define SLICE_US  5000 /* of building, in one turn of the loop */
#define UNCHANGED "the running configuration is unchanged"

enum reload_state {
    RELOAD_IDLE,
    RELOAD_READING,   /* the reader reads */
    RELOAD_BUILDING,  /* the master builds what was read, a slice a turn */
    RELOAD_PREPARING, /* everything is open, the workers build */
};
struct reload {
    struct reload_setup setup;
    enum reload_state state;
    struct link asked;  /* wishes for the next run */
    struct link served; /* wishes for this one */
    bool again;         /* somebody has asked for the next run */
    uint64_t asked_ms, served_ms;
    struct deferred work;
    const char *ended;        /* why nothing is reloaded any more; NULL: not so */
    uint32_t last_generation; /* that workers were asked to prepare: never used twice */
    /* Of this run. */
    struct reader *reader;
    struct config_builder *builder;
    struct diags *diags;
    struct holdings next;
    struct buf changes;
    struct retired *retired;
    struct link stuck; /* former readers that cannot end */
};

static const struct holdings no_holdings = { .logs = { -1, -1 }, .bundle = -1 };

/* --- the end of a run */

/* All that the run has made, which nobody uses. */
static void drop_run(struct reload *r)
{
    reader_free(r->reader);
    r->reader = NULL;
    if (r->state == RELOAD_PREPARING)
        children_forget(r->setup.children);
    if (r->builder != NULL)
        config_unref(config_builder_end(r->builder));
    r->builder = NULL;
    holdings_forget(r->setup.held, &r->next);
    r->next = no_holdings;
    diags_free(r->diags);
    r->diags = NULL;
    buf_done(&r->changes);
    r->state = RELOAD_IDLE;
}

static void answer(struct link *wishes, const struct reload_outcome *o)
{
    while (!list_empty(wishes)) {
        struct reload_wish *w = CONTAINER_OF(wishes->next, struct reload_wish, link);
        list_remove(&w->link);
        if (w->on_done != NULL)
            w->on_done(w, o);
    }
}

/* Tells everybody, then begins the next run if it is wished for. */
static void tell(struct reload *r, struct reload_outcome *o)
{
    o->generation = r->setup.held->generation;
    o->took_ms = loop_now_ms(r->setup.loop) - r->served_ms;
    r->setup.on_outcome(r->setup.user, o);
    answer(&r->served, o);
    if (r->again)
        loop_defer(r->setup.loop, &r->work);
}

static void refuse(struct reload *r, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Nothing has changed. */
static void refuse(struct reload *r, const char *format, ...)
{
    char why[1024];
    va_list args;
    va_start(args, format);
    vsnprintf(why, sizeof(why), format, args);
    va_end(args);
    drop_run(r);
    tell(r, &(struct reload_outcome){ .why = slice_str(why) });
}

struct said { /* diagnostics in the three ways they are told */
    struct buf text, json, lines;
};

static void said_init(struct said *s, const struct diags *d, const char *outcome)
{
    *s = (struct said){ 0 };
    if (d == NULL)
        return;
    diags_print(d, false, outcome, &s->text);
    diags_print_json(d, &s->json);
    diags_print_lines(d, &s->lines);
}

static void said_done(struct said *s)
{
    buf_done(&s->text);
    buf_done(&s->json);
    buf_done(&s->lines);
}

/* What is wrong stands in the run's diagnostics. */
static void refuse_config(struct reload *r)
{
    struct said said;
    said_init(&said, r->diags, UNCHANGED);
    struct reload_outcome o = { .why = SLICE("the configuration has errors"),
                                .diags = buf_view(&said.text),
                                .diags_json = buf_view(&said.json),
                                .diags_lines = buf_view(&said.lines) };
    drop_run(r);
    tell(r, &o);
    said_done(&said);
}

/* --- commit */

/* From here on nothing can fail. */
static void commit(struct reload *r)
{
    struct holdings *held = r->setup.held, former;
    config_use(r->next.config);
    holdings_replace(held, &r->next, &former);
    log_open(held->logs.error_fd, (enum log_level)held->config->error_log.level, "master");
    const struct children_next next = {
        .count = (unsigned)held->config->workers,
        .bundle = held->bundle,
        .logs = &held->logs,
        .sockets = held->sockets,
    };
    children_commit(r->setup.children, &next);
    listen_set_retire(former.sockets, held->sockets);
    retired_add(r->retired, former.sockets);
    former.sockets = NULL;
    holdings_forget(held, &former);
    r->state = RELOAD_IDLE;
}

static void tell_commit(struct reload *r)
{
    char outcome[64];
    snprintf(outcome, sizeof(outcome), "generation %u is in force", r->setup.held->generation);
    struct said said;
    said_init(&said, r->diags, outcome);
    struct buf changes = r->changes;
    buf_init(&r->changes);
    struct reload_outcome o = { .committed = true,
                                .changes = buf_view(&changes),
                                .diags = buf_view(&said.text),
                                .diags_json = buf_view(&said.json),
                                .diags_lines = buf_view(&said.lines) };
    drop_run(r);
    tell(r, &o);
    said_done(&said);
    buf_done(&changes);
}

/* What a reopening or a file system could still change under us is done last, in the turn of the
 * commit. */
static void on_prepared(void *user, const char *why)
{
    struct reload *r = user;
    if (why != NULL) {
        refuse(r, "%s", why);
        return;
    }
    if (holdings_open_logs(r->setup.held, &r->next, r->diags) < 0 ||
        (r->setup.before_commit != NULL &&
         r->setup.before_commit(r->setup.user, r->next.config, r->diags) < 0)) {
        refuse_config(r);
        return;
    }
    commit(r);
    tell_commit(r);
}

/* --- building, opening */

static void prepare(struct reload *r)
{
    struct err e = { 0 };
    int failed = holdings_open_sockets(r->setup.held, &r->next, r->setup.config_path, r->diags, &e);
    if (diags_errors(r->diags) > 0) {
        refuse_config(r);
        return;
    }
    if (failed < 0) {
        refuse(r, "%s", e.text);
        return;
    }
    r->last_generation = r->next.generation;
    r->state = RELOAD_PREPARING;
    children_prepare(r->setup.children, r->next.generation, r->next.bundle, on_prepared, r);
}

static void build_slice(struct reload *r)
{
    if (config_builder_step(r->builder, SLICE_US)) {
        loop_defer(r->setup.loop, &r->work);
        return;
    }
    r->next.config = config_builder_end(r->builder);
    r->builder = NULL;
    if (r->next.config != NULL)
        prepare(r);
    else
        refuse_config(r);
}

static void begin_building(struct reload *r, struct sources *sources)
{
    const struct holdings *held = r->setup.held;
    r->next = holdings_next(held, r->last_generation + 1);
    r->next.sources = sources;
    r->diags = diags_new();
    r->builder = config_builder_new(sources, r->setup.config_path, held->registry, held->tickets,
                                    held->config, r->diags);
    r->state = RELOAD_BUILDING;
    loop_defer(r->setup.loop, &r->work);
}

/* --- reading */

static void refuse_reading(struct reload *r, const struct reading *reading)
{
    struct reload_outcome o = { .why = SLICE("the configuration has errors"),
                                .diags = reading->diags,
                                .diags_json = reading->diags_json,
                                .diags_lines = reading->lines };
    drop_run(r);
    tell(r, &o);
}

static void on_read(void *user, const struct reading *reading)
{
    struct reload *r = user;
    if (reading->why != NULL) {
        refuse(r, "%s", reading->why);
        return;
    }
    if (!reading->good) {
        refuse_reading(r, reading);
        return;
    }
    buf_append(&r->changes, reading->changes);
    reader_free(r->reader);
    r->reader = NULL;
    begin_building(r, reading->sources);
}

static void begin(struct reload *r)
{
    const struct reader_setup setup = {
        .loop = r->setup.loop,
        .config_path = r->setup.config_path,
        .held = r->setup.held,
        .on_read = on_read,
        .user = r,
        .stuck = &r->stuck,
    };
    r->again = false;
    r->served_ms = r->asked_ms;
    list_splice(&r->served, &r->asked);
    struct err e = { 0 };
    r->state = RELOAD_READING;
    if (reader_start(&setup, &r->reader, &e) < 0)
        refuse(r, "%s", e.text);
}

/* --- asking */

static void answer_ended(struct reload *r)
{
    const struct reload_outcome o = { .generation = r->setup.held->generation,
                                      .why = slice_str(r->ended) };
    r->again = false;
    list_splice(&r->served, &r->asked);
    r->setup.on_outcome(r->setup.user, &o);
    answer(&r->served, &o);
}

static void on_work(struct deferred *d)
{
    struct reload *r = CONTAINER_OF(d, struct reload, work);
    if (r->state == RELOAD_BUILDING)
        build_slice(r);
    else if (r->state != RELOAD_IDLE || !r->again)
        return;
    else if (r->ended != NULL)
        answer_ended(r);
    else
        begin(r);
}

struct reload *reload_new(const struct reload_setup *setup)
{
    struct reload *r = mem_zalloc(sizeof(*r));
    r->setup = *setup;
    r->last_generation = setup->held->generation;
    r->next = no_holdings;
    r->retired = retired_new(setup->loop);
    list_init(&r->asked);
    list_init(&r->served);
    list_init(&r->stuck);
    deferred_init(&r->work, on_work);
    return r;
}

void reload_free(struct reload *r)
{
    if (r == NULL)
        return;
    drop_run(r);
    deferred_cancel(&r->work);
    readers_abandon(&r->stuck);
    retired_free(r->retired);
    mem_free(r);
}

void reload_ask(struct reload *r, struct reload_wish *w)
{
    if (!r->again)
        r->asked_ms = loop_now_ms(r->setup.loop);
    r->again = true;
    if (w != NULL)
        list_append(&r->asked, &w->link);
    if (r->state == RELOAD_IDLE)
        loop_defer(r->setup.loop, &r->work);
}

void reload_cancel(struct reload *r, struct reload_wish *w)
{
    list_remove(&w->link);
}

void reload_end(struct reload *r, const char *why)
{
    if (r->ended != NULL)
        return;
    r->ended = why;
    bool waited_for = reload_running(r);
    drop_run(r);
    retired_close(r->retired);
    if (waited_for)
        answer_ended(r);
}

bool reload_running(const struct reload *r)
{
    return r->state != RELOAD_IDLE || r->again;
}
