/* SPDX-License-Identifier: Apache-2.0 */
#include "reading.h"

#include <stdint.h>

#define LENGTH_NONE UINT64_MAX

struct framing {
    uint64_t length; /* LENGTH_NONE: no field */
    bool chunked;
    unsigned hosts;
};

static void garbled(struct reading *r, const char *why)
{
    r->end = READING_GARBLED;
    r->why = why;
}

static bool is_visible(char c)
{
    return c > ' ' && c != 0x7F;
}

static bool all_visible(struct slice s)
{
    for (size_t i = 0; i < s.len; i++)
        if (!is_visible(s.ptr[i]))
            return false;
    return s.len > 0;
}

static bool is_name(struct slice s)
{
    static const char delimiters[] = "\"(),/:;<=>?@[\\]{}";
    for (size_t i = 0; i < s.len; i++)
        if (strchr(delimiters, s.ptr[i]) != NULL)
            return false;
    return all_visible(s);
}

/* No control byte but TAB, and no space at either end. */
static bool is_value(struct slice s)
{
    for (size_t i = 0; i < s.len; i++)
        if (((unsigned char)s.ptr[i] < ' ' && s.ptr[i] != '\t') || s.ptr[i] == 0x7F)
            return false;
    return slice_eq(s, slice_trim(s));
}

static size_t find(struct slice s, struct slice part)
{
    const char *at = s.ptr != NULL ? memmem(s.ptr, s.len, part.ptr, part.len) : NULL;
    return at != NULL ? (size_t)(at - s.ptr) : s.len;
}

/* Takes a line without its CRLF off the front; false: it is not complete. */
static bool take_line(struct slice *rest, struct slice *ret_line)
{
    size_t end = find(*rest, SLICE("\r\n"));
    if (end == rest->len)
        return false;
    *ret_line = slice_first(*rest, end);
    *rest = slice_from(*rest, end + 2);
    return true;
}

static bool read_number(struct slice s, unsigned base, uint64_t *ret)
{
    static const char digits[] = "0123456789abcdef";
    uint64_t n = 0;
    if (s.len == 0 || s.len > 16 || (s.len > 1 && s.ptr[0] == '0'))
        return false;
    for (size_t i = 0; i < s.len; i++) {
        const char *at = memchr(digits, s.ptr[i], base);
        if (at == NULL)
            return false;
        n = n * base + (uint64_t)(at - digits);
    }
    *ret = n;
    return true;
}

/* --- the head */

static bool read_framing_field(struct framing *f, struct slice name, struct slice value)
{
    if (slice_eq_nocase(name, SLICE("Content-Length"))) {
        bool first = f->length == LENGTH_NONE && !f->chunked;
        return first && read_number(value, 10, &f->length);
    }
    if (slice_eq_nocase(name, SLICE("Transfer-Encoding"))) {
        bool first = f->length == LENGTH_NONE && !f->chunked;
        f->chunked = true;
        return first && slice_eq(value, SLICE("chunked"));
    }
    if (slice_eq_nocase(name, SLICE("Host")))
        f->hosts++;
    return true;
}

static bool read_fields(struct reading *r, struct slice lines, struct framing *f)
{
    struct slice line;
    while (take_line(&lines, &line) && line.len > 0) {
        size_t colon = find(line, SLICE(":"));
        struct slice name = slice_first(line, colon), value = slice_from(line, colon + 1);
        if (!is_name(name) || (value.len > 0 && value.ptr[0] != ' ') ||
            !is_value(slice_from(value, 1))) {
            garbled(r, "a field line");
            return false;
        }
        if (!read_framing_field(f, name, slice_from(value, 1))) {
            garbled(r, "framing fields");
            return false;
        }
    }
    return true;
}

static bool read_request_line(struct reading *r, struct slice line)
{
    size_t space = slice_find(line, ' ');
    r->method = slice_first(line, space);
    line = slice_from(line, space + 1);
    space = slice_find(line, ' ');
    r->target = slice_first(line, space);
    bool path = slice_starts(r->target, SLICE("/")) || slice_eq(r->target, SLICE("*"));
    return is_name(r->method) && all_visible(r->target) && path &&
           slice_eq(slice_from(line, space), SLICE(" HTTP/1.1"));
}

static bool read_status_line(struct reading *r, struct slice line)
{
    uint64_t status;
    if (line.len < 13 || !slice_starts(line, SLICE("HTTP/1.1 ")) || line.ptr[12] != ' ' ||
        !read_number(slice_of(line.ptr + 9, 3), 10, &status) || !is_value(slice_from(line, 13)))
        return false;
    r->status = (unsigned)status;
    return true;
}

/* False when there is none yet, or a garbled one. */
static bool read_head(struct reading *r, struct slice bytes, bool response, struct framing *f)
{
    size_t end = find(bytes, SLICE("\r\n\r\n"));
    struct slice lines = slice_first(bytes, end + 4), line;
    *f = (struct framing){ .length = LENGTH_NONE };
    if (end == bytes.len)
        return false;
    take_line(&lines, &line);
    if (!(response ? read_status_line(r, line) : read_request_line(r, line))) {
        garbled(r, "start line");
        return false;
    }
    r->head = slice_first(bytes, end + 4);
    return read_fields(r, lines, f);
}

/* --- the body */

static void read_length(struct reading *r, struct slice rest, uint64_t length)
{
    struct slice body = slice_first(rest, length < rest.len ? (size_t)length : rest.len);
    buf_append(&r->body, body);
    if (body.len < length)
        return;
    r->end = READING_WHOLE;
    r->used += body.len;
}

/* Takes one chunk with its CRLF; false when the body is over, garbled, or not there yet. */
static bool take_chunk(struct reading *r, struct slice *rest)
{
    struct slice line;
    uint64_t size;
    size_t before = rest->len;
    if (!take_line(rest, &line))
        return false;
    if (!read_number(line, 16, &size)) {
        garbled(r, "a chunk size");
        return false;
    }
    struct slice bytes = slice_first(*rest, size < rest->len ? (size_t)size : rest->len);
    buf_append(&r->body, bytes);
    *rest = slice_from(*rest, bytes.len);
    bool ended = rest->len >= 2;
    if (ended && !slice_starts(*rest, SLICE("\r\n"))) {
        garbled(r, "a chunk's end");
        return false;
    }
    if (bytes.len < size || !ended)
        return false;
    *rest = slice_from(*rest, 2);
    r->used += before - rest->len;
    if (size == 0)
        r->end = READING_WHOLE;
    return size > 0;
}

static bool at_trailers(struct slice rest)
{
    return slice_starts(rest, SLICE("0\r\n")) && rest.len > 3 && rest.ptr[3] != '\r';
}

/* Kept as text behind the body. */
static void read_trailers(struct reading *r, struct slice rest)
{
    size_t end = find(rest, SLICE("\r\n\r\n"));
    if (end == rest.len)
        return;
    buf_append(&r->body, slice_from(slice_first(rest, end + 4), 3));
    r->used += end + 4;
    r->end = READING_WHOLE;
}

static void read_chunks(struct reading *r, struct slice rest)
{
    while (!at_trailers(rest) && take_chunk(r, &rest)) {
    }
    if (r->end == READING_PART && at_trailers(rest))
        read_trailers(r, rest);
}

static void read_body(struct reading *r, struct slice rest, const struct framing *f)
{
    if (f->chunked)
        read_chunks(r, rest);
    else
        read_length(r, rest, f->length != LENGTH_NONE ? f->length : 0);
}

void reading_request(struct reading *r, struct slice bytes)
{
    struct framing f;
    *r = (struct reading){ .end = READING_PART };
    if (!read_head(r, bytes, false, &f))
        return;
    if (f.hosts != 1) {
        garbled(r, "not exactly one Host");
        return;
    }
    r->used = r->head.len;
    read_body(r, slice_from(bytes, r->used), &f);
}

void reading_response(struct reading *r, struct slice bytes, bool head)
{
    struct framing f;
    *r = (struct reading){ .end = READING_PART };
    if (!read_head(r, bytes, true, &f))
        return;
    r->used = r->head.len;
    struct slice rest = slice_from(bytes, r->used);
    bool mute = head || r->status < 200 || r->status == 204 || r->status == 304;
    r->to_end = !mute && f.length == LENGTH_NONE && !f.chunked;
    if (mute)
        r->end = READING_WHOLE;
    else if (r->to_end)
        buf_append(&r->body, rest);
    else
        read_body(r, rest, &f);
}

void reading_done(struct reading *r)
{
    buf_done(&r->body);
}
