/* SPDX-License-Identifier: Apache-2.0 */
#include "event/addr.h"

#include "base/parse.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stddef.h>
#include <stdio.h>

#define UNIX_PREFIX   SLICE("unix:")
#define UNIX_PATH_MAX (sizeof(((struct sockaddr_un *)NULL)->sun_path) - 1)

static int parse_unix(struct slice path, struct addr *ret_addr)
{
    if (path.len == 0 || path.len > UNIX_PATH_MAX || path.ptr[0] != '/')
        return -EINVAL;
    if (slice_find(path, '\0') < path.len)
        return -EINVAL;
    struct addr a = { .len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + path.len + 1) };
    a.un.sun_family = AF_UNIX;
    memcpy(a.un.sun_path, path.ptr, path.len);
    *ret_addr = a;
    return 0;
}

static int parse_v4(const char *text, struct addr *ret_addr)
{
    struct addr a = { .len = sizeof a.in };
    a.in.sin_family = AF_INET;
    if (inet_pton(AF_INET, text, &a.in.sin_addr) != 1)
        return -EINVAL;
    *ret_addr = a;
    return 0;
}

static int parse_v6(const char *text, struct addr *ret_addr)
{
    struct addr a = { .len = sizeof a.in6 };
    a.in6.sin6_family = AF_INET6;
    if (inet_pton(AF_INET6, text, &a.in6.sin6_addr) != 1)
        return -EINVAL;
    *ret_addr = a;
    return 0;
}

static bool strip_brackets(struct slice *text)
{
    if (text->len < 2 || text->ptr[0] != '[' || text->ptr[text->len - 1] != ']')
        return false;
    *text = slice_of(text->ptr + 1, text->len - 2);
    return true;
}

int addr_parse_ip(struct slice text, struct addr *ret_addr)
{
    bool bracketed = strip_brackets(&text);
    char ip[INET6_ADDRSTRLEN];
    if (text.len >= sizeof ip || slice_find(text, '\0') < text.len)
        return -EINVAL;
    memcpy(ip, text.len > 0 ? text.ptr : "", text.len);
    ip[text.len] = '\0';
    if (bracketed || slice_find(text, ':') < text.len)
        return parse_v6(ip, ret_addr);
    return parse_v4(ip, ret_addr);
}

int addr_split(struct slice text, struct slice *ret_host, uint16_t *ret_port)
{
    size_t colon = slice_find_last(text, ':');
    if (colon == text.len)
        return -EINVAL;
    struct slice host = slice_first(text, colon);
    uint64_t port;
    if (parse_uint(slice_from(text, colon + 1), UINT16_MAX, &port) < 0 || port == 0)
        return -EINVAL;
    if (!strip_brackets(&host) && slice_find(host, ':') < host.len)
        return -EINVAL; /* an IPv6 address without brackets: its last group is no port */
    if (host.len == 0)
        return -EINVAL;
    *ret_host = host;
    *ret_port = (uint16_t)port;
    return 0;
}

int addr_parse(struct slice text, struct addr *ret_addr)
{
    if (slice_starts(text, UNIX_PREFIX))
        return parse_unix(slice_from(text, UNIX_PREFIX.len), ret_addr);

    struct slice host;
    uint16_t port;
    int r = addr_split(text, &host, &port);
    if (r < 0)
        return r;
    bool bracketed = text.ptr[0] == '[';
    if (bracketed != (slice_find(host, ':') < host.len))
        return -EINVAL; /* "[10.0.0.1]:80" */
    struct addr a;
    r = addr_parse_ip(host, &a);
    if (r < 0)
        return r;
    addr_set_port(&a, port);
    *ret_addr = a;
    return 0;
}

const char *addr_text(const struct addr *a, char out[static ADDR_TEXT_MAX])
{
    char ip[INET6_ADDRSTRLEN];
    if (a->len == 0)
        snprintf(out, ADDR_TEXT_MAX, "-");
    else if (a->sa.sa_family == AF_UNIX)
        snprintf(out, ADDR_TEXT_MAX, "unix:%.*s", (int)UNIX_PATH_MAX, a->un.sun_path);
    else if (a->sa.sa_family == AF_INET6)
        snprintf(out, ADDR_TEXT_MAX, "[%s]:%u",
                 inet_ntop(AF_INET6, &a->in6.sin6_addr, ip, sizeof ip), addr_port(a));
    else
        snprintf(out, ADDR_TEXT_MAX, "%s:%u", inet_ntop(AF_INET, &a->in.sin_addr, ip, sizeof ip),
                 addr_port(a));
    return out;
}

/* An IPv4 address that came through an IPv6 socket, as what it is (RFC 4291 2.5.5.2). */
static struct addr unmapped(const struct addr *a)
{
    if (a->sa.sa_family != AF_INET6 || !IN6_IS_ADDR_V4MAPPED(&a->in6.sin6_addr))
        return *a;
    struct addr v4 = { .len = sizeof v4.in };
    v4.in.sin_family = AF_INET;
    v4.in.sin_port = a->in6.sin6_port;
    memcpy(&v4.in.sin_addr, a->in6.sin6_addr.s6_addr + 12, 4);
    return v4;
}

const char *addr_ip_text(const struct addr *a, char out[static ADDR_TEXT_MAX])
{
    struct addr u = unmapped(a);
    if (u.len == 0)
        snprintf(out, ADDR_TEXT_MAX, "-");
    else if (u.sa.sa_family == AF_UNIX)
        snprintf(out, ADDR_TEXT_MAX, "unix");
    else if (u.sa.sa_family == AF_INET6)
        inet_ntop(AF_INET6, &u.in6.sin6_addr, out, ADDR_TEXT_MAX);
    else
        inet_ntop(AF_INET, &u.in.sin_addr, out, ADDR_TEXT_MAX);
    return out;
}

uint16_t addr_port(const struct addr *a)
{
    if (a->sa.sa_family == AF_INET)
        return ntohs(a->in.sin_port);
    if (a->sa.sa_family == AF_INET6)
        return ntohs(a->in6.sin6_port);
    return 0;
}

void addr_set_port(struct addr *a, uint16_t port)
{
    if (a->sa.sa_family == AF_INET)
        a->in.sin_port = htons(port);
    else if (a->sa.sa_family == AF_INET6)
        a->in6.sin6_port = htons(port);
}

bool addr_eq(const struct addr *a, const struct addr *b)
{
    if (a->len == 0 || b->len == 0)
        return a->len == b->len;
    if (a->sa.sa_family != b->sa.sa_family || addr_port(a) != addr_port(b))
        return false;
    switch (a->sa.sa_family) {
    case AF_INET:
        return a->in.sin_addr.s_addr == b->in.sin_addr.s_addr;
    case AF_INET6:
        return a->in6.sin6_scope_id == b->in6.sin6_scope_id &&
               IN6_ARE_ADDR_EQUAL(&a->in6.sin6_addr, &b->in6.sin6_addr);
    default:
        return strncmp(a->un.sun_path, b->un.sun_path, sizeof a->un.sun_path) == 0;
    }
}

/* The bytes of an IP address, most significant first. */
static const unsigned char *ip_bytes(const struct addr *a)
{
    if (a->sa.sa_family == AF_INET6)
        return a->in6.sin6_addr.s6_addr;
    return (const unsigned char *)&a->in.sin_addr;
}

bool addr_client_key(const struct addr *a, uint64_t *ret_key)
{
    struct addr u = unmapped(a);
    if (u.len == 0 || u.sa.sa_family == AF_UNIX)
        return false;
    uint64_t key = 0;
    unsigned bytes = u.sa.sa_family == AF_INET6 ? 8 : 4;
    for (unsigned i = 0; i < bytes; i++)
        key = key << 8 | ip_bytes(&u)[i];
    *ret_key = key; /* the /64s of the same numbers as IPv4 addresses are reserved: RFC 4291 2.4 */
    return true;
}

static bool bits_clear_from(const unsigned char *bytes, unsigned from, unsigned total)
{
    for (unsigned i = from; i < total; i++) {
        if (bytes[i / 8] & (0x80u >> (i % 8)))
            return false;
    }
    return true;
}

static bool bits_equal(const unsigned char *a, const unsigned char *b, unsigned bits)
{
    if (memcmp(a, b, bits / 8) != 0)
        return false;
    unsigned rest = bits % 8;
    return rest == 0 || ((a[bits / 8] ^ b[bits / 8]) >> (8 - rest)) == 0;
}

int addr_block_parse(struct slice text, struct addr_block *ret_block)
{
    if (slice_eq(text, UNIX_PREFIX)) {
        *ret_block = (struct addr_block){ .base = { .un.sun_family = AF_UNIX } };
        return 0;
    }
    size_t slash = slice_find(text, '/');
    struct addr base;
    if (addr_parse_ip(slice_first(text, slash), &base) < 0)
        return -EINVAL;
    uint64_t total = base.sa.sa_family == AF_INET6 ? 128 : 32, bits = total;
    if (slash < text.len && parse_uint(slice_from(text, slash + 1), total, &bits) < 0)
        return -EINVAL;
    if (!bits_clear_from(ip_bytes(&base), (unsigned)bits, (unsigned)total))
        return -EINVAL;
    if (total == 128 && bits >= 96 && IN6_IS_ADDR_V4MAPPED(&base.in6.sin6_addr)) {
        base = unmapped(&base);
        bits -= 96;
    }
    *ret_block = (struct addr_block){ .base = base, .bits = (unsigned)bits };
    return 0;
}

bool addr_block_has(const struct addr_block *b, const struct addr *a)
{
    struct addr u = unmapped(a);
    if (u.len == 0 || u.sa.sa_family != b->base.sa.sa_family)
        return false;
    return u.sa.sa_family == AF_UNIX || bits_equal(ip_bytes(&u), ip_bytes(&b->base), b->bits);
}
