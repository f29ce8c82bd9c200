/* SPDX-License-Identifier: Apache-2.0 */
#include "base/list.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

struct item {
    char name;
    struct link link;
};

static const char *names(struct link *head)
{
    static char text[16];
    size_t n = 0;

    LIST_EACH (head, at)
        text[n++] = CONTAINER_OF(at, struct item, link)->name;
    text[n] = '\0';
    return text;
}

static void keeps_order(void **state)
{
    struct link head;
    struct item a = { .name = 'a' }, b = { .name = 'b' }, c = { .name = 'c' };

    list_init(&head);
    assert_true(list_empty(&head));
    list_append(&head, &b.link);
    list_append(&head, &c.link);
    list_prepend(&head, &a.link);
    assert_string_equal(names(&head), "abc");
    list_remove(&b.link);
    list_remove(&b.link); /* harmless */
    assert_true(list_empty(&b.link));
    assert_string_equal(names(&head), "ac");
    list_insert_before(&c.link, &b.link);
    assert_string_equal(names(&head), "abc");
}

static void current_may_go(void **state)
{
    struct link head;
    struct item items[] = { { .name = 'a' }, { .name = 'b' }, { .name = 'c' } };

    list_init(&head);
    for (int i = 0; i < 3; i++)
        list_append(&head, &items[i].link);
    LIST_EACH (&head, at)
        list_remove(at);
    assert_true(list_empty(&head));
}

static void splices(void **state)
{
    struct link to, from;
    struct item a = { .name = 'a' }, b = { .name = 'b' }, c = { .name = 'c' };

    list_init(&to);
    list_init(&from);
    list_append(&to, &a.link);
    list_splice(&to, &from);
    assert_string_equal(names(&to), "a");
    list_append(&from, &b.link);
    list_append(&from, &c.link);
    list_splice(&to, &from);
    assert_string_equal(names(&to), "abc");
    assert_true(list_empty(&from));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(keeps_order),
        cmocka_unit_test(current_may_go),
        cmocka_unit_test(splices),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
