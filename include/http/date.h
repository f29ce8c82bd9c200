/* SPDX-License-Identifier: Apache-2.0 */
/* The Date field's text (IMF-fixdate, RFC 9110 5.6.7), made once a second. */
#ifndef HTTP_DATE_H
#define HTTP_DATE_H

#include "base/slice.h"

#include <stdint.h>

/* The text of one second. Zero it to begin with. */
struct date_cache {
    int64_t second;
    char text[32]; /* empty: nothing made yet */
};

/* "Fri, 20 Nov 2026 10:00:00 GMT" of a unix second; valid until the next call with this cache.
 * Years 0 to 9999; what lies outside is shown as the nearest second inside. */
struct slice date_text(struct date_cache *cache, int64_t unix_second);

#endif
