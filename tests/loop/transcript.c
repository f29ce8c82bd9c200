/* SPDX-License-Identifier: Apache-2.0 */
#include "transcript.h"

#include "reading.h"

/* A request id that was made here: the seed is zero, so it begins with zeros. */
#define MADE_ID "X-Request-ID: 0000000000000000"
/* What forward_request() adds, up to the request id. */
#define OURS                                                                                       \
    "X-Forwarded-For: " TRANSCRIPT_CLIENT "\r\n"                                                   \
    "X-Forwarded-Proto: http\r\n"                                                                  \
    "X-Forwarded-Host: " TRANSCRIPT_HOST "\r\n"                                                    \
    "Forwarded: for=" TRANSCRIPT_CLIENT ";host=" TRANSCRIPT_HOST ";proto=http\r\n"                 \
    "Via: 1.1 signet\r\n" MADE_ID

/* The head with `name` in place of everything from `from` to the end of that line. False, and
 * nothing added, when it is not there. */
static bool add_replaced(struct buf *out, struct slice head, struct slice from, struct slice name)
{
    const char *at = head.ptr != NULL ? memmem(head.ptr, head.len, from.ptr, from.len) : NULL;
    if (at == NULL)
        return false;
    size_t before = (size_t)(at - head.ptr);
    struct slice rest = slice_from(head, before + from.len);
    buf_append(out, slice_first(head, before));
    buf_append(out, name);
    buf_append(out, slice_from(rest, slice_find(rest, '\n') + 1));
    return true;
}

static void add_end(struct buf *out, const struct reading *r, bool cut)
{
    buf_append(out, buf_view(&r->body));
    if (r->end == READING_GARBLED)
        buf_printf(out, "[garbled: %s]", r->why);
    else if (cut)
        buf_add(out, "[cut]");
}

static void terminate(struct buf *out)
{
    *buf_reserve(out, 1) = '\0';
}

void transcript_requests(struct slice stream, struct buf *out)
{
    struct reading r = { .end = READING_WHOLE };
    while (stream.len > 0 && r.end == READING_WHOLE) {
        reading_request(&r, stream);
        if (!add_replaced(out, r.head, SLICE(OURS), SLICE("[ours]\r\n")) &&
            !add_replaced(out, r.head, SLICE(MADE_ID), SLICE("X-Request-ID: [id]\r\n")))
            buf_append(out, r.head);
        add_end(out, &r, r.end == READING_PART);
        stream = slice_from(stream, r.used);
        reading_done(&r);
    }
    terminate(out);
}

void transcript_responses(struct slice stream, bool head, bool orderly, struct buf *out)
{
    struct reading r = { .end = READING_WHOLE };
    while (stream.len > 0 && r.end == READING_WHOLE) {
        reading_response(&r, stream, head);
        if (!add_replaced(out, r.head, SLICE("Date: "), SLICE("")))
            buf_append(out, r.head);
        add_end(out, &r, r.end == READING_PART && !(r.to_end && orderly));
        stream = slice_from(stream, r.used);
        reading_done(&r);
    }
    terminate(out);
}
