/* SPDX-License-Identifier: Apache-2.0 */
#include "base/counter.h"

#include <assert.h>

void counter_add_refused(struct counters *c, enum refusal why)
{
    counter_add(c, COUNTER_REQUESTS_REFUSED, 1);
    counter_add(c, counter_refused(why), 1);
}

void counter_add_distrusted(struct counters *c, enum refusal why)
{
    counter_add(c, COUNTER_ANSWERS_DISTRUSTED, 1);
    counter_add(c, counter_distrusted(why), 1);
}

const char *counter_name(enum counter which)
{
    static const char *const names[] = {
#define X(name, text) [COUNTER_##name] = text,
        COUNTERS(X)
#undef X
    };

    assert(which < COUNTER_NAMED);
    return names[which];
}
