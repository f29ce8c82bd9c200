/* SPDX-License-Identifier: Apache-2.0 */
#include "http/h1_scan.h"

#include "http/octet.h"
#include "http/uri.h"

#include <stdint.h>

#define METHOD_MAX    32
#define TLS_HANDSHAKE 0x16 /* the first byte of a TLS record that begins one, RFC 8446 5.1 */

enum state {
    AT_START,    /* the first byte of a request */
    AT_LEAD_LF,  /* the LF of the empty line before a request */
    IN_METHOD,   /* METHOD SP */
    IN_TARGET,   /* target SP */
    IN_VERSION,  /* HTTP/1.x, and what ends it */
    IN_STATUS,   /* three digits, and what ends them */
    IN_REASON,   /* reason CR */
    AT_LINE_LF,  /* the LF of any line but the last */
    AT_FIELD,    /* the first byte of a field line or of the end */
    IN_NAME,     /* name ":" */
    IN_VALUE,    /* value CR */
    AT_FINAL_LF, /* the LF that ends the head */
    COMPLETE,
    REFUSED,
};

static void refuse(struct h1_scan *s, enum refusal why)
{
    s->state = REFUSED;
    s->refusal = why;
}

/* The commonest mistakes have names of their own. */
static void refuse_octet(struct h1_scan *s, char c, enum refusal otherwise)
{
    if (c == '\n')
        refuse(s, REFUSAL_BARE_LF);
    else if (c == '\0')
        refuse(s, REFUSAL_NUL);
    else
        refuse(s, otherwise);
}

static void enter(struct h1_scan *s, enum state next)
{
    s->state = (unsigned char)next;
    s->at++;
    s->mark = s->at;
}

static void at_start(struct h1_scan *s, struct slice v)
{
    char c = v.ptr[s->at];
    if (c == '\r' && s->lead == 0)
        enter(s, AT_LEAD_LF);
    else if (octet_is(c, OCTET_TOKEN))
        s->state = IN_METHOD;
    else if (c == '\r')
        refuse(s, REFUSAL_EMPTY_LINES);
    else if (c == ' ' || c == '\t')
        refuse(s, REFUSAL_LEADING_SPACE);
    else if (c == TLS_HANDSHAKE && s->lead == 0)
        refuse(s, REFUSAL_TLS_HELLO);
    else
        refuse_octet(s, c, REFUSAL_METHOD_NOT_TOKEN);
}

static void at_lead_lf(struct h1_scan *s, struct slice v)
{
    if (v.ptr[s->at] != '\n') {
        refuse(s, REFUSAL_BARE_CR);
        return;
    }
    enter(s, AT_START);
    s->lead = s->at;
}

static void end_method(struct h1_scan *s, struct slice method)
{
    if (slice_eq(method, SLICE("PRI"))) { /* the preface of HTTP/2, RFC 9113 3.4 */
        refuse(s, REFUSAL_HTTP2_PREFACE);
        return;
    }
    s->method = (struct scan_span){ s->mark, method.len };
    enter(s, IN_TARGET);
}

static void in_method(struct h1_scan *s, struct slice v)
{
    s->at = octet_run(v, s->at, OCTET_TOKEN);
    struct slice method = slice_of(v.ptr + s->mark, s->at - s->mark);
    if (method.len > METHOD_MAX)
        refuse(s, REFUSAL_METHOD_TOO_LONG);
    else if (s->at == v.len)
        return;
    else if (v.ptr[s->at] == ' ')
        end_method(s, method);
    else if (v.ptr[s->at] == '\r')
        refuse(s, REFUSAL_NO_TARGET);
    else
        refuse_octet(s, v.ptr[s->at], REFUSAL_METHOD_NOT_TOKEN);
}

static void end_target(struct h1_scan *s, char c)
{
    size_t len = s->at - s->mark;
    if (c == ' ' && len > 0) {
        s->target = (struct scan_span){ s->mark, len };
        enter(s, IN_VERSION);
    } else if (c == ' ') {
        refuse(s, REFUSAL_TWO_SPACES);
    } else if (c == '\r') {
        refuse(s, REFUSAL_NO_VERSION);
    } else {
        refuse_octet(s, c, uri_refused_octet(c));
    }
}

static void in_target(struct h1_scan *s, struct slice v)
{
    s->at = octet_run(v, s->at, OCTET_TARGET);
    if (s->at - s->mark > s->limits.target)
        refuse(s, REFUSAL_TARGET_TOO_LONG);
    else if (s->at < v.len)
        end_target(s, v.ptr[s->at]);
}

static void refuse_version(struct h1_scan *s, char c, bool digit_expected)
{
    if (digit_expected && c >= '2' && c <= '9')
        refuse(s, REFUSAL_VERSION_UNSUPPORTED);
    else
        refuse_octet(s, c, REFUSAL_VERSION_MALFORMED);
}

static void end_version(struct h1_scan *s, char c)
{
    if (s->kind == SCAN_RESPONSE && c == ' ')
        enter(s, IN_STATUS);
    else if (s->kind == SCAN_REQUEST && c == '\r')
        enter(s, AT_LINE_LF);
    else
        refuse_octet(s, c, REFUSAL_AFTER_VERSION);
}

static void in_version(struct h1_scan *s, struct slice v)
{
    static const char text[] = "HTTP/1.";
    const size_t minor = sizeof(text) - 1, major = minor - 2;
    size_t i = s->at - s->mark;
    char c = v.ptr[s->at];
    if (i > minor)
        end_version(s, c);
    else if (i < minor ? c == text[i] : c == '0' || c == '1')
        s->at++;
    else
        refuse_version(s, c, i == major || i == minor);
}

static void in_status(struct h1_scan *s, struct slice v)
{
    size_t i = s->at - s->mark;
    char c = v.ptr[s->at];
    if (i < 3 && octet_is(c, OCTET_DIGIT) && (i > 0 || c != '0'))
        s->at++;
    else if (i == 3 && c == ' ')
        enter(s, IN_REASON);
    else if (i == 3 && c == '\r') /* the reason may be missing, with its space: many do so */
        enter(s, AT_LINE_LF);
    else
        refuse_octet(s, c, REFUSAL_STATUS_MALFORMED);
}

static void in_reason(struct h1_scan *s, struct slice v)
{
    s->at = octet_run(v, s->at, OCTET_VALUE);
    if (s->at == v.len)
        return;
    if (v.ptr[s->at] == '\r')
        enter(s, AT_LINE_LF);
    else
        refuse_octet(s, v.ptr[s->at], REFUSAL_REASON_CONTROL);
}

static void at_line_lf(struct h1_scan *s, struct slice v)
{
    if (v.ptr[s->at] == '\n')
        enter(s, AT_FIELD);
    else
        refuse(s, REFUSAL_BARE_CR);
}

static void begin_name(struct h1_scan *s)
{
    s->fields++;
    if (s->fields > s->limits.fields)
        refuse(s, REFUSAL_FIELDS_TOO_MANY);
    else
        s->state = IN_NAME;
}

static void at_field(struct h1_scan *s, struct slice v)
{
    char c = v.ptr[s->at];
    if (octet_is(c, OCTET_TOKEN))
        begin_name(s);
    else if (c == '\r')
        enter(s, AT_FINAL_LF);
    else if (c == ' ' || c == '\t')
        refuse(s, REFUSAL_FIELD_FOLDED);
    else if (c == ':')
        refuse(s, REFUSAL_FIELD_NO_NAME);
    else
        refuse_octet(s, c, REFUSAL_FIELD_NAME_NOT_TOKEN);
}

static void in_name(struct h1_scan *s, struct slice v)
{
    s->at = octet_run(v, s->at, OCTET_TOKEN);
    if (s->at == v.len)
        return;
    char c = v.ptr[s->at];
    if (c == ':')
        enter(s, IN_VALUE);
    else if (c == ' ' || c == '\t')
        refuse(s, REFUSAL_FIELD_NAME_SPACE);
    else if (c == '\r')
        refuse(s, REFUSAL_FIELD_NO_COLON);
    else
        refuse_octet(s, c, REFUSAL_FIELD_NAME_NOT_TOKEN);
}

static void in_value(struct h1_scan *s, struct slice v)
{
    s->at = octet_run(v, s->at, OCTET_VALUE);
    if (s->at == v.len)
        return;
    if (v.ptr[s->at] == '\r')
        enter(s, AT_LINE_LF);
    else
        refuse_octet(s, v.ptr[s->at], REFUSAL_FIELD_VALUE_CONTROL);
}

static void at_final_lf(struct h1_scan *s, struct slice v)
{
    if (v.ptr[s->at] == '\n')
        enter(s, COMPLETE);
    else
        refuse(s, REFUSAL_BARE_CR);
}

void h1_scan_init(struct h1_scan *s, enum scan_kind kind, const struct h1_limits *limits)
{
    static const unsigned char first[] = {
        [SCAN_REQUEST] = AT_START,
        [SCAN_RESPONSE] = IN_VERSION,
        [SCAN_TRAILERS] = AT_FIELD,
    };
    *s = (struct h1_scan){ .state = first[kind], .kind = (unsigned char)kind };
    s->limits.head = limits->head != 0 ? limits->head : SIZE_MAX;
    s->limits.target = limits->target != 0 ? limits->target : SIZE_MAX;
    s->limits.fields = limits->fields != 0 ? limits->fields : SIZE_MAX;
}

/* The first `limits.head` bytes hold no end: the head is too long. */
static void refuse_length(struct h1_scan *s)
{
    if (s->state == IN_TARGET)
        refuse(s, REFUSAL_TARGET_TOO_LONG);
    else if (s->kind == SCAN_TRAILERS)
        refuse(s, REFUSAL_TRAILERS_TOO_LONG);
    else
        refuse(s, REFUSAL_HEAD_TOO_LONG);
}

enum scan_verdict h1_scan_feed(struct h1_scan *s, struct slice view)
{
    static void (*const steps[])(struct h1_scan *, struct slice) = {
        [AT_START] = at_start,   [AT_LEAD_LF] = at_lead_lf, [IN_METHOD] = in_method,
        [IN_TARGET] = in_target, [IN_VERSION] = in_version, [IN_STATUS] = in_status,
        [IN_REASON] = in_reason, [AT_LINE_LF] = at_line_lf, [AT_FIELD] = at_field,
        [IN_NAME] = in_name,     [IN_VALUE] = in_value,     [AT_FINAL_LF] = at_final_lf,
    };
    struct slice v = slice_first(view, s->limits.head);
    while (s->at < v.len && s->state < COMPLETE)
        steps[s->state](s, v);
    if (s->state < COMPLETE && v.len == s->limits.head)
        refuse_length(s);
    if (s->state == COMPLETE)
        return SCAN_DONE;
    return s->state == REFUSED ? SCAN_REFUSED : SCAN_MORE;
}

bool h1_scan_begun(const struct h1_scan *s)
{
    return s->state == REFUSED || (s->at > s->lead && s->state != AT_LEAD_LF);
}
