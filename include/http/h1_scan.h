/* SPDX-License-Identifier: Apache-2.0 */
/* The first wall: looks at every byte of a head (or of a trailer section) before anything parses
 * it, and refuses the first bad one the moment it arrives (RFC 9112 2.2, 3, 4, 5).
 *
 * It is fed with what has arrived since the head's first byte, again and again as that grows, and
 * looks at each byte once. What passes has: lines ended by CRLF alone, a request line of token SP
 * VCHARs SP HTTP/1.0 or 1.1 (or a status line), field lines of token ":" value without folding and
 * without control bytes, and sizes within the limits. One empty line may stand before a request
 * (RFC 9112 2.2). */
#ifndef HTTP_H1_SCAN_H
#define HTTP_H1_SCAN_H

#include "base/refusal.h"
#include "base/slice.h"

enum scan_kind { SCAN_REQUEST, SCAN_RESPONSE, SCAN_TRAILERS };
enum scan_verdict { SCAN_MORE, SCAN_DONE, SCAN_REFUSED };

struct h1_limits { /* 0 = no limit */
    size_t head;   /* bytes, with the empty lines: 431 */
    size_t target; /* bytes: 414 */
    size_t fields; /* number: 431 */
};
struct scan_span {
    size_t from, len; /* of the view; len 0: not reached */
};
struct h1_scan {
    unsigned char state, kind;
    size_t at;   /* bytes looked at; after SCAN_DONE: length of the head */
    size_t mark; /* where the element now looked at begins */
    size_t lead; /* bytes of the empty line before a request: 0 or 2 */
    size_t fields;
    struct scan_span method, target; /* of a request */
    struct h1_limits limits;
    enum refusal refusal; /* after SCAN_REFUSED */
};

void h1_scan_init(struct h1_scan *s, enum scan_kind kind, const struct h1_limits *limits);
/* `view` begins with the head's first byte and is never shorter than before. After another verdict
 * than SCAN_MORE the scan is over. */
enum scan_verdict h1_scan_feed(struct h1_scan *s, struct slice view);
/* Has anything but the tolerated empty line arrived? */
bool h1_scan_begun(const struct h1_scan *s);

#endif
