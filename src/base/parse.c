/* SPDX-License-Identifier: Apache-2.0 */
#include "base/parse.h"

#include <errno.h>

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* The decimal digits at the front; *ret_rest is what follows. */
static int take_number(struct slice s, uint64_t *ret_value, struct slice *ret_rest)
{
    uint64_t value = 0;
    size_t i = 0;
    bool overflow = false;

    for (; i < s.len && is_digit(s.ptr[i]); i++) {
        overflow |= __builtin_mul_overflow(value, 10, &value);
        overflow |= __builtin_add_overflow(value, (uint64_t)(s.ptr[i] - '0'), &value);
    }
    if (i == 0)
        return -EINVAL;
    *ret_value = overflow ? UINT64_MAX : value;
    *ret_rest = slice_from(s, i);
    return overflow ? -ERANGE : 0;
}

int parse_uint(struct slice s, uint64_t max, uint64_t *ret_value)
{
    uint64_t value;
    struct slice rest;

    int r = take_number(s, &value, &rest);
    if (r == -EINVAL || rest.len > 0)
        return -EINVAL;
    if (r < 0 || value > max)
        return -ERANGE;
    *ret_value = value;
    return 0;
}

static int hex_digit(char c)
{
    if (is_digit(c))
        return c - '0';
    if ((c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F'))
        return (c | 0x20) - 'a' + 10;
    return -1;
}

int parse_hex(struct slice s, uint64_t *ret_value)
{
    uint64_t value = 0;

    if (s.len == 0)
        return -EINVAL;
    for (size_t i = 0; i < s.len; i++) {
        int digit = hex_digit(s.ptr[i]);
        if (digit < 0)
            return -EINVAL;
        value = value << 4 | (uint64_t)digit;
    }
    if (s.len > 16)
        return -ERANGE;
    *ret_value = value;
    return 0;
}

struct unit {
    const char *name;
    uint64_t factor;
};

static const struct unit *find_unit(const struct unit *units, struct slice name)
{
    for (const struct unit *u = units; u->name != NULL; u++)
        if (slice_eq(slice_str(u->name), name))
            return u;
    return NULL;
}

static int parse_with_unit(struct slice s, const struct unit *units, uint64_t *ret_value)
{
    uint64_t value;
    struct slice rest;

    int r = take_number(s, &value, &rest);
    if (r == -EINVAL)
        return r;
    const struct unit *unit = find_unit(units, rest);
    if (unit == NULL)
        return -EINVAL;
    if (r < 0 || __builtin_mul_overflow(value, unit->factor, &value))
        return -ERANGE;
    *ret_value = value;
    return 0;
}

int parse_duration(struct slice s, uint64_t *ret_ms)
{
    static const struct unit units[] = { { "ms", 1 },      { "s", 1000 },     { "m", 60000 },
                                         { "h", 3600000 }, { "d", 86400000 }, { NULL, 0 } };

    return parse_with_unit(s, units, ret_ms);
}

int parse_size(struct slice s, uint64_t *ret_bytes)
{
    static const struct unit units[] = { { "", 1 },        { "k", 1 << 10 }, { "K", 1 << 10 },
                                         { "m", 1 << 20 }, { "M", 1 << 20 }, { "g", 1 << 30 },
                                         { "G", 1 << 30 }, { NULL, 0 } };

    return parse_with_unit(s, units, ret_bytes);
}

int parse_rate(struct slice s, uint64_t *ret_per_minute)
{
    static const struct unit units[] = { { "/s", 60 }, { "/m", 1 }, { NULL, 0 } };

    return parse_with_unit(s, units, ret_per_minute);
}

/* ".25" to 250000; no point is 0. */
static int parse_fraction(struct slice s, uint64_t *ret_millionths)
{
    uint64_t value = 0, place = 1000000;

    if (s.len == 1 || s.len > 7 || (s.len > 0 && s.ptr[0] != '.'))
        return -EINVAL;
    for (size_t i = 1; i < s.len; i++) {
        if (!is_digit(s.ptr[i]))
            return -EINVAL;
        place /= 10;
        value += (uint64_t)(s.ptr[i] - '0') * place;
    }
    *ret_millionths = value;
    return 0;
}

int parse_decimal(struct slice s, uint64_t *ret_millionths)
{
    uint64_t whole, fraction;
    struct slice rest;

    int r = take_number(s, &whole, &rest);
    if (r == -EINVAL || parse_fraction(rest, &fraction) < 0)
        return -EINVAL;
    if (r < 0 || __builtin_mul_overflow(whole, 1000000, &whole) ||
        __builtin_add_overflow(whole, fraction, &whole))
        return -ERANGE;
    *ret_millionths = whole;
    return 0;
}
