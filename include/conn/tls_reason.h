/* SPDX-License-Identifier: Apache-2.0 */
/* OpenSSL's error codes in words for the person who reads the log. */
#ifndef CONN_TLS_REASON_H
#define CONN_TLS_REASON_H

#include <stddef.h>

#define TLS_REASON_MAX 128 /* bytes, with the NUL */

/* "no shared cipher", "client sent alert: unknown CA". `code` is ERR_peek_error()'s; 0 gives
 * "TLS failed". Returns out. */
const char *tls_reason(unsigned long code, char out[static TLS_REASON_MAX]);

#endif
