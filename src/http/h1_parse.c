/* SPDX-License-Identifier: Apache-2.0 */
#include "http/h1_parse.h"

#include "base/log.h"

#include <llhttp.h>

_Static_assert(sizeof(llhttp_t) <= H1_PARSE_BYTES, "llhttp's parser outgrew its place");

static llhttp_t *parser(const struct h1_parse *p)
{
    return (llhttp_t *)(uintptr_t)p->impl;
}

/* A span may come in pieces that touch each other. */
static void extend(struct slice *s, const char *at, size_t len)
{
    if (s->ptr == NULL)
        *s = slice_of(at, len);
    else
        s->len += len;
}

static int on_url(llhttp_t *l, const char *at, size_t len)
{
    struct h1_parse *p = l->data;
    extend(&p->target, at, len);
    return 0;
}

static int on_status(llhttp_t *l, const char *at, size_t len)
{
    struct h1_parse *p = l->data;
    extend(&p->reason, at, len);
    return 0;
}

static int on_header_field(llhttp_t *l, const char *at, size_t len)
{
    struct h1_parse *p = l->data;
    extend(&p->name, at, len);
    return 0;
}

static int on_header_value(llhttp_t *l, const char *at, size_t len)
{
    struct h1_parse *p = l->data;
    extend(&p->value, at, len);
    return 0;
}

/* Parsers differ in the white space they take off these two; nothing is taken off here but the
 * usual space in front, so that h1_framing sees the rest and refuses it. */
static struct slice framing_value(struct slice name, struct slice value)
{
    const char *from = name.ptr + name.len + 1; /* behind the colon */
    struct slice all = slice_of(from, (size_t)(value.ptr + value.len - from));
    while (all.len > 0 && all.ptr[0] == ' ')
        all = slice_from(all, 1);
    return all;
}

static int on_header_value_complete(llhttp_t *l)
{
    struct h1_parse *p = l->data;
    if (p->fields == NULL || p->value.ptr == NULL)
        return -1;
    fields_add(p->fields, p->name, slice_trim(p->value));
    struct field *f = &p->fields->list[p->fields->count - 1];
    if (f->id == FIELD_CONTENT_LENGTH || f->id == FIELD_TRANSFER_ENCODING)
        f->value = framing_value(p->name, p->value);
    p->name = p->value = slice_of(NULL, 0);
    return 0;
}

/* Stops here, so that framing is decided before a byte of the body is looked at. */
static int on_headers_complete(llhttp_t *l)
{
    (void)l;
    return HPE_PAUSED;
}

static int on_body(llhttp_t *l, const char *at, size_t len)
{
    (void)at;
    struct h1_parse *p = l->data;
    p->body += len;
    return 0;
}

static int on_message_complete(llhttp_t *l)
{
    struct h1_parse *p = l->data;
    p->complete = true;
    return 0;
}

static const llhttp_settings_t settings = {
    .on_url = on_url,
    .on_status = on_status,
    .on_header_field = on_header_field,
    .on_header_value = on_header_value,
    .on_header_value_complete = on_header_value_complete,
    .on_headers_complete = on_headers_complete,
    .on_body = on_body,
    .on_message_complete = on_message_complete,
};

static enum refusal refuse(const struct h1_parse *p)
{
    const char *reason = llhttp_get_error_reason(parser(p));
    log_debug("llhttp: %s", reason != NULL ? reason : "stopped too early");
    return REFUSAL_PARSER;
}

/* llhttp knows a closed list of methods, some of them not HTTP's. Framing depends on none of those
 * that get here, so a method that Signet does not know either is shown to it as POST. */
static llhttp_errno_t execute_head(struct h1_parse *p, struct slice head, const struct message *m)
{
    if (m->method.len > 0 && m->method_id == METHOD_OTHER) {
        llhttp_errno_t e = llhttp_execute(parser(p), "POST", 4);
        if (e != HPE_OK)
            return e;
        head = slice_from(head, m->method.len);
    }
    return llhttp_execute(parser(p), head.ptr, head.len);
}

static bool head_agrees(const struct h1_parse *p, const struct h1_scan *s, struct slice head,
                        const struct message *m)
{
    return llhttp_get_error_pos(parser(p)) == head.ptr + head.len && m->fields.count == s->fields &&
           slice_eq(p->target, m->target);
}

enum refusal h1_parse_head(struct h1_parse *p, const struct h1_scan *s, struct slice head,
                           struct message *m)
{
    *p = (struct h1_parse){ .fields = &m->fields };
    llhttp_t *l = parser(p);
    llhttp_init(l, s->kind == SCAN_REQUEST ? HTTP_REQUEST : HTTP_RESPONSE, &settings);
    l->data = p;
    llhttp_errno_t e = execute_head(p, head, m);
    m->version = l->http_minor == 0 ? HTTP_1_0 : HTTP_1_1;
    if (e != HPE_PAUSED)
        return refuse(p);
    if (!head_agrees(p, s, head, m))
        return REFUSAL_PARSER_DISAGREES;
    m->status = s->kind == SCAN_REQUEST ? 0 : l->status_code;
    m->reason = p->reason;
    p->fields = NULL;
    return REFUSAL_NONE;
}

struct h1_framing h1_parse_framing(const struct h1_parse *p)
{
    const llhttp_t *l = parser(p);
    bool has_length = (l->flags & F_CONTENT_LENGTH) != 0;
    return (struct h1_framing){
        .chunked = (l->flags & F_CHUNKED) != 0,
        .has_length = has_length,
        .length = has_length ? l->content_length : 0,
        .upgrade = l->upgrade != 0,
    };
}

enum refusal h1_parse_body(struct h1_parse *p, struct slice bytes)
{
    llhttp_t *l = parser(p);
    if (llhttp_get_errno(l) == HPE_PAUSED)
        llhttp_resume(l);
    llhttp_errno_t e = llhttp_execute(l, bytes.ptr, bytes.len);
    /* Behind the body of a request that offers an Upgrade llhttp stops. So do we, until it is
     * answered. */
    if (e != HPE_OK && !(e == HPE_PAUSED_UPGRADE && p->complete))
        return refuse(p);
    return REFUSAL_NONE;
}

uint64_t h1_parse_chunk_left(const struct h1_parse *p)
{
    return parser(p)->content_length;
}

/* Version 9 has strict mode always, version 8 only when it is compiled so. */
#if LLHTTP_VERSION_MAJOR < 9 && !LLHTTP_STRICT_MODE
#error "llhttp 8 must be compiled with LLHTTP_STRICT_MODE=1"
#endif
#define QUOTED(x) #x
#define DIGITS(x) QUOTED(x)

const char *h1_parser_version(void)
{
    return DIGITS(LLHTTP_VERSION_MAJOR) "." DIGITS(LLHTTP_VERSION_MINOR) "." DIGITS(
        LLHTTP_VERSION_PATCH) ", strict";
}
