/* SPDX-License-Identifier: Apache-2.0 */
#include "http/query.h"

#include <errno.h>

static int hex_value(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return -1;
}

static int decode(struct slice text, struct arena *a, struct slice *ret_text)
{
    if (slice_find(text, '%') == text.len && slice_find(text, '+') == text.len) {
        *ret_text = text;
        return 0;
    }
    char *to = arena_alloc(a, text.len);
    size_t len = 0;
    for (size_t i = 0; i < text.len; i++) {
        int high, low;
        if (text.ptr[i] != '%') {
            to[len++] = text.ptr[i] == '+' ? ' ' : text.ptr[i];
            continue;
        }
        if (text.len - i < 3 || (high = hex_value(text.ptr[i + 1])) < 0 ||
            (low = hex_value(text.ptr[i + 2])) < 0)
            return -EINVAL;
        to[len++] = (char)(high * 16 + low);
        i += 2;
    }
    *ret_text = slice_of(to, len);
    return 0;
}

int query_next(struct slice *rest, struct arena *a, struct slice *ret_name, struct slice *ret_value)
{
    struct slice part, name, value;
    do {
        if (!slice_split(rest, '&', &part))
            return 0;
    } while (part.len == 0);
    size_t equals = slice_find(part, '=');
    if (decode(slice_first(part, equals), a, &name) < 0 ||
        decode(slice_from(part, equals + 1), a, &value) < 0)
        return -EINVAL;
    *ret_name = name;
    *ret_value = value;
    return 1;
}

static bool is_unreserved(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '.' || c == '_' || c == '~';
}

void query_escape(struct buf *out, struct slice text)
{
    for (size_t i = 0; i < text.len; i++) {
        if (is_unreserved(text.ptr[i]))
            buf_append(out, slice_of(&text.ptr[i], 1));
        else
            buf_printf(out, "%%%02X", (unsigned char)text.ptr[i]);
    }
}
