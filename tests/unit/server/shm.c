/* SPDX-License-Identifier: Apache-2.0 */
#include "server/shm.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

static void rows_go_to_incarnations(void **state)
{
    struct shm *s;
    unsigned a, b, c;
    assert_int_equal(shm_new(2, &s), 0);
    assert_int_equal(shm_claim(s, 7, &a), 0);
    assert_int_equal(shm_claim(s, 7, &b), 0); /* the successor, while the old one drains */
    assert_int_not_equal(a, b);
    assert_int_equal(shm_row(s, a)->incarnation, 1);
    assert_int_equal(shm_row(s, b)->incarnation, 2);
    assert_int_equal(shm_row(s, b)->worker, 7);
    assert_int_equal(shm_claim(s, 8, &c), -ENOSPC);

    shm_fold(s, a);
    assert_int_equal(shm_claim(s, 8, &c), 0);
    assert_int_equal(c, a);
    assert_int_equal(shm_row(s, c)->incarnation, 3);
    assert_null(shm_row(s, 2));
    shm_free(s);
}

static void totals_outlive_a_process(void **state)
{
    struct shm *s;
    unsigned a, b;
    assert_int_equal(shm_new(2, &s), 0);
    assert_int_equal(shm_claim(s, 0, &a), 0);
    assert_int_equal(shm_claim(s, 1, &b), 0);
    counter_add(&shm_row(s, a)->counters, COUNTER_REQUESTS, 5);
    counter_add(&shm_row(s, b)->counters, COUNTER_REQUESTS, 7);
    counter_add_refused(&shm_row(s, a)->counters, REFUSAL_BARE_LF);
    counter_add_distrusted(&shm_row(s, b)->counters, REFUSAL_TLS_BROKEN);
    assert_int_equal(shm_total(s, COUNTER_REQUESTS), 12);

    shm_fold(s, a);
    shm_fold(s, a); /* once only */
    assert_int_equal(shm_total(s, COUNTER_REQUESTS), 12);
    assert_int_equal(shm_claim(s, 0, &a), 0);
    assert_int_equal(counter_read(&shm_row(s, a)->counters, COUNTER_REQUESTS), 0);
    assert_int_equal(shm_total(s, COUNTER_REQUESTS), 12);
    assert_int_equal(counter_read(&shm_row(s, a)->counters, counter_refused(REFUSAL_BARE_LF)), 0);
    assert_int_equal(shm_total(s, counter_refused(REFUSAL_BARE_LF)), 1);
    assert_int_equal(shm_total(s, counter_distrusted(REFUSAL_TLS_BROKEN)), 1);
    shm_fold(s, 99);
    shm_free(s);
}

static void a_worker_sees_the_same_memory(void **state)
{
    struct shm *ours, *theirs;
    unsigned row;
    assert_int_equal(shm_new(3, &ours), 0);
    assert_int_equal(shm_attach(dup(shm_fd(ours)), &theirs, NULL), 0);
    assert_int_equal(shm_rows(theirs), 3);
    assert_int_equal(shm_claim(ours, 0, &row), 0);
    shm_row(theirs, row)->stamp_ms = 42;
    assert_int_equal(shm_row(ours, row)->stamp_ms, 42);
    assert_int_equal(ftruncate(shm_fd(theirs), 0), -1); /* or SIGBUS for everybody */
    shm_free(theirs);
    shm_free(ours);
}

static int memfd_of(size_t bytes, int seals)
{
    int fd = memfd_create("test", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    assert_true(fd >= 0);
    assert_int_equal(ftruncate(fd, (off_t)bytes), 0);
    assert_int_equal(fcntl(fd, F_ADD_SEALS, seals), 0);
    return fd;
}

static void refuses_what_it_did_not_make(void **state)
{
    const int seals = F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL;
    const struct {
        const char *why;
        int fd;
    } cases[] = {
        { "no descriptor", -1 },
        { "not a memfd", open("/dev/null", O_RDWR) },
        { "could shrink", memfd_of(65536, 0) },
        { "empty", memfd_of(0, seals) },
        { "too small for one row", memfd_of(64, seals) },
        { "zeroes are no layout", memfd_of(65536, seals) },
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct shm *s;
        struct err e = { 0 };
        if (shm_attach(cases[i].fd, &s, &e) != -EINVAL || e.text[0] == '\0')
            fail_msg("%s", cases[i].why);
        assert_int_equal(fcntl(cases[i].fd, F_GETFD), -1); /* taken all the same */
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rows_go_to_incarnations),
        cmocka_unit_test(totals_outlive_a_process),
        cmocka_unit_test(a_worker_sees_the_same_memory),
        cmocka_unit_test(refuses_what_it_did_not_make),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
