/* SPDX-License-Identifier: Apache-2.0 */
/* Fields of a message (RFC 9110 5): an ordered list of names and values. Names compare without
 * case. Those that Signet itself must understand have an id, found once when the field is added.
 * Bytes are borrowed, usually from the message's arena. */
#ifndef HTTP_HEADER_H
#define HTTP_HEADER_H

#include "base/arena.h"
#include "base/refusal.h"
#include "base/slice.h"

#include <stdbool.h>

/* One row a field: X(id, canonical spelling). A new one also goes into the look-up of field_id().
 */
#define FIELDS(X)                                                                                  \
    X(ACCEPT, "Accept")                                                                            \
    X(AUTHORIZATION, "Authorization")                                                              \
    X(CONNECTION, "Connection")                                                                    \
    X(CONTENT_LENGTH, "Content-Length")                                                            \
    X(CONTENT_TYPE, "Content-Type")                                                                \
    X(COOKIE, "Cookie")                                                                            \
    X(DATE, "Date")                                                                                \
    X(EXPECT, "Expect")                                                                            \
    X(FORWARDED, "Forwarded")                                                                      \
    X(HOST, "Host")                                                                                \
    X(HTTP2_SETTINGS, "HTTP2-Settings")                                                            \
    X(KEEP_ALIVE, "Keep-Alive")                                                                    \
    X(LOCATION, "Location")                                                                        \
    X(PROXY, "Proxy")                                                                              \
    X(PROXY_AUTHENTICATE, "Proxy-Authenticate")                                                    \
    X(PROXY_AUTHORIZATION, "Proxy-Authorization")                                                  \
    X(PROXY_CONNECTION, "Proxy-Connection")                                                        \
    X(PROXY_STATUS, "Proxy-Status")                                                                \
    X(REFERER, "Referer")                                                                          \
    X(TE, "TE")                                                                                    \
    X(TRAILER, "Trailer")                                                                          \
    X(TRANSFER_ENCODING, "Transfer-Encoding")                                                      \
    X(UPGRADE, "Upgrade")                                                                          \
    X(USER_AGENT, "User-Agent")                                                                    \
    X(VIA, "Via")                                                                                  \
    X(X_FORWARDED_FOR, "X-Forwarded-For")                                                          \
    X(X_FORWARDED_HOST, "X-Forwarded-Host")                                                        \
    X(X_FORWARDED_PROTO, "X-Forwarded-Proto")                                                      \
    X(X_REAL_IP, "X-Real-IP")                                                                      \
    X(X_REQUEST_ID, "X-Request-ID")

enum field_id {
    FIELD_OTHER,
#define X(id, name) FIELD_##id,
    FIELDS(X)
#undef X
        FIELD_COUNT
};

struct field {
    struct slice name, value;
    enum field_id id;
};
struct fields {
    struct arena *arena; /* borrowed; the list grows in it */
    struct field *list;
    size_t count, cap;
};

enum field_id field_id(struct slice name); /* FIELD_OTHER when it has none */
struct slice field_name(enum field_id id); /* canonical spelling */
void fields_init(struct fields *f, struct arena *a);
void fields_add(struct fields *f, struct slice name, struct slice value);
/* Adds the lines of a section that h1_scan let pass, whose end is an empty line. Values lose the
 * spaces in front and nothing else. */
void fields_split(struct fields *f, struct slice section);
void fields_add_known(struct fields *f, enum field_id id, struct slice value);
/* The first with that id or name, or NULL; the pointer is valid until the list changes. */
const struct field *fields_find(const struct fields *f, enum field_id id);
const struct field *fields_find_name(const struct fields *f, struct slice name);
unsigned fields_count(const struct fields *f, enum field_id id);
void fields_remove(struct fields *f, enum field_id id);       /* every one */
void fields_remove_name(struct fields *f, struct slice name); /* every one */
/* Walks a comma-separated list value (RFC 9110 5.6.1): the next element trimmed, quoted strings
 * respected; false at the end. */
bool field_list_next(struct slice *rest, struct slice *ret_element);
/* Is `token` an element of any field with that id, without case? */
bool fields_list_has(const struct fields *f, enum field_id id, struct slice token);
/* Ends here, whichever way it travels: hop-by-hop by itself (RFC 9110 7.6.1), not by what
 * Connection names. Trailer and Proxy-Status are not: they are about the message, not the hop. */
bool field_is_hop_by_hop(enum field_id id);
/* Removes what is hop-by-hop by itself and what Connection names, then Connection too. */
void fields_remove_hop_by_hop(struct fields *f);
/* Do the Connection fields name a field that decides about framing, routing or identity, or more
 * fields than anybody needs? */
enum refusal fields_check_connection(const struct fields *f);

/* Removes what may not stand in a trailer section: fields that frame, route, authenticate or say
 * how to read the body (RFC 9110 6.5.1). */
void fields_keep_trailers(struct fields *f);

#endif
