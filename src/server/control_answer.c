/* SPDX-License-Identifier: Apache-2.0 */
#include "server/control_answer.h"

#include "base/json.h"

bool control_wants_text(const struct control_call *call)
{
    return fields_list_has(&call->request->fields, FIELD_ACCEPT, SLICE("text/plain"));
}

static const char *type_of(bool text)
{
    return text ? "text/plain; charset=utf-8" : "application/json";
}

void control_answer_with(struct control_call *call, unsigned status, bool text,
                         const struct buf *body)
{
    control_call_answer(call, &(struct control_answer){ .status = status,
                                                        .type = type_of(text),
                                                        .body = buf_view(body) });
}

static void fail_with(struct control_call *call, unsigned status, struct slice why,
                      const char *allow)
{
    bool text = control_wants_text(call);
    struct buf body;
    buf_init(&body);
    if (text) {
        buf_printf(&body, "error: %.*s\n", SLICE_ARG(why));
    } else {
        struct json j = json_to(&body);
        json_object(&j, NULL);
        json_text(&j, "error", why);
        json_object_end(&j);
        buf_add(&body, "\n");
    }
    control_call_answer(call, &(struct control_answer){ .status = status,
                                                        .type = type_of(text),
                                                        .allow = allow,
                                                        .body = buf_view(&body) });
    buf_done(&body);
}

void control_fail(struct control_call *call, unsigned status, const char *why)
{
    fail_with(call, status, slice_str(why), NULL);
}

void control_fail_method(struct control_call *call, const char *allow)
{
    fail_with(call, 405, arena_printf(call->arena, "the method here is %s", allow), allow);
}

bool control_has_no_query(struct control_call *call)
{
    if (call->request->uri.query.len == 0)
        return true;
    control_fail(call, 400, "it takes no parameters");
    return false;
}
