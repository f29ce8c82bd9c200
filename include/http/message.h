/* SPDX-License-Identifier: Apache-2.0 */
/* The head of one request or response, free of any protocol version's framing. What it points at
 * lives in its arena. */
#ifndef HTTP_MESSAGE_H
#define HTTP_MESSAGE_H

#include "http/header.h"
#include "http/uri.h"

#include <stdint.h>

enum body_kind {
    BODY_NONE,
    BODY_LENGTH,  /* `length` bytes, known beforehand; may be 0 */
    BODY_CHUNKED, /* self-delimiting, length unknown */
    BODY_TO_END,  /* ends with the connection (HTTP/1 responses alone) */
};
enum http_version { HTTP_1_0, HTTP_1_1 };
enum method {
    METHOD_OTHER,
    METHOD_GET,
    METHOD_HEAD,
    METHOD_POST,
    METHOD_PUT,
    METHOD_DELETE,
    METHOD_OPTIONS,
    METHOD_PATCH,
    METHOD_CONNECT,
    METHOD_TRACE
};

struct message {
    struct arena *arena;       /* borrowed */
    enum http_version version; /* as the sender wrote it */
    /* request */
    enum method method_id;
    struct slice method;
    struct uri uri;         /* resolved: what is routed is what is forwarded */
    struct slice target;    /* as received, for the log */
    struct slice authority; /* Host as the client sent it */
    bool expect_continue;   /* Expect: 100-continue, and there is a body to wait for */
    bool trailers_welcome;  /* TE: trailers */
    /* response */
    unsigned status;     /* 100..999 */
    struct slice reason; /* may be empty */
    /* Both. Protocols, a comma-separated list (upgrade.h), empty: none. Of a request: those it
     * offers to switch to behind it, of a response with 101: those it switches to, with 426: those
     * it asks for. */
    struct slice upgrade;
    /* What has a place of its own in the message is not among the fields: Content-Length and
     * Transfer-Encoding, and of a request Host and Expect. A codec refuses to send them as fields,
     * as it does with everything hop-by-hop (fields_remove_hop_by_hop). */
    struct fields fields;
    enum body_kind body;
    uint64_t length; /* for BODY_LENGTH; on HEAD and 304 answers (which are BODY_NONE): the
                        announced length, or LENGTH_UNKNOWN */
    /* Received: the sender ends the connection after this exchange. In a response that is sent: end
     * it. A connection's affair: whoever passes a message on decides anew. */
    bool close;
};
#define LENGTH_UNKNOWN UINT64_MAX

/* HTTP/1.1, no body, LENGTH_UNKNOWN, the rest empty. */
void message_init(struct message *m, struct arena *a);
enum method method_id(struct slice method); /* case-sensitive (RFC 9110 9.1) */
bool method_is_idempotent(enum method m);   /* RFC 9110 9.2.2; METHOD_OTHER is not */
/* Is content part of what the method means, so that its absence should be said (RFC 9110 8.6)? */
bool method_expects_content(enum method m);
/* May an answer with this status to this method have a body at all (RFC 9112 6.3)? */
bool message_may_have_body(enum method request, unsigned status);

#endif
