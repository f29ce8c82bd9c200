/* SPDX-License-Identifier: Apache-2.0 */
#include "http/h1_framing.h"

#include "base/parse.h"
#include "http/octet.h"

#include <errno.h>

static int refuse(struct h1_refusal *ret, unsigned status, const char *why)
{
    *ret = (struct h1_refusal){ status, why };
    return -EPROTO;
}

/* A list of codings that ends in chunked, each of them a token, none of them chunked or identity
 * before: well-formed, but not spoken here. */
static bool is_unknown_coding(struct slice value)
{
    struct slice element, last = slice_of(NULL, 0);
    unsigned count = 0;
    while (field_list_next(&value, &element)) {
        if (last.len > 0 && slice_eq_nocase(last, SLICE("chunked")))
            return false;
        if (!octet_all(element, OCTET_TOKEN) || slice_eq_nocase(element, SLICE("identity")))
            return false;
        last = element;
        count++;
    }
    return count > 1 && slice_eq_nocase(last, SLICE("chunked"));
}

static int read_coding(const struct message *m, struct h1_framing *f, struct h1_refusal *ret)
{
    const struct field *coding = fields_find(&m->fields, FIELD_TRANSFER_ENCODING);
    if (coding == NULL)
        return 0;
    if (fields_count(&m->fields, FIELD_TRANSFER_ENCODING) > 1)
        return refuse(ret, 400, "two Transfer-Encoding fields");
    if (fields_find(&m->fields, FIELD_CONTENT_LENGTH) != NULL)
        return refuse(ret, 400, "Content-Length with Transfer-Encoding");
    if (m->version == HTTP_1_0)
        return refuse(ret, 400, "Transfer-Encoding in HTTP/1.0");
    if (is_unknown_coding(coding->value))
        return refuse(ret, 501, "transfer coding other than chunked");
    if (!slice_eq_nocase(coding->value, SLICE("chunked")))
        return refuse(ret, 400, "Transfer-Encoding is not exactly chunked");
    f->chunked = true;
    return 0;
}

static int read_length(const struct message *m, struct h1_framing *f, struct h1_refusal *ret)
{
    const struct field *length = fields_find(&m->fields, FIELD_CONTENT_LENGTH);
    if (length == NULL)
        return 0;
    if (fields_count(&m->fields, FIELD_CONTENT_LENGTH) > 1)
        return refuse(ret, 400, "two Content-Length fields");
    if (parse_uint(length->value, INT64_MAX, &f->length) < 0)
        return refuse(ret, 400, "Content-Length is not a number below 2^63");
    f->has_length = true;
    return 0;
}

static bool read_upgrade(const struct message *m)
{
    bool matters = m->status == 0 || m->status == 101;
    return matters && fields_find(&m->fields, FIELD_UPGRADE) != NULL &&
           fields_list_has(&m->fields, FIELD_CONNECTION, SLICE("upgrade"));
}

int h1_framing_read(const struct message *m, struct h1_framing *ret_framing,
                    struct h1_refusal *ret_refusal)
{
    struct h1_framing f = { .upgrade = read_upgrade(m) };
    int r = read_coding(m, &f, ret_refusal);
    if (r == 0)
        r = read_length(m, &f, ret_refusal);
    if (r == 0)
        *ret_framing = f;
    return r;
}

bool h1_framing_eq(const struct h1_framing *a, const struct h1_framing *b)
{
    return a->chunked == b->chunked && a->has_length == b->has_length && a->length == b->length &&
           a->upgrade == b->upgrade;
}

static void set_body(struct message *m, enum body_kind kind, uint64_t length)
{
    m->body = kind;
    m->length = length;
}

void h1_framing_request_body(struct message *m, const struct h1_framing *f)
{
    if (f->chunked)
        set_body(m, BODY_CHUNKED, LENGTH_UNKNOWN);
    else if (f->has_length)
        set_body(m, BODY_LENGTH, f->length);
    else
        set_body(m, BODY_NONE, LENGTH_UNKNOWN);
}

void h1_framing_response_body(struct message *m, const struct h1_framing *f, enum method request)
{
    if (!message_may_have_body(request, m->status)) {
        bool announces = m->status >= 200 && m->status != 204 && f->has_length;
        set_body(m, BODY_NONE, announces ? f->length : LENGTH_UNKNOWN);
    } else if (f->chunked || f->has_length) {
        h1_framing_request_body(m, f);
    } else {
        set_body(m, BODY_TO_END, LENGTH_UNKNOWN);
        m->close = true;
    }
}

int h1_framing_connection(struct message *m, struct h1_refusal *ret_refusal)
{
    const char *why = fields_check_connection(&m->fields);
    if (why != NULL)
        return refuse(ret_refusal, 400, why);
    bool keep = m->version == HTTP_1_1 ||
                fields_list_has(&m->fields, FIELD_CONNECTION, SLICE("keep-alive"));
    m->close = !keep || fields_list_has(&m->fields, FIELD_CONNECTION, SLICE("close"));
    return 0;
}

int h1_framing_expect(struct message *m, struct h1_refusal *ret_refusal)
{
    const struct field *expect = fields_find(&m->fields, FIELD_EXPECT);
    if (expect == NULL)
        return 0;
    struct slice wanted = SLICE("100-continue");
    bool once = fields_count(&m->fields, FIELD_EXPECT) == 1;
    if (!once || expect->value.len == 0)
        return refuse(ret_refusal, 400, "more or less than one Expect");
    if (!slice_eq_nocase(expect->value, wanted)) {
        bool decorated = slice_eq_nocase(slice_first(expect->value, wanted.len), wanted);
        return refuse(ret_refusal, decorated ? 400 : 417, "Expect is not 100-continue");
    }
    m->expect_continue = m->version == HTTP_1_1 && m->body != BODY_NONE && m->length != 0;
    return 0;
}
