/* SPDX-License-Identifier: Apache-2.0 */
#include "base/counter.h"

#include <assert.h>

const char *counter_name(enum counter which)
{
    static const char *const names[] = {
#define X(name, text) [COUNTER_##name] = text,
        COUNTERS(X)
#undef X
    };

    assert(which < COUNTER_COUNT);
    return names[which];
}
