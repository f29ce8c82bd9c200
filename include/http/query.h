/* SPDX-License-Identifier: Apache-2.0 */
/* The query of a target as parameters, NAME=VALUE between "&", percent-encoding decoded (RFC 3986
 * 2.1), a plus as a blank, as forms and curl --data-urlencode write it. Only for requests that
 * Signet answers itself: what is forwarded is never decoded. */
#ifndef HTTP_QUERY_H
#define HTTP_QUERY_H

#include "base/arena.h"
#include "base/buf.h"

/* Takes the next parameter off the front of *rest, which begins as the query; decoded in `a` where
 * that changes it. A parameter without "=" has an empty value; empty ones are passed over. 1; 0 at
 * the end; -EINVAL when a percent sign stands without two hexadecimal digits. */
int query_next(struct slice *rest, struct arena *a, struct slice *ret_name,
               struct slice *ret_value);
/* Appends the text so that query_next() gives it back whatever it holds: all but unreserved
 * characters (RFC 3986 2.3) are encoded. */
void query_escape(struct buf *out, struct slice text);

#endif
