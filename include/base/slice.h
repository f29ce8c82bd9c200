/* SPDX-License-Identifier: Apache-2.0 */
/* A borrowed view of bytes: pointer and length, not NUL-terminated, never freed through the view.
 * Owner of the bytes: whoever made them; a slice is valid as long as they are. */
#ifndef BASE_SLICE_H
#define BASE_SLICE_H

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

struct slice {
    const char *ptr; /* may be NULL when len is 0 */
    size_t len;      /* bytes */
};

/* The slice of a string literal; SLICE_INIT is for initializers of what is static. */
#define SLICE_INIT(literal)                                                                        \
    {                                                                                              \
        "" literal, sizeof(literal) - 1                                                            \
    }
#define SLICE(literal) ((struct slice)SLICE_INIT(literal))
/* Arguments for "%.*s"; the length must fit an int, which every bound in Signet does. */
#define SLICE_ARG(s) (int)(s).len, (s).ptr != NULL ? (s).ptr : ""

static inline struct slice slice_of(const char *ptr, size_t len)
{
    return (struct slice){ ptr, len };
}

static inline struct slice slice_str(
    const char *text) /* NUL-terminated; NULL gives an empty slice */
{
    return (struct slice){ text, text != NULL ? strlen(text) : 0 };
}

static inline bool slice_eq(struct slice a, struct slice b)
{
    return a.len == b.len && (a.len == 0 || memcmp(a.ptr, b.ptr, a.len) == 0);
}

static inline bool slice_starts(struct slice s, struct slice prefix)
{
    return s.len >= prefix.len && (prefix.len == 0 || memcmp(s.ptr, prefix.ptr, prefix.len) == 0);
}

/* The part from byte `from` on, empty when from is at or past the end. */
static inline struct slice slice_from(struct slice s, size_t from)
{
    return from < s.len ? slice_of(s.ptr + from, s.len - from) : slice_of(NULL, 0);
}

/* The first n bytes, or all of it when it is shorter. */
static inline struct slice slice_first(struct slice s, size_t n)
{
    return slice_of(s.ptr, n < s.len ? n : s.len);
}

/* Equal but for the case of ASCII letters (RFC 9110 5.1 compares names so). */
bool slice_eq_nocase(struct slice a, struct slice b);
/* Ends with `suffix`, byte for byte. */
bool slice_ends(struct slice s, struct slice suffix);
/* Index of the first / last byte equal to c, or s.len when there is none. */
size_t slice_find(struct slice s, char c);
size_t slice_find_last(struct slice s, char c);
/* Without spaces and tabs at both ends (OWS, RFC 9110 5.6.3). */
struct slice slice_trim(struct slice s);
/* Takes the text up to `sep` (or all of it) off the front of *rest into *ret_part.
 * False when *rest was exhausted: a slice whose ptr is NULL. An empty last part is given once. */
bool slice_split(struct slice *rest, char sep, struct slice *ret_part);
/* Order: bytewise, a prefix before the longer one. Below, equal to or above 0, like memcmp. */
int slice_cmp(struct slice a, struct slice b);

#endif
