/* SPDX-License-Identifier: Apache-2.0 */
/* A stream of messages as text that does not depend on how it was cut up: each head, then the
 * body's bytes without their framing. What differs from run to run is left out:
 *   [ours]     stands for the fields Signet adds for the usual client and host
 *   [id]       is a request id that Signet made
 *   Date       of an answer is left out
 *   [cut]      the stream ends inside the message
 *   [garbled: WHY]  it is not what Signet's writer may write; the rest is left out */
#ifndef TESTS_LOOP_TRANSCRIPT_H
#define TESTS_LOOP_TRANSCRIPT_H

#include "base/buf.h"

/* Both append, NUL-terminated behind the end. */
void transcript_requests(struct slice stream, struct buf *out);
/* `head`: they answer HEAD. `orderly`: the stream ended with FIN or goes on. */
void transcript_responses(struct slice stream, bool head, bool orderly, struct buf *out);

/* The address of the usual client, and the names its fields are made of. */
#define TRANSCRIPT_CLIENT "192.0.2.7"
#define TRANSCRIPT_HOST   "shop.test"

#endif
