/* SPDX-License-Identifier: Apache-2.0 */
/* The request target (RFC 9112 3.2, RFC 3986): taken apart, dot segments resolved, nothing decoded
 * onto the wire. */
#ifndef HTTP_URI_H
#define HTTP_URI_H

#include "base/arena.h"
#include "base/refusal.h"
#include "base/slice.h"

#include <stdbool.h>
#include <stdint.h>

struct uri {
    struct slice path;  /* begins with "/", or is "*" for OPTIONS *; percent-encoding as received */
    struct slice query; /* without "?" */
    bool has_query;     /* "/a?" has an empty one */
    struct slice host; /* lower case, without port, brackets and trailing dot; from the authority */
    uint16_t port;     /* 0 = none given */
};

/* Resolves a target in origin form, absolute form or "*". Allocates in `a` only what has to change.
 * `*ret_authority` is the absolute form's authority, ptr NULL otherwise. host and port are not
 * touched. Results are good only after REFUSAL_NONE.
 *
 * In the path "%2e" counts as a dot when segments are resolved; a backslash, a percent sign without
 * two hexadecimal digits, and %00, %0d, %0a are refused. The query is the origin's business: forms
 * put %0d%0a there. A fragment, and bytes outside of VCHAR, are refused anywhere. */
enum refusal uri_parse_target(struct slice target, bool is_options, struct arena *a,
                              struct uri *ret_uri, struct slice *ret_authority);
enum refusal uri_refused_octet(
    char c); /* why an octet that is no VCHAR may not stand in a target */
/* Host or authority: reg-name, IPv4 or [IPv6], optional port. No userinfo, not empty. Names are
 * letters, digits, "-", "." and "_": the registered names of the DNS. Sets host and port. */
enum refusal uri_parse_authority(struct slice authority, struct arena *a, struct uri *uri);
/* Does the authority of this absolute-form target name what Host says, `host` parsed? Without case;
 * a missing port is the scheme's own. REFUSAL_HOST_DIFFERS, or what is wrong with the authority. */
enum refusal uri_compare_authority(struct slice target, struct slice authority,
                                   const struct uri *host, struct arena *a);
/* path, and "?" query where there is one; what is forwarded and what key=uri hashes. */
struct slice uri_path_and_query(const struct uri *uri, struct arena *a);
/* Does `prefix` cover `path` on segment bounds? "/v1/" covers "/v1/x", not "/v1"; "/v1" covers
 * "/v1" and "/v1/x", not "/v10". */
bool uri_prefix_covers(struct slice prefix, struct slice path);

#endif
