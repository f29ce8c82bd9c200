/* SPDX-License-Identifier: Apache-2.0 */
#include "http/h1_write.h"

#include "http/octet.h"
#include "http/status.h"

#include <assert.h>
#include <errno.h>

#define FIXED_BYTES 192 /* more than all constant parts of a head take together */
#define DIGITS_MAX  20  /* of a uint64_t in decimal */

/* --- a head is put together in memory that is large enough from the start */

struct pen {
    char *begin, *at, *end;
};

static void put(struct pen *p, struct slice s)
{
    assert(s.len <= (size_t)(p->end - p->at));
    if (s.len > 0)
        memcpy(p->at, s.ptr, s.len);
    p->at += s.len;
}

static void put_uint(struct pen *p, uint64_t n)
{
    char digits[DIGITS_MAX];
    size_t i = sizeof(digits);
    do {
        digits[--i] = (char)('0' + n % 10);
        n /= 10;
    } while (n > 0);
    put(p, slice_of(digits + i, sizeof(digits) - i));
}

static struct pen pen_new(struct arena *a, const struct fields *f, size_t rest)
{
    size_t bytes = FIXED_BYTES + rest;
    for (size_t i = 0; i < f->count; i++)
        bytes += f->list[i].name.len + f->list[i].value.len + 4; /* ": " and CRLF */
    char *begin = arena_alloc(a, bytes);
    return (struct pen){ begin, begin, begin + bytes };
}

static struct slice pen_text(const struct pen *p)
{
    return slice_of(p->begin, (size_t)(p->at - p->begin));
}

/* --- fields */

/* Is it for this module, or for nobody on this hop, to send that field? */
static bool is_ours(enum field_id id, bool request)
{
    if (field_is_hop_by_hop(id) || id == FIELD_CONTENT_LENGTH)
        return true;
    return request && (id == FIELD_HOST || id == FIELD_EXPECT);
}

static int put_fields(struct pen *p, const struct fields *f, bool request)
{
    for (size_t i = 0; i < f->count; i++) {
        const struct field *field = &f->list[i];
        if (is_ours(field->id, request) || field->name.len == 0 ||
            !octet_all(field->name, OCTET_TOKEN) || !octet_all(field->value, OCTET_VALUE))
            return -EINVAL;
        put(p, field->name);
        put(p, SLICE(": "));
        put(p, field->value);
        put(p, SLICE("\r\n"));
    }
    return 0;
}

static void put_body(struct pen *p, const struct h1_frame *f)
{
    if (f->body == BODY_CHUNKED) {
        put(p, SLICE("Transfer-Encoding: chunked\r\n"));
    } else if (f->body == BODY_LENGTH) {
        put(p, SLICE("Content-Length: "));
        put_uint(p, f->length);
        put(p, SLICE("\r\n"));
    }
}

static void put_option(struct pen *p, struct slice option, bool *begun)
{
    put(p, *begun ? SLICE(", ") : SLICE("Connection: "));
    put(p, option);
    *begun = true;
}

/* What is for this hop alone: Connection has to name it (RFC 9110 7.6.1). */
static void put_hop(struct pen *p, struct slice upgrade, bool trailers_welcome,
                    enum persist persist)
{
    bool begun = false;
    if (trailers_welcome)
        put(p, SLICE("TE: trailers\r\n"));
    if (upgrade.len > 0) {
        put(p, SLICE("Upgrade: "));
        put(p, upgrade);
        put(p, SLICE("\r\n"));
        put_option(p, SLICE("upgrade"), &begun);
    }
    if (trailers_welcome)
        put_option(p, SLICE("TE"), &begun);
    if (persist == PERSIST_CLOSE)
        put_option(p, SLICE("close"), &begun);
    else if (persist == PERSIST_KEEP_ALIVE)
        put_option(p, SLICE("keep-alive"), &begun);
    if (begun)
        put(p, SLICE("\r\n"));
}

/* --- requests */

static bool target_is_good(const struct message *m)
{
    const struct uri *u = &m->uri;
    if (!octet_all(u->path, OCTET_TARGET) || !octet_all(u->query, OCTET_TARGET))
        return false;
    if (slice_eq(u->path, SLICE("*")))
        return m->method_id == METHOD_OPTIONS && !u->has_query;
    return slice_starts(u->path, SLICE("/"));
}

static bool request_is_good(const struct message *m, const struct h1_frame *f)
{
    return m->method.len > 0 && octet_all(m->method, OCTET_TOKEN) && target_is_good(m) &&
           octet_all(m->authority, OCTET_TARGET) && octet_all(m->upgrade, OCTET_VALUE) &&
           f->body != BODY_TO_END;
}

static void put_request_line(struct pen *p, const struct message *m)
{
    put(p, m->method);
    put(p, SLICE(" "));
    put(p, m->uri.path);
    if (m->uri.has_query) {
        put(p, SLICE("?"));
        put(p, m->uri.query);
    }
    put(p, SLICE(" HTTP/1.1\r\nHost: "));
    put(p, m->authority);
    put(p, SLICE("\r\n"));
}

int h1_write_request(struct arena *a, const struct message *m, const struct h1_frame *f,
                     struct slice *ret_head)
{
    if (!request_is_good(m, f))
        return -EINVAL;
    struct pen p = pen_new(a, &m->fields,
                           m->method.len + m->uri.path.len + m->uri.query.len + m->authority.len +
                               m->upgrade.len);
    put_request_line(&p, m);
    int r = put_fields(&p, &m->fields, true);
    if (r < 0)
        return r;
    put_body(&p, f);
    if (m->expect_continue)
        put(&p, SLICE("Expect: 100-continue\r\n"));
    put_hop(&p, m->upgrade, m->trailers_welcome, f->persist);
    put(&p, SLICE("\r\n"));
    *ret_head = pen_text(&p);
    return 0;
}

/* --- responses */

/* 101 says to what it switches, 426 what it asks for, no other status speaks of it. */
static bool upgrade_is_good(const struct message *m)
{
    if (m->upgrade.len == 0)
        return m->status != 101;
    return (m->status == 101 || m->status == 426) && octet_all(m->upgrade, OCTET_VALUE);
}

int h1_write_response(struct arena *a, const struct message *m, const struct h1_frame *f,
                      struct slice *ret_head)
{
    struct slice reason = m->reason.len > 0 ? m->reason : status_reason(m->status);
    if (m->status < 100 || m->status > 999 || !octet_all(reason, OCTET_VALUE) ||
        !upgrade_is_good(m))
        return -EINVAL;
    struct pen p = pen_new(a, &m->fields, reason.len + m->upgrade.len);
    put(&p, SLICE("HTTP/1.1 "));
    put_uint(&p, m->status);
    put(&p, SLICE(" "));
    put(&p, reason);
    put(&p, SLICE("\r\n"));
    int r = put_fields(&p, &m->fields, false);
    if (r < 0)
        return r;
    put_body(&p, f);
    put_hop(&p, m->upgrade, false, f->persist);
    put(&p, SLICE("\r\n"));
    *ret_head = pen_text(&p);
    return 0;
}

/* --- chunks */

int h1_write_trailers(struct arena *a, const struct fields *trailers, struct slice *ret_end)
{
    if (trailers == NULL || trailers->count == 0) {
        *ret_end = SLICE("0\r\n\r\n");
        return 0;
    }
    struct pen p = pen_new(a, trailers, 0);
    put(&p, SLICE("0\r\n"));
    int r = put_fields(&p, trailers, true);
    if (r < 0)
        return r;
    put(&p, SLICE("\r\n"));
    *ret_end = pen_text(&p);
    return 0;
}

struct slice h1_write_chunk_line(char out[static CHUNK_LINE_MAX], size_t size)
{
    static const char hex[] = "0123456789abcdef";
    size_t at = CHUNK_LINE_MAX;
    out[--at] = '\n';
    out[--at] = '\r';
    do {
        out[--at] = hex[size & 15];
        size >>= 4;
    } while (size > 0);
    return slice_of(out + at, CHUNK_LINE_MAX - at);
}
