/* SPDX-License-Identifier: Apache-2.0 */
#include "http/uri.h"

#include "base/parse.h"
#include "http/octet.h"

#include <arpa/inet.h>

#define HOST_MAX 255 /* bytes of a name, RFC 1035 2.3.4 */

/* --- the path */

static enum refusal check_escape(struct slice path, size_t at)
{
    if (path.len - at < 3 || !octet_is(path.ptr[at + 1], OCTET_HEX) ||
        !octet_is(path.ptr[at + 2], OCTET_HEX))
        return REFUSAL_PATH_PERCENT;
    unsigned c = octet_hex(path.ptr[at + 1]) << 4 | octet_hex(path.ptr[at + 2]);
    if (c == '\0' || c == '\r' || c == '\n')
        return REFUSAL_PATH_ENCODED_CONTROL;
    return REFUSAL_NONE;
}

/* *ret_dots: a dot may stand at the start of some segment, so segments must be looked at. */
static enum refusal check_octets(struct slice path, bool *ret_dots)
{
    enum refusal why = REFUSAL_NONE;
    bool dots = false;
    for (size_t i = 0; i < path.len && why == REFUSAL_NONE; i++) {
        char c = path.ptr[i];
        if (c == '\\')
            why = REFUSAL_PATH_BACKSLASH;
        else if (c == '%')
            why = check_escape(path, i);
        if ((c == '.' || c == '%') && path.ptr[i - 1] == '/')
            dots = true;
    }
    *ret_dots = dots;
    return why;
}

/* Takes one dot, plain or percent-encoded, off the front. */
static bool take_dot(struct slice *s)
{
    if (slice_starts(*s, SLICE("."))) {
        *s = slice_from(*s, 1);
        return true;
    }
    if (s->len >= 3 && s->ptr[0] == '%' && s->ptr[1] == '2' && (s->ptr[2] | 0x20) == 'e') {
        *s = slice_from(*s, 3);
        return true;
    }
    return false;
}

/* How many dots the segment consists of: 1 or 2; else 0. */
static unsigned dot_segment(struct slice segment)
{
    unsigned dots = 0;
    while (take_dot(&segment))
        dots++;
    return segment.len == 0 && dots <= 2 ? dots : 0;
}

/* RFC 3986 5.2.4, over segments; `out` has room for the whole path. Returns the bytes written, or 0
 * when the path climbs above the root. */
static size_t resolve(struct slice path, char *out)
{
    size_t len = 0;
    while (path.len > 0) {
        size_t end = 1 + slice_find(slice_from(path, 1), '/');
        struct slice segment = slice_first(path, end); /* with its leading slash */
        path = slice_from(path, end);
        unsigned dots = dot_segment(slice_from(segment, 1));
        if (dots == 0) {
            memcpy(out + len, segment.ptr, segment.len);
            len += segment.len;
            continue;
        }
        if (dots == 2 && len == 0)
            return 0;
        if (dots == 2)
            len = slice_find_last(slice_of(out, len), '/');
        if (path.len == 0)
            out[len++] = '/'; /* a dot segment at the end leaves a directory */
    }
    return len;
}

/* Bytes of a separator at the front as a decoding server sees it: "/", "%2f", "%5c"; 0: none. */
static size_t separator_len(struct slice s)
{
    if (slice_starts(s, SLICE("/")))
        return 1;
    struct slice escape = slice_first(s, 3);
    return slice_eq_nocase(escape, SLICE("%2f")) || slice_eq_nocase(escape, SLICE("%5c")) ? 3 : 0;
}

/* A piece between two separators, and what is left behind it. */
static struct slice take_piece(struct slice *rest)
{
    size_t len = 0;
    while (len < rest->len && separator_len(slice_from(*rest, len)) == 0)
        len++;
    struct slice piece = slice_first(*rest, len);
    *rest = slice_from(*rest, len);
    return piece;
}

/* Servers that decode slashes before they resolve, or cut parameters off a segment first, see dot
 * segments in "..%2f" and "..;x": they would leave the path that was routed. */
static bool has_veiled_dots(struct slice path)
{
    while (path.len > 0) {
        size_t before = separator_len(path);
        path = slice_from(path, before);
        struct slice piece = take_piece(&path);
        size_t semicolon = slice_find(piece, ';');
        bool veiled = before == 3 || semicolon < piece.len || separator_len(path) == 3;
        if (veiled && dot_segment(slice_first(piece, semicolon)) > 0)
            return true;
    }
    return false;
}

static enum refusal check_path(struct slice path, bool *ret_dots)
{
    enum refusal why = check_octets(path, ret_dots);
    return why == REFUSAL_NONE && has_veiled_dots(path) ? REFUSAL_PATH_VEILED_DOTS : why;
}

static enum refusal parse_path(struct slice path, struct arena *a, struct slice *ret_path)
{
    bool dots;
    enum refusal why = check_path(path, &dots);
    if (why != REFUSAL_NONE)
        return why;
    if (!dots) {
        *ret_path = path;
        return REFUSAL_NONE;
    }
    char *out = arena_alloc(a, path.len + 1);
    size_t len = resolve(path, out);
    if (len == 0)
        return REFUSAL_PATH_ABOVE_ROOT;
    *ret_path = slice_of(out, len);
    return REFUSAL_NONE;
}

/* --- the target */

enum refusal uri_refused_octet(char c)
{
    return (unsigned char)c > 0x7f ? REFUSAL_TARGET_NOT_ASCII : REFUSAL_TARGET_CONTROL;
}

/* Bytes of "http://" or "https://" at the start, 0 when neither is there. */
static size_t scheme_len(struct slice target)
{
    if (slice_eq_nocase(slice_first(target, 7), SLICE("http://")))
        return 7;
    return slice_eq_nocase(slice_first(target, 8), SLICE("https://")) ? 8 : 0;
}

static struct slice take_authority(struct slice *rest)
{
    size_t end = 0;
    while (end < rest->len && rest->ptr[end] != '/' && rest->ptr[end] != '?')
        end++;
    struct slice authority = slice_first(*rest, end);
    *rest = slice_from(*rest, end);
    return authority;
}

static enum refusal parse_origin(struct slice target, struct arena *a, struct uri *ret_uri)
{
    size_t mark = slice_find(target, '?');
    struct slice path = slice_first(target, mark), resolved;
    enum refusal why = parse_path(path.len > 0 ? path : SLICE("/"), a, &resolved);
    if (why != REFUSAL_NONE)
        return why;
    ret_uri->path = resolved;
    ret_uri->has_query = mark < target.len;
    ret_uri->query = slice_from(target, mark + 1);
    return REFUSAL_NONE;
}

static enum refusal parse_asterisk(bool is_options, struct uri *ret_uri)
{
    if (!is_options)
        return REFUSAL_TARGET_ASTERISK;
    ret_uri->path = SLICE("*");
    ret_uri->query = slice_of(NULL, 0);
    ret_uri->has_query = false;
    return REFUSAL_NONE;
}

enum refusal uri_parse_target(struct slice target, bool is_options, struct arena *a,
                              struct uri *ret_uri, struct slice *ret_authority)
{
    size_t good = octet_run(target, 0, OCTET_TARGET);
    if (good < target.len)
        return uri_refused_octet(target.ptr[good]);
    if (slice_find(target, '#') < target.len)
        return REFUSAL_TARGET_FRAGMENT;

    *ret_authority = slice_of(NULL, 0);
    if (slice_starts(target, SLICE("/")))
        return parse_origin(target, a, ret_uri);
    if (slice_eq(target, SLICE("*")))
        return parse_asterisk(is_options, ret_uri);

    size_t scheme = scheme_len(target);
    if (scheme == 0)
        return REFUSAL_TARGET_FORM;
    struct slice rest = slice_from(target, scheme);
    *ret_authority = take_authority(&rest);
    if (ret_authority->len == 0)
        return REFUSAL_TARGET_NO_AUTHORITY;
    if (rest.len == 0 && is_options) /* RFC 9112 3.2.4 */
        return parse_asterisk(is_options, ret_uri);
    return parse_origin(rest, a, ret_uri);
}

/* --- the authority */

static bool name_is_good(struct slice name)
{
    if (name.len == 0 || name.len > HOST_MAX || !octet_all(name, OCTET_HOST))
        return false;
    for (size_t i = 0; i < name.len; i++) /* no empty label */
        if (name.ptr[i] == '.' && (i == 0 || name.ptr[i - 1] == '.'))
            return false;
    return name.ptr[name.len - 1] != '.';
}

static bool ipv6_is_good(struct slice text)
{
    char copy[INET6_ADDRSTRLEN];
    struct in6_addr ignored;
    if (text.len == 0 || text.len >= sizeof(copy))
        return false;
    memcpy(copy, text.ptr, text.len);
    copy[text.len] = '\0';
    return strlen(copy) == text.len && inet_pton(AF_INET6, copy, &ignored) == 1;
}

static struct slice lower(struct slice s, struct arena *a)
{
    size_t i = 0;
    while (i < s.len && !(s.ptr[i] >= 'A' && s.ptr[i] <= 'Z'))
        i++;
    if (i == s.len)
        return s;
    char *out = arena_alloc(a, s.len);
    for (i = 0; i < s.len; i++)
        out[i] = (char)(s.ptr[i] >= 'A' && s.ptr[i] <= 'Z' ? s.ptr[i] | 0x20 : s.ptr[i]);
    return slice_of(out, s.len);
}

/* `text` is what follows the host: nothing, or ":" and 1 to 65535 without zeros in front, with
 * which some servers (lighttpd) read a port as octal. */
static bool parse_port(struct slice text, uint16_t *ret_port)
{
    uint64_t port;
    if (text.len == 0) {
        *ret_port = 0;
        return true;
    }
    if (text.ptr[0] != ':' || slice_starts(text, SLICE(":0")) ||
        parse_uint(slice_from(text, 1), UINT16_MAX, &port) < 0)
        return false;
    *ret_port = (uint16_t)port;
    return true;
}

/* The commonest mistakes have names of their own. */
static enum refusal refuse_authority(struct slice authority, enum refusal otherwise)
{
    if (slice_find(authority, ',') < authority.len)
        return REFUSAL_HOST_LIST;
    if (slice_find(authority, '@') < authority.len)
        return REFUSAL_HOST_USERINFO;
    return otherwise;
}

enum refusal uri_parse_authority(struct slice authority, struct arena *a, struct uri *uri)
{
    bool bracket = slice_starts(authority, SLICE("["));
    size_t end = slice_find(authority, bracket ? ']' : ':');
    if (bracket && end == authority.len)
        return REFUSAL_HOST_BRACKET;

    struct slice host = slice_first(authority, end);
    struct slice port = slice_from(authority, bracket ? end + 1 : end);
    if (bracket)
        host = slice_from(host, 1);
    else if (host.len > 1 && host.ptr[host.len - 1] == '.')
        host.len--;
    if (bracket ? !ipv6_is_good(host) : !name_is_good(host))
        return refuse_authority(authority,
                                host.len == 0 ? REFUSAL_HOST_EMPTY : REFUSAL_HOST_MALFORMED);
    if (!parse_port(port, &uri->port))
        return refuse_authority(authority, REFUSAL_HOST_PORT);
    uri->host = lower(host, a);
    return REFUSAL_NONE;
}

enum refusal uri_compare_authority(struct slice target, struct slice authority,
                                   const struct uri *host, struct arena *a)
{
    struct uri own;
    enum refusal why = uri_parse_authority(authority, a, &own);
    if (why != REFUSAL_NONE)
        return why;
    uint16_t usual = scheme_len(target) == 8 ? 443 : 80;
    uint16_t own_port = own.port != 0 ? own.port : usual;
    uint16_t host_port = host->port != 0 ? host->port : usual;
    bool same = slice_eq(own.host, host->host) && own_port == host_port;
    return same ? REFUSAL_NONE : REFUSAL_HOST_DIFFERS;
}

struct slice uri_path_and_query(const struct uri *uri, struct arena *a)
{
    if (!uri->has_query)
        return uri->path;
    /* Both parts of a target that was forwarded as it came still stand side by side. */
    if (uri->query.ptr != NULL && uri->path.ptr + uri->path.len + 1 == uri->query.ptr &&
        uri->query.ptr[-1] == '?')
        return slice_of(uri->path.ptr, uri->path.len + 1 + uri->query.len);
    char *out = arena_alloc(a, uri->path.len + 1 + uri->query.len);
    memcpy(out, uri->path.ptr, uri->path.len);
    out[uri->path.len] = '?';
    if (uri->query.len > 0)
        memcpy(out + uri->path.len + 1, uri->query.ptr, uri->query.len);
    return slice_of(out, uri->path.len + 1 + uri->query.len);
}

bool uri_prefix_covers(struct slice prefix, struct slice path)
{
    if (!slice_starts(path, prefix))
        return false;
    return path.len == prefix.len || slice_ends(prefix, SLICE("/")) || path.ptr[prefix.len] == '/';
}
