/* SPDX-License-Identifier: Apache-2.0 */
/* Answers that Signet makes itself: respond, redirect, errors. They never hold a byte that the
 * client sent, a redirect's path and query aside. */
#ifndef PROXY_REPLY_H
#define PROXY_REPLY_H

#include "http/stream.h"

struct reply {
    unsigned status;
    const char *error; /* Proxy-Status' error= (RFC 9209 2.3), NULL: none */
    const char *why;   /* an error: the reason in words, static; the body says it */
    struct slice body; /* no error: the body as configured */
    struct slice location;
    bool close; /* the connection ends after it: what follows cannot be understood */
};

/* Sends it whole. `request` may be only partly understood. Everything is borrowed for the call,
 * memory comes from `a`. 0, or -EINVAL: it cannot be written, nothing was sent. */
int reply_send(struct stream *down, const struct message *request, const struct reply *r,
               struct slice date, struct arena *a);
/* Does Accept ask for JSON rather than text (RFC 9110 12.5.1)? */
bool reply_prefers_json(const struct fields *request);

#endif
