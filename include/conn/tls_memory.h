/* SPDX-License-Identifier: Apache-2.0 */
/* OpenSSL's heap. Reading a private key leaves copies of it in blocks that were given back, where
 * the next owner, or whoever reads memory he should not, finds them. */
#ifndef CONN_TLS_MEMORY_H
#define CONN_TLS_MEMORY_H

#include <stdbool.h>

/* OpenSSL allocates through here from now on. Once, before any other use of it; else false, and
 * nothing is ever wiped. */
bool tls_memory_take_over(void);
/* Between these two, blocks are overwritten before they are given back. */
void tls_memory_wipe_begin(void);
void tls_memory_wipe_end(void);

#endif
