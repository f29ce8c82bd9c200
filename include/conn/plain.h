/* SPDX-License-Identifier: Apache-2.0 */
/* The transport without TLS: the bytes themselves. */
#ifndef CONN_PLAIN_H
#define CONN_PLAIN_H

#include "conn/scratch.h"
#include "conn/transport.h"

/* Takes the descriptor; borrows the scratch, which outlives it. */
struct transport *plain_new(int fd, struct scratch *s);

#endif
