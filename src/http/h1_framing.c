/* SPDX-License-Identifier: Apache-2.0 */
#include "http/h1_framing.h"

#include "base/parse.h"
#include "http/octet.h"

#include <errno.h>

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

static enum refusal read_coding(const struct message *m, struct h1_framing *f)
{
    const struct field *coding = fields_find(&m->fields, FIELD_TRANSFER_ENCODING);
    if (coding == NULL)
        return REFUSAL_NONE;
    if (fields_count(&m->fields, FIELD_TRANSFER_ENCODING) > 1)
        return REFUSAL_TWO_TRANSFER_ENCODINGS;
    if (fields_find(&m->fields, FIELD_CONTENT_LENGTH) != NULL)
        return REFUSAL_LENGTH_AND_CODING;
    if (m->version == HTTP_1_0)
        return REFUSAL_CODING_IN_1_0;
    if (is_unknown_coding(coding->value))
        return REFUSAL_CODING_UNKNOWN;
    if (slice_find(coding->value, ',') < coding->value.len)
        return REFUSAL_CODING_LIST;
    if (!slice_eq_nocase(coding->value, SLICE("chunked")))
        return REFUSAL_CODING_NOT_CHUNKED;
    f->chunked = true;
    return REFUSAL_NONE;
}

/* What is wrong with a length that is no number below 2^63. */
static enum refusal explain_length(struct slice value, int err)
{
    if (err == -ERANGE)
        return REFUSAL_CONTENT_LENGTH_TOO_LARGE;
    if (value.len == 0)
        return REFUSAL_CONTENT_LENGTH_EMPTY;
    if (value.ptr[0] == '+' || value.ptr[0] == '-')
        return REFUSAL_CONTENT_LENGTH_SIGN;
    if (slice_find(value, ',') < value.len)
        return REFUSAL_CONTENT_LENGTH_LIST;
    return REFUSAL_CONTENT_LENGTH_NOT_DIGITS;
}

static enum refusal read_length(const struct message *m, struct h1_framing *f)
{
    const struct field *length = fields_find(&m->fields, FIELD_CONTENT_LENGTH);
    if (length == NULL)
        return REFUSAL_NONE;
    if (fields_count(&m->fields, FIELD_CONTENT_LENGTH) > 1)
        return REFUSAL_TWO_CONTENT_LENGTHS;
    int r = parse_uint(length->value, INT64_MAX, &f->length);
    if (r < 0)
        return explain_length(length->value, r);
    f->has_length = true;
    return REFUSAL_NONE;
}

static bool names_protocols(const struct fields *f)
{
    for (size_t i = 0; i < f->count; i++)
        if (f->list[i].id == FIELD_UPGRADE && f->list[i].value.len > 0)
            return true;
    return false;
}

static bool read_upgrade(const struct message *m)
{
    bool matters = m->status == 0 || m->status == 101;
    return matters && names_protocols(&m->fields) &&
           fields_list_has(&m->fields, FIELD_CONNECTION, SLICE("upgrade"));
}

enum refusal h1_framing_read(const struct message *m, struct h1_framing *ret_framing)
{
    struct h1_framing f = { .upgrade = read_upgrade(m) };
    enum refusal why = read_coding(m, &f);
    if (why == REFUSAL_NONE)
        why = read_length(m, &f);
    if (why == REFUSAL_NONE)
        *ret_framing = f;
    return why;
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
        /* It must not announce one (RFC 9110 8.6, RFC 9112 6.1): who does may send it, too. */
        if (m->status == 204 && (f->chunked || f->length > 0))
            m->close = true;
    } else if (f->chunked || f->has_length) {
        h1_framing_request_body(m, f);
    } else {
        set_body(m, BODY_TO_END, LENGTH_UNKNOWN);
        m->close = true;
    }
}

enum refusal h1_framing_connection(struct message *m)
{
    enum refusal why = fields_check_connection(&m->fields);
    if (why != REFUSAL_NONE)
        return why;
    bool keep = m->version == HTTP_1_1 ||
                fields_list_has(&m->fields, FIELD_CONNECTION, SLICE("keep-alive"));
    m->close = !keep || fields_list_has(&m->fields, FIELD_CONNECTION, SLICE("close"));
    return REFUSAL_NONE;
}

enum refusal h1_framing_expect(struct message *m)
{
    const struct field *expect = fields_find(&m->fields, FIELD_EXPECT);
    if (expect == NULL)
        return REFUSAL_NONE;
    struct slice wanted = SLICE("100-continue");
    if (fields_count(&m->fields, FIELD_EXPECT) > 1)
        return REFUSAL_EXPECT_TWICE;
    if (!slice_eq_nocase(expect->value, wanted)) {
        bool decorated = slice_eq_nocase(slice_first(expect->value, wanted.len), wanted);
        bool malformed = decorated || expect->value.len == 0;
        return malformed ? REFUSAL_EXPECT_MALFORMED : REFUSAL_EXPECT_UNKNOWN;
    }
    m->expect_continue = m->version == HTTP_1_1 && m->body != BODY_NONE && m->length != 0;
    return REFUSAL_NONE;
}
