/* SPDX-License-Identifier: Apache-2.0 */
#include "http/h1_in.h"

#include <assert.h>
#include <errno.h>

static int refuse(struct h1_in *in, enum refusal why)
{
    in->refusal = why;
    return -EPROTO;
}

void h1_in_init(struct h1_in *in, bool response, const struct h1_conf *conf, struct arena *a)
{
    *in = (struct h1_in){ .arena = a, .underscore = conf->underscore };
    in->limits = (struct h1_limits){
        .head = conf->head_max,
        .target = conf->target_max,
        .fields = conf->fields_max,
    };
    if (response)
        in->underscore = UNDERSCORE_PASS;
    h1_scan_init(&in->scan, response ? SCAN_RESPONSE : SCAN_REQUEST, &in->limits);
}

enum scan_verdict h1_in_scan(struct h1_in *in, struct slice view)
{
    enum scan_verdict v = h1_scan_feed(&in->scan, view);
    if (v == SCAN_REFUSED)
        in->refusal = in->scan.refusal;
    return v;
}

void h1_in_start_body(struct h1_in *in, const struct message *m)
{
    in->body = m->body;
    in->left = m->body == BODY_LENGTH ? m->length : 0;
    bool none = m->body == BODY_NONE || (m->body == BODY_LENGTH && m->length == 0);
    in->state = none ? H1_IN_DONE : H1_IN_BODY;
    if (m->body == BODY_CHUNKED)
        h1_chunk_init(&in->chunk);
}

void h1_in_start_tunnel(struct h1_in *in)
{
    in->body = BODY_TO_END;
    in->state = H1_IN_TUNNEL;
}

void h1_in_next_head(struct h1_in *in)
{
    size_t *left = &in->limits.head;
    if (*left > 0) /* none left is one byte, in which no head ends: 0 would be no limit */
        *left = in->scan.at < *left ? *left - in->scan.at : 1;
    h1_scan_init(&in->scan, (enum scan_kind)in->scan.kind, &in->limits);
    in->state = H1_IN_HEAD;
}

static int take_length(struct h1_in *in, struct slice view, size_t room, struct h1_piece *piece)
{
    struct slice bytes = slice_first(view, room);
    if (bytes.len > in->left)
        bytes.len = (size_t)in->left;
    in->left -= bytes.len;
    if (in->left == 0)
        in->state = H1_IN_DONE;
    *piece = (struct h1_piece){ .used = bytes.len, .bytes = bytes, .end = in->left == 0 };
    return 0;
}

static int take_to_end(struct slice view, size_t room, struct h1_piece *piece)
{
    struct slice bytes = slice_first(view, room);
    *piece = (struct h1_piece){ .used = bytes.len, .bytes = bytes };
    return 0;
}

/* The parser reads along; both must have seen the same data and expect the same of this chunk. */
static int compare(struct h1_in *in, struct slice run)
{
    enum refusal why = h1_parse_body(&in->parse, run);
    if (why != REFUSAL_NONE)
        return refuse(in, why);
    if (in->parse.body != in->chunk.data || h1_parse_chunk_left(&in->parse) != in->chunk.left ||
        in->parse.complete)
        return refuse(in, REFUSAL_CHUNK_DISAGREES);
    return 0;
}

static int take_chunked(struct h1_in *in, struct slice view, size_t room, struct h1_piece *piece)
{
    struct slice run;
    enum chunk_part part = h1_chunk_next(&in->chunk, view, room, &run);
    if (part == CHUNK_REFUSED)
        return refuse(in, in->chunk.refusal);

    *piece = (struct h1_piece){ .used = run.len };
    if (part == CHUNK_EXTENSION)
        return 0;
    if (part == CHUNK_DATA)
        piece->bytes = run;
    if (h1_chunk_at_trailers(&in->chunk)) {
        in->state = H1_IN_TRAILERS;
        h1_scan_init(&in->scan, SCAN_TRAILERS, &in->limits);
    }
    return run.len > 0 ? compare(in, run) : 0;
}

static void drop_underscores(struct fields *f)
{
    size_t kept = 0;
    for (size_t i = 0; i < f->count; i++)
        if (slice_find(f->list[i].name, '_') == f->list[i].name.len)
            f->list[kept++] = f->list[i];
    f->count = kept;
}

/* The parser is shown an empty section, which ends the message for it as well: what a framing field
 * means here depends on its version, and to us it means nothing. */
static int read_trailers(struct h1_in *in, struct slice section)
{
    enum refusal why = h1_parse_body(&in->parse, SLICE("\r\n"));
    if (why != REFUSAL_NONE)
        return refuse(in, why);
    if (!in->parse.complete)
        return refuse(in, REFUSAL_CHUNK_DISAGREES);
    fields_init(&in->trailers, in->arena);
    if (in->scan.fields > 0)
        fields_split(&in->trailers, arena_copy(in->arena, section));
    for (size_t i = 0; i < in->trailers.count; i++)
        in->trailers.list[i].value = slice_trim(in->trailers.list[i].value);
    fields_keep_trailers(&in->trailers);
    if (in->underscore != UNDERSCORE_PASS)
        drop_underscores(&in->trailers);
    return 0;
}

/* Trailers are taken when they are complete: until then nothing is used. */
static int take_trailers(struct h1_in *in, struct slice view, struct h1_piece *piece)
{
    *piece = (struct h1_piece){ 0 };
    enum scan_verdict v = h1_in_scan(in, view);
    if (v == SCAN_MORE)
        return 0;
    if (v == SCAN_REFUSED)
        return -EPROTO;

    struct slice section = slice_first(view, in->scan.at);
    int r = read_trailers(in, section);
    if (r < 0)
        return r;
    in->state = H1_IN_DONE;
    piece->used = section.len;
    piece->end = true;
    piece->trailers = in->trailers.count > 0 ? &in->trailers : NULL;
    return 0;
}

int h1_in_take(struct h1_in *in, struct slice view, size_t room, struct h1_piece *ret_piece)
{
    assert(h1_in_flows(in) || in->state == H1_IN_TRAILERS);
    if (in->state == H1_IN_TRAILERS)
        return take_trailers(in, view, ret_piece);
    if (in->body == BODY_CHUNKED)
        return take_chunked(in, view, room, ret_piece);
    if (in->body == BODY_LENGTH)
        return take_length(in, view, room, ret_piece);
    return take_to_end(view, room, ret_piece);
}
