/* SPDX-License-Identifier: Apache-2.0 */
/* A complete, scanned head made a message: parser, framing decision and their comparison, then what
 * a request's Host and target must fulfil. The bytes are copied into the message's arena once. */
#ifndef HTTP_H1_HEAD_H
#define HTTP_H1_HEAD_H

#include "http/h1_in.h"

/* After SCAN_DONE on `view`. 0, or -EPROTO with in->refusal; m is then what was understood. */
int h1_head_request(struct h1_in *in, struct slice view, struct message *m);
int h1_head_response(struct h1_in *in, struct slice view, enum method request, struct message *m);
/* Method and target of a request whose head did not become complete, as far as they go. */
void h1_head_partial(const struct h1_in *in, struct slice view, struct message *m);

#endif
