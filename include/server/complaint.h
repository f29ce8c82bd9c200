/* SPDX-License-Identifier: Apache-2.0 */
/* A warning that somebody else can cause as often as he likes: one line a second at most, and how
 * many there were. */
#ifndef SERVER_COMPLAINT_H
#define SERVER_COMPLAINT_H

#include <stdbool.h>
#include <stdint.h>

struct complaint { /* zero it to begin with */
    bool said;
    uint64_t said_ms;
    uint64_t unsaid; /* since the last line */
};
void complaint_log(struct complaint *c, uint64_t now_ms, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

#endif
