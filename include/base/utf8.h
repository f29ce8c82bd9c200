/* SPDX-License-Identifier: Apache-2.0 */
/* Is it UTF-8 (RFC 3629)? Overlong forms, surrogates and code points beyond U+10FFFF are not. */
#ifndef BASE_UTF8_H
#define BASE_UTF8_H

#include "base/slice.h"

/* Bytes of the well-formed sequence at the front, 1 to 4; 0 when there is none. */
size_t utf8_next(struct slice s);

#endif
