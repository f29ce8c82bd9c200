/* SPDX-License-Identifier: Apache-2.0 */
#include "upstream/retry_budget.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

/* So many requests at one moment, then so many attempts to repeat at another: how many are granted?
 */
static void a_share_of_what_came_lately(void **state)
{
    static const struct {
        const char *why;
        unsigned requests;
        uint64_t at_ms;
        uint64_t percent;
        unsigned asked;
        uint64_t asked_ms;
        unsigned granted;
    } cases[] = {
        { "a quiet pool has its reserve", 0, 0, 20, 10, 5000, 3 },
        { "few requests: the reserve is more than the share", 10, 5000, 20, 10, 5000, 3 },
        { "a fifth of a hundred", 100, 5000, 20, 50, 5000, 20 },
        { "a started percent is one more", 101, 5000, 20, 50, 5000, 21 },
        { "all of them at 100 %", 100, 5000, 100, 200, 5000, 100 },
        { "one in a hundred: the reserve again", 100, 5000, 1, 50, 5000, 3 },
        { "nine seconds later they still count", 100, 5000, 20, 50, 14999, 20 },
        { "ten seconds later they do not", 100, 5000, 20, 50, 15000, 3 },
        { "nor after a whole turn of the circle", 100, 5000, 20, 50, 105000, 3 },
        { "the clock's first second", 100, 0, 20, 50, 0, 20 },
    };
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct link list;
        unsigned granted = 0;
        list_init(&list);
        struct retry_budget *b = retry_budget_get(&list, SLICE("app"));
        for (unsigned n = 0; n < cases[i].requests; n++)
            retry_budget_count_request(b, cases[i].at_ms);
        for (unsigned n = 0; n < cases[i].asked; n++)
            granted += retry_budget_take(b, cases[i].percent, cases[i].asked_ms);
        if (granted != cases[i].granted)
            fail_msg("%s: %u granted, not %u", cases[i].why, granted, cases[i].granted);
        retry_budget_unref(b);
        assert_true(list_empty(&list));
    }
}

static unsigned drain(struct retry_budget *b, uint64_t now_ms)
{
    unsigned granted = 0;
    while (retry_budget_take(b, 20, now_ms))
        granted++;
    return granted;
}

static void what_was_repeated_counts_as_long_as_requests_do(void **state)
{
    struct link list;
    list_init(&list);
    struct retry_budget *b = retry_budget_get(&list, SLICE("app"));
    (void)state;
    for (unsigned n = 0; n < 100; n++)
        retry_budget_count_request(b, 1000);
    assert_int_equal(drain(b, 1000), 20);
    assert_int_equal(drain(b, 2000), 3); /* the share is used up, a second's reserve is not */
    assert_int_equal(drain(b, 2500), 0);
    for (unsigned n = 0; n < 100; n++)
        retry_budget_count_request(b, 3000);
    assert_int_equal(drain(b, 3000), 40 - 23);
    assert_int_equal(drain(b, 12999), 20 - 17); /* 1000 and 2000 are forgotten */
    retry_budget_unref(b);
}

static void found_again_by_the_pools_name(void **state)
{
    struct link list;
    list_init(&list);
    (void)state;
    char name[] = "app";
    struct retry_budget *app = retry_budget_get(&list, slice_str(name));
    name[0] = 'x'; /* its name is copied */
    struct retry_budget *api = retry_budget_get(&list, SLICE("api"));
    assert_ptr_not_equal(app, api);
    assert_ptr_equal(retry_budget_get(&list, SLICE("app")), app);
    retry_budget_unref(app);
    assert_ptr_equal(retry_budget_get(&list, SLICE("app")), app); /* one reference was left */
    retry_budget_unref(app);
    retry_budget_unref(app);
    retry_budget_unref(api);
    retry_budget_unref(NULL);
    assert_true(list_empty(&list));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_share_of_what_came_lately),
        cmocka_unit_test(what_was_repeated_counts_as_long_as_requests_do),
        cmocka_unit_test(found_again_by_the_pools_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
