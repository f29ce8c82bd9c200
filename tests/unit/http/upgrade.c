/* SPDX-License-Identifier: Apache-2.0 */
#include "http/upgrade.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static struct arena arena;

static int set_up(void **state)
{
    (void)state;
    arena_init(&arena, NULL);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    arena_done(&arena);
    return 0;
}

/* Up to two fields with a third one between. */
static struct fields fields_of(const char *one, const char *two)
{
    struct fields f;
    fields_init(&f, &arena);
    if (one != NULL)
        fields_add(&f, SLICE("Upgrade"), slice_str(one));
    fields_add(&f, SLICE("Connection"), SLICE("upgrade"));
    if (two != NULL)
        fields_add(&f, SLICE("upgrade"), slice_str(two));
    return f;
}

static const struct {
    const char *why, *one, *two, *list, *offer;
} lists[] = {
    { "no field", NULL, NULL, "", "" },
    { "one protocol", "websocket", NULL, "websocket", "websocket" },
    { "its spelling is kept", "WebSocket/13", NULL, "WebSocket/13", "WebSocket/13" },
    { "a list, spaced anew", "a ,\tb/1,, c", NULL, "a, b/1, c", "a, b/1, c" },
    { "without spaces it grows", "a,b,c,d", NULL, "a, b, c, d", "a, b, c, d" },
    { "two fields are one list", "a, b", "c", "a, b, c", "a, b, c" },
    { "h2c goes", "h2c", NULL, "h2c", "" },
    { "in other case", "H2C", NULL, "H2C", "" },
    { "with a version", "h2c/14", NULL, "h2c/14", "" },
    { "out of a list", "websocket, h2c", "h2c, x", "websocket, h2c, h2c, x", "websocket, x" },
    { "as a part of a name it stays", "h2cx, xh2c", NULL, "h2cx, xh2c", "h2cx, xh2c" },
    { "what else carries requests", "HTTP/2.0, TLS/1.2, h2, x", NULL, "HTTP/2.0, TLS/1.2, h2, x",
      "x" },
    { "no token", "a b, c\"d\", (e), f", NULL, "f", "f" },
    { "no name, no version", "/1, a/, b/c/d, e", NULL, "e", "e" },
    { "bytes that are none of a head's", "a\x01, b\x80, c", NULL, "c", "c" },
    { "an empty value", "", NULL, "", "" },
    { "nothing but commas", ", ,,", NULL, "", "" },
    { "no more than eight", "1,2,3,4,5,6,7,8,9", "10", "1, 2, 3, 4, 5, 6, 7, 8",
      "1, 2, 3, 4, 5, 6, 7, 8" },
    { "what goes does not count", "h2c,2,3,4,5,6,7,8", "9", "h2c, 2, 3, 4, 5, 6, 7, 8",
      "2, 3, 4, 5, 6, 7, 8, 9" },
};

static void test_lists(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++) {
        struct fields f = fields_of(lists[i].one, lists[i].two);
        struct slice list = upgrade_list(&f, &arena), offer = upgrade_offer(&f, &arena);
        if (!slice_eq(list, slice_str(lists[i].list)) ||
            !slice_eq(offer, slice_str(lists[i].offer)))
            fail_msg("%s: \"%.*s\", \"%.*s\"", lists[i].why, SLICE_ARG(list), SLICE_ARG(offer));
    }
}

static const struct {
    const char *why, *offer, *chosen;
    bool offered;
} choices[] = {
    { "the one", "websocket", "websocket", true },
    { "without case", "websocket", "WebSocket", true },
    { "one of several", "a, b/2, c", "b/2", true },
    { "several of them", "a, b, c", "c, a", true },
    { "another", "a, b", "c", false },
    { "one of two is another", "a, b", "a, c", false },
    { "another version", "a/1", "a/2", false },
    { "a version that was not said", "a", "a/1", false },
    { "the version left out", "a/1", "a", false },
    { "the beginning of one", "websocket", "web", false },
    { "nothing chosen", "a", "", false },
    { "nothing offered", "", "a", false },
};

static void test_choices(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(choices) / sizeof(choices[0]); i++)
        if (upgrade_is_offered(slice_str(choices[i].offer), slice_str(choices[i].chosen)) !=
            choices[i].offered)
            fail_msg("%s", choices[i].why);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_lists),
        cmocka_unit_test(test_choices),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
