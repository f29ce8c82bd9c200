/* SPDX-License-Identifier: Apache-2.0 */
#include "http/h1_out.h"

#include "http/h1_write.h"

#include <string.h>

#define SMALL_MAX 8192 /* bytes of body that are worth a copy */

void h1_out_begin(struct h1_out *o, enum body_kind body, uint64_t length, bool mute)
{
    *o = (struct h1_out){ .body = body, .begun = true, .mute = mute };
    if (body == BODY_LENGTH && !mute)
        o->left = length;
}

void h1_out_begin_tunnel(struct h1_out *o)
{
    *o = (struct h1_out){ .body = BODY_TO_END, .begun = true, .tunnel = true };
}

void h1_out_done(struct h1_out *o)
{
    buf_done(&o->held);
}

/* Each write is a TLS record of its own: a small chunk is worth one copy to be one. */
static void write_small_chunk(struct conn *c, struct slice line, struct slice bytes)
{
    char whole[CHUNK_LINE_MAX + SMALL_MAX + 2];
    memcpy(whole, line.ptr, line.len);
    memcpy(whole + line.len, bytes.ptr, bytes.len);
    memcpy(whole + line.len + bytes.len, "\r\n", 2);
    conn_write(c, slice_of(whole, line.len + bytes.len + 2));
}

static void write_chunk(struct conn *c, struct slice bytes)
{
    char text[CHUNK_LINE_MAX];
    struct slice line = h1_write_chunk_line(text, bytes.len);
    if (bytes.len <= SMALL_MAX) {
        write_small_chunk(c, line, bytes);
        return;
    }
    conn_write(c, line);
    conn_write(c, bytes);
    conn_write(c, SLICE("\r\n"));
}

static void write_framed(const struct h1_out *o, struct conn *c, struct slice bytes)
{
    if (o->body == BODY_CHUNKED)
        write_chunk(c, bytes);
    else
        conn_write(c, bytes);
}

void h1_out_flush(struct h1_out *o, struct conn *c)
{
    if (buf_len(&o->held) == 0)
        return;
    write_framed(o, c, buf_view(&o->held));
    buf_done(&o->held);
}

/* To a slow peer a byte at a time would wait as a chunk and a TLS record each, many times its size.
 */
static bool is_worth_holding(const struct conn *c, size_t bytes)
{
    return bytes <= SMALL_MAX && conn_backlog(c) > 0;
}

void h1_out_end(struct h1_out *o, struct conn *c, struct slice last)
{
    if (o->ended || o->broken)
        return;
    h1_out_flush(o, c);
    if (o->left > 0) {
        o->broken = true;
        return;
    }
    if (o->body == BODY_CHUNKED && !o->mute)
        conn_write(c, last);
    if (o->tunnel)
        conn_end_output(c);
    o->ended = true;
}

static bool exceeds(const struct h1_out *o, size_t bytes)
{
    return o->body == BODY_NONE || (o->body == BODY_LENGTH && bytes > o->left);
}

static size_t write_bytes(struct h1_out *o, struct conn *c, struct slice bytes)
{
    if (exceeds(o, bytes.len)) {
        o->broken = true;
        return 0;
    }
    if (o->body == BODY_LENGTH)
        o->left -= bytes.len;
    bool hold = is_worth_holding(c, bytes.len);
    if (!hold || buf_len(&o->held) + bytes.len > SMALL_MAX)
        h1_out_flush(o, c);
    if (hold)
        buf_append(&o->held, bytes);
    else
        write_framed(o, c, bytes);
    return bytes.len;
}

size_t h1_out_body(struct h1_out *o, struct conn *c, struct slice bytes, bool end)
{
    size_t written = 0;
    if (!o->begun || o->ended || o->broken)
        return 0;
    if (bytes.len > 0 && !o->mute)
        written = write_bytes(o, c, bytes);
    if (end)
        h1_out_end(o, c, SLICE("0\r\n\r\n"));
    return written;
}
