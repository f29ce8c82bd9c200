/* SPDX-License-Identifier: Apache-2.0 */
/* What a JSON access record must say. Each fails the running test, naming `why`. */
#ifndef TEST_PROXY_RECORD_H
#define TEST_PROXY_RECORD_H

/* Each part of `want`, spaces between, stands in the record with a comma or a brace behind it; a
 * tilde is a space inside of one. */
void record_check(const char *why, const char *record, const char *want);
/* The four times sum to the total. */
void record_check_sum(const char *why, const char *record);

#endif
