/* SPDX-License-Identifier: Apache-2.0 */
#include "proxy/reply.h"

#include "base/log.h"
#include "http/status.h"

/* --- does the client prefer JSON? */

/* A weight in thousandths (RFC 9110 12.4.2): "0.5" is 500. 1000 for what is no weight. */
static unsigned parse_weight(struct slice s)
{
    unsigned value = 0, unit = 1000;
    for (size_t i = 0; i < s.len; i++) {
        char c = s.ptr[i];
        if (i == 1 && c == '.')
            continue;
        if (c < '0' || c > '9' || i > 4)
            return 1000;
        value += (unsigned)(c - '0') * unit;
        unit /= 10;
    }
    return s.len == 0 || value > 1000 ? 1000 : value;
}

static unsigned weight_of(struct slice parameters)
{
    struct slice p;
    while (slice_split(&parameters, ';', &p)) {
        p = slice_trim(p);
        if (slice_eq_nocase(slice_first(p, 2), SLICE("q=")))
            return parse_weight(slice_from(p, 2));
    }
    return 1000;
}

static bool is_json(struct slice type)
{
    static const size_t prefix = sizeof "application/" - 1;
    return slice_eq_nocase(type, SLICE("application/json")) ||
           (slice_eq_nocase(slice_first(type, prefix), SLICE("application/")) &&
            slice_ends(type, SLICE("+json")));
}

static bool is_text(struct slice type)
{
    return slice_eq_nocase(slice_first(type, 5), SLICE("text/"));
}

/* The first of the heaviest wins: "application/json, text/plain, *" is how scripts ask for JSON. */
bool reply_prefers_json(const struct fields *request)
{
    bool json = false;
    unsigned best = 0;
    for (size_t i = 0; i < request->count; i++) {
        if (request->list[i].id != FIELD_ACCEPT)
            continue;
        struct slice rest = request->list[i].value, range;
        while (field_list_next(&rest, &range)) {
            struct slice type;
            slice_split(&range, ';', &type);
            type = slice_trim(type);
            unsigned weight = is_json(type) || is_text(type) ? weight_of(range) : 0;
            if (weight > best) {
                best = weight;
                json = is_json(type);
            }
        }
    }
    return json;
}

/* --- bodies */

static struct slice error_body(const struct reply *r, bool json, struct arena *a)
{
    char why[512];
    size_t len = log_escape(why, sizeof why, slice_str(r->why), ESCAPE_JSON);
    struct slice reason = status_reason(r->status);
    if (json)
        return arena_printf(a, "{\"status\":%u,\"error\":\"%.*s\",\"reason\":\"%.*s\"}\n",
                            r->status, SLICE_ARG(reason), (int)len, why);
    return arena_printf(a, "%u %.*s: %s\n", r->status, SLICE_ARG(reason), r->why);
}

static struct slice redirect_body(const struct reply *r, struct arena *a)
{
    return arena_printf(a, "%u %.*s\n", r->status, SLICE_ARG(status_reason(r->status)));
}

/* The body, and its type in *ret_type. */
static struct slice make_body(const struct message *request, const struct reply *r, struct arena *a,
                              struct slice *ret_type)
{
    *ret_type = SLICE("text/plain; charset=utf-8");
    if (r->why == NULL)
        return r->location.len > 0 ? redirect_body(r, a) : r->body;
    bool json = reply_prefers_json(&request->fields);
    if (json)
        *ret_type = SLICE("application/json");
    return error_body(r, json, a);
}

/* --- the head */

static void add_fields(const struct reply *r, struct slice date, struct message *m)
{
    struct fields *f = &m->fields;
    if (date.len > 0)
        fields_add_known(f, FIELD_DATE, date);
    if (r->location.len > 0)
        fields_add_known(f, FIELD_LOCATION, r->location);
    if (r->status == 405)
        fields_add(f, SLICE("Allow"), SLICE("GET, HEAD, POST, PUT, DELETE, OPTIONS, PATCH"));
    fields_add_known(f, FIELD_PROXY_STATUS,
                     r->error == NULL ? SLICE("signet")
                                      : arena_printf(m->arena, "signet; error=%s", r->error));
}

int reply_send(struct stream *down, const struct message *request, const struct reply *r,
               struct slice date, struct arena *a)
{
    struct message m;
    message_init(&m, a);
    m.version = HTTP_1_1;
    m.status = r->status;
    m.close = r->close;
    add_fields(r, date, &m);

    struct slice type, body = make_body(request, r, a, &type);
    bool has_body = message_may_have_body(request->method_id, r->status);
    if (has_body || request->method_id == METHOD_HEAD) { /* HEAD is told what GET would be */
        m.length = body.len;
        if (body.len > 0)
            fields_add_known(&m.fields, FIELD_CONTENT_TYPE, type);
    }
    m.body = has_body ? BODY_LENGTH : BODY_NONE;

    bool end = !has_body || body.len == 0;
    int result = down->ops->send_head(down, &m, HEAD_FINAL, end);
    if (result == 0 && !end)
        down->ops->send_body(down, body, true);
    return result;
}
