/* SPDX-License-Identifier: Apache-2.0 */
#include "transcript.h"

#include "reading.h"

/* What forward_request() adds, up to the request id, which is 32 digits. */
#define OURS                                                                                       \
    "X-Forwarded-For: " TRANSCRIPT_CLIENT "\r\n"                                                   \
    "X-Forwarded-Proto: http\r\n"                                                                  \
    "X-Forwarded-Host: " TRANSCRIPT_HOST "\r\n"                                                    \
    "Forwarded: for=" TRANSCRIPT_CLIENT ";host=" TRANSCRIPT_HOST ";proto=http\r\n"                 \
    "Via: 1.1 signet\r\n"                                                                          \
    "X-Request-ID: "

static void add_head(struct buf *out, struct slice head, struct slice from, struct slice name)
{
    const char *at = memmem(head.ptr, head.len, from.ptr, from.len);
    if (at == NULL) {
        buf_append(out, head);
        return;
    }
    size_t before = (size_t)(at - head.ptr);
    struct slice rest = slice_from(head, before + from.len);
    buf_append(out, slice_first(head, before));
    buf_append(out, name);
    buf_append(out, slice_from(rest, slice_find(rest, '\n') + 1)); /* with the value */
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
        add_head(out, r.head, SLICE(OURS), SLICE("[ours]\r\n"));
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
        add_head(out, r.head, SLICE("Date: "), SLICE(""));
        add_end(out, &r, r.end == READING_PART && !(r.to_end && orderly));
        stream = slice_from(stream, r.used);
        reading_done(&r);
    }
    terminate(out);
}
