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
    if (sources_env(s, "A", &value))
        assert(value.ptr[value.len] == '\0');
    sources_get(s, "name", "a", &value);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    struct slice saved = slice_of((const char *)bytes, len);
    struct sources *s;
    struct buf again;

    if (sources_load(saved, &s) < 0)
        return 0;
    check_answers(s);
    buf_init(&again);
    sources_save(s, &again);
    assert(slice_eq(buf_view(&again), saved));
    buf_done(&again);
    sources_free(s);
    return 0;
}
