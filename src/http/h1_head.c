/* SPDX-License-Identifier: Apache-2.0 */
#include "http/h1_head.h"

#include "http/h1_framing.h"
#include "http/upgrade.h"

#include <errno.h>

static void set_method(struct message *m, struct slice method)
{
    m->method = method;
    m->method_id = method_id(method);
}

void h1_head_partial(const struct h1_in *in, struct slice view, struct message *m)
{
    struct scan_span method = in->scan.method, target = in->scan.target;
    set_method(m, arena_copy(m->arena, slice_of(view.ptr + method.from, method.len)));
    m->target = arena_copy(m->arena, slice_of(view.ptr + target.from, target.len));
}

/* The parser stopped inside the head. Where that is about the body's length, as most often, our own
 * reading of the same fields says better what is wrong. */
static enum refusal explain(struct slice head, const struct message *m)
{
    struct message own;
    struct h1_framing ignored;
    message_init(&own, m->arena);
    own.version = m->version;
    fields_split(&own.fields, slice_from(head, slice_find(head, '\n') + 1));
    enum refusal why = h1_framing_read(&own, &ignored);
    return why != REFUSAL_NONE ? why : REFUSAL_PARSER;
}

/* Parser and framing decision. */
static enum refusal understand(struct h1_in *in, struct slice head, struct message *m,
                               struct h1_framing *ret_framing)
{
    enum refusal why = h1_parse_head(&in->parse, &in->scan, head, m);
    if (why == REFUSAL_PARSER)
        return explain(head, m);
    if (why == REFUSAL_NONE)
        why = h1_framing_read(m, ret_framing);
    if (why != REFUSAL_NONE)
        return why;
    struct h1_framing theirs = h1_parse_framing(&in->parse);
    if (!h1_framing_eq(ret_framing, &theirs))
        return REFUSAL_FRAMING_DISAGREES;
    return h1_framing_connection(m);
}

static bool has_underscore(const struct fields *f)
{
    for (size_t i = 0; i < f->count; i++)
        if (slice_find(f->list[i].name, '_') < f->list[i].name.len)
            return true;
    return false;
}

/* Fields whose meaning now stands in the message itself, and dropped names. */
static void strip_request(struct h1_in *in, struct fields *f)
{
    size_t kept = 0;
    for (size_t i = 0; i < f->count; i++) {
        enum field_id id = f->list[i].id;
        struct slice name = f->list[i].name;
        bool meant = id == FIELD_HOST || id == FIELD_CONTENT_LENGTH ||
                     id == FIELD_TRANSFER_ENCODING || id == FIELD_EXPECT;
        bool drop = in->underscore == UNDERSCORE_DROP && slice_find(name, '_') < name.len;
        if (!meant && !drop)
            f->list[kept++] = f->list[i];
    }
    f->count = kept;
}

static void strip_response(struct fields *f)
{
    fields_remove(f, FIELD_CONTENT_LENGTH);
    fields_remove(f, FIELD_TRANSFER_ENCODING);
}

/* Host and authority of the target (RFC 9112 3.2). */
static enum refusal read_authority(struct message *m, struct slice authority)
{
    const struct field *host = fields_find(&m->fields, FIELD_HOST);
    if (host == NULL && m->version == HTTP_1_1)
        return REFUSAL_HOST_MISSING;
    if (fields_count(&m->fields, FIELD_HOST) > 1)
        return REFUSAL_HOST_TWICE;
    if (host == NULL && authority.ptr == NULL)
        return REFUSAL_NONE;
    m->authority = host != NULL ? host->value : authority;
    enum refusal why = uri_parse_authority(m->authority, m->arena, &m->uri);
    if (why == REFUSAL_NONE && authority.ptr != NULL)
        why = uri_compare_authority(m->target, authority, &m->uri, m->arena);
    return why;
}

/* Before the parser sees it, whose own idea of a target differs between versions. */
static enum refusal read_target(struct message *m, struct slice *ret_authority)
{
    bool is_options = m->method_id == METHOD_OPTIONS;
    enum refusal why = uri_parse_target(m->target, is_options, m->arena, &m->uri, ret_authority);
    if (why == REFUSAL_NONE && ret_authority->ptr != NULL)
        why = uri_parse_authority(*ret_authority, m->arena, &m->uri);
    return why;
}

/* Of HTTP/1.0 an Upgrade is to be ignored, of others it may be (RFC 9110 7.8). Some servers take a
 * request that offers one to have no chunked body: its chunks would be their next request. */
static bool may_upgrade(const struct message *m)
{
    return m->version == HTTP_1_1 && m->body != BODY_CHUNKED;
}

static enum refusal interpret_request(struct h1_in *in, struct slice head, struct message *m)
{
    struct h1_framing framing;
    struct slice authority;
    if (m->method_id == METHOD_CONNECT) /* its target is no path: nothing could be routed */
        return REFUSAL_METHOD_CONNECT;
    enum refusal why = read_target(m, &authority);
    if (why == REFUSAL_NONE)
        why = understand(in, head, m, &framing);
    if (why != REFUSAL_NONE)
        return why;
    h1_framing_request_body(m, &framing);
    why = h1_framing_expect(m);
    if (why != REFUSAL_NONE)
        return why;
    if (framing.upgrade && may_upgrade(m))
        m->upgrade = upgrade_offer(&m->fields, m->arena);
    if (in->underscore == UNDERSCORE_REJECT && has_underscore(&m->fields))
        return REFUSAL_FIELD_NAME_UNDERSCORE;
    return read_authority(m, authority);
}

int h1_head_request(struct h1_in *in, struct slice view, struct message *m)
{
    size_t lead = in->scan.lead;
    struct slice head = arena_copy(m->arena, slice_of(view.ptr + lead, in->scan.at - lead));
    set_method(m, slice_of(head.ptr, in->scan.method.len));
    m->target = slice_of(head.ptr + in->scan.target.from - lead, in->scan.target.len);

    in->refusal = interpret_request(in, head, m);
    if (in->refusal != REFUSAL_NONE)
        return -EPROTO;
    m->trailers_welcome = fields_list_has(&m->fields, FIELD_TE, SLICE("trailers"));
    strip_request(in, &m->fields);
    return 0;
}

int h1_head_response(struct h1_in *in, struct slice view, enum method request, struct message *m)
{
    struct h1_framing framing;
    struct slice head = arena_copy(m->arena, slice_first(view, in->scan.at));
    in->refusal = understand(in, head, m, &framing);
    if (in->refusal != REFUSAL_NONE)
        return -EPROTO;
    h1_framing_response_body(m, &framing, request);
    if (framing.upgrade || m->status == 426) /* 426 says what would be served (RFC 9110 15.5.22) */
        m->upgrade = upgrade_list(&m->fields, m->arena);
    strip_response(&m->fields);
    return 0;
}
