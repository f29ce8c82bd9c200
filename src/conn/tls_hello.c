/* SPDX-License-Identifier: Apache-2.0 */
#include "conn/tls_hello.h"

#include <openssl/ssl.h>

enum { NAME_MAX_BYTES = 253, LABEL_MAX_BYTES = 63 }; /* RFC 1035 2.3.4 */

static char lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool is_label_byte(char c) /* the underscore is no host name, but it is in use */
{
    return (c >= 'a' && c <= 'z') || is_digit(c) || c == '-' || c == '_';
}

static bool is_label(struct slice label)
{
    if (label.len == 0 || label.len > LABEL_MAX_BYTES)
        return false;
    for (size_t i = 0; i < label.len; i++)
        if (!is_label_byte(label.ptr[i]))
            return false;
    return true;
}

static bool all_digits(struct slice label)
{
    for (size_t i = 0; i < label.len; i++)
        if (!is_digit(label.ptr[i]))
            return false;
    return true;
}

/* A last label of digits alone is an IPv4 address (RFC 1123 2.1); IPv6 fails for its colons. */
static bool is_dns_name(struct slice name)
{
    struct slice label = { 0 };
    if (name.len == 0 || name.len > NAME_MAX_BYTES)
        return false;
    while (slice_split(&name, '.', &label))
        if (!is_label(label))
            return false;
    return !all_digits(label);
}

bool tls_name_normalize(struct slice name, char ret_name[static TLS_NAME_ROOM])
{
    bool fits = name.len < TLS_NAME_ROOM;
    struct slice text = slice_first(name, TLS_NAME_ROOM - 1);
    if (fits && text.len > 1 && text.ptr[text.len - 1] == '.')
        text.len--;
    for (size_t i = 0; i < text.len; i++)
        ret_name[i] = text.ptr[i] > ' ' && text.ptr[i] < 0x7f ? lower(text.ptr[i]) : '?';
    ret_name[text.len] = '\0';
    return fits && is_dns_name(slice_of(ret_name, text.len));
}

/* ServerNameList with the one host_name it may have:
 * list length (2), type 0 (1), name length (2), name. */
static bool only_name(struct slice ext, struct slice *ret_name)
{
    const unsigned char *p = (const unsigned char *)ext.ptr;
    enum { HEAD_BYTES = 5 };
    if (ext.len < HEAD_BYTES)
        return false;
    size_t list = (size_t)p[0] << 8 | p[1], name = (size_t)p[3] << 8 | p[4];
    *ret_name = slice_from(ext, HEAD_BYTES);
    return list == ext.len - 2 && p[2] == TLSEXT_NAMETYPE_host_name && name == ret_name->len;
}

enum tls_name tls_hello_name(struct ssl_st *ssl, char ret_name[static TLS_NAME_ROOM])
{
    const unsigned char *ext;
    size_t len;
    struct slice name = { 0 };
    ret_name[0] = '\0';
    if (SSL_client_hello_get0_ext(ssl, TLSEXT_TYPE_server_name, &ext, &len) != 1)
        return TLS_NAME_ABSENT;
    if (!only_name(slice_of((const char *)ext, len), &name))
        return TLS_NAME_MALFORMED;
    return tls_name_normalize(name, ret_name) ? TLS_NAME_GOOD : TLS_NAME_MALFORMED;
}
