/* SPDX-License-Identifier: Apache-2.0 */
#include "base/utf8.h"

/* Length of the sequence a first byte announces, and the range its second byte must lie in: that
 * range rules out overlong forms, surrogates and what lies beyond U+10FFFF. */
struct lead {
    unsigned char from, to, len, second_min, second_max;
};

static const struct lead leads[] = {
    { 0xc2, 0xdf, 2, 0x80, 0xbf }, { 0xe0, 0xe0, 3, 0xa0, 0xbf }, { 0xe1, 0xec, 3, 0x80, 0xbf },
    { 0xed, 0xed, 3, 0x80, 0x9f }, { 0xee, 0xef, 3, 0x80, 0xbf }, { 0xf0, 0xf0, 4, 0x90, 0xbf },
    { 0xf1, 0xf3, 4, 0x80, 0xbf }, { 0xf4, 0xf4, 4, 0x80, 0x8f },
};

static const struct lead *find_lead(unsigned char c)
{
    for (size_t i = 0; i < sizeof(leads) / sizeof(leads[0]); i++)
        if (c >= leads[i].from && c <= leads[i].to)
            return &leads[i];
    return NULL;
}

size_t utf8_next(struct slice s)
{
    const unsigned char *p = (const unsigned char *)s.ptr;

    if (s.len == 0)
        return 0;
    if (p[0] < 0x80)
        return 1;
    const struct lead *lead = find_lead(p[0]);
    if (lead == NULL || s.len < lead->len || p[1] < lead->second_min || p[1] > lead->second_max)
        return 0;
    for (size_t i = 2; i < lead->len; i++)
        if ((p[i] & 0xc0) != 0x80)
            return 0;
    return lead->len;
}
