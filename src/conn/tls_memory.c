/* SPDX-License-Identifier: Apache-2.0 */
#include "conn/tls_memory.h"

#include "base/mem.h"

#include <openssl/crypto.h>

/* Global, for OpenSSL's allocator is one for the process and is handed nothing of ours. Not always
 * on: a handshake would cost a tenth more. */
static bool wiping;

static void give(void *p, const char *file, int line)
{
    if (wiping)
        mem_free_wiped(p);
    else
        mem_free(p);
}

static void *resize(void *old, size_t bytes, const char *file, int line)
{
    if (bytes == 0) { /* as CRYPTO_realloc() does */
        give(old, file, line);
        return NULL;
    }
    return wiping ? mem_resize_wiped(old, bytes) : mem_resize(old, 1, bytes);
}

bool tls_memory_take_over(void)
{
    return CRYPTO_set_mem_functions(NULL, resize, give) == 1; /* NULL: malloc() as ever */
}

void tls_memory_wipe_begin(void)
{
    wiping = true;
}

void tls_memory_wipe_end(void)
{
    wiping = false;
}
