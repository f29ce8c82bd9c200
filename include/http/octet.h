/* SPDX-License-Identifier: Apache-2.0 */
/* Classes of octets in HTTP/1 text, one table look-up each. The table is shared by what checks
 * bytes on their way in (h1_scan, h1_chunk, uri) and on their way out (h1_write). */
#ifndef HTTP_OCTET_H
#define HTTP_OCTET_H

#include "base/slice.h"

enum octet {
    OCTET_TOKEN = 1,  /* tchar, RFC 9110 5.6.2: methods, field names */
    OCTET_TARGET = 2, /* VCHAR: what may stand in a request line's target at all */
    OCTET_VALUE = 4,  /* field-vchar, SP, TAB, RFC 9110 5.5: no CR, LF, NUL, control, DEL */
    OCTET_DIGIT = 8,
    OCTET_HEX = 16,
    OCTET_HOST = 32, /* letters, digits, "-", ".", "_" */
};
extern const unsigned char octet_class[256];

static inline bool octet_is(char c, unsigned classes)
{
    return (octet_class[(unsigned char)c] & classes) != 0;
}

/* Value of a hexadecimal digit. */
static inline unsigned octet_hex(char c)
{
    return c <= '9' ? (unsigned)(c - '0') : ((unsigned)c | 0x20u) - 'a' + 10u;
}

/* Index of the first octet at or after `from` that is in none of the classes, or s.len. */
size_t octet_run(struct slice s, size_t from, unsigned classes);
bool octet_all(struct slice s, unsigned classes); /* true for the empty slice */

#endif
