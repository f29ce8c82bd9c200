/* SPDX-License-Identifier: Apache-2.0 */
/* Everything a worker is built from, in one sealed memfd: the configuration with the contents of
 * every file it names, who to become, and the secret of session tickets. Made by the master, read
 * once by each worker, never on a disk. */
#ifndef SERVER_BUNDLE_H
#define SERVER_BUNDLE_H

#include "base/err.h"
#include "base/slice.h"
#include "conn/tls_ticket.h"
#include "server/identity.h"

#include <stdint.h>

struct bundle {
    struct slice config_path;
    struct slice sources; /* what sources_save() wrote */
    struct identity identity;
    unsigned char ticket_secret[TLS_TICKET_SECRET_BYTES];
};

/* Writes and seals. 0 or -errno. */
int bundle_make(const struct bundle *b, int *ret_fd);
/* The bundle in `bytes`; its slices borrow from them. 0, or -EINVAL with words in `e`. */
int bundle_parse(struct slice bytes, struct bundle *ret_b, struct err *e);
/* Maps a bundle that is whole and can no longer change. Takes the descriptor, also when it fails.
 * Unmap *ret_bytes with bundle_unmap() when the slices of *ret_b are no longer needed. */
int bundle_map(int fd, struct bundle *ret_b, struct slice *ret_bytes, struct err *e);
void bundle_unmap(struct slice bytes);

#endif
