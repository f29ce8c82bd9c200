/* SPDX-License-Identifier: Apache-2.0 */
/* The hashes of the ring, of maps and of ketama. */
#ifndef BASE_HASH_H
#define BASE_HASH_H

#include "base/slice.h"

#include <stdint.h>

/* XXH3_64 with a seed (xxHash specification 0.2.0, "XXH3 64-bit"). The same on every machine. */
uint64_t hash_xxh3(struct slice s, uint64_t seed);

/* The same, of bytes that come in pieces. */
struct hash_stream;
struct hash_stream *hash_stream_new(uint64_t seed);
void hash_stream_free(struct hash_stream *h); /* NULL is fine */
void hash_stream_add(struct hash_stream *h, struct slice piece);
uint64_t hash_stream_digest(const struct hash_stream *h); /* of all added so far */

/* CRC-32 (IEEE 802.3, reflected, 0xEDB88320), as ngx_crc32 computes it. Begin with CRC32_START,
 * update any number of times, finish with hash_crc32_end(). */
#define CRC32_START 0xffffffffu
uint32_t hash_crc32_update(uint32_t crc, struct slice s);
static inline uint32_t hash_crc32_end(uint32_t crc)
{
    return crc ^ 0xffffffffu;
}

#endif
