/* SPDX-License-Identifier: Apache-2.0 */
/* Saved sources, as a worker loads them. What loads is saved again byte for byte. */
#include "conf/source.h"

#include <assert.h>
#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

static void check_answers(struct sources *s)
{
    struct slice value;
    struct err e;

    if (sources_file(s, "/a", &value, &e) < 0)
        assert(e.text[0] != '\0');
    sources_glob(s, "*", &value);
    sources_env(s, "A", &value);
    sources_get(s, "name", "a", &value);
}

/* Does it load? */
static bool check(struct slice saved, int (*load)(struct slice saved, struct sources **ret_sources))
{
    struct sources *s;
    struct buf again;

    if (load(saved, &s) < 0)
        return false;
    check_answers(s);
    buf_init(&again);
    sources_save(s, &again);
    assert(slice_eq(buf_view(&again), saved));
    buf_done(&again);
    sources_free(s);
    return true;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    struct slice saved = slice_of((const char *)bytes, len);
    bool copied = check(saved, sources_load);
    assert(check(saved, sources_view) == copied);
    return 0;
}
