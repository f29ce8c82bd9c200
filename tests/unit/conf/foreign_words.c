/* SPDX-License-Identifier: Apache-2.0 */
#include "conf/foreign_words.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>

static void advice(void **state)
{
    static const struct {
        const char *word, *want; /* want: the start of it */
    } rows[] = {
        { "proxy_pass", "here: proxy POOL" },
        { "server_name", "here: host NAME { ... }" },
        { "upstream", "here: pool" },
        { "ssl_certificate", "here: certificate FILE key=FILE" },
        { "location", "here: route" },
        { "bind", "here: listen" },
        { "frontend", "here: listen" },
        { "backend", "here: pool" },
        { "reverse_proxy", "here: proxy POOL" },
        { "worker_processes", "here: workers" },
        { "return", "here: respond" },
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        const char *got = foreign_word(slice_str(rows[i].word));
        assert_non_null(got);
        assert_true(slice_starts(slice_str(got), slice_str(rows[i].want)));
    }
    assert_null(foreign_word(SLICE("proxy")));
    assert_null(foreign_word(SLICE("")));
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(advice) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
