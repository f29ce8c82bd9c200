/* SPDX-License-Identifier: Apache-2.0 */
#include "base/hash.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

/* Values of the reference implementation: the ring's points must never change. */
static void xxh3_is_the_published_one(void **state)
{
    assert_int_equal(hash_xxh3(slice_of(NULL, 0), 0), 0x2d06800538d394c2);
    assert_int_equal(hash_xxh3(SLICE("a"), 0), 0xe6c632b61e964e1f);
    assert_int_equal(hash_xxh3(SLICE("abc"), 0), 0x78af5f94892f3950);
    assert_true(hash_xxh3(SLICE("abc"), 1) != hash_xxh3(SLICE("abc"), 0));
}

static void a_stream_is_the_whole(void **state)
{
    char text[1000];
    for (size_t i = 0; i < sizeof(text); i++)
        text[i] = (char)(i * 7);
    struct slice whole = slice_of(text, sizeof(text));
    static const size_t pieces[] = { 1, 3, 100, 999, 1000 };
    for (size_t i = 0; i < sizeof(pieces) / sizeof(pieces[0]); i++) {
        struct hash_stream *h = hash_stream_new(42);
        assert_int_equal(hash_stream_digest(h), hash_xxh3(slice_of(NULL, 0), 42));
        for (struct slice rest = whole; rest.len > 0; rest = slice_from(rest, pieces[i])) {
            hash_stream_add(h, slice_first(rest, pieces[i]));
            hash_stream_add(h, slice_of(NULL, 0));
        }
        assert_int_equal(hash_stream_digest(h), hash_xxh3(whole, 42));
        hash_stream_free(h);
    }
    hash_stream_free(NULL);
}

static void crc32_check_value(void **state)
{
    uint32_t whole = hash_crc32_update(CRC32_START, SLICE("123456789"));
    uint32_t parts = hash_crc32_update(CRC32_START, SLICE("1234"));

    assert_int_equal(hash_crc32_end(whole), 0xcbf43926); /* the "check" of CRC-32/ISO-HDLC */
    parts = hash_crc32_update(parts, slice_of(NULL, 0));
    parts = hash_crc32_update(parts, SLICE("56789"));
    assert_int_equal(parts, whole);
    assert_int_equal(hash_crc32_end(CRC32_START), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(xxh3_is_the_published_one),
        cmocka_unit_test(a_stream_is_the_whole),
        cmocka_unit_test(crc32_check_value),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
