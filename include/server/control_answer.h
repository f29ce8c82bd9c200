/* SPDX-License-Identifier: Apache-2.0 */
/* Answers on the control socket: JSON, or text for whoever asks for text/plain. */
#ifndef SERVER_CONTROL_ANSWER_H
#define SERVER_CONTROL_ANSWER_H

#include "base/buf.h"
#include "server/control_server.h"

/* Does he who called want what people read? */
bool control_wants_text(const struct control_call *call);
/* Each of these answers the call. `text`: the body is text, else JSON; it is borrowed. */
void control_answer_with(struct control_call *call, unsigned status, bool text,
                         const struct buf *body);
void control_fail(struct control_call *call, unsigned status, const char *why);
/* The method is not one of `allow`, "GET, HEAD". */
void control_fail_method(struct control_call *call, const char *allow);
/* For what takes no parameters: one that is given is not ignored. False: the call was refused. */
bool control_has_no_query(struct control_call *call);

#endif
