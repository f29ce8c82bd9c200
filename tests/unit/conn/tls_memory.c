/* SPDX-License-Identifier: Apache-2.0 */
/* That nothing is left is looked for in a whole process: tests/e2e/test_sandbox.py. Here, that
 * OpenSSL still gets the heap it is used to. */
#include "conn/tls_memory.h"

#include <openssl/crypto.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void moves_and_gives_back(void)
{
    char *p = OPENSSL_strdup("abcdef");
    p = OPENSSL_realloc(p, 100000);
    assert_string_equal(p, "abcdef");
    p = OPENSSL_realloc(p, 4);
    assert_memory_equal(p, "abcd", 4);
    assert_null(OPENSSL_realloc(p, 0));
    p = OPENSSL_realloc(NULL, 10);
    assert_non_null(p);
    OPENSSL_free(p);
    OPENSSL_free(NULL);
}

static void serves_openssl(void **state)
{
    assert_true(tls_memory_take_over());
    moves_and_gives_back();
    tls_memory_wipe_begin();
    moves_and_gives_back();
    tls_memory_wipe_end();
    moves_and_gives_back();
}

static void comes_first_or_never(void **state)
{
    assert_false(tls_memory_take_over());
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(serves_openssl),
        cmocka_unit_test(comes_first_or_never),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
