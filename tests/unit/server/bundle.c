/* SPDX-License-Identifier: Apache-2.0 */
#include "server/bundle.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

static const struct bundle sample = {
    .config_path = { "/etc/signet.conf", 16 },
    .sources = { "\0sources\xff", 9 },
    .identity = { true, 65534, 65533 },
    .ticket_secret = "the secret of session tickets, eighty bytes with the zeroes behind it",
};

static void comes_back_as_it_was(void **state)
{
    int fd;
    struct bundle b;
    struct slice bytes;
    assert_int_equal(bundle_make(&sample, &fd), 0);
    assert_int_equal(bundle_map(fd, &b, &bytes, NULL), 0);
    assert_true(slice_eq(b.config_path, sample.config_path));
    assert_true(slice_eq(b.sources, sample.sources));
    assert_true(b.identity.change);
    assert_int_equal(b.identity.uid, 65534);
    assert_int_equal(b.identity.gid, 65533);
    assert_memory_equal(b.ticket_secret, sample.ticket_secret, sizeof(b.ticket_secret));
    assert_int_equal(fcntl(fd, F_GETFD), -1);
    bundle_unmap(bytes);
}

static void can_no_longer_change(void **state)
{
    int fd;
    assert_int_equal(bundle_make(&sample, &fd), 0);
    assert_int_equal(pwrite(fd, "x", 1, 0), -1);
    assert_int_equal(ftruncate(fd, 0), -1);
    assert_int_equal(ftruncate(fd, 1 << 20), -1);
    assert_ptr_equal(mmap(NULL, 1, PROT_WRITE, MAP_SHARED, fd, 0), MAP_FAILED);
    close(fd);
}

static void refuses_what_could_change(void **state)
{
    struct bundle b;
    struct slice bytes;
    struct err e = { 0 };
    int fd = memfd_create("test", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    assert_int_equal(ftruncate(fd, 4096), 0);
    assert_int_equal(bundle_map(fd, &b, &bytes, &e), -EINVAL);
    assert_string_not_equal(e.text, "");
    assert_int_equal(fcntl(fd, F_GETFD), -1);
    assert_int_equal(bundle_map(-1, &b, &bytes, &e), -EINVAL);
}

/* Every cut and every byte longer is seen; so is a damaged head. */
static void refuses_other_lengths(void **state)
{
    int fd;
    char bytes[512] = { 0 };
    struct bundle b;
    struct err e = { 0 };
    assert_int_equal(bundle_make(&sample, &fd), 0);
    ssize_t len = pread(fd, bytes, sizeof(bytes), 0);
    close(fd);
    assert_true(len > 0 && (size_t)len < sizeof(bytes));
    assert_int_equal(bundle_parse(slice_of(bytes, (size_t)len), &b, &e), 0);
    for (size_t cut = 0; cut < sizeof(bytes); cut++)
        if (cut != (size_t)len)
            assert_int_equal(bundle_parse(slice_of(bytes, cut), &b, &e), -EINVAL);
    for (size_t at = 0; at < 24; at++) { /* magic, version, lengths */
        bytes[at] ^= 0x40;
        assert_int_equal(bundle_parse(slice_of(bytes, (size_t)len), &b, &e), -EINVAL);
        bytes[at] ^= 0x40;
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(comes_back_as_it_was),
        cmocka_unit_test(can_no_longer_change),
        cmocka_unit_test(refuses_what_could_change),
        cmocka_unit_test(refuses_other_lengths),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
