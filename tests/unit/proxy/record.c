/* SPDX-License-Identifier: Apache-2.0 */
#include "record.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

void record_check(const char *why, const char *record, const char *want)
{
    char copy[512], *save, *part;
    snprintf(copy, sizeof copy, "%s", want);
    for (part = strtok_r(copy, " ", &save); part != NULL; part = strtok_r(NULL, " ", &save)) {
        char with_comma[128], with_brace[128];
        for (char *tilde = strchr(part, '~'); tilde != NULL; tilde = strchr(tilde, '~'))
            *tilde = ' ';
        snprintf(with_comma, sizeof with_comma, "%s,", part);
        snprintf(with_brace, sizeof with_brace, "%s}", part);
        if (strstr(record, with_comma) == NULL && strstr(record, with_brace) == NULL)
            fail_msg("%s: no %s in %s", why, part, record);
    }
}

static int64_t number_of(const char *record, const char *key)
{
    const char *at = strstr(record, key);
    assert_non_null(at);
    return strtol(at + strlen(key), NULL, 10);
}

void record_check_sum(const char *why, const char *record)
{
    int64_t sum = number_of(record, "\"queue_ms\":") + number_of(record, "\"connect_ms\":") +
                  number_of(record, "\"wait_ms\":") + number_of(record, "\"stream_ms\":");
    if (sum != number_of(record, "\"total_ms\":"))
        fail_msg("%s: times do not sum to the total: %s", why, record);
}
