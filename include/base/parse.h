/* SPDX-License-Identifier: Apache-2.0 */
/* Text to numbers. Whole-string: trailing bytes are an error. Every function returns 0, -EINVAL
 * (not of that form) or -ERANGE (of that form, but too large), and writes its result only on 0. */
#ifndef BASE_PARSE_H
#define BASE_PARSE_H

#include "base/slice.h"

#include <stdint.h>

int parse_uint(struct slice s, uint64_t max,
               uint64_t *ret_value);                  /* decimal digits alone: no sign, no space */
int parse_hex(struct slice s, uint64_t *ret_value);   /* 1 to 16 hexadecimal digits */
int parse_duration(struct slice s, uint64_t *ret_ms); /* number and unit: ms s m h d */
int parse_size(struct slice s,
               uint64_t *ret_bytes); /* plain bytes, or a number with k m g (powers of 1024) */
int parse_rate(struct slice s, uint64_t *ret_per_minute);    /* 50/s or 600/m */
int parse_decimal(struct slice s, uint64_t *ret_millionths); /* 1.25; up to six places */

#endif
