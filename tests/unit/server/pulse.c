/* SPDX-License-Identifier: Apache-2.0 */
#include "server/pulse.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#define BEGIN 100000u /* of the clock */

struct look {
    uint64_t stamp_ms, now_ms; /* since BEGIN; stamp 0: none at all */
};
enum verdict { FINE, SILENT, LOST };
static const struct {
    const char *why;
    struct look looks[8];
    enum verdict want;
} cases[] = {
    { "it stamps", { { 240, 250 }, { 490, 500 }, { 740, 750 }, { 990, 1000 } }, FINE },
    { "two late ones are no silence", { { 240, 250 }, { 240, 500 }, { 240, 750 } }, FINE },
    { "750 ms are", { { 240, 250 }, { 240, 500 }, { 240, 750 }, { 240, 1000 } }, SILENT },
    { "counted from the stamp", { { 10, 250 }, { 10, 500 }, { 10, 750 }, { 10, 770 } }, SILENT },
    { "it never stamps", { { 0, 250 }, { 0, 500 }, { 0, 750 } }, SILENT },
    { "it is back", { { 0, 250 }, { 0, 500 }, { 0, 750 }, { 990, 1000 } }, FINE },
    { "the master stood still", { { 240, 250 }, { 240, 3600000 } }, FINE },
    { "both stood still", { { 240, 250 }, { 300, 3600000 }, { 3600100, 3600250 } }, FINE },
    { "the master stood still before it saw the last stamp",
      { { 240, 250 }, { 490, 3600000 } },
      FINE },
    { "and then it stays silent",
      { { 240, 250 }, { 240, 9000 }, { 240, 9250 }, { 240, 9500 }, { 240, 9750 } },
      SILENT },
    { "a master that is always late accuses nobody",
      { { 240, 250 }, { 240, 900 }, { 240, 1600 }, { 240, 2300 } },
      FINE },
    { "stamps of the future are none",
      { { 240, 250 }, { 9999, 500 }, { 10000, 750 }, { 10001, 1000 } },
      SILENT },
    { "stamps that go back are none",
      { { 240, 250 }, { 230, 500 }, { 220, 750 }, { 210, 1000 } },
      SILENT },
    { "the largest number is only the future",
      { { UINT64_MAX - BEGIN, 250 }, { UINT64_MAX - BEGIN, 500 }, { UINT64_MAX - BEGIN, 750 } },
      SILENT },
};

static enum verdict verdict_of(const struct pulse *p)
{
    return pulse_is_lost(p) ? LOST : pulse_is_silent(p) ? SILENT : FINE;
}

static void listens(void **state)
{
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct pulse p = { 0 };
        uint64_t before_ms = 0;
        for (const struct look *l = cases[i].looks; l->now_ms > 0; l++) {
            uint64_t stamp_ms = l->stamp_ms > 0 ? BEGIN + l->stamp_ms : 0;
            pulse_listen(&p, stamp_ms, BEGIN + l->now_ms, l->now_ms - before_ms);
            before_ms = l->now_ms;
        }
        if (verdict_of(&p) != cases[i].want)
            fail_msg("%s: %d", cases[i].why, verdict_of(&p));
    }
}

static void is_lost_after_ten_seconds(void **state)
{
    struct pulse p = { 0 };
    uint64_t now_ms = BEGIN;
    pulse_listen(&p, now_ms, now_ms, PULSE_TICK_MS);
    for (; now_ms < BEGIN + PULSE_LOST_MS; now_ms += PULSE_TICK_MS) {
        assert_false(pulse_is_lost(&p));
        pulse_listen(&p, BEGIN, now_ms + PULSE_TICK_MS, PULSE_TICK_MS);
    }
    assert_true(pulse_is_lost(&p));
}

static void a_stop_is_silence_at_once(void **state)
{
    struct pulse p = { 0 };
    pulse_listen(&p, BEGIN, BEGIN, PULSE_TICK_MS);
    pulse_stop(&p, BEGIN + 100);
    assert_true(pulse_is_silent(&p));
    pulse_listen(&p, BEGIN + 90, BEGIN + 250, PULSE_TICK_MS); /* of before the stop */
    assert_true(pulse_is_silent(&p));
    pulse_go_on(&p);
    assert_false(pulse_is_silent(&p));

    pulse_stop(&p, BEGIN + 300);
    pulse_listen(&p, BEGIN + 400, BEGIN + 500, PULSE_TICK_MS); /* so it runs, whoever says not */
    assert_false(pulse_is_silent(&p));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(listens),
        cmocka_unit_test(is_lost_after_ten_seconds),
        cmocka_unit_test(a_stop_is_silence_at_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
