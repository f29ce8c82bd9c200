/* SPDX-License-Identifier: Apache-2.0 */
/* The server_name of a ClientHello (RFC 6066 3), read strictly. */
#ifndef CONN_TLS_HELLO_H
#define CONN_TLS_HELLO_H

#include "base/slice.h"

#include <stdbool.h>

#define TLS_NAME_ROOM 256 /* bytes that a name needs at most, with its NUL */

enum tls_name { TLS_NAME_ABSENT, TLS_NAME_GOOD, TLS_NAME_MALFORMED };

struct ssl_st; /* OpenSSL's SSL */
/* Only inside the client_hello callback. GOOD: a DNS name in ret_name, lower case, without trailing
 * dot. MALFORMED (an IP literal counts, RFC 6066): what of it can be shown. ABSENT: empty. */
enum tls_name tls_hello_name(struct ssl_st *ssl, char ret_name[static TLS_NAME_ROOM]);
/* Copies a name, lower case and without trailing dot. False when it is no DNS name or an IP
 * literal; ret_name then holds what can be shown of it. */
bool tls_name_normalize(struct slice name, char ret_name[static TLS_NAME_ROOM]);

#endif
