/* SPDX-License-Identifier: Apache-2.0 */
/* One request's life, told in words: a script of steps on fake streams, then what they saw and what
 * the record says. The listener has two hosts: shop.test proxies "/" to pool app (limit body=8),
 * answers "/ping" and redirects "/old/"; api.test proxies "/v1/" alone. Deadlines are 20 ms, a
 * tunnel's 200. */
#ifndef TEST_PROXY_SCRIPT_H
#define TEST_PROXY_SCRIPT_H

#include <stddef.h>

struct scenario {
    const char *why, *steps;
    const char *down, *ups; /* what was done to the streams; several upstreams: " | " between */
    const char *record;     /* parts of the JSON record, spaces between; NULL: there is none */
};
void scenario_check(const struct scenario *s); /* fails the running test */

#endif
