/* SPDX-License-Identifier: Apache-2.0 */
#include "server/control_reload.h"

#include "base/json.h"
#include "server/control_answer.h"

#include <string.h>

struct asked_reload { /* in the call's arena */
    struct reload_wish wish;
    struct reload *reload;
    struct control_call *call;
};

static void put_changes(struct json *j, struct slice changes)
{
    struct slice line;
    json_list(j, "changes");
    while (slice_split(&changes, '\n', &line))
        if (line.len > 0)
            json_text(j, NULL, line);
    json_list_end(j);
}

static void print_changes(struct slice changes, struct buf *out)
{
    struct slice line;
    if (changes.len == 0)
        buf_add(out, "  nothing changed\n");
    while (slice_split(&changes, '\n', &line))
        if (line.len > 0)
            buf_printf(out, "  %.*s\n", SLICE_ARG(line));
}

static void print_outcome(const struct reload_outcome *o, struct buf *out)
{
    buf_append(out, o->diags);
    if (o->committed) {
        buf_printf(out, "generation %u is in force after %llu ms:\n", o->generation,
                   (unsigned long long)o->took_ms);
        print_changes(o->changes, out);
    } else if (o->diags.len == 0) {
        buf_printf(out, "error: %.*s\n", SLICE_ARG(o->why));
    }
}

static void print_outcome_json(const struct reload_outcome *o, struct buf *out)
{
    struct slice diags = slice_trim(o->diags_json);
    struct json j = json_to(out);
    while (slice_ends(diags, SLICE("\n")))
        diags.len--;
    json_object(&j, NULL);
    if (!o->committed)
        json_text(&j, "error", o->why);
    json_bool(&j, "committed", o->committed);
    json_number(&j, "generation", o->generation);
    json_number(&j, "ms", o->took_ms);
    put_changes(&j, o->changes);
    json_raw(&j, "diagnostics", diags.len > 0 ? diags : SLICE("[]"));
    json_text(&j, "text", o->diags);
    json_object_end(&j);
    buf_add(out, "\n");
}

/* Quotes inside a text are escaped, so this can only be a member. */
static bool is_bad_config(const struct reload_outcome *o)
{
    static const char error[] = "\"severity\":\"error\"";
    return o->diags_json.len > 0 &&
           memmem(o->diags_json.ptr, o->diags_json.len, error, sizeof(error) - 1) != NULL;
}

static unsigned status_of(const struct reload_outcome *o)
{
    if (o->committed)
        return 200;
    return is_bad_config(o) ? 422 : 409;
}

static void on_outcome(struct reload_wish *w, const struct reload_outcome *o)
{
    struct asked_reload *asked = CONTAINER_OF(w, struct asked_reload, wish);
    bool text = control_wants_text(asked->call);
    struct buf body;
    buf_init(&body);
    asked->call->on_gone = NULL;
    if (text)
        print_outcome(o, &body);
    else
        print_outcome_json(o, &body);
    control_answer_with(asked->call, status_of(o), text, &body);
    buf_done(&body);
}

static void on_asker_gone(struct control_call *call)
{
    struct asked_reload *asked = call->user;
    reload_cancel(asked->reload, &asked->wish);
}

void control_reload(struct control_call *call, struct reload *r)
{
    if (!control_has_no_query(call))
        return;
    struct asked_reload *asked = arena_zalloc(call->arena, sizeof(*asked));
    asked->wish.on_done = on_outcome;
    asked->reload = r;
    asked->call = call;
    call->on_gone = on_asker_gone;
    call->user = asked;
    reload_ask(r, &asked->wish);
}
