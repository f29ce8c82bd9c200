/* SPDX-License-Identifier: Apache-2.0 */
/* The second wall: our own reading of how long a message is (RFC 9112 6), from its fields alone and
 * stricter than the RFC wherever two readers could differ. The parser's reading is then compared;
 * any difference is a refusal. */
#ifndef HTTP_H1_FRAMING_H
#define HTTP_H1_FRAMING_H

#include "http/h1_parse.h"

/* Reads Content-Length, Transfer-Encoding and Upgrade as they came (not trimmed, see
 * h1_parse_head), and version. Writes only on REFUSAL_NONE. */
enum refusal h1_framing_read(const struct message *m, struct h1_framing *ret_framing);
bool h1_framing_eq(const struct h1_framing *a, const struct h1_framing *b);

/* The body of a request; of a response to a method (RFC 9112 6.3): sets body, length and, for a
 * response that ends with its connection, close. */
void h1_framing_request_body(struct message *m, const struct h1_framing *f);
void h1_framing_response_body(struct message *m, const struct h1_framing *f, enum method request);

/* Sets close from Connection and version (RFC 9112 9.3). */
enum refusal h1_framing_connection(struct message *m);
/* Sets expect_continue (RFC 9110 10.1.1): only `100-continue`, once, and only where there is a body
 * to wait for; HTTP/1.0 has no such thing. */
enum refusal h1_framing_expect(struct message *m);

#endif
