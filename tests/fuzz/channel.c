/* SPDX-License-Identifier: Apache-2.0 */
/* What one process hands another: messages of the channel, and the head of a bundle. The first byte
 * chooses which, and from whom; the second is the number of descriptors. */
#include "server/channel.h"
#include "server/bundle.h"

#include <assert.h>
#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

/* What was accepted has to say the same when it is written again. */
static void check_message(struct slice bytes, size_t fd_count, enum channel_side sender)
{
    struct channel_message m = { 0 };
    struct err e = { 0 };
    if (channel_parse(bytes, fd_count, sender, &m, &e) < 0) {
        assert(e.text[0] != '\0');
        return;
    }
    char again[CHANNEL_BYTES_MAX];
    size_t again_len = channel_format(&m, again);
    assert(again_len <= bytes.len); /* text ends at its first NUL */
    assert(memcmp(again, bytes.ptr, again_len) == 0);
    assert(channel_kind_text(m.kind)[0] != '\0');
}

static void check_bundle(struct slice bytes)
{
    struct bundle b = { 0 };
    struct err e = { 0 };
    if (bundle_parse(bytes, &b, &e) < 0) {
        assert(e.text[0] != '\0');
        return;
    }
    assert(b.config_path.len + b.sources.len <= bytes.len);
    assert(b.sources.len == 0 || b.sources.ptr + b.sources.len == bytes.ptr + bytes.len);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    if (len < 2)
        return 0;
    struct slice rest = slice_of((const char *)bytes + 2, len - 2);
    if (bytes[0] % 3 == 2)
        check_bundle(rest);
    else
        check_message(rest, bytes[1], bytes[0] % 3 == 0 ? CHANNEL_MASTER : CHANNEL_WORKER);
    return 0;
}
