/* SPDX-License-Identifier: Apache-2.0 */
#include "base/mem.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

static void zeroed(void **state)
{
    static const char zero[64];
    char *one = mem_zalloc(64), *many = mem_array(8, 8);

    assert_memory_equal(one, zero, 64);
    assert_memory_equal(many, zero, 64);
    mem_free(one);
    mem_free(many);
    mem_free(NULL);
}

static void nothing_is_still_a_pointer(void **state)
{
    void *a = mem_alloc(0), *b = mem_array(0, 8), *c = mem_resize(NULL, 0, 1);

    assert_non_null(a);
    assert_non_null(b);
    assert_non_null(c);
    mem_free(a);
    mem_free(b);
    mem_free(c);
}

static void resize_keeps(void **state)
{
    char *p = mem_resize(NULL, 4, 1);

    memcpy(p, "abcd", 4);
    p = mem_resize(p, 1000, 10);
    assert_memory_equal(p, "abcd", 4);
    mem_free(p);
}

static void keeps_what_moves_over_a_wiped_place(void **state)
{
    char *p = mem_resize_wiped(NULL, 4);
    memcpy(p, "abc", 4);
    p = mem_resize_wiped(p, 100000);
    assert_string_equal(p, "abc");
    p = mem_resize_wiped(p, 2);
    assert_memory_equal(p, "ab", 2);
    mem_free_wiped(p);
    mem_free_wiped(NULL);
}

static void text_ends(void **state)
{
    char *t = mem_text(slice_of("abcdef", 3)), *empty = mem_text(slice_of(NULL, 0));

    assert_string_equal(t, "abc");
    assert_string_equal(empty, "");
    mem_wipe(t, 3);
    assert_memory_equal(t, "\0\0\0", 3);
    mem_wipe(NULL, 0);
    mem_free(t);
    mem_free(empty);
}

/* In a child: the process must end by SIGABRT, not return. */
static void overflow_aborts(void **state)
{
    volatile size_t half = SIZE_MAX / 2;
    pid_t child = fork();

    assert_true(child >= 0);
    if (child == 0) {
        signal(SIGABRT, SIG_DFL);
        close(STDERR_FILENO);
        mem_resize(NULL, half, 4);
        _exit(0);
    }
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_false(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(zeroed),       cmocka_unit_test(nothing_is_still_a_pointer),
        cmocka_unit_test(resize_keeps), cmocka_unit_test(keeps_what_moves_over_a_wiped_place),
        cmocka_unit_test(text_ends),    cmocka_unit_test(overflow_aborts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
