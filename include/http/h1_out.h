/* SPDX-License-Identifier: Apache-2.0 */
/* The sending half of HTTP/1: a body framed onto a connection as its head announced it. */
#ifndef HTTP_H1_OUT_H
#define HTTP_H1_OUT_H

#include "base/buf.h"
#include "conn/conn.h"
#include "http/message.h"

struct h1_out {
    enum body_kind body;
    uint64_t left;   /* BODY_LENGTH: bytes still owed */
    struct buf held; /* small parts that came while the peer was slow: they leave as one */
    bool begun;      /* the (final) head is written */
    bool ended;      /* so is everything else */
    bool mute;       /* an answer without a body: what the user sends as one goes nowhere */
    bool broken;     /* the user sent more, or less, than the head announced */
    bool tunnel;     /* raw bytes, ended by the end of their direction */
};

/* The head went out; this is what follows. */
void h1_out_begin(struct h1_out *o, enum body_kind body, uint64_t length, bool mute);
/* The head of a tunnel went out. */
void h1_out_begin_tunnel(struct h1_out *o);
void h1_out_done(struct h1_out *o); /* forgets what is held; harmless when nothing began */
/* The peer has taken all that waited: what was held goes now. */
void h1_out_flush(struct h1_out *o, struct conn *c);
/* Frames and writes body bytes. More than announced, or an end before it, breaks the message: what
 * the other side got must then be cut visibly. Returns the body bytes written. */
size_t h1_out_body(struct h1_out *o, struct conn *c, struct slice bytes, bool end);
/* Ends a chunked body with `last`, made by h1_write_trailers; any other just ends. */
void h1_out_end(struct h1_out *o, struct conn *c, struct slice last);

#endif
