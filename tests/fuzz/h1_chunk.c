/* SPDX-License-Identifier: Apache-2.0 */
/* A chunked body: the same data and the same end come out whole or in pieces; and the parser, which
 * reads along inside h1_in, never disagrees with the byte check about a body that passes it. */
#include "../unit/http/wire.h"
#include "http/h1_head.h"

#include <stdio.h>
#include <stdlib.h>

#define HEAD "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"

struct reading {
    struct h1_in in;
    struct arena arena;
    struct buf kept, data;
    size_t room;
    bool refused;
};

static void must(bool good, const char *what)
{
    if (good)
        return;
    fprintf(stderr, "broken: %s\n", what);
    abort();
}

static void begin(struct reading *r)
{
    static const struct h1_conf conf = { .head_max = 256, .fields_max = 4 };
    struct message m;
    arena_init(&r->arena, NULL);
    message_init(&m, &r->arena);
    h1_in_init(&r->in, false, &conf, &r->arena);
    must(h1_in_scan(&r->in, SLICE(HEAD)) == SCAN_DONE, "the head is complete");
    must(h1_head_request(&r->in, SLICE(HEAD), &m) == 0, "the head is good");
    h1_in_start_body(&r->in, &m);
}

static void read_some(void *user, struct slice part)
{
    struct reading *r = user;
    struct h1_piece piece = { .used = 1 };
    buf_append(&r->kept, part);
    while (r->in.state != H1_IN_DONE && !r->refused && buf_len(&r->kept) > 0 && piece.used > 0) {
        r->refused = h1_in_take(&r->in, buf_view(&r->kept), r->room, &piece) < 0;
        if (r->refused)
            return;
        buf_append(&r->data, piece.bytes);
        if (piece.used > 0)
            buf_consume(&r->kept, piece.used);
    }
}

static void finish(struct reading *r)
{
    buf_done(&r->kept);
    buf_done(&r->data);
    arena_done(&r->arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    if (len < 1)
        return 0;
    struct slice bytes = slice_of((const char *)data + 1, len - 1);
    struct reading whole = { .room = SIZE_MAX }, split = { .room = 1 + (data[0] & 7) };
    begin(&whole);
    begin(&split);
    read_some(&whole, bytes);
    wire_split(bytes, 1 + (data[0] >> 3), read_some, &split);
    must(whole.refused == split.refused && whole.in.state == split.in.state, "the same verdict");
    must(slice_eq(buf_view(&whole.data), buf_view(&split.data)), "the same data");
    if (whole.refused)
        must(whole.in.refusal != REFUSAL_CHUNK_DISAGREES && whole.in.refusal != REFUSAL_PARSER,
             "both read the same");
    finish(&whole);
    finish(&split);
    return 0;
}
