/* SPDX-License-Identifier: Apache-2.0 */
#include "base/refusal.h"

#include <assert.h>

static const struct {
    unsigned status;
    const char *label, *text, *text_of_answer;
} refusals[] = { [REFUSAL_NONE] = { 0, "", "", "" },
#define X(name, status, label, words)                                                              \
    [REFUSAL_##name] = { status, label, words, "the server's answer: " words },
                 REFUSALS(X)
#undef X
};

unsigned refusal_status(enum refusal why)
{
    assert(why < REFUSAL_COUNT);
    return refusals[why].status;
}

const char *refusal_label(enum refusal why)
{
    assert(why < REFUSAL_COUNT);
    return refusals[why].label;
}

const char *refusal_text(enum refusal why)
{
    assert(why < REFUSAL_COUNT);
    return refusals[why].text;
}

const char *refusal_text_of_answer(enum refusal why)
{
    assert(why < REFUSAL_COUNT);
    return refusals[why].text_of_answer;
}
