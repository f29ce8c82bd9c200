/* SPDX-License-Identifier: Apache-2.0 */
/* llhttp behind one door: it takes heads apart that h1_scan let pass, and reads chunked bodies
 * along with h1_chunk, so that two readings of the same bytes can be compared. No lenient flag is
 * ever set. Built for 8.1 (in strict mode) and 9.x; no other file sees its header. */
#ifndef HTTP_H1_PARSE_H
#define HTTP_H1_PARSE_H

#include "http/h1_scan.h"
#include "http/message.h"

#include <stdalign.h>

#define H1_PARSE_BYTES 128

struct h1_framing { /* what the fields of a head say about its body's length */
    bool chunked, has_length;
    uint64_t length; /* 0 without has_length */
    bool upgrade;    /* both an Upgrade that is not empty and `Connection: upgrade`; of responses,
                      101 alone */
};
struct h1_parse {
    alignas(8) unsigned char impl[H1_PARSE_BYTES];
    /* what the callbacks collect; slices of what is being parsed */
    struct fields *fields;
    struct slice target, reason, name, value;
    uint64_t body; /* data bytes seen in the chunked body so far */
    bool complete; /* end of the message seen */
};

/* A head from its first byte (behind an empty line) to its last. Sets version, status and reason,
 * adds all fields to m->fields; m->method and m->target are set already and must agree. Values are
 * trimmed, but for Content-Length and Transfer-Encoding, where only spaces in front are. After a
 * refusal version alone is set, and some of the fields are. */
enum refusal h1_parse_head(struct h1_parse *p, const struct h1_scan *s, struct slice head,
                           struct message *m);
struct h1_framing h1_parse_framing(const struct h1_parse *p); /* after a head */
/* Goes on with a chunked body, all of it but extensions and trailer fields: its end is an empty
 * trailer section. */
enum refusal h1_parse_body(struct h1_parse *p, struct slice bytes);
uint64_t h1_parse_chunk_left(const struct h1_parse *p); /* data bytes of this chunk to come */
const char *h1_parser_version(void);                    /* "8.1.0, strict": for people */

#endif
