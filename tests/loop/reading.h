/* SPDX-License-Identifier: Apache-2.0 */
/* One message off the front of what Signet wrote, read as strictly as its writer promises to write:
 * one way to spell each thing, or it is garbled. It shares no code with the program, so it is a
 * second opinion about framing. */
#ifndef TESTS_LOOP_READING_H
#define TESTS_LOOP_READING_H

#include "base/buf.h"

enum reading_end {
    READING_PART,    /* more must come */
    READING_WHOLE,   /* `used` bytes of it */
    READING_GARBLED, /* `why` */
};
struct reading {
    enum reading_end end;
    const char *why;
    struct slice head;           /* with its empty line; empty while that is missing */
    struct slice method, target; /* of a request */
    unsigned status;             /* of a response */
    bool to_end;                 /* its body ends with the connection */
    struct buf body;             /* without its framing, as far as it came */
    size_t used;
};
/* The slices borrow from `bytes`. Done with reading_done(). */
void reading_request(struct reading *r, struct slice bytes);
void reading_response(struct reading *r, struct slice bytes, bool head); /* head: it answers HEAD */
void reading_done(struct reading *r);

#endif
