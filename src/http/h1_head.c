/* SPDX-License-Identifier: Apache-2.0 */
#include "http/h1_head.h"

#include "http/h1_framing.h"

#include <errno.h>

static int refuse(struct h1_in *in, unsigned status, const char *why)
{
    in->refusal = (struct h1_refusal){ status, why };
    return -EPROTO;
}

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

/* Parser and framing decision. */
static int understand(struct h1_in *in, struct slice head, struct message *m,
                      struct h1_framing *ret_framing)
{
    const char *why;
    if (h1_parse_head(&in->parse, &in->scan, head, m, &why) < 0)
        return refuse(in, 400, why);
    int r = h1_framing_read(m, ret_framing, &in->refusal);
    if (r < 0)
        return r;
    struct h1_framing theirs = h1_parse_framing(&in->parse);
    if (!h1_framing_eq(ret_framing, &theirs))
        return refuse(in, 400, "parser and framing decision disagree");
    return h1_framing_connection(m, &in->refusal);
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
static int read_authority(struct h1_in *in, struct message *m, struct slice authority)
{
    const struct field *host = fields_find(&m->fields, FIELD_HOST);
    const char *why;
    if (host == NULL && m->version == HTTP_1_1)
        return refuse(in, 400, "HTTP/1.1 without Host");
    if (fields_count(&m->fields, FIELD_HOST) > 1)
        return refuse(in, 400, "more than one Host");
    if (host == NULL && authority.ptr == NULL)
        return 0;
    m->authority = host != NULL ? host->value : authority;
    if (uri_parse_authority(m->authority, m->arena, &m->uri, &why) < 0)
        return refuse(in, 400, why);
    if (authority.ptr != NULL && !uri_authority_is_host(m->target, authority, &m->uri, m->arena))
        return refuse(in, 400, "target and Host name different authorities");
    return 0;
}

static int read_target(struct h1_in *in, struct message *m)
{
    struct slice authority;
    const char *why;
    bool is_options = m->method_id == METHOD_OPTIONS;
    if (uri_parse_target(m->target, is_options, m->arena, &m->uri, &authority, &why) < 0)
        return refuse(in, 400, why);
    return read_authority(in, m, authority);
}

static int interpret_request(struct h1_in *in, struct slice head, struct message *m)
{
    struct h1_framing framing;
    int r = understand(in, head, m, &framing);
    if (r < 0)
        return r;
    h1_framing_request_body(m, &framing);
    r = h1_framing_expect(m, &in->refusal);
    if (r < 0)
        return r;
    if (in->underscore == UNDERSCORE_REJECT && has_underscore(&m->fields))
        return refuse(in, 400, "underscore in a field name");
    return read_target(in, m);
}

int h1_head_request(struct h1_in *in, struct slice view, struct message *m)
{
    size_t lead = in->scan.lead;
    struct slice head = arena_copy(m->arena, slice_of(view.ptr + lead, in->scan.at - lead));
    set_method(m, slice_of(head.ptr, in->scan.method.len));
    m->target = slice_of(head.ptr + in->scan.target.from - lead, in->scan.target.len);
    if (m->method_id == METHOD_CONNECT) /* its target is no path: nothing could be routed */
        return refuse(in, 405, "method is not served here");

    int r = interpret_request(in, head, m);
    if (r < 0)
        return r;
    m->trailers_welcome = fields_list_has(&m->fields, FIELD_TE, SLICE("trailers"));
    strip_request(in, &m->fields);
    return 0;
}

int h1_head_response(struct h1_in *in, struct slice view, enum method request, struct message *m)
{
    struct h1_framing framing;
    int r = understand(in, arena_copy(m->arena, slice_first(view, in->scan.at)), m, &framing);
    if (r < 0)
        return r;
    h1_framing_response_body(m, &framing, request);
    strip_response(&m->fields);
    return 0;
}
