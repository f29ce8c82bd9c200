/* SPDX-License-Identifier: Apache-2.0 */
#include "server/shm.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static void rows_go_to_incarnations(void **state)
{
    struct shm *s;
    unsigned a, b, c;
    assert_int_equal(shm_new(2, 0, &s), 0);
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

/* A worker that was taken over may write whatever it likes, but who is dead and what is free is the
 * master's to say: else it could keep others from being replaced, or share a living one's row. */
static void a_worker_gives_no_row_away(void **state)
{
    struct shm *s;
    unsigned a, b, c;
    const struct census_caps caps = { .all = 3 };
    struct census_place place;
    assert_int_equal(shm_new(2, 0, &s), 0);
    assert_int_equal(shm_claim(s, 0, &a), 0);
    shm_row(s, a)->incarnation = 0;
    shm_row(s, 1 - a)->incarnation = 99;
    assert_int_equal(shm_claim(s, 1, &b), 0);
    assert_int_not_equal(a, b);
    assert_int_equal(shm_row(s, b)->incarnation, 2);
    assert_int_equal(shm_claim(s, 1, &c), -ENOSPC);

    census_join(shm_census(s), a);
    assert_int_equal(census_enter(shm_census(s), &caps, NULL, &place), CENSUS_IN);
    counter_add(&shm_row(s, a)->counters, COUNTER_REQUESTS, 5);
    assert_int_equal(shm_total(s, COUNTER_REQUESTS), 5);
    shm_fold(s, a);
    assert_int_equal(census_count(shm_census(s)), 0);
    assert_int_equal(shm_total(s, COUNTER_REQUESTS), 5);
    shm_free(s);
}

static void totals_outlive_a_process(void **state)
{
    struct shm *s;
    unsigned a, b;
    assert_int_equal(shm_new(2, 0, &s), 0);
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

static void the_dead_give_back_their_places(void **state)
{
    struct shm *ours, *theirs;
    unsigned old, new;
    const struct census_caps caps = { .all = 3, .each = 3 };
    const uint64_t key = 7;
    struct census_place place;
    assert_int_equal(shm_new(2, 100, &ours), 0);
    assert_int_equal(shm_attach(dup(shm_fd(ours)), &theirs, NULL), 0);
    assert_int_equal(shm_claim(ours, 0, &old), 0);
    assert_int_equal(shm_claim(ours, 0, &new), 0);
    census_join(shm_census(theirs), new);
    assert_int_equal(census_enter(shm_census(theirs), &caps, &key, &place), CENSUS_IN);
    census_join(shm_census(ours), old);
    assert_int_equal(census_enter(shm_census(ours), &caps, &key, &place), CENSUS_IN);
    assert_int_equal(census_count(shm_census(theirs)), 2);
    assert_int_equal(census_count_of(shm_census(theirs), key), 2); /* the same seed */

    shm_fold(ours, old);
    assert_int_equal(census_count(shm_census(theirs)), 1);
    assert_int_equal(census_count_of(shm_census(theirs), key), 1);
    shm_free(theirs);
    shm_free(ours);
}

static void a_worker_sees_the_same_memory(void **state)
{
    struct shm *ours, *theirs;
    unsigned row;
    assert_int_equal(shm_new(3, 0, &ours), 0);
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

/* What a worker finds in the memory may have been written by another. */
static void a_head_that_lies_is_refused(void **state)
{
    static const struct {
        const char *why;
        off_t at;
        uint32_t value;
    } rows[] = {
        { "another version", 8, 99 },
        { "rows of another size", 12, 64 },
        { "no rows", 16, 0 },
        { "more rows than fit", 16, 3 },
        { "rows without end", 16, ~0u },
        { "more addresses than fit", 20, 1000 },
        { "fewer addresses", 20, 0 },
        { "addresses without end", 20, ~0u },
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct shm *ours, *theirs;
        struct err e = { 0 };
        assert_int_equal(shm_new(2, 100, &ours), 0);
        assert_int_equal(pwrite(shm_fd(ours), &rows[i].value, 4, rows[i].at), 4);
        if (shm_attach(dup(shm_fd(ours)), &theirs, &e) != -EINVAL || e.text[0] == '\0')
            fail_msg("%s", rows[i].why);
        shm_free(ours);
    }
}

static size_t bytes_held(const struct shm *s)
{
    struct stat st;
    assert_int_equal(fstat(shm_fd(s), &st), 0);
    return (size_t)st.st_blocks * 512;
}

/* Room for what a reload may bring, and for clients by address, is free until it is used; and again
 * once its user is dead. */
static void costs_what_is_touched(void **state)
{
    const struct config config = { .workers = 2, .caps = { .all = 100000 } };
    const struct census_caps caps = { .each = 3 };
    struct shm *s;
    struct census_place place;
    unsigned row;
    assert_int_equal(shm_new_for(&config, &s), 0);
    for (int life = 0; life < 3; life++) {
        assert_int_equal(shm_claim(s, 0, &row), 0);
        assert_true(bytes_held(s) < 256 * 1024);
        census_join(shm_census(s), row);
        for (uint64_t key = 0; key < 1000; key++)
            assert_int_equal(census_enter(shm_census(s), &caps, &key, &place), CENSUS_IN);
        assert_true(bytes_held(s) > 1024 * 1024);
        shm_fold(s, row);
        for (uint64_t key = 0; key < 1000; key++)
            assert_int_equal(census_count_of(shm_census(s), key), 0);
    }
    shm_free(s);
}

static void says_what_it_has_no_room_for(void **state)
{
    static const struct {
        const char *why;
        struct config next;
        const char *lacks;
    } cases[] = {
        { "the same", { .workers = 2, .caps = { .all = 1000 } }, NULL },
        { "more workers", { .workers = 32, .caps = { .all = 1000 } }, NULL },
        { "as many as there are rows", { .workers = 1024, .caps = { .all = 1000 } }, "workers" },
        { "a cap by address, anew", { .workers = 2, .caps = { .all = 1000, .each = 5 } }, NULL },
        { "twice as many", { .workers = 2, .caps = { .all = 2000, .each = 5 } }, NULL },
        { "far more", { .workers = 2, .caps = { .all = 2001, .each = 5 } }, "limit" },
        { "no end of them", { .workers = 2, .caps = { .each = 5 } }, "limit" },
        { "far more, but not by address", { .workers = 2, .caps = { .all = 100000 } }, NULL },
    };
    const struct config config = { .workers = 2, .caps = { .all = 1000 } };
    struct shm *s;
    assert_int_equal(shm_new_for(&config, &s), 0);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const char *lacks = shm_lacks(s, &cases[i].next);
        if ((lacks == NULL) != (cases[i].lacks == NULL) ||
            (lacks != NULL && strcmp(lacks, cases[i].lacks) != 0))
            fail_msg("%s: %s", cases[i].why, lacks != NULL ? lacks : "nothing");
    }
    shm_free(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rows_go_to_incarnations),
        cmocka_unit_test(a_worker_gives_no_row_away),
        cmocka_unit_test(totals_outlive_a_process),
        cmocka_unit_test(the_dead_give_back_their_places),
        cmocka_unit_test(costs_what_is_touched),
        cmocka_unit_test(says_what_it_has_no_room_for),
        cmocka_unit_test(a_worker_sees_the_same_memory),
        cmocka_unit_test(refuses_what_it_did_not_make),
        cmocka_unit_test(a_head_that_lies_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
