/* SPDX-License-Identifier: Apache-2.0 */
/* POST /v1/reload: the caller waits for the outcome. */
#ifndef SERVER_CONTROL_RELOAD_H
#define SERVER_CONTROL_RELOAD_H

#include "server/control_server.h"
#include "server/reload.h"

/* Asks, and answers when the outcome is there: 200 when it is in force, 422 when the configuration
 * is at fault, 409 when something else was, 503 when the program is ending. */
void control_reload(struct control_call *call, struct reload *r);

#endif
