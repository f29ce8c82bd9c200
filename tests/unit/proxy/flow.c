/* SPDX-License-Identifier: Apache-2.0 */
#include "proxy/flow.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

#define K   ((size_t)1024)
#define MAX (256 * K)

static size_t granted; /* by the flow, in all */

static void on_grant(struct stream *s, size_t bytes)
{
    granted += bytes;
}

static const struct stream_ops sender_ops = { .grant = on_grant };
static struct stream sender = { .ops = &sender_ops };

/* The sender delivers all it may; the receiver takes it, or lets `waiting` bytes wait. */
static size_t burst(struct flow *f, size_t waiting)
{
    size_t bytes = f->granted;
    flow_take(f, bytes, false);
    flow_give_back(f, &sender, bytes, waiting);
    return bytes;
}

/* One letter a step: s a burst that goes down smoothly, w one that waits, t the receiver took it.
 */
static const struct {
    const char *why, *steps;
    size_t window; /* kB at the end */
} cases[] = {
    { "small at first", "", 64 },
    { "seven windows prove nothing", "sssssss", 64 },
    { "eight do", "ssssssss", 128 },
    { "and eight of the larger", "ssssssss ssssssss", 256 },
    { "up to the limit", "ssssssss ssssssss ssssssss ssssssss", 256 },
    { "halved by a wait", "ssssssss ssssssss wt", 128 },
    { "by each", "ssssssss ssssssss wt wt wt wt", 64 },
    { "never below the first", "wt wt", 64 },
    { "what was smooth before a wait counts no more", "sssssss wt s", 64 },
    { "it grows again", "ssssssss wt ssssssss", 128 },
};

static void windows(void **state)
{
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct flow f = { 0 };
        size_t delivered = 0;
        granted = 0;
        flow_begin(&f, &sender, MAX);
        for (const char *c = cases[i].steps; *c != '\0'; c++) {
            if (*c == 't')
                flow_settle(&f, &sender);
            else if (*c != ' ')
                delivered += burst(&f, *c == 'w' ? 1 : 0);
        }
        if (f.window != cases[i].window * K || granted - delivered != f.window ||
            f.total != delivered)
            fail_msg("%s: window %zu, %zu granted, %zu delivered", cases[i].why, f.window, granted,
                     delivered);
    }
}

static void nothing_is_granted_while_bytes_wait(void **state)
{
    struct flow f = { 0 };
    flow_begin(&f, &sender, MAX);
    granted = 0;
    flow_take(&f, 1000, false);
    flow_give_back(&f, &sender, 1000, 1);
    flow_take(&f, 1000, false); /* of what was granted before */
    flow_give_back(&f, &sender, 1000, 0);
    assert_int_equal(granted, 0);
    flow_settle(&f, &sender);
    assert_int_equal(granted, 2000);
}

static void a_small_limit_is_the_window(void **state)
{
    struct flow f = { 0 };
    granted = 0;
    flow_begin(&f, &sender, 16 * K);
    assert_int_equal(granted, 16 * K);
    for (int i = 0; i < 10; i++) {
        flow_take(&f, 16 * K, false);
        flow_give_back(&f, &sender, 16 * K, i % 2);
        flow_settle(&f, &sender);
        assert_int_equal(f.granted, 16 * K);
    }
}

static void an_ended_body_is_granted_nothing(void **state)
{
    struct flow f = { 0 };
    flow_begin(&f, &sender, MAX);
    granted = 0;
    flow_take(&f, 10, true);
    flow_give_back(&f, &sender, 10, 1);
    flow_settle(&f, &sender);
    assert_int_equal(granted, 0);
    assert_int_equal(f.total, 10);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(windows),
        cmocka_unit_test(nothing_is_granted_while_bytes_wait),
        cmocka_unit_test(a_small_limit_is_the_window),
        cmocka_unit_test(an_ended_body_is_granted_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
