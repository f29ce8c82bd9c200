/* SPDX-License-Identifier: Apache-2.0 */
/* The first wall inside a chunked body (RFC 9112 7.1): takes it apart into framing, extensions and
 * data, byte by byte where it is framing, and refuses the first bad byte.
 *
 * A size has 1 to 16 hexadecimal digits and nothing around them. An extension must follow the
 * grammar without optional white space, is 256 bytes at most, and is dropped: nobody sees it. The
 * trailer section is not read here: h1_scan reads it, as SCAN_TRAILERS. */
#ifndef HTTP_H1_CHUNK_H
#define HTTP_H1_CHUNK_H

#include "http/h1_scan.h"

#include <stdint.h>

#define CHUNK_EXTENSION_MAX 256 /* bytes of one chunk's extensions, from the first ";" on */

enum chunk_part {
    CHUNK_FRAMING,   /* sizes and line ends, as received */
    CHUNK_EXTENSION, /* to be dropped */
    CHUNK_DATA,
    CHUNK_REFUSED, /* `refusal` says why; the decoder is done for */
};
struct h1_chunk {
    unsigned char state;
    unsigned digits, extension; /* of the line being read */
    uint64_t left;              /* data bytes of this chunk still to come */
    uint64_t data;              /* data bytes so far, over all chunks */
    enum refusal refusal;
};

void h1_chunk_init(struct h1_chunk *c);
/* Takes one run of bytes of one kind off the front of `view`, which is not empty, and of data at
 * most `room`. An empty run of CHUNK_DATA means that there is no room. */
enum chunk_part h1_chunk_next(struct h1_chunk *c, struct slice view, size_t room,
                              struct slice *ret_run);
/* The last chunk's line is complete: what follows is the trailer section. */
bool h1_chunk_at_trailers(const struct h1_chunk *c);

#endif
