/* SPDX-License-Identifier: Apache-2.0 */
/* A socket address: IPv4, IPv6 or a unix path. A value: copied freely, owns nothing. */
#ifndef EVENT_ADDR_H
#define EVENT_ADDR_H

#include "base/slice.h"

#include <netinet/in.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/un.h>

struct addr {
    union {
        struct sockaddr sa;
        struct sockaddr_in in;
        struct sockaddr_in6 in6;
        struct sockaddr_un un;
    };
    socklen_t len; /* 0: no address */
};

#define ADDR_TEXT_MAX 128 /* bytes that addr_text needs at most, with its NUL */

/* "10.0.0.1:80", "[::1]:80", "unix:/path" (at most 107 bytes of path). Numeric only: a name is
 * -EINVAL. A port is required for IP and lies in 1..65535. 0 or -EINVAL. */
int addr_parse(struct slice text, struct addr *ret_addr);
/* A bare IP, with or without brackets, port 0. 0 or -EINVAL. */
int addr_parse_ip(struct slice text, struct addr *ret_addr);
/* "HOST:PORT" taken apart without looking the host up; brackets are removed. 0 or -EINVAL. */
int addr_split(struct slice text, struct slice *ret_host, uint16_t *ret_port);
/* With the port; a unix address gives "unix:/path". Canonical (RFC 5952). Returns out. */
const char *addr_text(const struct addr *a, char out[static ADDR_TEXT_MAX]);
/* The IP alone, without port and brackets; a v4-mapped IPv6 address as IPv4; "unix" for a unix
 * socket. */
const char *addr_ip_text(const struct addr *a, char out[static ADDR_TEXT_MAX]);
uint16_t addr_port(const struct addr *a); /* 0 for unix */
void addr_set_port(struct addr *a, uint16_t port);
bool addr_eq(const struct addr *a, const struct addr *b);
/* One number for all addresses that one client is likely to have: an IPv4 address, or the /64 of an
 * IPv6 one (RFC 4291 2.5.4); v4-mapped counts as IPv4. False for a unix socket. */
bool addr_client_key(const struct addr *a, uint64_t *ret_key);

/* A block of addresses, "10.0.0.0/8", "::1" (one address) or "unix:" (every unix peer). */
struct addr_block {
    struct addr base;
    unsigned bits;
};
int addr_block_parse(
    struct slice text,
    struct addr_block *ret_block); /* 0 or -EINVAL (also: bits set past the prefix) */
bool addr_block_has(const struct addr_block *b,
                    const struct addr *a); /* v4-mapped counts as IPv4 */

#endif
