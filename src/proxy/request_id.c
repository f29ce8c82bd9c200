/* SPDX-License-Identifier: Apache-2.0 */
#include "proxy/request_id.h"

#define RECEIVED_MAX 128 /* bytes of an id that is taken over */

/* Bytes that are at home in a record and in a field: no space, quote, comma or control. */
static bool is_id_byte(char c)
{
    bool alnum = (c >= '0' && c <= '9') || ((c | 0x20) >= 'a' && (c | 0x20) <= 'z');
    return alnum || memchr("-._~:=+/@", c, 9) != NULL;
}

struct slice request_id_received(const struct client *c, const struct fields *received)
{
    const struct field *said = c->trusted ? fields_find(received, FIELD_X_REQUEST_ID) : NULL;
    if (said == NULL || said->value.len == 0 || said->value.len > RECEIVED_MAX)
        return slice_of(NULL, 0);
    for (size_t i = 0; i < said->value.len; i++)
        if (!is_id_byte(said->value.ptr[i]))
            return slice_of(NULL, 0);
    return said->value;
}

/* SplitMix64's finaliser (Steele, Lea, Flood, 2014): every input has an output of its own. */
static uint64_t permute(uint64_t x)
{
    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
    x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
    return x ^ (x >> 31);
}

static void put_hex(char *out, uint64_t value)
{
    for (int shift = 60; shift >= 0; shift -= 4)
        *out++ = "0123456789abcdef"[value >> shift & 15];
}

struct slice request_id_make(const uint64_t seed[static 2], uint64_t count,
                             char out[static REQUEST_ID_LEN])
{
    put_hex(out, seed[0]);
    put_hex(out + 16, permute(seed[1] + count));
    return slice_of(out, REQUEST_ID_LEN);
}
