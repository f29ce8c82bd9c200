/* SPDX-License-Identifier: Apache-2.0 */
/* The third wall: every head that leaves is made here from a message alone, never from received
 * bytes. What a message may not hold is refused, and nothing is left out in silence: no CR, LF, NUL
 * or other control byte anywhere, names are tokens, and no hop-by-hop field, nor one whose meaning
 * stands in the message itself (Host, Content-Length, Transfer-Encoding, Expect in requests). */
#ifndef HTTP_H1_WRITE_H
#define HTTP_H1_WRITE_H

#include "http/message.h"

enum persist {
    PERSIST_SILENT,     /* the version's default, unsaid */
    PERSIST_CLOSE,      /* Connection: close */
    PERSIST_KEEP_ALIVE, /* Connection: keep-alive, for HTTP/1.0 clients */
};
struct h1_frame {        /* what the codec decided about this hop */
    enum body_kind body; /* LENGTH and CHUNKED are written, the others are silence */
    uint64_t length;
    enum persist persist;
};

/* The head as bytes in `a`. 0, or -EINVAL when the message cannot be written. */
int h1_write_request(struct arena *a, const struct message *m, const struct h1_frame *f,
                     struct slice *ret_head);
int h1_write_response(struct arena *a, const struct message *m, const struct h1_frame *f,
                      struct slice *ret_head);
/* The end of a chunked body: last chunk, fields (may be NULL), empty line. Checks alike. */
int h1_write_trailers(struct arena *a, const struct fields *trailers, struct slice *ret_end);

#define CHUNK_LINE_MAX 20 /* 16 digits, CRLF, and room to spare */
/* "1f4\r\n" of a chunk's size. */
struct slice h1_write_chunk_line(char out[static CHUNK_LINE_MAX], size_t size);

#endif
