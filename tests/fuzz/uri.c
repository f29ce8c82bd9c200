/* SPDX-License-Identifier: Apache-2.0 */
/* A target and a Host. A target that passes is resolved once and for all: it has no dot segment
 * left and stays the same when it is read again. */
#include "http/uri.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

static void must(bool good, const char *what)
{
    if (good)
        return;
    fprintf(stderr, "broken: %s\n", what);
    abort();
}

static bool is_dots(struct slice segment)
{
    return slice_eq(segment, SLICE(".")) || slice_eq(segment, SLICE("..")) ||
           slice_eq_nocase(segment, SLICE("%2e")) || slice_eq_nocase(segment, SLICE("%2e%2e")) ||
           slice_eq_nocase(segment, SLICE(".%2e")) || slice_eq_nocase(segment, SLICE("%2e."));
}

static void check_path(struct slice path)
{
    struct slice rest = path, segment;
    must(slice_starts(path, SLICE("/")), "a path begins with a slash");
    must(slice_find(path, '\\') == path.len, "no backslash");
    while (slice_split(&rest, '/', &segment))
        must(!is_dots(segment), "no dot segment is left");
}

static void check_target(struct slice target, bool options, struct arena *a)
{
    struct uri uri = { 0 }, again = { 0 };
    struct slice authority;
    if (uri_parse_target(target, options, a, &uri, &authority) != REFUSAL_NONE)
        return;
    if (options && slice_eq(uri.path, SLICE("*")))
        return;
    check_path(uri.path);
    struct slice written = uri_path_and_query(&uri, a);
    must(uri_parse_target(written, options, a, &again, &authority) == REFUSAL_NONE,
         "it is a target");
    must(slice_eq(uri.path, again.path) && slice_eq(uri.query, again.query), "the same one");
}

static void check_authority(struct slice authority, struct arena *a)
{
    struct uri uri = { 0 }, again = { 0 };
    if (uri_parse_authority(authority, a, &uri) != REFUSAL_NONE)
        return;
    must(uri.host.len > 0, "a host is not empty");
    if (slice_find(uri.host, ':') == uri.host.len) {
        must(uri_parse_authority(uri.host, a, &again) == REFUSAL_NONE, "a host is an authority");
        must(slice_eq(uri.host, again.host), "the same one");
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    struct arena a;
    struct slice bytes = slice_of((const char *)data, len);
    arena_init(&a, NULL);
    check_target(bytes, false, &a);
    check_target(bytes, true, &a);
    check_authority(bytes, &a);
    arena_done(&a);
    return 0;
}
