/* SPDX-License-Identifier: Apache-2.0 */
/* What `signet status` shows, and the control socket beside it. The members of the JSON objects
 * stand in docs/control.md. */
#ifndef SERVER_STATUS_H
#define SERVER_STATUS_H

#include "base/buf.h"
#include "server/running.h"

void status_print(const struct running *r, struct buf *out);      /* aligned lines for people */
void status_print_json(const struct running *r, struct buf *out); /* one object and a newline */
/* The text of the configuration that is in force, as it was read: files with keys are not in it.
 * Once a megabyte is passed, files stand there without their text. */
void status_print_config_json(const struct running *r, struct buf *out);
/* Every pool with its servers: shares of the key space, and who would be passed over. */
void status_print_pools_json(const struct config *c, struct buf *out);

#endif
